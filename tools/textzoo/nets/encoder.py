"""A transformer encoder of the BERT, ERNIE, ALBERT and RoBERTa families.

Devlin et al. 2019 (BERT); Sun et al. 2019 (ERNIE 2.0); Lan et al. 2020 (ALBERT); Liu et al. 2019
(RoBERTa); Conneau et al. 2020 (XLM-R).
"""

import dataclasses
import math
from collections.abc import Callable
from typing import Optional

import numpy as np
import paddle
import paddle.nn.functional as F
from paddle import nn

from textzoo.config.schema import EncoderSettings
from textzoo.errors import UserError
from textzoo.nets.architecture import Architecture, chosen_architecture, read_architecture
from textzoo.nets.constants import NEVER
from textzoo.nets.layer_norm import LayerNorm
from textzoo.nets.packing import Packing
from textzoo.nets.pooling import mean_weights, padding_mask
from textzoo.nets.table import Table

NGRAM_WIDTH = 256
_DRAWS = 2**24  # a probability is rounded to one of so many


class Encoder(nn.Layer):
    """Texts as token ids to one vector per token.

    Args:
        architecture: the sizes, see `architecture.chosen_architecture`.
        vocab_size: number of tokens.
        freeze_layers: the embeddings and so many layers are fixed: what they give is a function of
            the text alone, without dropout, and no gradient is computed in them. None: all learn.

    Attributes:
        kept: what the fixed layers give for ids `[batch, length]` and lengths, None for others, see
            `running.frozen_states`; None: they are always computed.

    Raises:
        ValueError: there are no such layers.
    """

    def __init__(
        self, architecture: Architecture, vocab_size: int, freeze_layers: Optional[int] = None
    ):
        super().__init__()
        self.architecture = a = architecture
        _check_freezable(a, freeze_layers)
        self.n_frozen = freeze_layers
        self.kept: Optional[Callable[[np.ndarray, np.ndarray], Optional[np.ndarray]]] = None
        self.width = a.hidden_size
        width = a.embedding_size or a.hidden_size
        self.word_embeddings = nn.Embedding(vocab_size, width, weight_attr=_normal(a))
        # What texts have in common starts from 0: else the means of all random texts are alike.
        self.position_embeddings = _zeros(a.max_position_embeddings, width)
        self.token_type_embeddings = _zeros(a.type_vocab_size, width)
        if a.use_task_id:
            self.task_type_embeddings = _zeros(a.task_type_vocab_size, width)
        self.embedding_norm = LayerNorm(width, a.layer_norm_eps)
        if a.embedding_size:
            self.embedding_projection = _linear(a, width, a.hidden_size)
        n_different = 1 if a.share_layers else a.num_hidden_layers
        without = dataclasses.replace(a, hidden_dropout_prob=0, attention_probs_dropout_prob=0)
        frozen = freeze_layers or 0
        self.layers = nn.LayerList(
            [_Layer(without if i < frozen else a) for i in range(n_different)]
        )
        if a.norm_first:
            self.final_norm = LayerNorm(a.hidden_size, a.layer_norm_eps)
        if freeze_layers is not None:
            for name, parameter in self.named_parameters():
                if self.layers_above(name) > a.num_hidden_layers - frozen:
                    parameter.trainable = False
                    parameter.stop_gradient = True  # in static graph apart from `trainable`

    @property
    def has_dropout(self) -> bool:
        """Whether two passes over a text differ in training."""
        a = self.architecture
        of_layers = a.hidden_dropout_prob > 0 or a.attention_probs_dropout_prob > 0
        if of_layers and a.num_hidden_layers > (self.n_frozen or 0):
            return True
        return a.hidden_dropout_prob > 0 and self.n_frozen is None

    def layers_above(self, name: str) -> int:
        """How many layers the output of a weight goes through, its own layer among them.

        Args:
            name: of the weight in this encoder, such as `layers.0.qkv.bias`.
        """
        n_layers = self.architecture.num_hidden_layers
        if name.startswith("layers."):
            return n_layers - int(name.split(".")[1])
        return 0 if name.startswith("final_norm.") else n_layers + 1

    def forward(
        self,
        token_ids: paddle.Tensor,
        lengths: paddle.Tensor,
        token_type_ids: Optional[paddle.Tensor] = None,
    ) -> paddle.Tensor:
        """The last layer's vector of every token.

        Args:
            token_ids: `[batch, length]`; any id at padding. At most `max_position_embeddings` long.
            lengths: `[batch]` number of tokens, at least 1; what follows has no influence.
            token_type_ids: `[batch, length]`; default: all 0.

        Returns:
            `[batch, length, hidden_size]`; undefined at padding.
        """
        if self.kept and token_type_ids is None:
            kept = self.kept(token_ids.numpy(), lengths.numpy())
            if kept is not None:
                return self._through(paddle.to_tensor(kept), lengths, self.n_frozen)
        return self.transform(self.word_embeddings(token_ids), lengths, token_type_ids)

    def frozen(self, token_ids: paddle.Tensor, lengths: paddle.Tensor) -> paddle.Tensor:
        """What the fixed layers give, `[batch, length, hidden_size]`; arguments as of `forward`."""
        embedded = self._embedded(self.word_embeddings(token_ids), None)
        return self._through(embedded, lengths, last=self.n_frozen)

    def transform(
        self,
        word_vectors: paddle.Tensor,
        lengths: paddle.Tensor,
        token_type_ids: Optional[paddle.Tensor] = None,
    ) -> paddle.Tensor:
        """As `forward`, from looked-up word embeddings `[batch, length, embedding_size]`."""
        return self._through(self._embedded(word_vectors, token_type_ids), lengths)

    def _embedded(
        self, word_vectors: paddle.Tensor, token_type_ids: Optional[paddle.Tensor]
    ) -> paddle.Tensor:
        """What the layers get, `[batch, length, hidden_size]`."""
        a = self.architecture
        position = paddle.arange(paddle.shape(word_vectors)[1])
        if token_type_ids is None:
            token_types = self.token_type_embeddings.weight[0]
        else:
            token_types = self.token_type_embeddings(token_type_ids)
        vectors = word_vectors + token_types + self.position_embeddings(position)
        if a.use_task_id:
            vectors = vectors + self.task_type_embeddings.weight[0]
        hidden = self.embedding_norm(vectors)
        if self.n_frozen is None:
            hidden = _dropout(self, hidden, a.hidden_dropout_prob)
        if a.embedding_size:
            hidden = self.embedding_projection(hidden)
        return hidden

    def _through(
        self,
        hidden: paddle.Tensor,
        lengths: paddle.Tensor,
        first: Optional[int] = 0,
        last: Optional[int] = None,
    ) -> paddle.Tensor:
        """What layers from `first` on, before `last` or to the end, give."""
        a = self.architecture
        # Added to the attention scores of padding: its weight becomes exactly 0.
        is_padding = padding_mask(lengths, paddle.shape(hidden)[1])
        mask = (is_padding.astype("float32") * NEVER).unsqueeze([1, 2])
        layers = range(a.num_hidden_layers)[first:last]
        packing = None
        if self.training and layers:
            packing = Packing(is_padding, a.num_attention_heads)
            hidden = packing.packed(hidden)
            # To add it to scores of its own shape is several times as fast.
            length = paddle.shape(is_padding)[1]
            mask = mask.expand([-1, a.num_attention_heads, length, -1])
        for i in layers:
            hidden = self.layers[0 if a.share_layers else i](hidden, mask, packing)
        if a.norm_first and last is None:
            hidden = self.final_norm(hidden)
        return packing.padded(hidden) if packing else hidden


