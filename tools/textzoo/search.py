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
from textzoo.checkpoint import Checkpoint, load_checkpoint
from textzoo.config import Config
from textzoo.devices import choose_device
from textzoo.errors import UserError
from textzoo.index import Index
from textzoo.infer import chosen_checkpoints, chosen_engine, restore
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
        index_path: the folder of the index.

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
        self.index_path = self.config.index.path or runner.model_save_path / "index"
        chosen = runner.infer_ensemble or chosen_checkpoints(runner, load_path)[-1:]
        checkpoints = [load_checkpoint(path) for path in chosen]
        engine = chosen_engine(runner)
        self._members = []
        for checkpoint in checkpoints:
            log.info("checkpoint %s", checkpoint.path)
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
        parts = []
        with tqdm(total=len(texts), unit="text", disable=not sys.stderr.isatty()) as bar:
            for first in range(0, len(texts), _CHUNK):
                chunk = texts[first : first + _CHUNK]
                embeddings = [
                    embed(run, Column.of([reader.tokenize(text) for text in chunk]))
                    for run, reader in self._members
                ]
                parts.append(np.concatenate(embeddings, axis=1) / len(embeddings) ** 0.5)
                bar.update(len(chunk))
        return np.concatenate(parts)


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
        add: a file of texts to add to the index.
        delete: a file of texts to delete from it.
    """
    embedder = Embedder(path, overrides)
    config = embedder.config
    index = prepared_index(embedder)
    changed = 0
    if add:
        texts = read_texts(add, "--add")
        changed += (n_added := index.add(texts, embedder(texts)))
        log.info("added %d text(s) of %d", n_added, len(texts))
    if delete:
        texts = read_texts(delete, "--delete")
        changed += (n_deleted := index.delete(texts))
        log.info("deleted %d text(s) of %d", n_deleted, len(texts))
    if changed:
        index.save(embedder.index_path)
    if queries == Path("-"):
        _answer_typed(embedder, index)
        return
    texts = read_texts(queries, "--queries") if queries else _test_queries(config)
    embeddings = embedder(texts)
    started = time.perf_counter()
    places, cosines = index.search(embeddings, config.index.recall_num)
    seconds = time.perf_counter() - started
    result = embedder.output / f"recall_result{f'_{queries.stem}' if queries else ''}.txt"
    write_lines(result, _result_lines(index, texts, places, cosines))
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


def prepared_index(embedder: Embedder) -> Index:
    """The index of the corpus: the saved one if checkpoint, corpus and settings are as then.

    Raises:
        UserError: there is no corpus, or no place to save the index.
    """
    config, place = embedder.config, embedder.index_path
    corpus = config.runner.corpus_file
    if corpus is None:
        raise UserError(f"{config.path}: runner.corpus_file: missing; expected a path")
    texts = read_texts(corpus, "runner.corpus_file")
    made_from = {
        "checkpoint": embedder.made_from,
        "corpus": file_digest(corpus),
        "precision": config.runner.infer_precision,
    }
    index = Index.load(place, config.index)
    if index and index.made_from == made_from:
        log.info("index %s: as it was, %d texts", place, len(index))
        return index
    started = time.perf_counter()
    embeddings = embedder(texts)
    embedded = time.perf_counter()
    index = Index(config.index, embeddings.shape[1], made_from)
    index.add(texts, embeddings)
    log.info(
        "index %s: %d texts embedded in %.1f s (%.0f/s), built in %.1f s",
        place,
        len(texts),
        embedded - started,
        len(texts) / (embedded - started),
        time.perf_counter() - embedded,
    )
    index.save(place)
    return index


def _answer_typed(embedder: Embedder, index: Index) -> None:
    """Answer each line of standard input."""
    for line in sys.stdin:
        if query := line.strip():
            found = index.search(embedder([query]), embedder.config.index.recall_num)
            for answer in _result_lines(index, [query], *found):
                print(answer, flush=True)


def _result_lines(
    index: Index, queries: list[str], places: np.ndarray, cosines: np.ndarray
) -> Iterator[str]:
    for query, row, scores in zip(queries, places, cosines):
        for place, score in zip(row, scores):
            yield f"{query}\t{index.texts[place]}\t{score:.6f}"


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
