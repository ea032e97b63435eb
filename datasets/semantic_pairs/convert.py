"""Make training pairs, evaluation pairs and a corpus of AFQMC, LCQMC, PAWS-X and SimCLUE.

Training pairs are the pairs of the training parts that mean the same; evaluation pairs those of
the evaluation parts; the corpus is every sentence of all of them. A pair that is evaluated is not
trained on, in neither direction. Texts to train on without pairs are all but those of such pairs.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from conversion import (
    BadSource,
    argument_parser,
    json_text,
    one_line,
    open_for_writing,
    read_lines,
    run_timed,
)

LABELLED = ("afqmc/train.txt", "afqmc/dev.txt", "lcqmc_dev_test/dev.txt", "lcqmc_dev_test/test.txt")
TRAINING = ("lcqmc_dev_test/dev.txt", "afqmc/train.txt")
EVALUATION = {"afqmc_dev": "afqmc/dev.txt", "lcqmc_test": "lcqmc_dev_test/test.txt"}
PAWSX = ("pawsx_zh_dev_test/dev_2k.tsv", "pawsx_zh_dev_test/test_2k.tsv")
SIMCLUE_PAIRS = "simclue/train_pair_postive_1w.json"
SIMCLUE_TRIPLETS = "simclue/train_rank_1w.json"


class Pair(NamedTuple):
    """Two sentences, and whether they mean the same."""

    first: str
    second: str
    same: bool


def read_rows(path: Path) -> Iterator[tuple[str, str]]:
    """The lines of a file that are not blank, with their places."""
    for number, line in enumerate(read_lines(path), start=1):
        if line.strip():
            yield f"{path}:{number}", line


def read_labelled(path: Path, n_columns: int = 3) -> list[Pair]:
    """The pairs of `sentence<TAB>sentence<TAB>0|1`; with four columns, a number comes first.

    Raises:
        BadSource: a line has another form.
    """
    pairs = []
    for place, line in read_rows(path):
        columns = line.split("\t")
        if columns[-1] == "label":
            continue
        if len(columns) != n_columns or columns[-1] not in ("0", "1"):
            raise BadSource(
                f"{place}: received {len(columns)} columns, the last {columns[-1]!r};"
                f" expected {n_columns}, the last 0 or 1"
            )
        first, second = map(one_line, columns[-3:-1])
        pairs.append(Pair(first, second, columns[-1] == "1"))
    return pairs


def read_json(path: Path, names: tuple[str, ...]) -> list[tuple[str, ...]]:
    """These texts of each line's JSON object.

    Raises:
        BadSource: a line is no such object.
    """
    rows = []
    for place, line in read_rows(path):
        try:
            row = json.loads(line)
            rows.append(tuple(json_text(row[name]) for name in names))
        except (ValueError, KeyError, TypeError, RecursionError):
            raise BadSource(
                f"{place}: received {line[:60]!r}, expected a JSON object with {', '.join(names)}"
            ) from None
    return rows


def write(path: Path, rows: list[tuple[str, ...]]) -> None:
    """Write tab-separated rows, those with an empty text left out, and say how many."""
    rows = [row for row in rows if all(row)]
    with open_for_writing(path) as file:
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
    triplets = list(filter(allowed, triplets))
    write(output / "semantic_triplet_train.tsv", triplets)
    for name, pairs in evaluated.items():
        write(output / f"{name}.tsv", pairs)
    write(output / "same_semantic.tsv", [pair for pairs in evaluated.values() for pair in pairs])
    sentences = [pair[:2] for name in LABELLED for pair in labelled[name]]
    sentences += [*simclue, *(pair[:2] for pair in pawsx)]
    corpus = dict.fromkeys(text for pair in sentences for text in pair)
    write(output / "corpus_file", [(text,) for text in corpus])
    texts = dict.fromkeys([*corpus, *(text for row in triplets for text in row)])
    evaluated_texts = {text for pair in forbidden for text in pair}
    write(output / "unlabelled.txt", [(text,) for text in texts if text not in evaluated_texts])


def _same(pairs: list[Pair]) -> list[tuple[str, str]]:
    return [(pair.first, pair.second) for pair in pairs if pair.same]


if __name__ == "__main__":
    sys.exit(run_timed(convert, argument_parser(__doc__, "the source files")))