class _Layer(nn.Layer):
    """Self-attention and a feed-forward part, each with a residual and layer normalisation."""

    def __init__(self, a: Architecture):
        super().__init__()
        self._a = a
        self.qkv = _linear(a, a.hidden_size, 3 * a.hidden_size)
        self.attention_output = _linear(a, a.hidden_size, a.hidden_size)
        self.attention_norm = LayerNorm(a.hidden_size, a.layer_norm_eps)
        self.intermediate = _linear(a, a.hidden_size, a.intermediate_size)
        self.output = _linear(a, a.intermediate_size, a.hidden_size)
        self.output_norm = LayerNorm(a.hidden_size, a.layer_norm_eps)

    def forward(
        self, x: paddle.Tensor, mask: paddle.Tensor, packing: Optional[Packing]
    ) -> paddle.Tensor:
        """The layer's output, of the shape of its input.

        Args:
            x: `[batch, length, hidden_size]`, or `[tokens, hidden_size]` with a packing.
            mask: `[batch, 1, 1, length]`, or of the shape of the scores; is added to these.
            packing: where the tokens are.
        """
        p = self._a.hidden_dropout_prob
        if self._a.norm_first:
            x = x + _dropout(self, self._attention(self.attention_norm(x), mask, packing), p)
            return x + _dropout(self, self._feed_forward(self.output_norm(x)), p)
        x = self.attention_norm(x + _dropout(self, self._attention(x, mask, packing), p))
        return self.output_norm(x + _dropout(self, self._feed_forward(x), p))

    def _attention(
        self, x: paddle.Tensor, mask: paddle.Tensor, packing: Optional[Packing]
    ) -> paddle.Tensor:
        a = self._a
        head_size = a.hidden_size // a.num_attention_heads
        # Each [batch, heads, length, head_size].
        if packing:
            query, key, value = packing.heads(self.qkv(x)).split(3, axis=1)
        else:
            qkv = self.qkv(x).reshape([0, 0, 3, a.num_attention_heads, head_size])
            query, key, value = qkv.transpose([2, 0, 3, 1, 4]).unbind(0)
        scores = paddle.matmul(query * (1 / math.sqrt(head_size)), key, transpose_y=True)
        weights = _dropout(self, F.softmax(scores + mask), a.attention_probs_dropout_prob)
        mixed = paddle.matmul(weights, value)
        if packing:
            return self.attention_output(packing.of_heads(mixed))
        mixed = mixed.transpose([0, 2, 1, 3]).reshape([0, 0, a.hidden_size])
        return self.attention_output(mixed)

    def _feed_forward(self, x: paddle.Tensor) -> paddle.Tensor:
        hidden = self.intermediate(x)
        if self._a.hidden_act == "relu":
            return self.output(F.relu(hidden))
        if self._a.hidden_act == "gelu_new" and not self.training:
            # Written out, as Paddle2ONNX takes every gelu for the exact one.
            cubic = hidden + 0.044715 * hidden * hidden * hidden
            return self.output(0.5 * hidden * (1 + paddle.tanh(math.sqrt(2 / math.pi) * cubic)))
        return self.output(F.gelu(hidden, approximate=self._a.hidden_act == "gelu_new"))


