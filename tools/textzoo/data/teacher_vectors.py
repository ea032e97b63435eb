"""What a teacher gives for the texts of training rows: computed once, and kept in the cache.

A student learns the teacher's vectors at its own width: their principal components, without the
mean, which says nothing of one text. So sentence-transformers fits a teacher to a smaller student,
too. As other texts have other components, what a student has begun with is kept in its checkpoints.
"""

import logging
import time
from pathlib import Path
from typing import NamedTuple, Optional

import numpy as np

from textzoo.data.cache import Cache, Rows, digest_of
from textzoo.data.text_vectors import CHUNK, SIDES, Distinct, EmbeddingModel
from textzoo.text.ragged import Columns, Ragged
from textzoo.text.reader import Reader

log = logging.getLogger("textzoo")

TEACHER = "_teacher"  # behind `query` and `title`: the columns and feeds of a teacher's vectors
_AT_ONCE = 4096  # rows whose vectors are turned at once


def teacher_columns(
    rows: Rows,
    reader: Reader,
    settings: Cache,
    teacher: EmbeddingModel,
    width: int,
    turn: Optional["Turn"] = None,
) -> tuple[Columns, "Turn"]:
    """The teacher's vectors of the queries and titles of all rows, as columns beside theirs.

    Args:
        rows: of pairs.
        reader: that encoded them.
        settings: where the cache is and what becomes of malformed lines.
        teacher: what embeds the texts; a text that comes again is embedded once.
        width: of the student's embeddings.
        turn: what a student that has learned from this teacher already has learned; None: the
            principal components of these texts.

    Returns:
        `query_teacher` and `title_teacher`, each `width` numbers a row, of length 1. The second is
        missing where it would be the first: where all rows are single texts. And the turn.

    Raises:
        UserError: the teacher cannot embed a text, or the cache cannot be written.
    """
    keys = rows.columns["keys"].first(np.arange(len(rows)), 4)
    keys = np.ascontiguousarray(keys.astype(np.int32)).view(np.uint64)
    single = teacher.sides_alike and _are_single(rows, keys)
    distinct = Distinct(keys[:, : 1 if single else 2], teacher.sides_alike)
    digests = distinct.digests(teacher)
    columns = [side + TEACHER for side in SIDES[: distinct.places.shape[1]]]
    name = digest_of(width, *digests, distinct.places, *(turn or ()))
    folder = settings.folder / f"taught-{name}"

    def text_of(row: int, side: int) -> str:
        return reader.parse(rows.line(row).text)[side]

    def fill(place: Path) -> None:
        started = time.perf_counter()
        vectors = distinct.vectors(text_of, settings, teacher, "teacher")
        chosen = turn or Turn.of(vectors, width)
        chosen.save(place)
        for column, places in zip(columns, distinct.places.T):
            with (place / f"{column}.values").open("wb") as file:
                for first in range(0, len(rows), _AT_ONCE):
                    chosen(_at(vectors, places[first : first + _AT_ONCE])).tofile(file)
        log.info("teacher: %d texts, %.0f s", len(distinct), time.perf_counter() - started)

    settings.fill(folder, fill)
    offsets = np.arange(len(rows) + 1, dtype=np.int64) * width
    files = {column: folder / f"{column}.values" for column in columns}
    found = {
        column: Ragged(np.memmap(file, np.float16, "r"), offsets) for column, file in files.items()
    }
    return found, Turn.load(folder)


def _are_single(rows: Rows, keys: np.ndarray) -> bool:
    """Whether each row is one text, of which the student sees the same on both sides."""
    if (keys[:, 0] != keys[:, 1]).any():
        return False
    query, title = rows.columns["query"], rows.columns["title"]
    return len(query.values) == len(title.values) and bool((query.values == title.values).all())


class Turn(NamedTuple):
    """How a teacher's vectors are turned to another width.

    Attributes:
        mean: `[teacher's width]`, which is taken away.
        axes: `[teacher's width, student's width]`; beyond the teacher's, zeros follow.
    """

    mean: np.ndarray
    axes: np.ndarray

    @classmethod
    def of(cls, chunks: list[np.ndarray], width: int) -> "Turn":
        """To the principal components of vectors, `[texts of a chunk, teacher's width]` each."""
        n_texts, n = sum(map(len, chunks)), chunks[0].shape[1]
        total, products = np.zeros(n), np.zeros((n, n))
        for chunk in chunks:
            vectors = chunk.astype(np.float64)
            total += vectors.sum(axis=0)
            products += vectors.T @ vectors
        mean = total / n_texts
        variances, axes = np.linalg.eigh(products / n_texts - np.outer(mean, mean))
        best = np.argsort(-variances)[:width]
        kept = variances[best].sum() / max(variances.sum(), np.finfo(float).tiny)
        log.info(
            "teacher: %.3g %% of the variance of its vectors in %d dimensions", 100 * kept, width
        )
        found = np.zeros((n, width))
        found[:, : len(best)] = axes[:, best]
        return cls(mean, found)

    def __call__(self, vectors: np.ndarray) -> np.ndarray:
        """Vectors `[n, teacher's width]`, turned, of length 1, in float16."""
        turned = (vectors - self.mean) @ self.axes
        lengths = np.linalg.norm(turned, axis=1, keepdims=True)
        return (turned / np.maximum(lengths, np.finfo(float).tiny)).astype(np.float16)

    def save(self, folder: Path) -> None:
        """Write it to two files."""
        for name, array in self._asdict().items():
            np.save(folder / f"{name}.npy", array)

    @classmethod
    def load(cls, folder: Path) -> "Turn":
        """Read what `save` wrote.

        Raises:
            ValueError: it is something else.
        """
        files = (folder / f"{name}.npy" for name in cls._fields)
        try:
            turn = cls(*(np.array(np.lib.format.open_memmap(file, mode="r")) for file in files))
        except Exception as failure:  # of many types: a header is parsed as Python
            raise ValueError(str(failure)) from None
        if not all(array.dtype == np.float64 and np.isfinite(array).all() for array in turn):
            raise ValueError("expected finite numbers of float64")
        if turn.axes.ndim != 2 or turn.mean.shape != turn.axes.shape[:1]:
            raise ValueError("expected a mean and axes of the same width")
        return turn


def _at(chunks: list[np.ndarray], places: np.ndarray) -> np.ndarray:
    """The vectors of some texts, `[len(places), teacher's width]`, float64."""
    found = np.empty((len(places), chunks[0].shape[1]))
    of, within = np.divmod(places, CHUNK)
    for chunk in np.unique(of):
        found[of == chunk] = chunks[chunk][within[of == chunk]]
    return found
