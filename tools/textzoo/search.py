"""Recall texts of a corpus for queries: the recipe behind recall.py."""

import json
import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Optional

import numpy as np
from tqdm import tqdm

from textzoo.building import load_config
from textzoo.cache import Column, file_digest
from textzoo.checkpoint import Checkpoint
from textzoo.config import Config
from textzoo.corpus import Entry, read_entries
from textzoo.devices import choose_device
from textzoo.errors import UserError
from textzoo.index import Hit
from textzoo.indexes import MAX_TEXT_BYTES, TextIndex, index_settings, load_index, new_index
from textzoo.infer import chosen_checkpoints, chosen_engine, load_checkpoints, restore
from textzoo.reading import Line, data_files, read_lines
from textzoo.reporting import start_logging
from textzoo.retrieval import embed
from textzoo.streams import STANDARD_INPUT

log = logging.getLogger("textzoo")

_CHUNK = 20_000  # texts that are embedded between two moves of the progress bar


class Embedder:
    """Embeds texts with the checkpoint that a config chooses.

    With `runner.infer_ensemble` the embeddings of several checkpoints stand side by side, so that a
    cosine is the mean of theirs. Each has the reader and the net that it was trained with.

    Attributes:
        config: the config.
        reader: the model's reader, with the (first) checkpoint's vocabulary.
        made_from: what decides an embedding: the checksums of weights and vocabulary.
        output: where the commands write.
        index_settings: the config's `index` block with every name and path.
        model: the name of the model's folder.

    Raises:
        UserError: there is no such checkpoint, or the model does not embed texts.
    """

    def __init__(self, path: Path, overrides: list[str]):
        self.config, folder = load_config(path, overrides)
        runner = self.config.runner
        start_logging()
        choose_device(runner.use_gpu)
        if not getattr(folder.dygraph_model, "embeds", False):
            raise UserError(f"{path}: model {folder.path.name} does not embed texts")
        load_path = runner.infer_load_path or runner.model_save_path
        self.output = runner.infer_output_dir or load_path / "infer"
        self.model = folder.path.name
        self.index_settings = index_settings(self.config.index, runner, self.model)
        chosen = runner.infer_ensemble or chosen_checkpoints(runner, load_path)[-1:]
        checkpoints = load_checkpoints(chosen)
        engine = chosen_engine(runner)
        self._members = []
        for checkpoint in checkpoints:
            config = self.config
            if runner.infer_ensemble:
                config, _ = load_config(path, [*overrides, *_as_trained(checkpoint)])
            self._members.append(restore(config, folder, checkpoint, engine))
        self.reader = self._members[0][1]
        self.made_from = checkpoints[0].facts["sha256"]
        for i, checkpoint in enumerate(checkpoints[1:], 1):
            digests = checkpoint.facts["sha256"].items()
            self.made_from = {**self.made_from, **{f"{name} of {i}": d for name, d in digests}}

    def __call__(self, texts: list[str]) -> np.ndarray:
        """The embeddings of texts, `[texts, width]`, of length 1."""
        return np.concatenate(list(self.chunks(texts)))

    def chunks(self, texts: list[str]) -> Iterator[np.ndarray]:
        """The same in pieces, which come with a progress bar."""
        with tqdm(total=len(texts), unit="text", disable=not sys.stderr.isatty()) as bar:
            for first in range(0, len(texts), _CHUNK):
                chunk = texts[first : first + _CHUNK]
                embeddings = [
                    embed(run, Column.of([reader.tokenize(text) for text in chunk]))
                    for run, reader in self._members
                ]
                yield np.concatenate(embeddings, axis=1) / len(embeddings) ** 0.5
                bar.update(len(chunk))


def _as_trained(checkpoint: Checkpoint) -> list[str]:
    """Overrides that give a checkpoint's own reader and net."""
    saved = checkpoint.facts["config"]
    return [f"{block}={json.dumps(saved[block])}" for block in ("reader", "hyper_parameters")]


def recall(
    path: Path,
    overrides: list[str],
    queries: Optional[Path],
    add: Optional[Path],
    delete: Optional[Path],
) -> None:
    """Recall texts for the test queries into `recall_result.txt`, or for other queries.

    Args:
        path: the config.
        overrides: of its keys.
        queries: a file of one query a line, whose result gets its name, as in
            `recall_result_queries.txt`; or `-` for what is typed. Default: the queries of the test
            pairs.
        add: a file of texts to add to the index, in the form of a corpus file.
        delete: a file of what to delete from it: texts or ids one a line, or such a file.
    """
    embedder = Embedder(path, overrides)
    config = embedder.config
    index = prepared_index(embedder)
    changed = 0
    if add:
        entries = _entries(add, "--add", embedder)
        changed += (n_added := sum(index.add(*part) for part in _embedded(entries, embedder)))
        log.info("added %d text(s) of %d", n_added, len(entries))
    if delete:
        entries = read_entries(delete, "--delete")
        changed += (n_deleted := index.delete(entries))
        log.info("deleted %d text(s) of %d", n_deleted, len(entries))
    if changed:
        index.commit()
    if queries == Path("-"):
        _answer_typed(embedder, index)
        return
    texts = read_texts(queries, "--queries") if queries else _test_queries(config)
    embeddings = embedder(texts)
    started = time.perf_counter()
    found = index.nearest(embeddings, config.index.recall_num)
    seconds = time.perf_counter() - started
    result = embedder.output / f"recall_result{f'_{queries.stem}' if queries else ''}.txt"
    write_lines(result, _result_lines(texts, found))
    log.info("%d queries in %.2f s (%.0f/s): %s", len(texts), seconds, len(texts) / seconds, result)


