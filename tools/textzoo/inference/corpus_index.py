"""The index of a config's corpus."""

import logging
import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Optional

import numpy as np

from textzoo.data.corpus import Entry, described_layout, read_entries
from textzoo.data.encoding import Refusals
from textzoo.errors import UserError
from textzoo.files import version
from textzoo.index.centering import CENTER, center_of, centred
from textzoo.index.inverted_lists import check_n_texts, check_width
from textzoo.index.opening import check_place, load_index, new_index
from textzoo.index.text_index import MAX_TEXT_BYTES, TextIndex, changes_lost
from textzoo.inference.embedder import Embedder
from textzoo.text.streams import STANDARD_INPUT

log = logging.getLogger("textzoo")

Chunk = tuple[list[Entry], np.ndarray]  # some entries and their embeddings


def prepared_index(embedder: Embedder) -> TextIndex:
    """The index of the corpus: the saved one if checkpoint, corpus and settings are as then.

    Raises:
        UserError: there is no corpus; or, before any work is done, no place for the index.
    """
    config, settings = embedder.config, embedder.index_settings
    corpus = config.runner.corpus_file
    if corpus is None:
        raise UserError(f"{config.path}: runner.corpus_file: missing; expected a path")
    if corpus == STANDARD_INPUT:
        raise UserError("runner.corpus_file: received -, expected a file")
    if not corpus.is_file():
        raise UserError(f"runner.corpus_file: no such file: {corpus}")
    read = version(corpus)
    entries = corpus_entries(corpus, "runner.corpus_file", embedder)
    layout = described_layout(corpus, embedder.reader)
    read.check()
    made_from = {
        "model": embedder.model,
        "checkpoint": embedder.made_from,
        "corpus": read.sha256,
        "corpus layout": layout or None,  # not in the content: the file's name may tell it
        "precision": config.runner.infer_precision,
        "truncate_dim": embedder.truncate_dim,
    }
    index = load_index(settings)
    if index is not None:
        known = index.made_from
        changed = [name for name, fact in made_from.items() if known.get(name) != fact]
        changed += ["setting of index.center"] * ((CENTER in known) != settings.center)
        if not changed:
            log.info("index %s: as it was, %d texts", settings.place, len(index))
            if not index.is_saved:
                log.info("index %s: n-grams are counted anew", settings.place)
                index.commit()
            return index
        lost = changes_lost(known)
        log.log(
            logging.WARNING if lost else logging.INFO,
            "index %s: is built anew, since it is of another %s%s",
            *(settings.place, " and ".join(changed), lost),
        )
    check_place(settings)
    check_n_texts(settings, len(entries))
    started, building, built, ranges = time.perf_counter(), 0.0, None, None
    chunks = embedded(entries, embedder, corpus)
    if settings.center or settings.dtype != "float32":  # the mean and the scales are of all
        kept = []
        for part in chunks:
            check_width(settings, part[1].shape[1])  # before the others are embedded
            kept.append(part)
        if settings.center:
            sums = [embeddings.sum(axis=0, dtype=np.float64) for _, embeddings in kept]
            made_from[CENTER] = (np.sum(sums, axis=0) / len(entries)).round(7).tolist()
        if settings.dtype != "float32":
            ranges = _ranges(kept, center_of(made_from))
        chunks = _given_away(kept)
    for chunk, embeddings in chunks:
        began = time.perf_counter()
        if built is None:
            built = new_index(settings, embeddings.shape[1], made_from, ranges)
        built.add(chunk, embeddings)
        building += time.perf_counter() - began
    embedding = time.perf_counter() - started - building
    assert built is not None  # a corpus has entries
    built.commit()
    log.info(
        "index %s: %d texts embedded in %.1f s (%.0f/s), built in %.1f s",
        settings.place,
        len(entries),
        embedding,
        len(entries) / embedding,
        time.perf_counter() - started - embedding,
    )
    return built


def _ranges(chunks: list[Chunk], center: Optional[np.ndarray]) -> np.ndarray:
    """The smallest and the largest numbers of embeddings without their mean, `[2, width]`."""
    moved = (centred(embeddings, center) for _, embeddings in chunks)
    lowest, highest = zip(*((part.min(axis=0), part.max(axis=0)) for part in moved))
    return np.stack([np.min(lowest, axis=0), np.max(highest, axis=0)])


def _given_away(chunks: list[Chunk]) -> Iterator[Chunk]:
    """The chunks one after the other, which only who asked keeps in memory."""
    while chunks:
        yield chunks.pop(0)


def warn_if_empty(index: TextIndex, embedder: Embedder) -> None:
    """Tell, before a search, that all texts of the index are deleted."""
    if not len(index):
        log.warning("index %s: holds no text, nothing is found", embedder.index_settings.place)


def corpus_entries(path: Path, key: str, embedder: Embedder) -> list[Entry]:
    """The entries of a corpus file that the index can hold; of each text one if no ids are kept."""
    in_milvus = embedder.index_settings.backend == "milvus"
    refusals = Refusals(embedder.config.runner.bad_lines)
    longest = MAX_TEXT_BYTES if in_milvus else math.inf
    entries = read_entries(path, key, longest, refusals, embedder.reader)
    refusals.log(path)
    if in_milvus:
        return entries
    if any(entry.metadata or entry.id != entry.text for entry in entries):
        log.info("%s: ids and metadata are kept by index.backend=milvus only", path)
    return list({entry.text: entry for entry in entries}.values())


def embedded(entries: list[Entry], embedder: Embedder, source: Path) -> Iterator[Chunk]:
    """Some entries at a time, with their embeddings; `source` is the file that they come from."""
    first = 0
    for embeddings in embedder.chunks([entry.text for entry in entries], "title", source):
        yield entries[first : first + len(embeddings)], embeddings
        first += len(embeddings)
