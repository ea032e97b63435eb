"""Labels or embeddings of plain texts, cosines of pairs: the recipe behind predict.py."""

import json
import logging
import sys
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Optional

import numpy as np
from tqdm import tqdm

from textzoo.config.layers import read_layers
from textzoo.config.loading import load_config
from textzoo.config.model_folder import load_model_folder
from textzoo.config.schema import Runner
from textzoo.data.batching import text_batches
from textzoo.data.input_files import lines_of, test_pair_files
from textzoo.devices import choose_device
from textzoo.errors import BadLine, UserError
from textzoo.evaluation import labels as tagging
from textzoo.evaluation import levels
from textzoo.evaluation.evaluator import embeds, is_graded
from textzoo.files import new_file, write_lines
from textzoo.inference.choosing import (
    chosen_checkpoints,
    chosen_engine,
    chosen_threshold,
    load_checkpoints,
)
from textzoo.inference.embedder import Embedder
from textzoo.inference.restoring import restore_all
from textzoo.logs import start_logging
from textzoo.metrics.thresholds import Threshold
from textzoo.text.lines import Line

log = logging.getLogger("textzoo")

_CHUNK = 20_000  # texts or pairs that are in memory together
_NO_TEXT = "--texts: received no text, expected one a line"


def predict(
    path: Path,
    overrides: list[str],
    pairs: Optional[Path],
    texts: Optional[Path],
    output: Optional[Path],
) -> None:
    """Write the labels of texts, or of a model of pairs the embeddings of texts or cosines.

    Args:
        path: the config.
        overrides: of its keys.
        pairs: a file of pairs, for a model of pairs; a cosine becomes one more column. Default: the
            test pairs.
        texts: a file of one text a line; each has a row.
        output: what to write. Default: `similarities.tsv` or `embeddings.npy` in
            `runner.infer_output_dir`; of labels, standard output.

    `pairs` and `texts` may be compressed, or `-` for standard input.

    Raises:
        UserError: config, data, checkpoint or disk are not as they should be, or the model does
            not take what was given.
    """
    folder = load_model_folder(read_layers(path, overrides).model_folder)
    if embeds(folder.dygraph_model):
        embedder = Embedder(path, overrides)
        if texts:
            _write_embeddings(embedder, texts, output)
        else:
            _write_cosines(embedder, pairs, output)
    elif pairs or not texts:
        raise UserError(
            f"--{'pairs' if pairs else 'texts'}: model {folder.path.name} predicts labels of "
            "texts: expected --texts FILE, one text a line, or --texts - for standard input"
        )
    else:
        _write_labels(path, overrides, texts, output)


def _write_labels(path: Path, overrides: list[str], texts: Path, output: Optional[Path]) -> None:
    config, folder = load_config(path, overrides)
    runner = config.runner
    start_logging(stream=None if output else sys.stderr)
    choose_device(runner.use_gpu)
    load_path = runner.infer_load_path or runner.model_save_path
    chosen = runner.infer_ensemble or chosen_checkpoints(runner, load_path)[-1:]
    checkpoints = load_checkpoints(chosen)
    run, reader = restore_all(config, folder, checkpoints, chosen_engine(runner))
    metrics = runner.metrics or list(run.model.metrics)
    threshold = None if is_graded(run.model) else chosen_threshold(runner, checkpoints, metrics)
    hide_bar = output is None or not sys.stderr.isatty()
    lines = tqdm(lines_of(texts, "--texts", blank=True), unit="text", disable=hide_bar)
    rows = _labelled(run, reader, runner, threshold, lines)
    if output is None:
        _print(rows)
    else:
        log.info("%d texts: %s", write_lines(output, rows, "--output"), output)


def _labelled(
    run: Any, reader: Any, runner: Runner, threshold: Optional[Threshold], lines: Iterable[Line]
) -> Iterator[str]:
    """A JSON object for each line, in their order."""
    kind = levels if is_graded(run.model) else tagging
    is_empty = True
    for chunk in _chunks(lines):
        found = [{}] * len(chunk)
        rows = [_encoded(reader, line) for line in chunk]
        for columns, places in text_batches(rows, runner.infer_batch_size):
            outputs = run.infer_step(run.model.infer_feeds(columns, places))
            predicted = kind.predictions(reader.label_names, outputs, runner.top_k, threshold)
            for place, row in zip(places, predicted):
                found[place] = row
        for line, row in zip(chunk, found):
            yield json.dumps({"text": line.text.strip(), **row}, ensure_ascii=False)
        is_empty = False
    if is_empty:
        raise UserError(_NO_TEXT)


def _encoded(reader: Any, line: Line) -> dict[str, list[int]]:
    try:
        return reader.encode_text(line.text.strip())
    except BadLine as problem:
        raise UserError(f"{line.place}: {problem}") from None


def _print(rows: Iterator[str]) -> None:
    """Write rows to standard output as UTF-8, until whoever reads them has enough."""
    try:
        with open(sys.stdout.fileno(), "wb", closefd=False) as file:
            file.writelines(f"{row}\n".encode() for row in rows)
    except BrokenPipeError:
        pass


def _write_embeddings(embedder: Embedder, texts: Path, output: Optional[Path]) -> None:
    place, key = _place(embedder, "embeddings.npy", output)
    chunks = _chunks(line.text.strip() for line in lines_of(texts, "--texts"))
    n, width = 0, 0
    with new_file(place, key) as file:
        file.write(_npy_header(0, 0))
        for embeddings in map(embedder, chunks):
            file.write(embeddings.astype("<f4", copy=False).tobytes())
            n, width = n + len(embeddings), embeddings.shape[1]
        if not n:
            raise UserError(_NO_TEXT)
        file.seek(0)
        file.write(_npy_header(n, width))
    log.info("%s: %s", [n, width], place)


def _npy_header(n: int, width: int) -> bytes:
    """The first 128 bytes of NumPy's format 1.0, whatever the size of the array."""
    facts = f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({n}, {width}), }}"
    return b"\x93NUMPY\x01\x00" + (118).to_bytes(2, "little") + f"{facts:<117}\n".encode()


def _write_cosines(embedder: Embedder, pairs: Optional[Path], output: Optional[Path]) -> None:
    place, key = _place(embedder, "similarities.tsv", output)
    files = [pairs] if pairs else test_pair_files(embedder.config)
    rows = (_pair(line) for file in files for line in lines_of(file, "--pairs"))
    n_pairs = write_lines(place, _similarities(embedder, rows), key)
    log.info("%d pairs: %s", n_pairs, place)


def _place(embedder: Embedder, name: str, output: Optional[Path]) -> tuple[Path, str]:
    """Where to write, and what says so."""
    return (output, "--output") if output else (embedder.output / name, "runner.infer_output_dir")


def _pair(line: Line) -> list[str]:
    row = [column.strip() for column in line.text.split("\t")]
    if len(row) not in (2, 3) or not all(row[:2]):
        raise UserError(
            f"{line.place}: received {len(row)} column(s), expected text<TAB>text, and a third "
            "if there is something to keep beside them"
        )
    return row


def _similarities(embedder: Embedder, rows: Iterator[list[str]]) -> Iterator[str]:
    for chunk in _chunks(rows):
        first, second = (embedder([row[i] for row in chunk]) for i in (0, 1))
        cosines = np.einsum("nd,nd->n", first, second)
        for row, cosine in zip(chunk, cosines):
            yield "\t".join([*row, f"{cosine:.6f}"])


def _chunks(items: Iterable[Any]) -> Iterator[list[Any]]:
    items = iter(items)
    while chunk := list(islice(items, _CHUNK)):
        yield chunk
