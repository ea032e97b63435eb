"""Convert CAIL 2019 cases to lines ``label,label<TAB>sentence`` for multilabel.

The sentences of one case resemble each other, so whole cases are divided among the three files:
of ten cases in a row the first eight train, the ninth validates, the tenth tests. ``run.sh`` calls
this with an empty output folder and moves only a complete result into place.
"""

import argparse
import json
import sys
import time
from pathlib import Path
from typing import NamedTuple

NAME = "labor_data_small_selected.json"
SPLITS = ("train",) * 8 + ("valid", "test")


class BadRow(ValueError):
    """A line of the source does not have the published layout."""


class Sentence(NamedTuple):
    """A sentence, one line without tabs, and its labels, often none."""

    labels: list[str]
    text: str


def read_cases(path: Path) -> list[list[Sentence]]:
    """Return the sentences of each case; sentences without text are left out.

    Raises:
        BadRow: naming file and line.
    """
    cases = []
    for number, line in enumerate(path.read_bytes().split(b"\n"), start=1):
        if not line.strip():
            continue
        try:
            sentences = [(row["labels"], row["sentence"].split()) for row in json.loads(line)]
        except (ValueError, KeyError, TypeError, AttributeError):
            raise BadRow(
                f"{path}:{number}: received {line[:60]!r}, expected a case as a JSON list of"
                ' {"labels": [...], "sentence": "..."}'
            ) from None
        cases.append([Sentence(labels, " ".join(words)) for labels, words in sentences if words])
    if not cases:
        raise BadRow(f"{path}: the file is empty")
    return cases


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--source", type=Path, required=True, help=f"folder of {NAME}")
    parser.add_argument("--output", type=Path, required=True, help="an empty folder")
    return parser.parse_args()


def main() -> int:
    """Convert the file; return 0, or 2 when a line is malformed."""
    arguments = parse_arguments()
    started = time.perf_counter()
    try:
        cases = read_cases(arguments.source / NAME)
    except BadRow as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    for split in ("train", "valid", "test"):
        own = [case for i, case in enumerate(cases) if SPLITS[i % len(SPLITS)] == split]
        rows = [sentence for case in own for sentence in case]
        path = arguments.output / split / f"{split}.tsv"
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "w", encoding="utf-8", newline="\n") as file:
            file.writelines(f"{','.join(row.labels)}\t{row.text}\n" for row in rows)
        n_without = sum(not row.labels for row in rows)
        print(f"{split}: {len(own)} cases, {len(rows):,} rows, {n_without:,} without a label")
    print(f"converted in {time.perf_counter() - started:.1f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
