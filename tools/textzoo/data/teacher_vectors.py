"""What a teacher gives for the texts of training rows: computed once, and kept in the cache.

A student learns the teacher's vectors at its own width: their principal components, without the
mean, which says nothing of one text. So sentence-transformers fits a teacher to a smaller student,
too.
"""

import logging
import time
from pathlib import Path

import numpy as np

from textzoo.data.cache import Cache, Rows, digest_of
from textzoo.data.text_vectors import CHUNK, SIDES, Distinct, EmbeddingModel
from textzoo.text.ragged import Columns, Ragged
from textzoo.text.reader import Reader

log = logging.getLogger("textzoo")

TEACHER = "_teacher"  # behind `query` and `title`: the columns and feeds of a teacher's vectors
_AT_ONCE = 4096  # rows whose vectors are turned at once


def teacher_columns(
    rows: Rows, reader: Reader, settings: Cache, teacher: EmbeddingModel, width: int
) -> Columns:
    """The teacher's vectors of the queries and titles of all rows, as columns beside theirs.

    Args:
        rows: of pairs.
        reader: that encoded them.
        settings: where the cache is and what becomes of malformed lines.
        teacher: what embeds the texts; a text that comes again is embedded once.
        width: of the student's embeddings.

    Returns:
        `query_teacher` and `title_teacher`, each `width` numbers a row, of length 1. The second is
        missing where it would be the first: where all rows are single texts.

    Raises:
        UserError: the teacher cannot embed a text, or the cache cannot be written.
    """
    keys = rows.columns["keys"].padded(np.arange(len(rows)))[0][:, :4]
    keys = np.ascontiguousarray(keys.astype(np.int32)).view(np.uint64)
    single = teacher.sides_alike and _are_single(rows, keys)
    distinct = Distinct(keys[:, : 1 if single else 2], teacher.sides_alike)
    digests = distinct.digests(teacher)
    columns = [side + TEACHER for side in SIDES[: distinct.places.shape[1]]]
    folder = settings.folder / f"taught-{digest_of(width, *digests, distinct.places)}"

    def text_of(row: int, side: int) -> str:
        return reader.parse(rows.line(row).text)[side]

    def fill(place: Path) -> None:
        started = time.perf_counter()
        vectors = distinct.vectors(text_of, settings, teacher, "teacher")
        turned = _Turned(vectors, width)
        for column, places in zip(columns, distinct.places.T):
            with (place / f"{column}.values").open("wb") as file:
                for first in range(0, len(rows), _AT_ONCE):
                    turned(places[first : first + _AT_ONCE]).tofile(file)
        log.info(
            "teacher: %d texts, %.3g %% of the variance of its vectors in %d dimensions, %.0f s",
            *(len(distinct), 100 * turned.kept, width, time.perf_counter() - started),
        )

    settings.fill(folder, fill)
    offsets = np.arange(len(rows) + 1, dtype=np.int64) * width
    files = {column: folder / f"{column}.values" for column in columns}
    return {
        column: Ragged(np.memmap(file, np.float16, "r"), offsets) for column, file in files.items()
    }


def _are_single(rows: Rows, keys: np.ndarray) -> bool:
    """Whether each row is one text, of which the student sees the same on both sides."""
    if (keys[:, 0] != keys[:, 1]).any():
        return False
    query, title = rows.columns["query"], rows.columns["title"]
    return len(query.values) == len(title.values) and bool((query.values == title.values).all())


class _Turned:
    """Vectors turned to another width: their principal components, of length 1.

    Args:
        chunks: the vectors, `[texts of a chunk, teacher's width]` each.
        width: of the student; beyond the teacher's, zeros follow.

    Attributes:
        kept: the share of the variance that is left.
    """

    def __init__(self, chunks: list[np.ndarray], width: int):
        self._chunks = chunks
        n_texts, n = sum(map(len, chunks)), chunks[0].shape[1]
        total, products = np.zeros(n), np.zeros((n, n))
        for chunk in chunks:
            vectors = chunk.astype(np.float64)
            total += vectors.sum(axis=0)
            products += vectors.T @ vectors
        self._mean = total / n_texts
        variances, axes = np.linalg.eigh(products / n_texts - np.outer(self._mean, self._mean))
        best = np.argsort(-variances)[:width]
        self.kept = float(variances[best].sum() / max(variances.sum(), np.finfo(float).tiny))
        self._axes = np.zeros((n, width))
        self._axes[:, : len(best)] = axes[:, best]

    def __call__(self, places: np.ndarray) -> np.ndarray:
        """Those of some texts, `[len(places), width]`, float16."""
        found = np.empty((len(places), len(self._mean)))
        of, within = np.divmod(places, CHUNK)
        for chunk in np.unique(of):
            found[of == chunk] = self._chunks[chunk][within[of == chunk]]
        turned = (found - self._mean) @ self._axes
        lengths = np.linalg.norm(turned, axis=1, keepdims=True)
        return (turned / np.maximum(lengths, np.finfo(float).tiny)).astype(np.float16)
