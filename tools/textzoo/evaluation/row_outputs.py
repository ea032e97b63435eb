"""What a run gives for encoded rows."""

from collections.abc import Iterator
from contextlib import nullcontext
from typing import Optional

import numpy as np

from textzoo.data.batching import inference_pools
from textzoo.data.cache import Rows
from textzoo.progress import Work
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
    lengths = rows.columns[run.model.text_column].lengths(chosen)
    with Work("evaluation", len(chosen)) as work:

        def outputs(pool: list[np.ndarray]) -> Iterator[Outputs]:
            for own in (chosen[batch] for batch in pool):
                yield own, run.infer_step(run.model.infer_feeds(rows.columns, own))
                work.update(len(own))

        for pool in inference_pools(lengths, batch_size):
            yield outputs(pool)
            rows.release()


def embed(
    run: InferenceRun, texts: Ragged, work: Optional[Work] = None, share: float = 1.0
) -> np.ndarray:
    """The embedding of every text, `[texts, width]`, in their order.

    Args:
        run: of a model that embeds texts.
        texts: the ids of each.
        work: which this is a part of; default: it is told of by itself.
        share: of the work on a text that is done here.
    """
    embeddings = np.zeros((len(texts), 0), np.float32)
    own = nullcontext(work) if work else Work("embedding", len(texts), "texts")
    with own as work:
        for pool in inference_pools(texts.lengths(np.arange(len(texts))), _EMBEDDED):
            for batch in pool:
                outputs = run.infer_step(run.model.infer_feeds({"text": texts}, batch))
                check_outputs(run.model, outputs, {"embeddings": (len(batch), None)})
                found = outputs["embeddings"]
                if not embeddings.shape[1]:
                    embeddings = np.empty((len(texts), found.shape[1]), np.float32)
                embeddings[batch] = found
                work.update(len(batch) * share)
    return embeddings
