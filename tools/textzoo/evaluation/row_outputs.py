"""What a run gives for encoded rows."""

from collections.abc import Iterator

import numpy as np

from textzoo.data.batching import inference_pools
from textzoo.data.cache import Rows
from textzoo.running.model import check_outputs
from textzoo.running.run import InferenceRun
from textzoo.text.ragged import Ragged
from textzoo.text.reader import Feeds

# Always the same, so that ranks do not hang on how a batch's shape rounds the last bit.
_EMBEDDED = 64  # texts at once

Outputs = tuple[np.ndarray, Feeds]


def pools_of_outputs(
    run: InferenceRun, rows: Rows, chosen: np.ndarray, batch_size: int
) -> Iterator[Iterator[Outputs]]:
    """The outputs for some rows, a pool of batches after another one, see `inference_pools`.

    Args:
        run: what computes them.
        rows: the encoded rows.
        chosen: `[n]` which of them.
        batch_size: rows at once.

    Yields:
        Of one pool, for each batch the numbers of its rows `[batch]`, and its outputs.
    """
    for pool in inference_pools(rows.columns[run.model.text_column].lengths(chosen), batch_size):
        numbers = (chosen[batch] for batch in pool)
        yield ((own, run.infer_step(run.model.infer_feeds(rows.columns, own))) for own in numbers)
        rows.release()


def embed(run: InferenceRun, texts: Ragged) -> np.ndarray:
    """The embedding of every text, `[texts, width]`, in their order.

    Args:
        run: of a model that embeds texts.
        texts: the ids of each.
    """
    embeddings = np.zeros((len(texts), 0), np.float32)
    for pool in inference_pools(texts.lengths(np.arange(len(texts))), _EMBEDDED):
        for batch in pool:
            outputs = run.infer_step(run.model.infer_feeds({"text": texts}, batch))
            check_outputs(run.model, outputs, {"embeddings": (len(batch), None)})
            found = outputs["embeddings"]
            if not embeddings.shape[1]:
                embeddings = np.empty((len(texts), found.shape[1]), np.float32)
            embeddings[batch] = found
    return embeddings
