"""One vector per text: what the nets of batchneg and hardestneg share."""

from typing import Literal, Optional

import paddle
import paddle.nn.functional as F
from paddle import nn

from textzoo.encoder import build_encoder, pool
from textzoo.schema import Encoder as EncoderSettings

EXCLUDED = -1e9  # added to a cosine or logit, it is never the highest and leaves no probability


class SentenceEncoder(nn.Layer):
    """Encoder, pooling, projection, normalisation (Sentence-BERT, Reimers and Gurevych 2019).

    Args:
        vocab_size: number of tokens.
        max_len: the longest text in tokens.
        encoder: which encoder.
        pooling: its first token's vector, or the mean over tokens.
        output_emb_size: width that the vectors are projected to; None: as the encoder gives them.
    """

    def __init__(
        self,
        vocab_size: int,
        max_len: int,
        encoder: EncoderSettings,
        pooling: Literal["cls", "mean"],
        output_emb_size: Optional[int],
    ):
        super().__init__()
        self._pooling = pooling
        self.encoder = build_encoder(encoder, vocab_size, max_len)
        self.projection = None
        if output_emb_size is not None:
            if output_emb_size < 1:
                raise ValueError(f"output_emb_size: received {output_emb_size}, expected above 0")
            self.projection = nn.Linear(self.encoder.width, output_emb_size)

    def forward(self, tokens: paddle.Tensor, lengths: paddle.Tensor) -> paddle.Tensor:
        """The embeddings of texts.

        Args:
            tokens: `[batch, length]` ids; any id at padding.
            lengths: `[batch]` number of ids, at least 1.

        Returns:
            `[batch, output_emb_size]`, of length 1: an inner product is a cosine.
        """
        vectors = pool(self.encoder(tokens, lengths), lengths, self._pooling)
        if self.projection:
            vectors = self.projection(vectors)
        return F.normalize(vectors)


def cosines_and_own(
    queries: paddle.Tensor, candidates: paddle.Tensor
) -> tuple[paddle.Tensor, paddle.Tensor]:
    """The cosines of queries with candidates, and where those of a query with its own title are.

    Args:
        queries: `[batch, width]` embeddings.
        candidates: `[n, width]`; the i-th is the title of query i, others follow.

    Returns:
        The cosines, and 1 for a query's own title and 0 for others, both `[batch, n]`.
    """
    cosines = paddle.matmul(queries, candidates, transpose_y=True)
    rows = paddle.arange(paddle.shape(queries)[0])
    return cosines, F.one_hot(rows, paddle.shape(candidates)[0])
