"""Embeddings from which the mean of a corpus is taken away.

Embeddings of a pretrained encoder share a direction, which makes all cosines alike (Ethayarajh
2019; Mu and Viswanath 2018, All-but-the-Top, section 2).
"""

from pathlib import Path
from typing import Any, Optional

import numpy as np

from textzoo.data.corpus import Entry
from textzoo.index.text_index import Hit, TextIndex

CENTER = "center"  # of what an index is made from: the mean, a list of numbers


def centred(embeddings: np.ndarray, center: Optional[np.ndarray]) -> np.ndarray:
    """Embeddings without the mean, of length 1 again; as they are if there is none.

    Args:
        embeddings: `[texts, width]`, of length 1.
        center: `[width]`.
    """
    if center is None:
        return embeddings
    moved = embeddings - center
    lengths = np.linalg.norm(moved, axis=1, keepdims=True)
    moved /= np.maximum(lengths, np.float32(1e-12))
    return moved


def center_of(made_from: dict[str, Any]) -> Optional[np.ndarray]:
    """The mean that an index keeps, `[width]`, if it does."""
    center = made_from.get(CENTER)
    return None if center is None else np.asarray(center, np.float32)


class CentredIndex:
    """An index of embeddings without their mean, which takes and is asked for those with it.

    Args:
        index: the index, whose `made_from` has the mean.
    """

    def __init__(self, index: TextIndex):
        self._index = index

    @property
    def made_from(self) -> dict[str, Any]:
        """See `TextIndex`."""
        return self._index.made_from

    @made_from.setter
    def made_from(self, facts: dict[str, Any]) -> None:
        self._index.made_from = facts

    @property
    def is_saved(self) -> bool:
        """See `TextIndex`."""
        return self._index.is_saved

    def __len__(self) -> int:
        return len(self._index)

    def add(self, entries: list[Entry], embeddings: np.ndarray) -> int:
        """See `TextIndex.add`."""
        return self._index.add(entries, self._centred(embeddings))

    def delete(self, entries: list[Entry]) -> list[Entry]:
        """See `TextIndex.delete`."""
        return self._index.delete(entries)

    def nearest(
        self, queries: np.ndarray, k: int, texts: Optional[list[str]] = None
    ) -> list[list[Hit]]:
        """See `TextIndex.nearest`."""
        return self._index.nearest(self._centred(queries), k, texts)

    def commit(self) -> None:
        """See `TextIndex.commit`."""
        self._index.commit()

    def copy(self, folder: Path) -> None:
        """See `TextIndex.copy`."""
        self._index.copy(folder)

    def _centred(self, embeddings: np.ndarray) -> np.ndarray:
        return centred(embeddings, center_of(self.made_from))
