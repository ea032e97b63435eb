"""Losses that train a net to change little when its input or its dropout does.

They are written as one loss, the same in both graphs, so that a run needs no step of its own.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import paddle
import paddle.nn.functional as F
from paddle import nn

from textzoo.distributed.collectives import batch_mean

Gradients = dict[str, paddle.Tensor]


@dataclass(frozen=True)
class Perturbation:
    """How the loss is to depend on small changes of the word embeddings.

    Attributes:
        epsilon: length of the step of FGM; 0: no adversarial loss.
        adversarial_alone: leave out the loss of the unchanged embeddings.
        gradient_penalty: weight of the penalty; 0: none.
    """

    epsilon: float = 0.0
    adversarial_alone: bool = False
    gradient_penalty: float = 0.0

    def __bool__(self) -> bool:
        """Whether it adds anything."""
        return bool(self.epsilon or self.gradient_penalty)

    def __call__(
        self,
        loss_of: Callable[[paddle.Tensor], paddle.Tensor],
        embeddings: nn.Embedding,
        token_ids: paddle.Tensor,
        parameters: Sequence[paddle.Tensor],
    ) -> paddle.Tensor:
        """The loss with what `adversarial` and `gradient_penalty` add to it.

        - FGM (Miyato, Dai, Goodfellow 2017, equation 7, with the embedding matrix E in place of
          one text's vectors): L(E) + L(E + epsilon g / ||g||), g the gradient of L(E).
        - Gradient penalty: L(E) + coefficient / 2 ||g||^2.

        Args:
            loss_of: looked-up vectors `[batch, length, width]` -> the loss, a scalar.
            embeddings: the matrix E.
            token_ids: `[batch, length]`.
            parameters: all weights of the net.
        """
        vectors = embeddings(token_ids)
        loss = loss_of(vectors)
        terms = [] if self.epsilon else [loss]
        if self.gradient_penalty:
            with _decomposed_gradients():
                gradient = _twice_differentiable_gradient(loss, vectors)
            gradient = _per_token(gradient, token_ids, embeddings)
            gradient = batch_mean(gradient, token_ids.shape[0])
            terms.append(0.5 * self.gradient_penalty * (gradient * gradient).sum())
        if self.epsilon:
            gradients = _gradients(loss, parameters)
            gradient = batch_mean(gradients[embeddings.weight.name], token_ids.shape[0])
            step = gradient * (self.epsilon * paddle.rsqrt((gradient * gradient).sum() + 1e-24))
            step.stop_gradient = True
            terms.append(loss_of(vectors + F.embedding(token_ids, step)))
            if not self.adversarial_alone:
                terms.append(_with_gradients(loss, gradients, parameters))
        return sum(terms[1:], start=terms[0])


def symmetric_kl(
    first: paddle.Tensor,
    second: paddle.Tensor,
    activation: Callable[[paddle.Tensor], paddle.Tensor],
) -> paddle.Tensor:
    """Half the sum of both Kullback-Leibler divergences between two sets of distributions.

    For Bernoulli variables (`activation` the sigmoid) and for categorical ones (softmax over the
    last axis) alike, KL(p, q) + KL(q, p) is the sum of (p - q) (logit p - logit q).

    Args:
        first: `[batch, ...]` logits.
        second: the same of other passes.
        activation: logits -> probabilities.

    Returns:
        `[batch]`, summed over all other axes.
    """
    products = (activation(first) - activation(second)) * (first - second)
    return 0.5 * products.sum(axis=list(range(1, len(products.shape))))


def _gradients(loss: paddle.Tensor, parameters: Sequence[paddle.Tensor]) -> Gradients:
    """The gradient with respect to each parameter that the loss depends on.

    Never to the embeddings alone: kernels of Paddle 3.3.1 fail (LSTM) or give wrong values (layer
    normalisation) in dynamic graph when only the gradient of their input is asked for.
    """
    if paddle.in_dynamic_mode():
        found = paddle.grad(loss, list(parameters), retain_graph=True, allow_unused=True)
    else:
        found = paddle.static.gradients([loss], list(parameters))
    named = zip((parameter.name for parameter in parameters), found)
    return {name: gradient for name, gradient in named if gradient is not None}


def _with_gradients(
    loss: paddle.Tensor, gradients: Gradients, parameters: Sequence[paddle.Tensor]
) -> paddle.Tensor:
    """The loss, with gradients that are known already: spares a second pass backwards."""
    total = loss.detach()
    for parameter in parameters:
        if parameter.name in gradients:
            gradient = gradients[parameter.name].detach()
            total = total + (gradient * (parameter - parameter.detach())).sum()
    return total


def _twice_differentiable_gradient(loss: paddle.Tensor, vectors: paddle.Tensor) -> paddle.Tensor:
    if paddle.in_dynamic_mode():
        return paddle.grad(loss, [vectors], create_graph=True)[0]
    return paddle.static.gradients([loss], [vectors])[0]


def _per_token(
    gradient: paddle.Tensor, token_ids: paddle.Tensor, embeddings: nn.Embedding
) -> paddle.Tensor:
    """The gradient of the embedding matrix from that of the vectors looked up in it.

    Unlike that of `F.embedding`, it can be differentiated again.
    """
    rows = paddle.zeros(embeddings.weight.shape)
    gradient = gradient.reshape([-1, rows.shape[1]])
    return paddle.scatter_nd_add(rows, token_ids.reshape([-1, 1]), gradient)


@contextmanager
def _decomposed_gradients() -> Iterator[None]:
    """Have gradients computed by operators that have gradients themselves."""
    core = paddle.base.core
    eager = paddle.in_dynamic_mode()
    # Paddle's stub of the module lacks both.
    switch = core.set_prim_eager_enabled if eager else core._set_prim_all_enabled  # pyright: ignore[reportAttributeAccessIssue]
    switch(True)
    try:
        yield
    finally:
        switch(False)
