"""Recall texts of a corpus, compare pairs, embed texts: behind recall.py and predict.py."""

import logging
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Optional

import numpy as np
from tqdm import tqdm

from textzoo.building import load_config
from textzoo.cache import Column, file_digest
from textzoo.checkpoint import load_checkpoint
from textzoo.config import Config
from textzoo.devices import choose_device
from textzoo.errors import UserError
from textzoo.index import Index
from textzoo.infer import chosen_checkpoints, chosen_engine, restore
from textzoo.reading import data_files, read_lines
from textzoo.reporting import start_logging
from textzoo.retrieval import embed

log = logging.getLogger("textzoo")

_CHUNK = 20_000  # texts that are embedded between two moves of the progress bar


class Embedder:
    """Embeds texts with the checkpoint that a config chooses.

    Attributes:
        config: the config.
        reader: the model's reader, with the checkpoint's vocabulary.
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
        checkpoint = load_checkpoint(chosen_checkpoints(runner, load_path)[-1])
        log.info("checkpoint %s", checkpoint.path)
        engine = chosen_engine(runner)
        self._run, self.reader = restore(self.config, folder, checkpoint, engine)
        self.made_from = checkpoint.facts["sha256"]

    def __call__(self, texts: list[str]) -> np.ndarray:
        """The embeddings of texts, `[texts, width]`, of length 1."""
        parts = []
        with tqdm(total=len(texts), unit="text", disable=not sys.stderr.isatty()) as bar:
            for first in range(0, len(texts), _CHUNK):
                chunk = texts[first : first + _CHUNK]
                column = Column.of([self.reader.tokenize(text) for text in chunk])
                parts.append(embed(self._run, column))
                bar.update(len(chunk))
        return np.concatenate(parts)


def recall(
    path: Path,
    overrides: list[str],
    queries: Optional[Path],
    add: Optional[Path],
    delete: Optional[Path],
) -> None:
    """Recall texts for queries, and write them to `recall_result.txt`.

    Args:
        path: the config.
        overrides: of its keys.
        queries: a file of one query a line, or `-` for what is typed; default: the queries of the
            test pairs.
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
    result = embedder.output / "recall_result.txt"
    write_lines(result, _result_lines(index, texts, places, cosines))
    log.info("%d queries in %.2f s (%.0f/s): %s", len(texts), seconds, len(texts) / seconds, result)


def predict(path: Path, overrides: list[str], pairs: Optional[Path], texts: Optional[Path]) -> None:
    """Write the cosines of pairs to `similarities.tsv`, the embeddings of texts to `.npy`.

    Args:
        path: the config.
        overrides: of its keys.
        pairs: a file of pairs; a cosine becomes one more column. Default: the test pairs.
        texts: a file of one text a line.
    """
    embedder = Embedder(path, overrides)
    if texts:
        embeddings = embedder(read_texts(texts, "--texts"))
        embedder.output.mkdir(parents=True, exist_ok=True)
        np.save(embedder.output / "embeddings.npy", embeddings)
        log.info("%s: %s", list(embeddings.shape), embedder.output / "embeddings.npy")
        return
    files = [pairs] if pairs else _test_files(embedder.config)
    lines = [line for file in files for line in read_lines(file)]
    rows = [[column.strip() for column in line.text.split("\t")] for line in lines]
    for line, row in zip(lines, rows):
        if len(row) not in (2, 3) or not all(row[:2]):
            raise UserError(
                f"{line.place}: received {len(row)} column(s), expected text<TAB>text, and a third "
                "if there is something to keep beside them"
            )
    first, second = (embedder([row[i] for row in rows]) for i in (0, 1))
    cosines = np.einsum("nd,nd->n", first, second)
    result = embedder.output / "similarities.tsv"
    write_lines(result, ("\t".join([*row, f"{c:.6f}"]) for row, c in zip(rows, cosines)))
    log.info("%d pairs: %s", len(rows), result)


def read_texts(path: Path, key: str) -> list[str]:
    """The different texts of a file of one text a line.

    Raises:
        UserError: there is no such file, or no text in it.
    """
    if not path.is_file():
        raise UserError(f"{key}: no such file: {path}")
    texts = list(dict.fromkeys(line.text.strip() for line in read_lines(path)))
    if not texts:
        raise UserError(f"{key}: {path}: received no text, expected one a line")
    return texts


def write_lines(path: Path, lines: Iterator[str]) -> None:
    """Write lines to a file that appears when it is whole."""
    temporary = path.with_suffix(".tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("w", encoding="utf-8", newline="\n") as file:
            file.writelines(f"{line}\n" for line in lines)
        temporary.replace(path)
    except OSError as failure:
        raise UserError(
            f"runner.infer_output_dir: cannot write {path}: {failure.strerror}; choose another "
            "folder with -o runner.infer_output_dir=PATH"
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


def _test_files(config: Config) -> list[Path]:
    if config.runner.test_data is None:
        raise UserError(f"{config.path}: runner.test_pair_file: missing; expected a path")
    return data_files(config.runner.test_data, "runner.test_pair_file")


def _test_queries(config: Config) -> list[str]:
    """The different queries of the test pairs."""
    lines = (line for file in _test_files(config) for line in read_lines(file))
    return list(dict.fromkeys(line.text.split("\t")[0].strip() for line in lines))
