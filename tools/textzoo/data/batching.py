"""Which rows go together: batches of similar lengths, in an order that only the seed decides."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Optional

import numpy as np

from textzoo.text.ragged import Columns, columns_of
from textzoo.text.reader import Feeds, Ids, n_tokens

_POOL_BATCHES = 50  # rows of so many batches are sorted by length together


def training_batches(
    lengths: np.ndarray,
    batch_size: int,
    seed: int,
    epoch: int,
    pool_batches: int = _POOL_BATCHES,
    distinct_keys: Optional[np.ndarray] = None,
) -> list[np.ndarray]:
    """The batches of one epoch: every row once, rows of similar length together.

    Rows are shuffled, sorted by length within pools of some batches, cut into batches, and the
    batches shuffled. Only the last batch of the last pool may be smaller than the others.

    Args:
        lengths: `[rows]`, the number of ids in each row.
        batch_size: rows per batch.
        seed: the run's seed.
        epoch: from 0; each epoch has another order.
        pool_batches: batches per pool; 1: rows are together by chance alone.
        distinct_keys: `[rows, n]`; rows that have a key in common go into different batches, as
            far as their pool allows.

    Returns:
        Row numbers, one array per batch.
    """
    random = np.random.default_rng([seed, epoch])
    order = random.permutation(row_numbers(len(lengths)))
    pool = batch_size * pool_batches
    for start in range(0, len(order), pool):
        rows = order[start : start + pool]
        rows = rows[np.argsort(lengths[rows], kind="stable")]
        if distinct_keys is not None:
            rows = _kept_apart(rows, distinct_keys[rows], batch_size)
        order[start : start + pool] = rows
    batches = [order[start : start + batch_size] for start in range(0, len(order), batch_size)]
    return [batches[i] for i in random.permutation(len(batches))]


def _kept_apart(rows: np.ndarray, keys: np.ndarray, batch_size: int) -> np.ndarray:
    """Reorder rows so that those with a common key fall into different batches, if they can."""
    waiting = list(range(len(rows)))
    keys = keys.tolist()
    order: list[int] = []
    while waiting:
        batch, left, seen = [], [], set()
        for place, row in enumerate(waiting):
            if len(batch) == batch_size:
                left += waiting[place:]
                break
            if seen.isdisjoint(keys[row]):
                batch.append(row)
                seen.update(keys[row])
            else:
                left.append(row)
        missing = batch_size - len(batch)
        order += batch + left[:missing]
        waiting = left[missing:]
    return rows[order]


def inference_pools(lengths: np.ndarray, batch_size: int) -> Iterator[list[np.ndarray]]:
    """All rows in file order, a pool of 50 batches at a time, sorted by length within the pool.

    Yields:
        The batches of one pool. A caller that writes results pool by pool keeps the file's order
        and flat memory.
    """
    pool = batch_size * _POOL_BATCHES
    for first in range(0, len(lengths), pool):
        rows = first + np.argsort(lengths[first : first + pool], kind="stable")
        yield [rows[start : start + batch_size] for start in range(0, len(rows), batch_size)]


def text_batches(
    rows: Sequence[Ids], batch_size: int, max_tokens: Optional[int] = None
) -> Iterator[tuple[Columns, np.ndarray]]:
    """Encoded texts in batches, those of similar length together.

    Args:
        rows: the ids of each text.
        batch_size: the most texts of a batch.
        max_tokens: the most ids of a batch, padding among them; a text with more is alone.

    Yields:
        All texts as columns, and the places in `rows` of one batch.
    """
    columns = columns_of(rows)
    lengths = np.array([n_tokens(row) for row in rows], np.int64)
    for pool in inference_pools(lengths, batch_size):
        for batch in pool:
            for part in _within(batch, lengths[batch], max_tokens):
                yield columns, part


def in_order(batches: Iterable[tuple[np.ndarray, Feeds]], n_rows: int) -> Feeds:
    """The outputs of all rows in their order, from those of batches with the places of theirs."""
    found: Feeds = {}
    for places, outputs in batches:
        for name, array in outputs.items():
            if name not in found:
                found[name] = np.empty((n_rows, *array.shape[1:]), array.dtype)
            found[name][places] = array
    return found


def _within(
    batch: np.ndarray, lengths: np.ndarray, max_tokens: Optional[int]
) -> Iterator[np.ndarray]:
    """A batch of ascending lengths in parts that are not too large when padded."""
    first = 0
    for i, length in enumerate(lengths):
        if max_tokens and first < i and (i + 1 - first) * length > max_tokens:
            yield batch[first:i]
            first = i
    yield batch[first:]


def hold_out(n_rows: int, fraction: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Split rows into training and validation rows, the same way for the same seed.

    At least one row is held out when `fraction` is above 0; both parts keep the file's order.
    """
    n_held = min(n_rows - 1, max(1, round(n_rows * fraction))) if fraction else 0
    rows = row_numbers(n_rows)
    held = np.zeros(n_rows, bool)
    held[np.random.default_rng([seed, n_rows]).permutation(rows)[:n_held]] = True
    return rows[~held], rows[held]


def row_numbers(n_rows: int) -> np.ndarray:
    """0, 1, 2, ..., in as few bytes as hold them."""
    return np.arange(n_rows, dtype=np.int32 if n_rows < 2**31 else np.int64)
