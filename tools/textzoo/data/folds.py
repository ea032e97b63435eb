"""Training rows in parts of equal size, of which each is left out once: cross-validation."""

import hashlib
from typing import Optional

import numpy as np

from textzoo.errors import UserError
from textzoo.text.ragged import Ragged

_AT_ONCE = 1 << 16  # rows


def folds_of(texts: Ragged, labels: Optional[Ragged], n_folds: int, seed: int) -> np.ndarray:
    """The fold of each row, the same ones for the same seed.

    Rows whose texts have the same ids are in one fold: a net that has learned one knows the others.
    Where every row has one label, each fold has its share of each label (stratified); folds differ
    by at most one text of a label.

    Args:
        texts: the ids of each row's text.
        labels: those of its labels; None: rows have none to share out.
        n_folds: how many folds there are.
        seed: what shuffles the texts.

    Returns:
        `[rows]` from 0 to below `n_folds`.

    Raises:
        UserError: there are fewer different texts than folds.
    """
    _, first, text_of = np.unique(_digests(texts), return_index=True, return_inverse=True)
    if len(first) < n_folds:
        raise UserError(
            f"--folds or runner.left_out_fold: received {n_folds} folds, but the training rows "
            f"have {len(first)} different text(s); expected at least as many as folds"
        )
    # In the order of the rows, whatever the digests are.
    order = np.argsort(first)[np.random.default_rng([seed, n_folds]).permutation(len(first))]
    if labels is not None and (labels.counts == 1).all():
        order = order[np.argsort(labels.values[first[order]], kind="stable")]
    folds = np.empty(len(first), np.int32)
    folds[order] = np.arange(len(first)) % n_folds
    return folds[text_of.ravel()]


def _digests(texts: Ragged) -> np.ndarray:
    """A number for each text, `[rows]`: equal for equal ids."""
    digests = np.empty(len(texts), np.uint64)
    for start in range(0, len(texts), _AT_ONCE):
        rows = np.arange(start, min(start + _AT_ONCE, len(texts)))
        some = texts.chosen(rows)
        for row, ids in zip(rows, np.split(some.values, some.offsets[1:-1])):
            digest = hashlib.blake2b(ids.tobytes(), digest_size=8).digest()
            digests[row] = int.from_bytes(digest, "little")
        texts.release()
    return digests
