"""What every index of texts can do."""

from pathlib import Path
from typing import Any, NamedTuple, Optional, Protocol

import numpy as np

from textzoo.data.corpus import Entry


class Hit(NamedTuple):
    """A text that was found, and its score: its cosine, or what is mixed of it and of n-grams."""

    text: str
    score: float


MAX_TEXT_BYTES = 65_535  # of a text in Milvus


class TextIndex(Protocol):
    """Texts that are found by their embeddings."""

    @property
    def made_from(self) -> dict[str, Any]:
        """What decides the embeddings, such as checksums.

        Once there are some, it tells how many texts were `added` and `deleted` since it was built.
        """
        ...

    @made_from.setter
    def made_from(self, facts: dict[str, Any]) -> None: ...

    @property
    def is_saved(self) -> bool:
        """Whether what `commit` would write is there already."""
        ...

    def __len__(self) -> int:
        """How many texts can be found."""
        ...

    def add(self, entries: list[Entry], embeddings: np.ndarray) -> int:
        """Add entries with their embeddings `[entries, width]`; returns how many were added."""
        ...

    def delete(self, entries: list[Entry]) -> list[Entry]:
        """Delete entries; returns those that were not there."""
        ...

    def nearest(
        self, queries: np.ndarray, k: int, texts: Optional[list[str]] = None
    ) -> list[list[Hit]]:
        """The nearest texts of each query, best first, at most k.

        Args:
            queries: `[queries, width]`, of length 1.
            k: how many.
            texts: of the queries, whose n-grams count too where `index.lexical_weight` says so;
                None: cosines alone.
        """
        ...

    def commit(self) -> None:
        """Have later searches, by any process, find what was added and not what was deleted."""
        ...

    def copy(self, folder: Path) -> None:
        """Put what an export needs of it at a path; the last thing that is done with it."""
        ...


def changes_lost(made_from: Any) -> str:
    """For a message that an index is not used: the changes that a new one lacks, if any."""
    changes = made_from if isinstance(made_from, dict) else {}
    added, deleted = changes.get("added", 0), changes.get("deleted", 0)
    if not (added or deleted):
        return ""
    return (
        f"; {added} text(s) added and {deleted} deleted since it was built are not so in a new "
        "one: repeat --add and --delete"
    )
