"""TagSpace: texts and tags as vectors in one space.

Weston, Chopra, Adams: #TagSpace: Semantic Embeddings from Hashtags, EMNLP 2014.
"""

from typing import Literal, Optional

import paddle
import paddle.nn.functional as F
from paddle import nn

from textzoo.config.schema import (
    NotNegativeFloat,
    NotNegativeInt,
    PositiveInt,
    Share,
    Size,
    SizeOrZero,
)
from textzoo.losses.margin import margin_ranking, warp, warp_weights
from textzoo.nets.constants import NEVER
from textzoo.nets.feeds import needed
from textzoo.nets.pooling import max_over_places, padding_mask, token_mask
from textzoo.nets.table import Table

# Added to a filter's response at padding, so that it never wins the maximum.
_PADDING_RESPONSE = -1e4


class Net(nn.Layer):
    """Scores every tag for a text (section 3 of the paper, figure 1).

    Args:
        vocab_text_size: number of words.
        vocab_tag_size: number of tags.
        vocab_ngram_size: number of n-grams; 0 if the reader makes none.
        emb_dim: width of word embeddings.
        tag_dim: width of the space that texts and tags share; default: `emb_dim`.
        hid_dim: number of convolution filters.
        win_size: words in a window; windows reach over both ends of the text ("same" padding).
        ngram_dim: width of n-gram embeddings, whose mean, projected, is added to a text's vector
            (fastText, Joulin et al. 2017); 0: as in the paper, without.
        word_dropout: share of words hidden from the convolution in training.
        filter_dropout: share of pooled filters dropped in training.
        ngram_dropout: share of n-grams hidden in training.
        sparse: whether gradients of the n-gram embeddings hold only the rows in use: much faster
            with many of them; for the optimizers SGD and Adagrad.
        score: `inner` product (the paper) or `cosine` (PaddleRec).
        loss: `margin` ranking (the paper) or `softmax` cross-entropy over all tags.
        negatives: which tags the margin loss ranks against: `random` ones, the `hardest` of all,
            or `warp`: random ones until one violates the margin, weighted by the rank this
            implies.
        margin: of the margin loss.
        neg_size: number of `random` negatives, whose losses are averaged.
        max_samples: how many negatives `warp` tries.

    Raises:
        ValueError: there are too few tags, or there are no n-grams to embed.
    """

    def __init__(
        self,
        *,
        vocab_text_size: PositiveInt,
        vocab_tag_size: PositiveInt,
        vocab_ngram_size: NotNegativeInt = 0,
        emb_dim: Size = 10,
        tag_dim: Optional[Size] = None,
        hid_dim: Size = 1000,
        win_size: Size = 5,
        ngram_dim: SizeOrZero = 0,
        word_dropout: Share = 0.0,
        filter_dropout: Share = 0.0,
        ngram_dropout: Share = 0.0,
        sparse: bool = False,
        score: Literal["inner", "cosine"] = "inner",
        loss: Literal["margin", "softmax"] = "margin",
        negatives: Literal["random", "hardest", "warp"] = "warp",
        margin: NotNegativeFloat = 0.1,
        neg_size: Size = 3,
        max_samples: Size = 20,
    ):
        super().__init__()
        if vocab_tag_size < 2:
            raise ValueError(
                f"vocab_tag_size: received {vocab_tag_size}, expected 2 or more tags among the "
                "training rows, to be told from each other"
            )
        if ngram_dim and not vocab_ngram_size:
            raise ValueError("ngram_dim: needs n-grams; set reader.ngram_buckets, such as 500000")
        tag_dim = tag_dim or emb_dim
        self._win_size = win_size
        self._score = score
        self._loss = loss
        self._negatives = negatives
        self._margin = margin
        self._word_dropout = word_dropout
        self._filter_dropout = filter_dropout
        self._ngram_dropout = ngram_dropout
        self._padding_id = vocab_text_size
        # One row more than words: padding, which stays zero.
        self.text_embedding = nn.Embedding(vocab_text_size + 1, emb_dim, self._padding_id)
        self.filters = self.create_parameter([win_size * emb_dim, hid_dim])
        self.filter_bias = self.create_parameter([hid_dim], is_bias=True)
        self.hid_fc = nn.Linear(hid_dim, tag_dim)
        self.tag_embedding = nn.Embedding(vocab_tag_size, tag_dim)
        self.ngram_embedding = None
        if ngram_dim:
            # Paddle's default shrinks with the number of n-grams, most of which occur rarely.
            uniform = paddle.ParamAttr(initializer=nn.initializer.Uniform(-0.1, 0.1))
            self.ngram_embedding = Table(
                vocab_ngram_size, ngram_dim, sparse=sparse, weight_attr=uniform
            )
            self.ngram_fc = nn.Linear(ngram_dim, tag_dim, bias_attr=False)
        if negatives == "warp":
            self._warp_weights = warp_weights(vocab_tag_size, max_samples)

    def forward(
        self,
        tokens: paddle.Tensor,
        lengths: paddle.Tensor,
        ngrams: Optional[paddle.Tensor] = None,
        ngram_counts: Optional[paddle.Tensor] = None,
    ) -> paddle.Tensor:
        """The score of every tag.

        Args:
            tokens: `[batch, length]` word ids; any id at padding.
            lengths: `[batch]` number of words, at least 1.
            ngrams: `[batch, n-grams]` ids, if the net has n-grams; any id at padding.
            ngram_counts: `[batch]` number of n-grams, at least 1.

        Returns:
            `[batch, tags]`.
        """
        text, tags = self._convolution(tokens, lengths), self.tag_embedding.weight
        if self.ngram_embedding:
            ids, counts = needed(ngrams, "ngrams"), needed(ngram_counts, "ngram_counts")
            text = text + self._mean_ngram(self.ngram_embedding, ids, counts)
        if self._score == "cosine":
            text, tags = F.normalize(text), F.normalize(tags)
        return paddle.matmul(text, tags, transpose_y=True)

    def _convolution(self, tokens: paddle.Tensor, lengths: paddle.Tensor) -> paddle.Tensor:
        """Convolution, tanh, maximum over time, tanh, linear: `[batch, tag_dim]`."""
        is_padding = padding_mask(lengths, paddle.shape(tokens)[1])
        hidden = is_padding
        if self.training and self._word_dropout:
            hidden = paddle.logical_or(
                is_padding, paddle.rand(paddle.shape(tokens)) < self._word_dropout
            )
        ids = paddle.where(hidden, paddle.full_like(tokens, self._padding_id), tokens)
        before = (self._win_size - 1) // 2
        ids = F.pad(ids, [0, 0, before, self._win_size - 1 - before], value=self._padding_id)
        shifted = [ids[:, i : (i - self._win_size + 1) or None] for i in range(self._win_size)]
        # The windows are looked up as such: shifting ids costs less than shifting vectors.
        windows = self.text_embedding(paddle.stack(shifted, axis=2)).flatten(start_axis=2)
        if self.training and self._word_dropout:
            windows = windows / (1 - self._word_dropout)
        # The convolution is one product; a last input, 1 at padding, keeps padding from winning.
        windows = paddle.concat([windows, is_padding.astype("float32").unsqueeze(-1)], axis=-1)
        padding_row = paddle.full([1, self.filters.shape[1]], _PADDING_RESPONSE)
        responses = paddle.matmul(windows, paddle.concat([self.filters, padding_row]))
        # tanh grows with its input: taken after the maximum it gives the same for less work.
        highest = max_over_places(responses, self.training)
        features = paddle.tanh(paddle.tanh(highest + self.filter_bias))
        return self.hid_fc(F.dropout(features, self._filter_dropout, training=self.training))

    def _mean_ngram(self, table: Table, ids: paddle.Tensor, counts: paddle.Tensor) -> paddle.Tensor:
        """The mean embedding of a text's n-grams, projected: `[batch, tag_dim]`.

        Args:
            table: the embeddings of n-grams.
            ids: `[batch, n-grams]`, any at padding.
            counts: `[batch]` number of n-grams, at least 1.
        """
        kept = token_mask(counts, paddle.shape(ids)[1]).astype("float32")
        kept = F.dropout(kept, self._ngram_dropout, training=self.training)
        weights = kept / kept.sum(axis=1, keepdim=True).clip(min=1)
        return self.ngram_fc(table.weighted_sums(ids, weights))

    def loss(
        self,
        tokens: paddle.Tensor,
        lengths: paddle.Tensor,
        positive: paddle.Tensor,
        *,
        ngrams: Optional[paddle.Tensor] = None,
        ngram_counts: Optional[paddle.Tensor] = None,
        negatives: Optional[paddle.Tensor] = None,
        own: Optional[paddle.Tensor] = None,
    ) -> paddle.Tensor:
        """The mean loss of a batch (section 3.2 of the paper).

        Args:
            tokens: as for `forward`, like the three others that it has.
            lengths: as for `forward`.
            positive: `[batch]` one tag of each row.
            ngrams: as for `forward`.
            ngram_counts: as for `forward`.
            negatives: `[batch, samples]` tags the row does not have, for `random` and `warp`.
            own: `[batch, tags]` 1 where the row has the tag, for `hardest`.
        """
        scores = self(tokens, lengths, ngrams, ngram_counts)
        if self._loss == "softmax":
            return F.cross_entropy(scores, positive)
        positive_score = paddle.take_along_axis(scores, positive.unsqueeze(1), 1)
        if self._negatives == "hardest":
            hardest = (scores + NEVER * needed(own, "own")).max(axis=1, keepdim=True)
            return margin_ranking(hardest, positive_score, self._margin).mean()
        negative_scores = paddle.take_along_axis(scores, needed(negatives, "negatives"), 1)
        violations = margin_ranking(negative_scores, positive_score, self._margin)
        if self._negatives == "random":
            return violations.mean()
        return warp(violations, self._warp_weights)
