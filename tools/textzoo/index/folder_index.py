"""An index in a folder: texts found by a graph (HNSW, Malkov and Yashunin 2018), lists, or exactly.

hnswlib keeps the graph; for lists see `inverted_lists`. With `index.lexical_weight` the n-grams
that texts share with the query count, too, see `mixing`; with `index.dtype` embeddings have fewer
bits, see `vectors`.
"""

import errno
import json
import logging
import os
import re
import tempfile
import threading
from pathlib import Path
from typing import Any, Optional

import numpy as np
import pydantic

from textzoo.config.schema import Block, IndexSettings
from textzoo.data.corpus import Entry
from textzoo.devices import n_threads
from textzoo.errors import UserError
from textzoo.files import (
    Listing,
    copy_files,
    digests,
    new_folder,
    read_json,
    reason,
    sha256,
    standing,
)
from textzoo.index.centering import CENTER, center_of
from textzoo.index.graph_file import is_graph_of, keep_links, with_embeddings
from textzoo.index.inverted_lists import FILES as LIST_FILES
from textzoo.index.inverted_lists import InvertedLists, has_lists
from textzoo.index.lexical import LexicalForm, LexicalIndex
from textzoo.index.mixing import CosineMoments, mixed, standardised
from textzoo.index.text_index import Hit, changes_lost
from textzoo.index.vectors import (
    FILES,
    BinaryVectors,
    Vectors,
    damaged,
    new_vectors,
    read_vectors,
)
from textzoo.progress import Work

try:
    import hnswlib
except ImportError:  # it is built from source, for which some machines have no compiler
    hnswlib = None

log = logging.getLogger("textzoo")

LISTING = Listing("manifest.json", frozenset({"made_from", "form", "sha256"}), "an index")
_TEXTS, _GRAPH = "texts.json", "hnsw.bin"
_LEXICAL, _LEXICAL_FILE = "lexical", re.compile(r"lexical/\w+\.(json|npz)", re.ASCII)
_BLOCK = 256  # queries that are compared with everything at once
_MIXED_BLOCK = 64  # the same where there are three scores of every text
_SCORES = 1 << 26  # of queries and texts, or numbers of the latter, in memory at once
_MOMENTS_BLOCK = 4096  # texts whose embeddings are looked at together
_ADDED = 4096  # texts that are added to a graph at once


class _Manifest(Block):
    """What is known of an index; what decides its embeddings names at least the checkpoint."""

    made_from: dict[str, Any]
    form: dict[str, Any]
    sha256: dict[str, str]

    @pydantic.field_validator("made_from")
    @classmethod
    def _check_made_from(cls, made_from: dict[str, Any]) -> dict[str, Any]:
        if not isinstance(made_from.get("checkpoint"), dict):
            raise ValueError("expected the checksums of a checkpoint")
        center = made_from.get(CENTER, [])
        if not isinstance(center, list) or not all(isinstance(x, float) for x in center):
            raise ValueError("expected the mean of embeddings")
        return made_from

    @pydantic.field_validator("sha256")
    @classmethod
    def _check_names(cls, sha256: dict[str, str]) -> dict[str, str]:
        more = {name for name in sha256 if _LEXICAL_FILE.fullmatch(name)} | {_GRAPH}
        if sha256.keys() - more - FILES["binary"] - LIST_FILES != {_TEXTS}:
            raise ValueError("expected the checksums of the files of an index")
        return sha256


class _Texts(Block):
    """The texts of an index, and the places of those that are deleted."""

    texts: list[str]
    deleted: list[int]