class NgramEncoder(nn.Layer):
    """Texts as ids of n-grams to one vector per n-gram: embeddings and nothing else.

    The mean of these vectors is that of a bag of n-grams.

    Args:
        width: of the embeddings.
        vocab_size: number of n-grams.
        dropout: share of n-grams hidden in training.
    """

    def __init__(self, width: int, vocab_size: int, dropout: float):
        super().__init__()
        self.width = width
        self._dropout = dropout
        initializer = nn.initializer.Normal(std=1 / math.sqrt(width))
        self.word_embeddings = Table(
            vocab_size, width, weight_attr=paddle.ParamAttr(initializer=initializer)
        )

    def forward(self, token_ids: paddle.Tensor, lengths: paddle.Tensor) -> paddle.Tensor:
        """The vectors `[batch, length, width]` of n-grams `[batch, length]`."""
        vectors = self.word_embeddings(token_ids)
        if not (self.training and self._dropout):
            return vectors
        kept = paddle.ones_like(token_ids).astype("float32").unsqueeze(-1)
        return vectors * F.dropout(kept, self._dropout)

    def mean(self, token_ids: paddle.Tensor, lengths: paddle.Tensor) -> paddle.Tensor:
        """The mean `[batch, width]` of each text's vectors, as `pool` of `forward` gives it."""
        weights = mean_weights(lengths, paddle.shape(token_ids)[1])
        if self.training and self._dropout:
            weights = weights * F.dropout(paddle.ones_like(weights), self._dropout)
        return self.word_embeddings.weighted_sums(token_ids, weights)


