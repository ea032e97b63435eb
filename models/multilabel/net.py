"""Several labels per text, or a level for each label: encoder, head, loss, regularisers."""

import math
from typing import Literal, Optional

import paddle
import paddle.nn.functional as F
from paddle import nn

from textzoo.config.schema import (
    EncoderSettings,
    NotNegativeFloat,
    PositiveFloat,
    PositiveInt,
    Power,
    Share,
    Size,
    SizeOrZero,
    Sizes,
)
from textzoo.losses import multilabel as losses
from textzoo.losses.regularisers import Perturbation, symmetric_kl
from textzoo.nets.encoder import build_encoder
from textzoo.nets.heads import build_head
from textzoo.nets.layer_norm import make_twice_differentiable

_WINDOWS = [3, 4, 5]
# 4 layers 312 wide with one set of weights; its dropout is 0, as in the published configuration.
_ALBERT_TINY = EncoderSettings(
    config="small",
    embedding_size=128,
    share_layers=True,
    hidden_dropout_prob=0.0,
    attention_probs_dropout_prob=0.0,
)


class Net(nn.Layer):
    """Scores every label for a text.

    Args:
        vocab_size: number of tokens.
        max_len: the longest text in tokens.
        vocab_label_size: number of labels.
        n_levels: levels per label, for `loss: softmax`.
        encoder: which encoder, see `schema.Encoder`; default: that of albert_tiny_zh.
        head: how the tokens' vectors become one vector: their mean and nothing else, a
            bidirectional LSTM with the maximum over time or with attention, or a TextCNN.
        head_input: what the head reads: all vectors of the `sequence`, or that of the first token
            alone, as a sequence of one step.
        lstm_dim: width of each direction of the LSTM.
        windows: tokens in a window of the TextCNN, one size per convolution.
        n_filters: filters per window size; null: as many as the encoder is wide.
        word_dropout: share of tokens whose vectors are dropped in training.
        dropout: share of the output layer's inputs dropped in training.
        loss: `bce`, binary cross-entropy; `multilabel_softmax` (Su et al. 2022); `softmax`, for
            levels: cross-entropy over the levels of each label.
        positive_weight_power: losses of labels that a text has are weighed by (rows without / rows
            with the label) to this power; 0: all the same, 1: as much weight for both sides.
        focal_gamma: how much less losses of what is known well count (Lin et al. 2017); 0: alike.
        adversarial: `fgm` adds the loss with embeddings moved along their gradient.
        adversarial_epsilon: how far they are moved.
        adversarial_alone: whether the loss of unmoved embeddings is left out.
        gradient_penalty: weight of half the squared norm of the embeddings' gradient; 0: none.
        r_drop: weight of the divergence between two passes that differ in dropout; 0: one pass.

    Raises:
        ValueError: arguments do not go together.
    """

    def __init__(
        self,
        *,
        vocab_size: PositiveInt,
        max_len: PositiveInt,
        vocab_label_size: PositiveInt,
        n_levels: SizeOrZero = 0,
        encoder: EncoderSettings = _ALBERT_TINY,
        head: Literal["linear", "bilstm", "bilstm_attention", "textcnn"] = "linear",
        head_input: Literal["sequence", "cls"] = "sequence",
        lstm_dim: Size = 128,
        windows: Sizes = _WINDOWS,
        n_filters: Optional[Size] = None,
        word_dropout: Share = 0.0,
        dropout: Share = 0.1,
        loss: Literal["bce", "multilabel_softmax", "softmax"] = "bce",
        positive_weight_power: Power = 0.0,
        focal_gamma: Power = 0.0,
        adversarial: Literal["none", "fgm"] = "none",
        adversarial_epsilon: PositiveFloat = 1.0,
        adversarial_alone: bool = False,
        gradient_penalty: NotNegativeFloat = 0.0,
        r_drop: NotNegativeFloat = 0.0,
    ):
        super().__init__()
        if vocab_label_size < 1:
            raise ValueError("vocab_label_size: received 0, expected labels in the training rows")
        if adversarial_alone and adversarial == "none":
            raise ValueError("adversarial_alone: needs `adversarial: fgm`")
        if loss == "multilabel_softmax" and focal_gamma:
            raise ValueError("focal_gamma: needs `loss: bce` or `softmax`")
        if loss == "softmax" and positive_weight_power:
            raise ValueError("positive_weight_power: needs `loss: bce` or `multilabel_softmax`")
        if loss == "softmax" and n_levels < 2:
            raise ValueError("loss: softmax needs levels: set reader.n_levels and reader.labels")
        self._loss = loss
        self._head_input = head_input
        self._word_dropout = word_dropout
        self._dropout = dropout
        self._focal_gamma = focal_gamma
        self._r_drop = r_drop
        self._perturbation = Perturbation(
            epsilon=adversarial_epsilon if adversarial == "fgm" else 0.0,
            adversarial_alone=adversarial_alone,
            gradient_penalty=gradient_penalty,
        )
        if encoder.config == "ngram":
            raise ValueError(
                "encoder.config: received ngram, which has no states of tokens for a head; "
                "expected tiny, small, base or a path"
            )
        self.encoder = build_encoder(encoder, vocab_size, max_len)
        if encoder.freeze_layers is not None and (adversarial != "none" or gradient_penalty):
            raise ValueError(
                "encoder.freeze_layers: leaves no gradient of the embeddings for adversarial or "
                "gradient_penalty; expected null with them"
            )
        self._early_dropout = self.encoder.has_dropout or word_dropout > 0
        if r_drop and not (dropout or self._early_dropout):
            raise ValueError(
                "r_drop: every dropout is 0, so that two passes never differ: raise dropout, "
                "word_dropout or encoder.hidden_dropout_prob"
            )
        self.head = build_head(head, self.encoder.width, lstm_dim, list(windows), n_filters)
        self._output_shape = [vocab_label_size, *([n_levels] if loss == "softmax" else [])]
        self.output = nn.Linear(self.head.width, math.prod(self._output_shape))
        self.positive_weight = None
        if positive_weight_power:
            # Set from the training rows, saved with the weights, and not trained. No buffer, which
            # static graph could not make.
            ones = nn.initializer.Constant(1.0)
            attribute = paddle.ParamAttr(initializer=ones, trainable=False)
            self.positive_weight = self.create_parameter([vocab_label_size], attr=attribute)
        if gradient_penalty:
            make_twice_differentiable(self)

    def forward(self, tokens: paddle.Tensor, lengths: paddle.Tensor) -> paddle.Tensor:
        """The logits of a batch.

        Args:
            tokens: `[batch, length]` ids; any id at padding.
            lengths: `[batch]` number of tokens, at least 1.

        Returns:
            `[batch, labels]`, or `[batch, labels, levels]` under `loss: softmax`.
        """
        return self._logits(self._features(self.encoder(tokens, lengths), lengths))

    def loss(
        self, tokens: paddle.Tensor, lengths: paddle.Tensor, targets: paddle.Tensor
    ) -> paddle.Tensor:
        """The mean loss of a batch with all its regularisers.

        R-Drop (Liang et al. 2021) runs the batch twice, as one batch of double size; only from the
        output layer on where no dropout comes before it. The result is the mean over both passes
        of the loss, plus `r_drop` times half the mean of the two divergences: half of equation 4,
        whatever the size of the batch.

        Args:
            tokens: as for `forward`.
            lengths: as for `forward`.
            targets: of the shape of the logits: 1 for what is true, 0 for all else.
        """
        if self._r_drop:
            targets = paddle.concat([targets, targets])
        if self._r_drop and self._early_dropout:
            tokens, lengths = (paddle.concat([part, part]) for part in (tokens, lengths))

        def loss_of(hidden: paddle.Tensor) -> paddle.Tensor:
            features = self._features(hidden, lengths)
            if self._r_drop and not self._early_dropout:
                features = paddle.concat([features, features])
            logits = self._logits(features)
            loss = self._losses(logits, targets).mean()
            if not self._r_drop:
                return loss
            first, second = logits.reshape([2, -1, *self._output_shape])
            activation = F.softmax if self._loss == "softmax" else F.sigmoid
            divergence = symmetric_kl(first, second, activation).mean()
            return loss + 0.5 * self._r_drop * divergence

        if not (self._word_dropout or self._perturbation):
            return loss_of(self.encoder(tokens, lengths))
        trained = [parameter for parameter in self.parameters() if parameter.trainable]
        return self._perturbation(
            lambda word_vectors: loss_of(self._transformed(word_vectors, lengths)),
            *(self.encoder.word_embeddings, tokens, trained),
        )

    def _transformed(self, word_vectors: paddle.Tensor, lengths: paddle.Tensor) -> paddle.Tensor:
        """What the encoder makes of looked-up word embeddings, some dropped in training."""
        if self.training and self._word_dropout:
            kept = paddle.rand(paddle.shape(word_vectors)[:2]) >= self._word_dropout
            word_vectors = word_vectors * kept.astype("float32").unsqueeze(2)
        return self.encoder.transform(word_vectors, lengths)

    def _features(self, hidden: paddle.Tensor, lengths: paddle.Tensor) -> paddle.Tensor:
        if self._head_input == "cls":
            hidden, lengths = hidden[:, :1], paddle.ones_like(lengths)
        return self.head(hidden, lengths)

    def _logits(self, features: paddle.Tensor) -> paddle.Tensor:
        if self._dropout:
            features = F.dropout(features, self._dropout, training=self.training)
        logits = self.output(features)
        return logits.reshape([-1, *self._output_shape])

    def _losses(self, logits: paddle.Tensor, targets: paddle.Tensor) -> paddle.Tensor:
        if self._loss == "softmax":
            return losses.softmax(logits, targets, self._focal_gamma)
        if self._loss == "multilabel_softmax":
            return losses.multilabel_softmax(logits, targets, self.positive_weight)
        return losses.bce(logits, targets, self.positive_weight, self._focal_gamma)