def lines_of(path: Path, key: str, blank: bool = False) -> Iterator[Line]:
    """The lines of a file that a key or an option names; see `read_lines`.

    Raises:
        UserError: there is no such file.
    """
    if path != STANDARD_INPUT and not path.is_file():
        raise UserError(f"{key}: no such file: {path}")
    return read_lines(path, blank=blank)


def read_texts(path: Path, key: str) -> list[str]:
    """The different texts of a file of one text a line.

    Raises:
        UserError: there is no such file, or no text in it.
    """
    texts = list(dict.fromkeys(line.text.strip() for line in lines_of(path, key)))
    if not texts:
        raise UserError(f"{key}: {path}: received no text, expected one a line")
    return texts


def write_lines(path: Path, lines: Iterator[str], key: str = "runner.infer_output_dir") -> int:
    """Write lines to a file that appears when it is whole; arguments as for `new_file`.

    Returns:
        How many lines there were.
    """
    n_lines = 0
    with new_file(path, key) as file:
        for line in lines:
            file.write(f"{line}\n".encode())
            n_lines += 1
    return n_lines


@contextmanager
def new_file(path: Path, key: str) -> Iterator[BinaryIO]:
    """A file that appears when it is whole.

    Args:
        path: the file.
        key: what chose it, for the message.

    Raises:
        UserError: it cannot be written.
    """
    temporary = path.with_name(f"{path.name}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with temporary.open("wb") as file:
                yield file
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as failure:
        raise UserError(
            f"{key}: cannot write {path}: {failure.strerror}; choose another place"
        ) from None


def prepared_index(embedder: Embedder) -> TextIndex:
    """The index of the corpus: the saved one if checkpoint, corpus and settings are as then.

    Raises:
        UserError: there is no corpus, or no place to save the index.
    """
    config, settings = embedder.config, embedder.index_settings
    corpus = config.runner.corpus_file
    if corpus is None:
        raise UserError(f"{config.path}: runner.corpus_file: missing; expected a path")
    entries = _entries(corpus, "runner.corpus_file", embedder)
    made_from = {
        "model": embedder.model,
        "checkpoint": embedder.made_from,
        "corpus": file_digest(corpus),
        "precision": config.runner.infer_precision,
    }
    index = load_index(settings)
    if index is not None and index.made_from == made_from:
        log.info("index %s: as it was, %d texts", settings.place, len(index))
        return index
    started, building, index = time.perf_counter(), 0.0, None
    for chunk, embeddings in _embedded(entries, embedder):
        embedded = time.perf_counter()
        if index is None:
            index = new_index(settings, embeddings.shape[1], made_from)
        index.add(chunk, embeddings)
        building += time.perf_counter() - embedded
    embedding = time.perf_counter() - started - building
    index.commit()
    log.info(
        "index %s: %d texts embedded in %.1f s (%.0f/s), built in %.1f s",
        settings.place,
        len(entries),
        embedding,
        len(entries) / embedding,
        time.perf_counter() - started - embedding,
    )
    return index


def _entries(path: Path, key: str, embedder: Embedder) -> list[Entry]:
    """The entries of a corpus file that the index can hold."""
    if embedder.index_settings.backend == "milvus":
        return read_entries(path, key, MAX_TEXT_BYTES)
    entries = read_entries(path, key)
    if any(entry.metadata or entry.id != entry.text for entry in entries):
        log.info("%s: ids and metadata are kept by index.backend=milvus only", path)
    return entries


def _embedded(entries: list[Entry], embedder: Embedder) -> Iterator[tuple[list[Entry], np.ndarray]]:
    """Some entries at a time, with their embeddings."""
    first = 0
    for embeddings in embedder.chunks([entry.text for entry in entries]):
        yield entries[first : first + len(embeddings)], embeddings
        first += len(embeddings)


def _answer_typed(embedder: Embedder, index: TextIndex) -> None:
    """Answer each line of standard input."""
    for line in sys.stdin:
        if query := line.strip():
            found = index.nearest(embedder([query]), embedder.config.index.recall_num)
            for answer in _result_lines([query], found):
                print(answer, flush=True)


def _result_lines(queries: list[str], found: list[list[Hit]]) -> Iterator[str]:
    for query, hits in zip(queries, found):
        for hit in hits:
            yield f"{query}\t{hit.text}\t{hit.score:.6f}"


def test_pair_files(config: Config) -> list[Path]:
    """The files of the test pairs.

    Raises:
        UserError: the config names none, or they are not there.
    """
    if config.runner.test_data is None:
        raise UserError(f"{config.path}: runner.test_pair_file: missing; expected a path")
    return data_files(config.runner.test_data, "runner.test_pair_file")


def _test_queries(config: Config) -> list[str]:
    """The different queries of the test pairs."""
    lines = (line for file in test_pair_files(config) for line in read_lines(file))
    return list(dict.fromkeys(line.text.split("\t")[0].strip() for line in lines))