def build_encoder(settings: EncoderSettings, vocab_size: int, max_len: int) -> nn.Layer:
    """The encoder that an `encoder` block describes, with random weights.

    Args:
        settings: the block.
        vocab_size: number of tokens of the reader; pretrained encoders may have some more.
        max_len: the longest text in tokens.

    Returns:
        An `Encoder` or `NgramEncoder`; its attribute `width` is that of the vectors it gives.

    Raises:
        UserError: the encoder has fewer tokens than the reader.
        ValueError: sizes do not fit each other.
    """
    if settings.config == "ngram":
        if settings.freeze_layers is not None:
            raise ValueError("encoder.freeze_layers: needs a transformer, received config ngram")
        width = settings.hidden_size or NGRAM_WIDTH
        return NgramEncoder(width, vocab_size, settings.hidden_dropout_prob or 0.0)
    architecture = chosen_architecture(settings)
    longest = architecture.max_position_embeddings
    if max_len > longest and settings.pretrained:
        raise UserError(
            f"reader.max_len: received {max_len}, expected at most {longest}: the pretrained "
            f"encoder {settings.pretrained} knows no more positions; -o reader.max_len={longest}"
        )
    if max_len > longest:
        raise ValueError(
            f"encoder.max_position_embeddings: received {longest}, expected at least "
            f"reader.max_len ({max_len})"
        )
    rows = vocab_size
    if settings.pretrained:
        rows = read_architecture(settings.pretrained).vocab_size
        if rows < vocab_size:
            raise UserError(
                f"encoder.pretrained: {settings.pretrained} has {rows} tokens, the reader "
                f"{vocab_size}: set reader.tokenizer to the pretrained encoder's folder"
            )
    return Encoder(architecture, rows, settings.freeze_layers)


def _check_freezable(a: Architecture, n_frozen: Optional[int]) -> None:
    if n_frozen is None:
        return
    if n_frozen > a.num_hidden_layers or not a.num_hidden_layers:
        raise ValueError(
            f"encoder.freeze_layers: received {n_frozen}, but the encoder has "
            f"{a.num_hidden_layers} layers"
        )
    if n_frozen and a.share_layers:
        raise ValueError(
            f"encoder.freeze_layers: received {n_frozen}, expected 0 or null: all layers of this "
            "encoder have the same weights (share_layers, as in ALBERT)"
        )


class _Linear(nn.Linear):
    """A linear map whose bias, where rows are packed, gets its gradient by a matrix product.

    A sum over rows is several times as slow on a CPU.
    """

    def forward(self, input: paddle.Tensor) -> paddle.Tensor:
        """`[..., n_in]` to `[..., n_out]`."""
        if not self.training or input.ndim != 2:
            return super().forward(input)
        ones = paddle.ones([paddle.shape(input)[0], 1])
        return paddle.matmul(input, self.weight) + paddle.matmul(ones, self.bias.unsqueeze(0))


def _linear(a: Architecture, n_in: int, n_out: int) -> nn.Linear:
    return _Linear(n_in, n_out, weight_attr=_normal(a))


def _zeros(n: int, width: int) -> nn.Embedding:
    attribute = paddle.ParamAttr(initializer=nn.initializer.Constant(0.0))
    return nn.Embedding(n, width, weight_attr=attribute)


def _normal(a: Architecture) -> paddle.ParamAttr:
    return paddle.ParamAttr(initializer=nn.initializer.Normal(std=a.initializer_range))


def _dropout(layer: nn.Layer, x: paddle.Tensor, probability: float) -> paddle.Tensor:
    """`paddle.nn.functional.dropout`, in half the time on a CPU: of whole random numbers."""
    if not (layer.training and probability):
        return x
    drawn = paddle.randint(0, _DRAWS, paddle.shape(x), dtype="int32")
    kept = (drawn >= round(probability * _DRAWS)).astype("float32")
    return x * (kept * (1 / (1 - probability)))
