"""One vector per text: what the nets of batchneg and hardestneg share."""

from typing import Literal, Optional

import paddle
import paddle.nn.functional as F
from paddle import nn

from textzoo.config.schema import EncoderSettings
from textzoo.nets.encoder import build_encoder
from textzoo.nets.pooling import pool


class SentenceEncoder(nn.Layer):
    """Encoder, pooling, projection, normalisation (Sentence-BERT, Reimers and Gurevych 2019).

    Args:
        vocab_size: number of tokens.
        max_len: the longest text in tokens.
        encoder: which encoder.
        pooling: its first token's vector, or the mean over tokens.
        output_emb_size: width that the vectors are projected to; None: as the encoder gives them.

    Attributes:
        width: of the embeddings.
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
        self._pooling: Literal["cls", "mean"] = pooling
        self.encoder = build_encoder(encoder, vocab_size, max_len)
        self.width: int = output_emb_size or self.encoder.width
        self.projection = None
        if output_emb_size is not None:
            self.projection = nn.Linear(self.encoder.width, output_emb_size)
        if not any(parameter.trainable for parameter in self.parameters()):
            raise ValueError(
                f"encoder.freeze_layers: received {encoder.freeze_layers}, which leaves nothing "
                "to learn: freeze fewer layers, or set output_emb_size"
            )

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

    def loss(
        self, queries: paddle.Tensor, candidates: paddle.Tensor, excluded: paddle.Tensor
    ) -> paddle.Tensor:
        """The mean loss of a batch, which each net defines.

        Args:
            queries: `[batch, width]` embeddings.
            candidates: `[n, width]`; the i-th is the title of query i, others follow.
            excluded: `[batch, n]`, 1 where a candidate is no negative of the query.
        """
        raise NotImplementedError
