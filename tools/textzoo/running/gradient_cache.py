"""Gradients of a loss over a whole batch of embeddings, a part of the batch at a time.

Gao et al. 2021, Scaling Deep Contrastive Learning Batch Size under Memory Limited Setup
(GradCache): the gradients with respect to the embeddings come first; each part is then embedded
again and passes its share back. The same serves several processes: each embeds its part of the
batch, knows the embeddings of all, and computes the same loss.
"""

from collections.abc import Callable

import numpy as np
import paddle

from textzoo.distributed.collectives import all_rows, n_processes, own_gradient, own_rows
from textzoo.running.model import Model
from textzoo.text.reader import Feeds

Texts = tuple[paddle.Tensor, paddle.Tensor]


def backward(model: Model, net: paddle.nn.Layer, feeds: Feeds, weight: float, rows: int) -> float:
    """Add the gradients of a batch's loss to those of the net's parameters.

    With several processes each adds those of its own texts: their sum is the batch's.

    Args:
        model: a model of pairs, with `loss_of`.
        net: embeds texts.
        feeds: of the whole batch, the same in every process.
        weight: factor of the loss.
        rows: how many texts of a kind are embedded at a time; 0: all.

    Returns:
        The weighted loss, divided by the number of processes.
    """
    embeddings, pass_back = {}, {}
    for name in [key[: -len("_tokens")] for key in feeds if key.endswith("_tokens")]:
        tokens, lengths = feeds[f"{name}_tokens"], feeds[f"{name}_lengths"]
        mine = own_rows(len(tokens))
        own, pass_back[name] = _embed(net, _parts(tokens[mine], lengths[mine], rows))
        embeddings[name] = all_rows(own, len(tokens))
        embeddings[name].stop_gradient = False
    others = {k: v for k, v in feeds.items() if not k.endswith(("_tokens", "_lengths"))}
    loss = model.loss_of(net, embeddings, {k: paddle.to_tensor(v) for k, v in others.items()})
    (loss * weight).backward()
    for name, values in embeddings.items():
        pass_back[name](own_gradient(values.grad))
    return weight * float(loss) / n_processes()


def _parts(tokens: np.ndarray, lengths: np.ndarray, rows: int) -> list[Texts]:
    """Texts in parts of so many rows, each padded to its own longest."""
    size = rows or len(tokens)
    parts = []
    for first in range(0, len(tokens), size):
        part = lengths[first : first + size]
        ids = np.ascontiguousarray(tokens[first : first + size, : part.max()])
        parts.append((paddle.to_tensor(ids), paddle.to_tensor(part)))
    return parts


def _embed(
    net: paddle.nn.Layer, parts: list[Texts]
) -> tuple[paddle.Tensor, Callable[[paddle.Tensor], None]]:
    """The embeddings of all parts, and what passes their gradients back to the net."""
    if len(parts) == 1:
        output = net(*parts[0])
        return output, output.backward
    states, outputs = [], []
    with paddle.no_grad():
        for part in parts:
            states.append(paddle.get_rng_state())
            outputs.append(net(*part))

    def pass_back(gradient: paddle.Tensor) -> None:
        first = 0
        for part, state in zip(parts, states):
            paddle.set_rng_state(state)  # the same dropout as before
            output = net(*part)
            output.backward(gradient[first : first + len(output)])
            first += len(output)

    return paddle.concat(outputs), pass_back
