"""BatchNeg: every other title of the batch is a negative.

Henderson et al. 2017, Efficient Natural Language Response Suggestion, section 4.4; the margin on
the positive is that of additive margin softmax (Yang et al. 2019).
"""

from typing import Literal, Optional

import paddle

from textzoo.config.schema import (
    Cosines,
    EncoderSettings,
    PositiveFloat,
    PositiveInt,
    Size,
    Sizes,
    Teacher,
)
from textzoo.losses.in_batch import in_batch_cross_entropy
from textzoo.nets.sentence_encoder import SentenceEncoder

_NO_TEACHER = Teacher()


class Net(SentenceEncoder):
    """Embeds texts; ranks each query's title above the candidates of the batch.

    Args:
        vocab_size: number of tokens.
        max_len: the longest text in tokens.
        encoder: which encoder, see `schema.Encoder`.
        pooling: how tokens become one vector.
        output_emb_size: width of the embeddings; null: that of the encoder.
        negatives: the other titles of the `batch`; these and those `given` in the rows' third and
            further columns; or one `random` title for each query.
        margin: taken off the cosine of a query and its title.
        scale: what cosines are multiplied by.
        symmetric: whether each title also ranks its query among those of the batch.
        teacher: an encoder to learn the embeddings of, see `schema.Teacher`.
        matryoshka_dims: widths at which embeddings may be cut off, the full one among them, such
            as [256, 128, 64]: their losses are added up; null: the full one alone.
        truncate_dim: how many of their first numbers embeddings have at inference, of length 1
            again; null: all.
    """

    def __init__(
        self,
        *,
        vocab_size: PositiveInt,
        max_len: PositiveInt,
        encoder: EncoderSettings,
        pooling: Literal["cls", "mean"] = "mean",
        output_emb_size: Optional[Size] = 256,
        negatives: Literal["batch", "given", "random"] = "batch",
        margin: Cosines = 0.2,
        scale: PositiveFloat = 20.0,
        symmetric: bool = False,
        teacher: Teacher = _NO_TEACHER,
        matryoshka_dims: Optional[Sizes] = None,
        truncate_dim: Optional[Size] = None,
    ):
        super().__init__(
            *(vocab_size, max_len, encoder, pooling, output_emb_size),
            *(matryoshka_dims, truncate_dim),
        )
        if symmetric and negatives == "random":
            raise ValueError("symmetric: needs `negatives: batch`")
        self._margin = margin
        self._scale = scale
        self._symmetric = symmetric

    def loss(
        self, queries: paddle.Tensor, candidates: paddle.Tensor, excluded: paddle.Tensor
    ) -> paddle.Tensor:
        """The mean cross-entropy of each query's own title.

        Args:
            queries: `[batch, width]` embeddings.
            candidates: `[n, width]`; the i-th is the title of query i, others follow.
            excluded: `[batch, n]`, 1 where a candidate is no negative of the query.
        """
        return in_batch_cross_entropy(
            queries,
            candidates,
            excluded,
            scale=self._scale,
            margin=self._margin,
            symmetric=self._symmetric,
        )
