"""What a model that embeds gives for many texts: computed once, and kept in the cache."""

import hashlib
import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from textzoo.data.cache import Cache, digest_of
from textzoo.text.characters import texts_of
from textzoo.text.ragged import Columns, Ragged
from textzoo.text.reader import CHARACTERS, Embed, Side

log = logging.getLogger("textzoo")

VECTORS = "vectors"  # the column of the embeddings of rows, `[width]` each
CHUNK = 20_000  # texts whose vectors are kept together: what an interrupted run does not lose
SIDES: tuple[Side, Side] = ("query", "title")
_FILE = "vectors.npy"
_MOST_ROWS = 200_000  # whose vectors are held in memory


class EmbeddingModel(NamedTuple):
    """A model whose embeddings another one takes: a teacher, or an encoder beside n-grams.

    Attributes:
        embed: gives them.
        made_from: what decides them, such as the checksums of its files.
        sides_alike: whether a text has the same embedding as a query and as a title.
        files: the checksums of its files alone, in whatever precision it computes.
    """

    embed: Embed
    made_from: object
    sides_alike: bool
    files: object = None

    def queries(self, texts: list[str]) -> np.ndarray:
        """The embeddings of texts, all of one kind, `[texts, width]`."""
        return self.embed(texts, "query")

    @property
    def digest(self) -> str:
        """Of what decides its embeddings."""
        return digest_of(self.made_from)

    @property
    def sha256(self) -> str:
        """Of its files."""
        return hashlib.sha256(json.dumps(self.files, sort_keys=True).encode()).hexdigest()


class Distinct:
    """The different texts of some rows, in the order in which they first come.

    Args:
        keys: `[rows, sides]` of 64 bits, equal for equal texts.
        sides_alike: whether a text of one side is the same as one of the other.

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
        self.n_chunks = -(-len(self) // CHUNK)

    def __len__(self) -> int:
        return len(self.first)

    def chunk(self, n: int) -> tuple[np.ndarray, np.ndarray]:
        """The keys of the texts of a chunk, and their sides."""
        own = slice(n * CHUNK, (n + 1) * CHUNK)
        return self._keys[own], self.first[own] % self._n_sides

    def digests(self, model: EmbeddingModel) -> list[str]:
        """What the vectors of each chunk are kept by."""
        return [digest_of(model.made_from, *self.chunk(n)) for n in range(self.n_chunks)]

    def vectors(
        self,
        text_of: Callable[[int, int], str],
        settings: Cache,
        model: EmbeddingModel,
        name: str,
    ) -> list[np.ndarray]:
        """The vectors of the texts, `[texts of a chunk, width]` each, float16.

        Args:
            text_of: the text of a row, by its number and that of the side.
            settings: where the cache is.
            model: what embeds.
            name: of what they are for, in the log.

        Raises:
            UserError: it cannot embed a text, or the cache cannot be written.
        """
        chunks, n_done = [], 0
        for n, digest in enumerate(self.digests(model)):
            _, sides = self.chunk(n)

            def fill(place: Path, n: int = n, sides: np.ndarray = sides) -> None:
                log.info("%s: embedding %d texts", name, len(sides))  # which may take minutes
                texts: dict[Side, list[str]] = {"query": [], "title": []}
                for first in self.first[n * CHUNK : (n + 1) * CHUNK].tolist():
                    row, side = divmod(first, self._n_sides)
                    texts[SIDES[side]].append(text_of(row, side))
                embedded = {side: model.embed(texts[side], side) for side in SIDES if texts[side]}
                vectors = next(iter(embedded.values()))
                vectors = np.empty((len(sides), vectors.shape[1]), np.float16)
                for number, side in enumerate(SIDES):
                    if side in embedded:
                        vectors[sides == number] = embedded[side]
                np.save(place / _FILE, vectors)

            folder = settings.folder / f"teacher-{digest}"
            settings.fill(folder, fill)
            chunks.append(np.load(folder / _FILE, mmap_mode="r", allow_pickle=False))
            n_done += len(sides)
            log.info("%s: %d of %d texts embedded", name, n_done, len(self))
        return chunks


def text_vectors(texts: list[str], settings: Cache, model: EmbeddingModel, name: str) -> np.ndarray:
    """The vectors of some texts, as queries, `[texts, width]`, float16; see `Distinct.vectors`."""
    digests = (hashlib.blake2b(text.encode(), digest_size=8).digest() for text in texts)
    distinct = Distinct(np.frombuffer(b"".join(digests), np.uint64)[:, None], sides_alike=True)
    chunks = distinct.vectors(lambda row, _: texts[row], settings, model, name)
    return np.concatenate(chunks)[distinct.places[:, 0]]


def add_vectors(columns: Columns, settings: Cache, model: EmbeddingModel, name: str) -> None:
    """Put the column `VECTORS` beside the characters of rows; of very many it would be too large.

    A text without a word has a vector of zeros. Arguments and errors are those of `text_vectors`.
    """
    characters = columns[CHARACTERS]
    if len(characters) > _MOST_ROWS:
        return
    vectors = embedded(texts_of(characters), lambda some: text_vectors(some, settings, model, name))
    offsets = np.arange(len(vectors) + 1, dtype=np.int64) * vectors.shape[1]
    columns[VECTORS] = Ragged(vectors.ravel(), offsets)


def embedded(texts: list[str], embed: Callable[[list[str]], np.ndarray]) -> np.ndarray:
    """The embeddings of texts, `[texts, width]`; of one without a word they are 0."""
    is_blank = np.array([not text.strip() for text in texts], bool)
    if not is_blank.any():
        return embed(texts)
    some = embed([text for text in texts if text.strip()] or ["-"])
    found = np.zeros((len(texts), some.shape[1]), some.dtype)
    if not is_blank.all():
        found[~is_blank] = some
    return found
