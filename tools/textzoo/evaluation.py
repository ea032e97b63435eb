"""How a model is evaluated: by the labels it scores, or by what its embeddings recall."""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from textzoo import retrieval, tagging
from textzoo.cache import Rows
from textzoo.schema import Runner


def evaluation(
    model: Any, runner: Runner, reader: Any, rows: Rows, chosen: np.ndarray
) -> tuple[Callable[..., dict[str, float]], list[str]]:
    """What evaluates a run on these rows, and the names of the candidates that it ranks.

    Args:
        model: the folder's model; one of pairs has `embeds = True`.
        runner: the config's `runner` block.
        reader: the model's reader.
        rows: the encoded rows.
        chosen: `[n]` which of them to evaluate.

    Returns:
        A function of a run, the metrics' `names` and, if wanted, `predictions`; and the names.
    """
    common = {"rows": rows, "chosen": chosen}
    if not getattr(model, "embeds", False):
        common["batch_size"] = runner.infer_batch_size
        return functools.partial(tagging.evaluate, **common), reader.label_names
    corpus = retrieval.load_corpus(runner, reader, rows, chosen)
    evaluate = functools.partial(retrieval.evaluate, corpus=corpus, reader=reader, **common)
    return evaluate, corpus.texts
