"""Labels or embeddings of plain texts, cosines of pairs: predict.py."""

import argparse
import logging
import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Optional

import numpy as np

from textzoo.commands.arguments import config_parser, number_within
from textzoo.commands.cli import run_with_config
from textzoo.errors import UserError
from textzoo.files import check_output, new_output, write_lines

if TYPE_CHECKING:
    from textzoo.inference.embedder import Embedder
    from textzoo.text.lines import Line, Refused
    from textzoo.text.reader import Side

log = logging.getLogger("textzoo")

_CHUNK = 20_000  # texts or pairs that are in memory together
_REASONS = 5  # words and n-grams of each label, unless told otherwise
_OPTIONS = {
    "texts": "a file of texts, one a line, or with a column of texts (.csv, .jsonl, .parquet), or "
    "- for standard input: write their labels as one JSON object a line; with a model of pairs, "
    "their embeddings",
    "pairs": "for a model of pairs, a file of pairs, or - for standard input; a column with "
    "the cosine is added; default: the test pairs",
    "output": "the file to write; default: labels to standard output, embeddings.npy and "
    "similarities.tsv to runner.infer_output_dir",
}


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """Labels or embeddings of texts, or similarities of pairs."""
    parser = config_parser(
        "predict", "Write labels or embeddings of texts, or similarities of pairs.", _OPTIONS
    )

    parser.add_argument(
        "--explain",
        type=number_within(int, 1),
        nargs="?",
        const=_REASONS,
        default=0,
        metavar="N",
        help="with --texts and a model that scores labels: tell for each label the N words of the "
        "text that speak most clearly for it or against it, and the N n-grams of a linear part; "
        f"default of N: {_REASONS}",
    )

    parser.add_argument(
        "--side",
        choices=["query", "title"],
        help="with --texts and a model of pairs: whether they seek or are to be found, which gives "
        "them reader.query_prefix or reader.title_prefix; default: query",
    )

    def recipe(parsed: argparse.Namespace) -> None:
        predict(
            parsed.config,
            parsed.override,
            parsed.pairs,
            parsed.texts,
            parsed.output,
            parsed.explain,
            parsed.side,
        )

    return run_with_config("predict", recipe, parser, arguments)


def predict(
    path: Path,
    overrides: list[str],
    pairs: Optional[Path],
    texts: Optional[Path],
    output: Optional[Path],
    n_reasons: int = 0,
    side: "Optional[Side]" = None,
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
        n_reasons: how many words and n-grams to tell that speak for each label.
        side: of `texts` that are embedded: which prefix of the reader they get; default: `query`.

    `pairs` and `texts` may be compressed, or `-` for standard input.

    Raises:
        UserError: config, data, checkpoint or disk are not as they should be, or the model does
            not take what was given.
    """
    from textzoo.config.layers import read_layers
    from textzoo.config.model_folder import load_model_folder
    from textzoo.inference.embedder import Embedder
    from textzoo.running.building import model_class

    folder = load_model_folder(read_layers(path, overrides).model_folder)
    embeds = model_class(folder).kind == "embeddings"
    if side and not (embeds and texts):
        raise UserError(
            f"--side: received {side}; only --texts of a model of pairs has sides: of pairs the "
            "first text is the query, and other models have one prefix"
        )
    if embeds:
        if n_reasons:
            raise UserError(
                f"--explain: model {folder.path.name} gives embeddings, expected a model that "
                "scores labels"
            )
        embedder = Embedder(path, overrides)
        if texts:
            _write_embeddings(embedder, texts, output, side or "query")
        else:
            _write_cosines(embedder, pairs, output)
    elif pairs or not texts:
        raise UserError(
            f"--{'pairs' if pairs else 'texts'}: model {folder.path.name} predicts labels of "
            "texts: expected --texts FILE, one text a line, or --texts - for standard input"
        )
    else:
        _write_labels(path, overrides, texts, output, n_reasons)


def _write_labels(
    path: Path, overrides: list[str], texts: Path, output: Optional[Path], n_reasons: int
) -> None:
    from textzoo.config.loading import load_config
    from textzoo.data.input_files import texts_of
    from textzoo.inference.choosing import inputs_of
    from textzoo.inference.labelling import explainer_of, labelled_lines
    from textzoo.logs import ProgressBar, start_logging
    from textzoo.serving.trained_model import chosen_scoring_model

    config, folder = load_config(path, overrides)
    runner = config.runner
    if output:
        check_output(output, "--output", [*inputs_of(config), texts])
    start_logging(stream=None if output else sys.stderr, seconds=runner.print_seconds)
    run, reader, _, _, threshold, calibration = chosen_scoring_model(config, folder)
    hide_bar = output is None or not sys.stderr.isatty()
    rows = texts_of(texts, "--texts", reader, blank=True)
    lines = ProgressBar(rows, unit="text", disable=hide_bar)
    explainer = explainer_of(run, reader) if n_reasons else None
    rows = labelled_lines(run, reader, runner, threshold, lines, calibration, explainer, n_reasons)
    if output is None:
        _print(rows)
    else:
        log.info("%d texts: %s", write_lines(output, rows, "--output"), output)


def _print(rows: Iterator[str]) -> None:
    """Write rows to standard output as UTF-8."""
    with open(sys.stdout.fileno(), "wb", closefd=False) as file:
        file.writelines(f"{row}\n".encode() for row in rows)


def _write_embeddings(
    embedder: "Embedder", texts: Path, output: Optional[Path], side: "Side"
) -> None:
    from textzoo.data.input_files import texts_of
    from textzoo.inference.labelling import NO_TEXT

    place, key = _place(embedder, "embeddings.npy", output, texts)
    lines = texts_of(texts, "--texts", embedder.reader, side, blank=True)
    chunks = _chunks(line.text.strip() for line in lines)
    n, n_blank, width = 0, 0, 0
    with new_output(place, key) as file:
        file.write(_npy_header(0, 0))
        for chunk in chunks:
            blank = np.array([not text for text in chunk])
            embeddings = embedder([text or "-" for text in chunk], side, texts)
            embeddings = embeddings.astype("<f4", copy=False)
            embeddings[blank] = 0
            file.write(embeddings.tobytes())
            n, width = n + len(embeddings), embeddings.shape[1]
            n_blank += int(blank.sum())
        if n == n_blank:
            raise UserError(NO_TEXT)
        file.seek(0)
        file.write(_npy_header(n, width))
    if n_blank:
        log.info("%d blank line(s) have rows of zeros", n_blank)
    log.info("%s: %s", [n, width], place)


def _npy_header(n: int, width: int) -> bytes:
    """The first 128 bytes of NumPy's format 1.0, whatever the size of the array."""
    facts = f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({n}, {width}), }}"
    return b"\x93NUMPY\x01\x00" + (118).to_bytes(2, "little") + f"{facts:<117}\n".encode()