class FolderIndex:
    """Texts with their embeddings, in the order they were added; deleted ones are not found.

    Args:
        settings: the config's `index` block.
        width: of the embeddings.
        made_from: what decides the embeddings, kept in the manifest, such as checksums.
        ranges: of what is added, for `index.dtype: int8`, see `Int8Vectors`.
    """

    def __init__(
        self,
        settings: IndexSettings,
        width: int,
        made_from: dict[str, Any],
        ranges: Optional[np.ndarray] = None,
    ):
        self.made_from = made_from
        self.texts: list[str] = []
        self.is_saved = False  # see `TextIndex`
        self._manifest: Any = None  # as it was read or written
        self._settings = settings
        spill_to = settings.path.parent if settings.backend == "faiss" and settings.path else None
        self._vectors: Vectors = new_vectors(settings.dtype, width, spill_to, ranges)
        self._places: dict[str, int] = {}
        self._alive, self._n_alive = np.zeros(0, bool), 0
        self._graph: Any = None  # of hnswlib
        self._lists: Optional[InvertedLists] = None  # of some of the texts, or none yet
        self._lexical: Optional[LexicalIndex] = None  # of the texts that can be found, or none yet
        self._moments: Optional[CosineMoments] = None  # of their embeddings, or none yet
        self._lock = threading.Lock()

    def __len__(self) -> int:
        """How many texts can be found."""
        return self._n_alive

    def add(self, entries: list[Entry], embeddings: np.ndarray) -> int:
        """Add texts that are not there yet, or were deleted.

        The embeddings that come first decide the scales of `index.dtype: int8`, if no ranges do.

        Args:
            entries: the texts; ids and metadata are not kept.
            embeddings: `[entries, width]`, of length 1.

        Returns:
            How many were new.
        """
        self._check_width(embeddings)
        chosen = {e.text: row for row, e in enumerate(entries) if not self._finds(e.text)}
        first = len(self.texts)
        self.texts += chosen
        self._places.update({text: first + i for i, text in enumerate(chosen)})
        self._vectors.append(embeddings[list(chosen.values())])
        self._alive = np.concatenate([self._alive, np.ones(len(chosen), bool)])
        self._n_alive += len(chosen)
        self._forget()
        if self._settings.backend == "hnsw" and chosen:
            self._extend_graph(first)
        return len(chosen)

    def delete(self, entries: list[Entry]) -> list[Entry]:
        """Delete texts; returns the entries whose texts were not there."""
        missing = [entry for entry in entries if not self._finds(entry.text)]
        texts = dict.fromkeys(entry.text for entry in entries)
        places = [self._places[text] for text in texts if self._finds(text)]
        self._alive[places] = False
        self._n_alive -= len(places)
        self._forget()
        if self._graph is not None:
            for place in places:
                self._graph.mark_deleted(place)
        return missing

    def nearest(
        self, queries: np.ndarray, k: int, texts: Optional[list[str]] = None
    ) -> list[list[Hit]]:
        """The same as `search`: for each query its texts and their scores."""
        return [
            [Hit(self.texts[place], score) for place, score in zip(*row)]
            for row in zip(*(found.tolist() for found in self.search(queries, k, texts)))
        ]

    def search(
        self, queries: np.ndarray, k: int, texts: Optional[list[str]] = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """The nearest texts of each query, best first.

        With texts and a lexical weight every text is scored; but with a graph or signs only those
        that are among the nearest ones by these, or among as many of the best lexical ones.

        Args:
            queries: `[queries, width]`, of length 1.
            k: how many; all that exist come back when it is more.
            texts: of the queries, see `TextIndex.nearest`.

        Returns:
            Places in `texts` and scores, both `[queries, min(k, len(self))]`.
        """
        self._check_width(queries)
        k = min(k, len(self))
        if k == 0:
            return np.zeros((len(queries), 0), np.int64), np.zeros((len(queries), 0), np.float32)
        if not (self._settings.lexical_weight and texts is not None):
            texts = None
        near = self._near(queries, k, texts)
        if near is None:
            return self._search_exactly(queries, k, texts)
        if texts:
            return self._search_candidates(queries, k, texts, near)
        step = _at_once(_BLOCK, near.shape[1] * self._vectors.width)
        blocks = [slice(first, first + step) for first in range(0, len(queries), step)]
        found = [self._vectors.products_at(queries[block], near[block]) for block in blocks]
        cosines = np.concatenate(found) if found else np.zeros(near.shape, np.float32)
        order = np.argsort(-cosines, axis=1, kind="stable")[:, :k]
        return np.take_along_axis(near, order, 1), np.take_along_axis(cosines, order, 1)

    def commit(self) -> None:
        """Write the index to the folder of its settings.

        Raises:
            UserError: another command has changed it since it was read, or it cannot be written.
        """
        self._check_unchanged()
        self.save(self._folder)
        self._manifest = read_json(self._folder / LISTING.file)
        self.is_saved = True

    def _check_unchanged(self) -> None:
        """Refuse to write over what another command has written since this index was read.

        Raises:
            UserError: it has.
        """
        if self._manifest is None:
            return
        try:
            now = read_json(standing(self._folder) / LISTING.file)
        except (OSError, ValueError):
            now = None
        if now != self._manifest:
            raise UserError(
                f"index.path: another command has changed {self._folder} since it was read; "
                "run this one again"
            )

    def copy(self, folder: Path) -> None:
        """Copy the files of the committed index."""
        copy_files(standing(self._folder), folder)

    @property
    def _folder(self) -> Path:
        if self._settings.path is None:
            raise ValueError("settings: expected those with every name and path")
        return self._settings.path

    def save(self, folder: Path) -> None:
        """Write the index; a reader sees a whole one or the one before it.

        Raises:
            UserError: the disk cannot be written, or by now something else is there.
        """
        try:
            with new_folder(folder, LISTING) as place:
                self._vectors.save(place)
                deleted = np.flatnonzero(~self._alive).tolist()
                _write(place / _TEXTS, {"texts": self.texts, "deleted": deleted})
                if self._settings.lexical_weight:
                    (place / _LEXICAL).mkdir()
                    self._ready_lexical().save(place / _LEXICAL)
                if self._graph is not None:
                    self._graph.save_index(str(place / _GRAPH))  # which says nothing of a full disk
                    if (place / _GRAPH).stat().st_size != self._graph.index_file_size():
                        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                    if self._settings.dtype != "float32":
                        keep_links(place / _GRAPH, len(self.texts), self._settings)
                if lists := self._ready_lists():
                    lists.save(place)
                facts = {"made_from": self.made_from, "form": _form(self._settings)}
                _write(place / LISTING.file, {**facts, "sha256": digests(place)})
                if folder == self._settings.path:
                    self._check_unchanged()  # meanwhile: a large one takes minutes
        except OSError as failure:
            raise UserError(
                f"index.path: cannot write {folder}: {reason(failure)}; choose another folder "
                "with -o index.path=PATH"
            ) from None

    @classmethod
    def load(cls, folder: Path, settings: IndexSettings) -> Optional["FolderIndex"]:
        """Read an index; None if there is none, or one of another form.

        Raises:
            UserError: a file of it is damaged, or cannot be read.
        """
        folder = standing(folder)
        try:
            facts = read_json(folder / LISTING.file)
            if isinstance(facts, dict) and not _has_form(facts, settings):
                lost = changes_lost(facts.get("made_from"))
                level = logging.WARNING if lost else logging.INFO
                log.log(level, "index %s: was built with other settings%s", folder, lost)
                return None
            manifest = _Manifest.model_validate(facts)
            for name, digest in manifest.sha256.items():
                if sha256(folder / name) != digest:
                    raise damaged(folder / name)
            index = cls._read(folder, settings, manifest)
            index._manifest = facts
            index.is_saved = not settings.lexical_weight or index._lexical is not None
            return index
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as failure:
            raise UserError(f"{failure.filename}: cannot be read: {failure.strerror}") from None
        except ValueError:  # of JSON, or of pydantic
            raise damaged(folder / LISTING.file) from None

    @classmethod
    def _read(cls, folder: Path, settings: IndexSettings, manifest: "_Manifest") -> "FolderIndex":
        """The index of files that are as they were written.

        Raises:
            UserError: they do not belong together, or to the manifest.
        """
        try:
            texts = _Texts.model_validate_json((folder / _TEXTS).read_bytes())
        except ValueError:
            raise damaged(folder / _TEXTS) from None
        n = len(texts.texts)
        if manifest.sha256.keys() & FILES["binary"] != FILES[settings.dtype]:
            raise damaged(folder / LISTING.file)
        vectors = read_vectors(folder, settings.dtype, n, settings.backend == "faiss")
        center = center_of(manifest.made_from)
        if center is not None and (
            center.shape != (vectors.width,) or not np.isfinite(center).all()
        ):
            raise damaged(folder / LISTING.file)
        index = cls(settings, vectors.width, manifest.made_from)
        index.texts, index._vectors = texts.texts, vectors
        index._alive = np.ones(n, bool)
        if not all(0 <= place < n for place in texts.deleted):
            raise damaged(folder / _TEXTS)
        index._alive[texts.deleted] = False
        index._n_alive = int(index._alive.sum())
        index._places = {text: place for place, text in enumerate(index.texts)}
        alive = np.flatnonzero(index._alive).tolist()
        if any(index._places[index.texts[place]] != place for place in alive):
            raise damaged(folder / _TEXTS)
        if (_GRAPH in manifest.sha256) != (manifest.form.get("backend") == "hnsw" and n > 0):
            raise damaged(folder / LISTING.file)
        if _GRAPH in manifest.sha256 and hnswlib:
            index._graph = _read_graph(folder / _GRAPH, vectors, ~index._alive, settings)
        of_lists = LIST_FILES if has_lists(settings, n) else set()
        if manifest.sha256.keys() & LIST_FILES != of_lists:
            raise damaged(folder / LISTING.file)
        if of_lists:
            index._lists = InvertedLists.load(folder, vectors, settings)
        listed = {name for name in manifest.sha256 if _LEXICAL_FILE.fullmatch(name)}
        if {f"{_LEXICAL}/{file.name}" for file in (folder / _LEXICAL).glob("*")} != listed:
            raise damaged(folder / LISTING.file)
        if settings.lexical_weight and listed:
            form = LexicalForm.of(settings)
            try:
                index._lexical = LexicalIndex.load(folder / _LEXICAL, form, len(index))
            except ValueError:
                raise damaged(folder / _LEXICAL) from None
        return index

    def _check_width(self, embeddings: np.ndarray) -> None:
        if embeddings.shape[1] != self._vectors.width:
            raise UserError(
                f"{self._settings.path}: holds embeddings of width {self._vectors.width}, "
                f"received {embeddings.shape[1]}; delete the folder to build the index anew"
            )

    def _finds(self, text: str) -> bool:
        place = self._places.get(text)
        return place is not None and bool(self._alive[place])

    def _extend_graph(self, first: int) -> None:
        """Add the embeddings from `first` on."""
        settings, n_texts = self._settings, len(self.texts)
        if self._graph is None:
            if hnswlib is None:  # `opening` takes another backend then
                raise UserError("index.backend: hnsw needs hnswlib: pip install 'textzoo[hnsw]'")
            self._graph = hnswlib.Index(settings.space, self._vectors.width)
            self._graph.init_index(
                max_elements=n_texts,
                M=settings.hnsw_m,
                ef_construction=settings.ef_construction,
                random_seed=100,
            )
            self._graph.set_num_threads(n_threads())
        elif self._graph.get_max_elements() < n_texts:
            self._graph.resize_index(n_texts)
        work = Work("index", n_texts - first, "texts")
        for places in work.over(np.arange(first, n_texts), _ADDED):
            self._graph.add_items(self._vectors.at(places), places)

    def _near(
        self, queries: np.ndarray, k: int, texts: Optional[list[str]]
    ) -> Optional[np.ndarray]:
        """The places among which the nearest are looked for, at least k; None: all of them."""
        if isinstance(self._vectors, BinaryVectors):
            n = min(k * self._settings.rescore_multiplier, len(self))
            return self._vectors.nearest(queries, n, self._alive)
        if lists := self._ready_lists():
            return lists.nearest(queries, k, self._settings, self._alive, len(self))
        n = min(max(self._settings.ef, k), len(self)) if texts else k
        return self._near_in_graph(queries, n)

    def _ready_lists(self) -> Optional[InvertedLists]:
        """The lists of all texts; None if every text is compared, or a graph has them."""
        if not has_lists(self._settings, len(self.texts)):
            return None
        with self._lock:
            if self._lists is None:
                self._lists = InvertedLists.of(self._vectors, self._settings)
            self._lists.extend()
            return self._lists

    def _near_in_graph(self, queries: np.ndarray, k: int) -> Optional[np.ndarray]:
        """The places that the graph leads to, `[queries, k]`; None if it leads to fewer."""
        if self._graph is None:
            return None
        with self._lock:  # `ef` is kept in the graph
            self._graph.set_ef(max(self._settings.ef, k))
            try:
                return self._graph.knn_query(queries, k)[0].astype(np.int64)
            except RuntimeError:
                return None

    def _search_exactly(
        self, queries: np.ndarray, k: int, texts: Optional[list[str]]
    ) -> tuple[np.ndarray, np.ndarray]:
        places = np.empty((len(queries), k), np.int64)
        scores = np.empty((len(queries), k), np.float32)
        alive = np.flatnonzero(self._alive)
        step = _at_once(_MIXED_BLOCK if texts else _BLOCK, len(self.texts))
        for first in range(0, len(queries), step):
            block = slice(first, first + step)
            found = self._vectors.products(queries[block])
            found = found if len(alive) == len(self.texts) else found[:, alive]
            if texts:
                lexical = standardised(self._ready_lexical().scores(texts[block]))
                found = mixed(standardised(found), lexical, self._weight)
            best, scores[block] = _best(found, k)
            places[block] = alive[best]
        return places, scores

    def _search_candidates(
        self, queries: np.ndarray, k: int, texts: list[str], near: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """The best of the places that are near each query, `[queries, n]`, or lexically so."""
        places = np.empty((len(queries), k), np.int64)
        scores = np.empty((len(queries), k), np.float32)
        moments, lexical = self._ready_moments(), self._ready_lexical()
        alive = np.flatnonzero(self._alive)
        step = _at_once(_MIXED_BLOCK, len(alive))
        for first in range(0, len(queries), step):
            block = standardised(lexical.scores(texts[first : first + step]))
            n = near.shape[1]
            by_words = np.argpartition(block, -n, axis=1)[:, -n:]
            for row, (own, words) in enumerate(zip(block, by_words), first):
                found = np.union1d(np.searchsorted(alive, near[row]), words)
                query = queries[row : row + 1]
                cosines = self._vectors.products_at(query, alive[found][None])[0]
                both = moments.standardised(cosines, queries[row]), own[found]
                best, scores[row] = _best(mixed(*both, self._weight)[None], k)
                places[row] = alive[found[best]]
        return places, scores

    @property
    def _weight(self) -> float:
        weight = self._settings.lexical_weight
        if weight == "auto":
            raise ValueError("index.lexical_weight: expected the checkpoint's, received auto")
        return weight

    def _ready_lexical(self) -> LexicalIndex:
        """The lexical part, of the texts that can be found."""
        with self._lock:
            if self._lexical is None:
                texts = [self.texts[place] for place in np.flatnonzero(self._alive)]
                with Work(f"index: n-grams of {len(texts)} texts"):
                    self._lexical = LexicalIndex.fit(texts, LexicalForm.of(self._settings))
            return self._lexical

    def _ready_moments(self) -> CosineMoments:
        with self._lock:
            if self._moments is None:
                alive = np.flatnonzero(self._alive)
                blocks = range(0, len(alive), _MOMENTS_BLOCK)
                self._moments = CosineMoments(
                    self._vectors.at(alive[first : first + _MOMENTS_BLOCK]) for first in blocks
                )
            return self._moments

    def _forget(self) -> None:
        """Leave behind what was computed of other texts than there are now."""
        self._lexical = self._moments = None
        self.is_saved = False


def _at_once(most: int, n_numbers: int) -> int:
    """How many queries are compared at once, each of which takes so many numbers."""
    return max(1, min(most, _SCORES // n_numbers))


def _best(scores: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """The places of the k highest scores of each row, best first, and these, both `[rows, k]`."""
    best = np.argpartition(scores, -k, axis=1)[:, -k:]
    best.sort(axis=1)  # equal scores in the order of the texts
    found = np.take_along_axis(scores, best, 1)
    order = np.argsort(-found, axis=1, kind="stable")
    return np.take_along_axis(best, order, 1), np.take_along_axis(found, order, 1)


def _read_graph(path: Path, vectors: Vectors, deleted: np.ndarray, settings: IndexSettings) -> Any:
    """The graph of a file; of one without embeddings, with those that the index has.

    Raises:
        UserError: it is not a graph of these.
    """
    assert hnswlib
    embeddings = vectors.at(slice(None))
    with tempfile.TemporaryDirectory() as folder:
        whole = path
        if settings.dtype != "float32":
            whole = Path(folder, _GRAPH)
            if not with_embeddings(path, whole, embeddings, settings):
                raise damaged(path)
        if not is_graph_of(whole, embeddings, deleted, settings):
            raise damaged(path)
        graph = hnswlib.Index(settings.space, vectors.width)
        graph.load_index(str(whole))
        graph.set_num_threads(n_threads())
    return graph


def _form(settings: IndexSettings) -> dict[str, Any]:
    """The settings that an index is built with."""
    form = {"backend": settings.backend}
    if settings.backend == "hnsw":
        form |= settings.model_dump(include={"space", "hnsw_m", "ef_construction"})
    if settings.backend == "faiss":
        form["faiss"] = settings.faiss
    return form if settings.dtype == "float32" else {**form, "dtype": settings.dtype}


def _has_form(facts: dict[str, Any], settings: IndexSettings) -> bool:
    """Whether an index was built with these settings, or with a graph that nothing here reads."""
    form = facts.get("form")
    if hnswlib is None and settings.backend == "exact" and isinstance(form, dict):
        alike = form.get("dtype", "float32") == settings.dtype
        return alike and form.get("backend") in ("exact", "hnsw")
    return form == _form(settings)


def _write(path: Path, facts: dict[str, Any]) -> None:
    path.write_text(json.dumps(facts, ensure_ascii=False), encoding="utf-8")
