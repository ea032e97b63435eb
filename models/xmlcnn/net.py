"""XML-CNN: a convolutional network for texts with many labels out of very many.

Liu, Chang, Wu, Yang: Deep Learning for Extreme Multi-label Text Classification, SIGIR 2017.
"""

from typing import Literal, Optional, cast

import paddle
import paddle.nn.functional as F
from paddle import nn

from textzoo.config.schema import (
    Embedding,
    NotNegativeFloat,
    NotNegativeInt,
    PositiveInt,
    Share,
    Size,
    SizeOrZero,
    Sizes,
)
from textzoo.devices import slices_as_views
from textzoo.distributed.collectives import own_rows
from textzoo.distributed.sharding import best_of_all, of_all_rows
from textzoo.losses.multilabel import sparse_bce, sparse_multilabel_softmax
from textzoo.nets.feeds import needed
from textzoo.nets.pooling import max_over_places, token_mask
from textzoo.nets.table import Table

_RANDOM_EMBEDDING = Embedding()
_WINDOWS = [2, 4, 8]
LABEL_BOUND = 0.01  # of the label weights at the start


class Net(nn.Layer):
    """Scores every label for a text (section 3 of the paper, figure 2).

    Args:
        vocab_text_size: number of words.
        vocab_label_size: number of labels.
        vocab_ngram_size: number of n-grams; 0 if the reader makes none.
        emb_dim: width of word embeddings.
        embedding: a file of word vectors to start from, and whether they are trained.
        windows: words in a window, one size per convolution; windows reach over both ends of the
            text, so that a text of n words has n windows whatever their size.
        n_filters: filters per window size.
        n_chunks: pooled values per filter, p of section 3.2; 1: maximum over the whole text.
        hidden_dim: width of the bottleneck layer (section 3.4); 0: none, as in KimCNN (Kim 2014).
        ngram_dim: width of n-gram embeddings, whose sum is a further input of the output layer
            (as in fastText, Joulin et al. 2017); 0: as in the paper, without.
        label_text: with `ngram_dim`, how much the words of a label's name speak for it at the start
            of training; 0: not at all.
        embedding_dropout: share of each word vector's values dropped in training, drawn anew for
            each window.
        word_dropout: share of words hidden from the convolution in training.
        filter_dropout: share of pooled values dropped in training.
        hidden_dropout: share of the output layer's inputs dropped in training.
        ngram_dropout: share of n-grams hidden in training.
        loss: `bce`, binary cross-entropy over all labels (section 3.3, equation 3); `softmax`,
            multi-label softmax cross-entropy (Su et al. 2022, "ZLPR", equation 4); `sampled`,
            an unbiased estimate of `bce` from the labels of the batch and uniformly drawn others.
        n_negatives: labels that `sampled` draws for each batch.
        sparse: whether gradients of the n-gram embeddings, and of the output layer under
            `sampled`, hold only the rows in use: much faster with many of them; for the
            optimizers SGD and Adagrad.
        label_chunk: labels scored at once in inference: `[batch, label_chunk]` is the largest
            matrix of scores that exists.
        shard_labels: with several processes, divide the output layer among them by labels; for the
            losses `bce` and `sampled`.

    Raises:
        ValueError: two arguments do not go together.
    """

    def __init__(
        self,
        *,
        vocab_text_size: PositiveInt,
        vocab_label_size: PositiveInt,
        vocab_ngram_size: NotNegativeInt = 0,
        emb_dim: Size = 300,
        embedding: Embedding = _RANDOM_EMBEDDING,
        windows: Sizes = _WINDOWS,
        n_filters: Size = 128,
        n_chunks: Size = 2,
        hidden_dim: SizeOrZero = 512,
        ngram_dim: SizeOrZero = 0,
        label_text: NotNegativeFloat = 0.0,
        embedding_dropout: Share = 0.0,
        word_dropout: Share = 0.0,
        filter_dropout: Share = 0.0,
        hidden_dropout: Share = 0.5,
        ngram_dropout: Share = 0.0,
        loss: Literal["bce", "softmax", "sampled"] = "bce",
        n_negatives: PositiveInt = 5000,
        sparse: bool = False,
        label_chunk: PositiveInt = 65536,
        shard_labels: bool = False,
    ):
        super().__init__()
        if ngram_dim and not vocab_ngram_size:
            raise ValueError("ngram_dim: needs n-grams; set reader.ngram_buckets, such as 500000")
        if label_text and not ngram_dim:
            raise ValueError("label_text: needs n-grams; set ngram_dim, such as 256")
        if shard_labels and loss == "softmax":
            raise ValueError("shard_labels: needs loss bce or sampled; received softmax")
        embedding.check()
        self._windows = list(windows)
        self._n_chunks = n_chunks
        self._loss = loss
        self._embedding_dropout = embedding_dropout
        self._word_dropout = word_dropout
        self._filter_dropout = filter_dropout
        self._hidden_dropout = hidden_dropout
        self._ngram_dropout = ngram_dropout
        self._sparse = sparse
        self._label_chunk = label_chunk
        self._padding_id = vocab_text_size
        # One row more than words: padding, which stays zero.
        self.text_embedding = nn.Embedding(
            vocab_text_size + 1,
            emb_dim,
            self._padding_id,
            weight_attr=_uniform(0.1, trainable=embedding.mode != "static"),
        )
        self.convolutions = nn.LayerList(
            [
                nn.Linear(window * emb_dim, n_filters, _normal(window * emb_dim))
                for window in windows
            ]
        )
        width = len(windows) * n_filters * n_chunks
        self.hidden_fc = nn.Linear(width, hidden_dim) if hidden_dim else None
        width = hidden_dim or width
        self.ngram_embedding = None
        if ngram_dim:
            self.ngram_embedding = Table(
                vocab_ngram_size, ngram_dim, sparse=sparse, weight_attr=_uniform(0.3)
            )
            width += ngram_dim
        # The labels of this process, of which `shards` are the weights.
        own = own_rows(vocab_label_size) if shard_labels else slice(0, vocab_label_size)
        self._first_label, n_own = own.start, own.stop - own.start
        names = ("label_weight", "label_bias")
        is_divided = n_own < vocab_label_size
        self.shards: dict[str, int] = dict.fromkeys(names, vocab_label_size) if is_divided else {}
        # A label is a row: `sampled` looks up the rows that it needs. Small, so that logits start
        # close to the log-odds of the labels, see `DygraphModel.initialise`, which draws the rows
        # of divided ones.
        bound = 0.0 if shard_labels else LABEL_BOUND
        self.label_weight = self.create_parameter([n_own, width], attr=_uniform(bound))
        self.label_bias = self.create_parameter([n_own, 1], is_bias=True)

    def features(
        self,
        tokens: paddle.Tensor,
        chunks: paddle.Tensor,
        ngrams: Optional[paddle.Tensor] = None,
        ngram_counts: Optional[paddle.Tensor] = None,
    ) -> paddle.Tensor:
        """What the output layer takes.

        Args:
            tokens: `[batch, length]` word ids, `vocab_text_size` at padding.
            chunks: `[batch, n_chunks, longest]` for each chunk of a text the places in it; the last
                one repeated as often as needed.
            ngrams: `[batch, n-grams]` ids, if the net has n-grams; any id at padding.
            ngram_counts: `[batch]` number of n-grams, at least 1.

        Returns:
            `[batch, width]`.
        """
        if self.training and self._word_dropout:
            hidden = paddle.rand(paddle.shape(tokens)) < self._word_dropout
            tokens = paddle.where(hidden, paddle.full_like(tokens, self._padding_id), tokens)
        first = paddle.arange(paddle.shape(tokens)[0], dtype="int64") * paddle.shape(tokens)[1]
        chunks = chunks + first.reshape([-1, 1, 1])  # places in the flattened tokens
        # To a type checker, Paddle's LayerList holds any layers.
        convolutions = cast(list[nn.Linear], list(self.convolutions))
        pooled = [
            self._pooled(tokens, chunks, window, convolution)
            for window, convolution in zip(self._windows, convolutions)
        ]
        features = paddle.concat(pooled, axis=1)
        if self.hidden_fc:
            features = self._dropout(features, self._filter_dropout)
            features = F.relu(self.hidden_fc(features))
        if self.ngram_embedding:
            ids, counts = needed(ngrams, "ngrams"), needed(ngram_counts, "ngram_counts")
            ngram_sum = self._ngram_sum(self.ngram_embedding, ids, counts)
            features = paddle.concat([features, ngram_sum], axis=1)
        return self._dropout(features, self._hidden_dropout)

    def _pooled(
        self,
        tokens: paddle.Tensor,
        chunks: paddle.Tensor,
        window: int,
        convolution: nn.Linear,
    ) -> paddle.Tensor:
        """Convolution (equation 1) and dynamic max pooling (section 3.2).

        Args:
            tokens: as for `features`.
            chunks: as for `features`, counted over the flattened `tokens`.
            window: words in a window.
            convolution: from a window's vectors, `window * emb_dim`, to the filters' responses.

        Returns:
            `[batch, n_chunks * n_filters]`.
        """
        before = (window - 1) // 2
        ids = F.pad(tokens, [0, 0, before, window - 1 - before], value=self._padding_id)
        shifted = [ids[:, i : (i - window + 1) or None] for i in range(window)]
        # Ids are shifted and put in the order of the chunks, which costs less than doing so with
        # vectors. The convolution is one product.
        ids = paddle.gather(paddle.stack(shifted, axis=2).reshape([-1, window]), chunks.flatten())
        words = self._dropout(self.text_embedding(ids), self._embedding_dropout)
        responses = paddle.matmul(words.flatten(start_axis=1), convolution.weight)
        n_filters, longest = convolution.bias.shape[0], paddle.shape(chunks)[2]
        highest = max_over_places(responses.reshape([-1, longest, n_filters]), self.training)
        # Bias and ReLU grow with their input: after the maximum they give the same for less work.
        highest = highest.reshape([-1, self._n_chunks, n_filters])
        return F.relu(highest + convolution.bias).flatten(start_axis=1)

    def _ngram_sum(self, table: Table, ids: paddle.Tensor, counts: paddle.Tensor) -> paddle.Tensor:
        """The sum of a text's n-gram embeddings over the root of their number.

        Unlike the mean it keeps its spread, whatever the length of the text.

        Args:
            table: the embeddings of n-grams.
            ids: `[batch, n-grams]`, any at padding.
            counts: `[batch]` number of n-grams, at least 1.

        Returns:
            `[batch, ngram_dim]`.
        """
        kept = token_mask(counts, paddle.shape(ids)[1])
        kept = self._dropout(kept.astype("float32"), self._ngram_dropout)
        weights = kept / kept.sum(axis=1, keepdim=True).clip(min=1).sqrt()
        return table.weighted_sums(ids, weights)

    def _dropout(self, values: paddle.Tensor, share: float) -> paddle.Tensor:
        return F.dropout(values, share, training=self.training) if share else values

    def _features(self, texts: dict[str, paddle.Tensor]) -> paddle.Tensor:
        return of_all_rows(self.features, texts) if self.shards else self.features(**texts)

    def forward(self, **texts: paddle.Tensor) -> paddle.Tensor:
        """The logit of every label of this process, `[batch, labels]`.

        Arguments as for `features`.
        """
        weight, bias = self.label_weight, self.label_bias.squeeze(1)
        return paddle.matmul(self._features(texts), weight, transpose_y=True) + bias

    def best(self, n_best: int, **texts: paddle.Tensor) -> tuple[paddle.Tensor, paddle.Tensor]:
        """The best labels of each text and their logits, best first, both `[batch, n_best]`.

        Labels are scored chunk by chunk; arguments as for `features`.
        """
        features = self._features(texts)
        n_labels = self.label_weight.shape[0]
        labels, logits = [], []
        for first in range(0, n_labels, self._label_chunk):
            with slices_as_views():
                weight = self.label_weight[first : first + self._label_chunk]
                bias = self.label_bias[first : first + self._label_chunk].squeeze(1)
            scores = paddle.matmul(features, weight, transpose_y=True) + bias
            top, places = paddle.topk(scores, min(n_best, weight.shape[0]), axis=1)
            logits.append(top)
            labels.append(places + (self._first_label + first))
        best, top = labels[0], logits[0]
        if len(logits) > 1:
            top, places = paddle.topk(paddle.concat(logits, axis=1), min(n_best, n_labels), axis=1)
            best = paddle.take_along_axis(paddle.concat(labels, axis=1), places, axis=1)
        if self.shards:
            return best_of_all(best, top, n_best, self.shards["label_weight"])
        return best, top

    def loss(
        self,
        positives: paddle.Tensor,
        is_own: paddle.Tensor,
        candidates: Optional[paddle.Tensor] = None,
        candidate_weights: Optional[paddle.Tensor] = None,
        **texts: paddle.Tensor,
    ) -> paddle.Tensor:
        """The mean loss of a batch, for one text the sum over its labels.

        Args:
            positives: `[batch, most]` the rows' labels, an own label repeated at padding; under
                `sampled` their places among the candidates.
            is_own: `[batch, most]` false at padding.
            candidates: `[candidates]` for `sampled`: different labels, those of the batch first.
            candidate_weights: `[candidates]` for how many labels each of them stands.
            texts: as for `features`.
        """
        if self._loss == "sampled":
            features = self._features(texts)
            labels = needed(candidates, "candidates")
            weight = F.embedding(labels, self.label_weight, sparse=self._sparse)
            bias = F.embedding(labels, self.label_bias, sparse=self._sparse)
            logits = paddle.matmul(features, weight, transpose_y=True) + bias.squeeze(1)
            return sparse_bce(logits, positives, is_own, candidate_weights)
        if self._loss == "softmax":
            return sparse_multilabel_softmax(self(**texts), positives, is_own)
        return sparse_bce(self(**texts), positives, is_own)


def _normal(fan_in: int) -> paddle.ParamAttr:
    return paddle.ParamAttr(initializer=nn.initializer.Normal(0.0, (2 / fan_in) ** 0.5))


def _uniform(bound: float, trainable: bool = True) -> paddle.ParamAttr:
    initializer = nn.initializer.Uniform(-bound, bound) if bound else nn.initializer.Constant(0.0)
    return paddle.ParamAttr(initializer=initializer, trainable=trainable)
