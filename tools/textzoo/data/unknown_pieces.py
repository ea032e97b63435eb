"""How much of a file a tokenizer does not know: whether it is of another language."""

import logging
from pathlib import Path
from typing import Optional

import numpy as np

from textzoo.text.ragged import Columns
from textzoo.text.reader import Reader
from textzoo.text.streams import named

log = logging.getLogger("textzoo")

_SHARE = 0.1  # of a file's pieces that may be unknown
_FEWEST = 100  # pieces that tell anything of a file


class UnknownPieces:
    """Counts the ids of texts, and those that stand for what the tokenizer has no piece for.

    Args:
        n_unknown: how many of the latter there were before.
        n: how many ids there were before.
    """

    def __init__(self, n_unknown: int = 0, n: int = 0):
        self._n_unknown = n_unknown
        self._n = n
        self._has_warned = False

    @property
    def of(self) -> tuple[int, int]:
        """How many ids are unknown, and how many there are."""
        return self._n_unknown, self._n

    @property
    def are_many(self) -> bool:
        """Whether more than a tenth are unknown, of enough to tell."""
        return self._n >= _FEWEST and self._n_unknown > _SHARE * self._n

    def add(self, columns: Columns, reader: Reader) -> None:
        """Count those of some texts."""
        for name, unknown in reader.unknown_pieces.items():
            if name in columns:
                values = columns[name].values
                self._n_unknown += int(np.count_nonzero(values == unknown))
                self._n += len(values)

    def warn_once(self, source: Optional[Path], more: str = "") -> None:
        """Warn, the first time, if many are unknown.

        Args:
            source: the file of the texts; None: no one file.
            more: what to say beside it.
        """
        if not self.are_many or self._has_warned:
            return
        self._has_warned = True
        log.warning(
            "%s%s: the tokenizer does not know %.0f %% of the pieces: is the encoder of another "
            "language, or was it pruned without such texts? Choose one that was pretrained on such "
            "texts, prune it with them, or leave encoder.pretrained and reader.tokenizer out: a "
            "vocabulary is then built from the training texts",
            named(source) if source else "the texts",
            more,
            100 * self._n_unknown / self._n,
        )


def warn_of_each(counts: list[UnknownPieces], files: list[Path]) -> None:
    """Warn, in one line, of files of whose pieces many are unknown."""
    found = [place for place, of_file in enumerate(counts) if of_file.are_many]
    if found:
        more = f" (and {len(found) - 1} more file(s))" if len(found) > 1 else ""
        counts[found[0]].warn_once(files[found[0]], more)
