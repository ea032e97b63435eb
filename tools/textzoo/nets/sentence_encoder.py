"""One vector per text: what the nets of batchneg and hardestneg share."""

from typing import Literal, Optional

import paddle
import paddle.nn.functional as F
from paddle import nn

from textzoo.config.schema import EncoderSettings
from textzoo.nets.encoder import NgramEncoder, build_encoder
from textzoo.nets.pooling import pool

_SMALL = 1e-24  # the square of what F.normalize takes for the least length


class SentenceEncoder(nn.Layer):
    """Encoder, pooling, projection, normalisation (Sentence-BERT, Reimers and Gurevych 2019).

    Args:
        vocab_size: number of tokens.
        max_len: the longest text in tokens.
        encoder: which encoder.
        pooling: its first token's vector, or the mean over tokens.
        output_emb_size: width that the vectors are projected to; None: as the encoder gives them.
        matryoshka_dims: widths whose losses are added up, see `total_loss`; None: the full one.
        truncate_dim: how many of their first numbers the embeddings of inference have; None: all.

    Attributes:
        width: of the embeddings in training.
        truncate_dim: as given.
    """

    def __init__(
        self,
        vocab_size: int,
        max_len: int,
        encoder: EncoderSettings,
        pooling: Literal["cls", "mean"],
        output_emb_size: Optional[int],
        matryoshka_dims: Optional[list[int]] = None,
        truncate_dim: Optional[int] = None,
    ):
        super().__init__()
        self._pooling: Literal["cls", "mean"] = pooling
        self.encoder = build_encoder(encoder, vocab_size, max_len)
        self.width: int = output_emb_size or self.encoder.width
        self.projection = None
        if output_emb_size is not None:
            self.projection = nn.Linear(self.encoder.width, output_emb_size)
        _check_dims(self.width, matryoshka_dims, truncate_dim)
        self._matryoshka_dims = matryoshka_dims or [self.width]
        self.truncate_dim = truncate_dim
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
        if isinstance(self.encoder, NgramEncoder) and self._pooling == "mean":
            vectors = self.encoder.mean(tokens, lengths)
        else:
            vectors = pool(self.encoder(tokens, lengths), lengths, self._pooling)
        if self.projection:
            vectors = self.projection(vectors)
        return _normalized(vectors) if self.training else F.normalize(vectors)

    def total_loss(
        self, queries: paddle.Tensor, candidates: paddle.Tensor, excluded: paddle.Tensor
    ) -> paddle.Tensor:
        """The sum of the losses of the first numbers of the embeddings, each of length 1 again.

        With `matryoshka_dims` embeddings serve that are cut off at any of these widths (Kusupati et
        al. 2022, Matryoshka Representation Learning, section 3, with all weights 1, as
        `MatryoshkaLoss` of sentence-transformers has them); else it is `loss`. Arguments are those
        of `loss`.
        """
        losses = [
            self.loss(truncated(queries, dim), truncated(candidates, dim), excluded)
            for dim in self._matryoshka_dims
        ]
        total = losses[0]
        for loss in losses[1:]:
            total = total + loss
        return total

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


def truncated(embeddings: paddle.Tensor, width: Optional[int]) -> paddle.Tensor:
    """The first numbers of each embedding, of length 1 again; None: all of them, as they are.

    Args:
        embeddings: `[batch, width]`, of length 1.
        width: how many.
    """
    if width in (None, embeddings.shape[1]):
        return embeddings
    return F.normalize(embeddings[:, :width])


def _normalized(vectors: paddle.Tensor) -> paddle.Tensor:
    """As `F.normalize`, whose gradient takes 15 times as long on a CPU."""
    return vectors / paddle.sqrt((vectors * vectors).sum(axis=1, keepdim=True) + _SMALL)


def _check_dims(width: int, matryoshka_dims: Optional[list[int]], truncated: Optional[int]) -> None:
    """Refuse widths that the embeddings do not have, and to leave their last numbers untrained."""
    if truncated is not None and truncated > width:
        raise ValueError(
            f"truncate_dim: received {truncated}, expected at most {width}, the width of the "
            "embeddings"
        )
    dims = matryoshka_dims
    if dims is not None and (max(dims) != width or len(set(dims)) < len(dims)):
        raise ValueError(
            f"matryoshka_dims: received {dims}, expected different widths, the largest {width}, "
            "that of the embeddings"
        )