def _write_cosines(embedder: "Embedder", pairs: Optional[Path], output: Optional[Path]) -> None:
    from textzoo.data.encoding import Refusals
    from textzoo.data.input_files import pair_lines, test_pair_files

    place, key = _place(embedder, "similarities.tsv", output, pairs)
    files = [pairs] if pairs else test_pair_files(embedder.config, "--pairs")
    refusals = Refusals(embedder.config.runner.bad_lines)
    lines = pair_lines(files, "--pairs", embedder.reader, refusals)
    rows = (_pair(line, refusals) for line in lines)
    n_pairs = 0
    with new_output(place, key) as file:
        for row in _similarities(embedder, rows, files[0]):
            file.write(f"{row}\n".encode())
            n_pairs += bool(row)
        if not n_pairs:
            given = "--pairs" if pairs else "runner.test_pair_file"
            raise UserError(f"{given}: {files[0]}: received no pair, expected one a line")
    refusals.log(files[0])
    log.info("%d pairs: %s", n_pairs, place)


def _place(
    embedder: "Embedder", name: str, output: Optional[Path], given: Optional[Path]
) -> tuple[Path, str]:
    """Where to write, and what says so.

    Raises:
        UserError: it cannot be written, or the run reads it.
    """
    place, key = output or embedder.output / name, "--output"
    if not output:
        key = "runner.infer_output_dir"
    check_output(place, key, [*embedder.inputs, *([given] if given else [])])
    return place, key


def _pair(line: "Line", refused: "Refused") -> list[str]:
    """The columns of a line; none of a blank or a malformed one."""
    row = [column.strip() for column in line.text.split("\t")]
    if not any(row):
        return []
    if len(row) in (2, 3) and all(row[:2]):
        return row
    refused(
        UserError(
            f"{line.place}: received {len(row)} column(s), expected text<TAB>text, and a third "
            "if there is something to keep beside them"
        )
    )
    return []


def _similarities(embedder: "Embedder", rows: Iterator[list[str]], source: Path) -> Iterator[str]:
    """Each row with the cosine of its texts; an empty one as it is."""
    for chunk in _chunks(rows):
        columns = ([row[i] if row else "-" for row in chunk] for i in (0, 1))
        first, second = (
            embedder(texts, side, source) for texts, side in zip(columns, ("query", "title"))
        )
        cosines = np.einsum("nd,nd->n", first, second)
        for row, cosine in zip(chunk, cosines):
            yield "\t".join([*row, f"{cosine:.6f}"]) if row else ""


def _chunks(items: Iterable[Any]) -> Iterator[list[Any]]:
    items = iter(items)
    while chunk := list(islice(items, _CHUNK)):
        yield chunk
