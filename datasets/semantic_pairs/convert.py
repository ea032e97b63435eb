"""Make training pairs, evaluation pairs and a corpus of AFQMC, LCQMC, PAWS-X and SimCLUE.

Training pairs are the pairs of the training parts that mean the same; evaluation pairs those of
the evaluation parts; the corpus is every sentence of all of them. A pair that is evaluated is not
trained on, in neither direction. ``run.sh`` calls this with an empty output folder and moves only
a complete result into place.
"""

import argparse
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

LABELLED = ("afqmc/train.txt", "afqmc/dev.txt", "lcqmc_dev_test/dev.txt", "lcqmc_dev_test/test.txt")
TRAINING = ("lcqmc_dev_test/dev.txt", "afqmc/train.txt")
EVALUATION = {"afqmc_dev": "afqmc/dev.txt", "lcqmc_test": "lcqmc_dev_test/test.txt"}
PAWSX = ("pawsx_zh_dev_test/dev_2k.tsv", "pawsx_zh_dev_test/test_2k.tsv")
SIMCLUE_PAIRS = "simclue/train_pair_postive_1w.json"
SIMCLUE_TRIPLETS = "simclue/train_rank_1w.json"


class BadRow(ValueError):
    """A line of the source does not have the published layout."""


class Pair(NamedTuple):
    """Two sentences, and whether they mean the same."""

    first: str
    second: str
    same: bool


def read_lines(path: Path) -> Iterator[tuple[str, str]]:
    """The lines of a UTF-8 file that are not empty, split at line feeds only, with their places.

    Raises:
        BadRow: naming file and line, for bytes that are not UTF-8.
    """
    for number, raw in enumerate(path.read_bytes().split(b"\n"), start=1):
        place = f"{path}:{number}"
        try:
            line = raw.rstrip(b"\r").decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError:
            raise BadRow(f"{place}: is not UTF-8; save it as UTF-8") from None
        if line.strip():
            yield place, line


def clean(text: str) -> str:
    """One line without tabs and repeated spaces."""
    return " ".join(text.split())


def read_labelled(path: Path, n_columns: int = 3) -> list[Pair]:
    """The pairs of `sentence<TAB>sentence<TAB>0|1`; with four columns, a number comes first.

    Raises:
        BadRow: a line has another form.
    """
    pairs = []
    for place, line in read_lines(path):
        columns = line.split("\t")
        if columns[-1] == "label":
            continue
        if len(columns) != n_columns or columns[-1] not in ("0", "1"):
            raise BadRow(
                f"{place}: received {len(columns)} columns, the last {columns[-1]!r};"
                f" expected {n_columns}, the last 0 or 1"
            )
        first, second = map(clean, columns[-3:-1])
        pairs.append(Pair(first, second, columns[-1] == "1"))
    return pairs


def read_json(path: Path, names: tuple[str, ...]) -> list[tuple[str, ...]]:
    """These texts of each line's JSON object.

    Raises:
        BadRow: a line is no such object.
    """
    rows = []
    for place, line in read_lines(path):
        try:
            row = json.loads(line)
            rows.append(tuple(clean(row[name]) for name in names))
        except (ValueError, KeyError, TypeError, AttributeError):
            raise BadRow(
                f"{place}: received {line[:60]!r}, expected a JSON object with {', '.join(names)}"
            ) from None
    return rows


def write(path: Path, rows: list[tuple[str, ...]]) -> None:
    """Write tab-separated rows, those with an empty text left out, and say how many."""
    rows = [row for row in rows if all(row)]
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines("\t".join(row) + "\n" for row in rows)
    print(f"{path.name}: {len(rows):,} rows")


def convert(source: Path, output: Path) -> None:
    """Write all files."""
    labelled = {name: read_labelled(source / name) for name in LABELLED}
    simclue = read_json(source / SIMCLUE_PAIRS, ("query", "title"))
    triplets = read_json(source / SIMCLUE_TRIPLETS, ("query", "title", "neg_title"))
    pawsx = [pair for name in PAWSX for pair in read_labelled(source / name, 4)]

    evaluated = {name: _same(labelled[file]) for name, file in EVALUATION.items()}
    forbidden = {frozenset(pair) for pairs in evaluated.values() for pair in pairs}

    def allowed(row: tuple[str, ...]) -> bool:
        return row[0] != row[1] and frozenset(row[:2]) not in forbidden

    train = [*(pair for name in TRAINING for pair in _same(labelled[name])), *simclue]
    write(output / "semantic_pair_train.tsv", list(filter(allowed, train)))
    write(output / "semantic_triplet_train.tsv", list(filter(allowed, triplets)))
    for name, pairs in evaluated.items():
        write(output / f"{name}.tsv", pairs)
    write(output / "same_semantic.tsv", [pair for pairs in evaluated.values() for pair in pairs])
    sentences = [pair[:2] for name in LABELLED for pair in labelled[name]]
    sentences += [*simclue, *(pair[:2] for pair in pawsx)]
    corpus = dict.fromkeys(text for pair in sentences for text in pair)
    write(output / "corpus_file", [(text,) for text in corpus])


def _same(pairs: list[Pair]) -> list[tuple[str, str]]:
    return [(pair.first, pair.second) for pair in pairs if pair.same]


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--source", type=Path, required=True, help="folder of the source files")
    parser.add_argument("--output", type=Path, required=True, help="an empty folder")
    return parser.parse_args()


def main() -> int:
    """Convert; return 0, or 2 when a line is malformed."""
    arguments = parse_arguments()
    started = time.perf_counter()
    try:
        convert(arguments.source, arguments.output)
    except BadRow as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"converted in {time.perf_counter() - started:.1f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
