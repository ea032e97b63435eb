"""What a teacher gives for the texts of training rows: computed once, and kept in the cache.

A student learns the teacher's vectors at its own width: their principal components, without the
mean, which says nothing of one text. So sentence-transformers fits a teacher to a smaller student,
too.
"""

import logging
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np

from textzoo.data.cache import Cache, Rows, digest_of
from textzoo.text.ragged import Columns, Ragged
from textzoo.text.reader import Embed, Reader, Side

log = logging.getLogger("textzoo")

TEACHER = "_teacher"  # behind `query` and `title`: the columns and feeds of a teacher's vectors
_CHUNK = 20_000  # texts whose vectors are kept together: what an interrupted run does not lose
_AT_ONCE = 4096  # rows whose vectors are turned at once
_SIDES: tuple[Side, Side] = ("query", "title")
_FILE = "vectors.npy"


class TeacherModel(NamedTuple):
    """A model whose embeddings another one learns.

    Attributes:
        embed: gives them.
        made_from: what decides them, such as the checksums of its files.
        sides_alike: whether a text has the same embedding as a query and as a title.
    """

    embed: Embed
    made_from: object
    sides_alike: bool

    @property
    def digest(self) -> str:
        """Of what decides its embeddings."""
        return digest_of(self.made_from)


def teacher_columns(
    rows: Rows, reader: Reader, settings: Cache, teacher: TeacherModel, width: int
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
    distinct = _Distinct(keys[:, : 1 if single else 2], teacher.sides_alike)
    digests = [digest_of(teacher.made_from, *distinct.chunk(n)) for n in range(distinct.n_chunks)]
    columns = [side + TEACHER for side in _SIDES[: distinct.places.shape[1]]]
    folder = settings.folder / f"taught-{digest_of(width, *digests, distinct.places)}"

    def fill(place: Path) -> None:
        started = time.perf_counter()
        vectors = _vectors(rows, reader, settings, teacher, distinct, digests)
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


class _Distinct:
    """The different texts of some rows, in the order in which they first come.

    Attributes:
        places: `[rows, sides]`, which of them a row's texts are.
        first: `[texts]`, where each first comes: its row times the sides, and the side.
    """

    def __init__(self, keys: np.ndarray, sides_alike: bool):
        self._n_sides = keys.shape[1]
        if not sides_alike:  # a text is another one as a title
            keys = keys ^ np.arange(self._n_sides, dtype=np.uint64)
        self._keys, first, places = np.unique(keys.ravel(), return_index=True, return_inverse=True)
        order = np.argsort(first)
        self.first, self._keys = first[order], self._keys[order]
        rank = np.empty(len(order), np.int32)
        rank[order] = np.arange(len(order), dtype=np.int32)
        self.places: np.ndarray = rank[places.ravel()].reshape(keys.shape)
        self.n_chunks = -(-len(self) // _CHUNK)

    def __len__(self) -> int:
        return len(self.first)

    def chunk(self, n: int) -> tuple[np.ndarray, np.ndarray]:
        """The keys of the texts of a chunk, and their sides."""
        own = slice(n * _CHUNK, (n + 1) * _CHUNK)
        return self._keys[own], self.first[own] % self._n_sides

    def texts(self, n: int, rows: Rows, reader: Reader) -> dict[Side, list[str]]:
        """The texts of a chunk, those of each side in their order."""
        found: dict[Side, list[str]] = {"query": [], "title": []}
        for first in self.first[n * _CHUNK : (n + 1) * _CHUNK].tolist():
            row, side = divmod(first, self._n_sides)
            found[_SIDES[side]].append(reader.parse(rows.line(row).text)[side])
        return found


def _are_single(rows: Rows, keys: np.ndarray) -> bool:
    """Whether each row is one text, of which the student sees the same on both sides."""
    if (keys[:, 0] != keys[:, 1]).any():
        return False
    query, title = rows.columns["query"], rows.columns["title"]
    return len(query.values) == len(title.values) and bool((query.values == title.values).all())


def _vectors(
    rows: Rows,
    reader: Reader,
    settings: Cache,
    teacher: TeacherModel,
    distinct: _Distinct,
    digests: list[str],
) -> list[np.ndarray]:
    """The vectors of the different texts, `[texts of a chunk, teacher's width]` each."""
    chunks, n_done = [], 0
    for n, digest in enumerate(digests):
        _, sides = distinct.chunk(n)

        def fill(place: Path, n: int = n, sides: np.ndarray = sides) -> None:
            texts = distinct.texts(n, rows, reader)
            embedded = {side: teacher.embed(texts[side], side) for side in _SIDES if texts[side]}
            vectors = next(iter(embedded.values()))
            vectors = np.empty((len(sides), vectors.shape[1]), np.float16)
            for number, side in enumerate(_SIDES):
                if side in embedded:
                    vectors[sides == number] = embedded[side]
            np.save(place / _FILE, vectors)

        folder = settings.folder / f"teacher-{digest}"
        settings.fill(folder, fill)
        chunks.append(np.load(folder / _FILE, mmap_mode="r", allow_pickle=False))
        n_done += len(sides)
        log.info("teacher: %d of %d texts embedded", n_done, len(distinct))
    return chunks


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
        of, within = np.divmod(places, _CHUNK)
        for chunk in np.unique(of):
            found[of == chunk] = self._chunks[chunk][within[of == chunk]]
        turned = (found - self._mean) @ self._axes
        lengths = np.linalg.norm(turned, axis=1, keepdims=True)
        return (turned / np.maximum(lengths, np.finfo(float).tiny)).astype(np.float16)
