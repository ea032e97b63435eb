"""HardestNeg: the title is ranked against the hardest negative of the batch.

Hermans, Beyer, Leibe 2017, In Defense of the Triplet Loss, section 2 ("batch hard").
"""

from typing import Annotated, Literal, Optional

import paddle
from pydantic import Field

from textzoo.config.schema import EncoderSettings, PositiveInt, Size, Sizes, Teacher
from textzoo.losses.margin import hardest_negative_margin
from textzoo.nets.sentence_encoder import SentenceEncoder

_NO_TEACHER = Teacher()


class Net(SentenceEncoder):
    """Embeds texts; ranks each query's title above the nearest other candidate of the batch.

    Args:
        vocab_size: number of tokens.
        max_len: the longest text in tokens.
        encoder: which encoder, see `schema.Encoder`.
        pooling: how tokens become one vector.
        output_emb_size: width of the embeddings; null: that of the encoder.
        negatives: the other titles of the `batch`; these and those `given` in the rows' third and
            further columns; or one `random` title for each query.
        margin: by which the title is to be nearer to its query than any negative.
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
        margin: Annotated[float, Field(gt=0, le=2)] = 0.2,
        teacher: Teacher = _NO_TEACHER,
        matryoshka_dims: Optional[Sizes] = None,
        truncate_dim: Optional[Size] = None,
    ):
        super().__init__(
            *(vocab_size, max_len, encoder, pooling, output_emb_size),
            *(matryoshka_dims, truncate_dim),
        )
        self._margin = margin

    def loss(
        self, queries: paddle.Tensor, candidates: paddle.Tensor, excluded: paddle.Tensor
    ) -> paddle.Tensor:
        """The mean margin loss of each query's own title against its hardest negative.

        Args:
            queries: `[batch, width]` embeddings.
            candidates: `[n, width]`; the i-th is the title of query i, others follow.
            excluded: `[batch, n]`, 1 where a candidate is no negative of the query.
        """
        return hardest_negative_margin(queries, candidates, excluded, self._margin)
