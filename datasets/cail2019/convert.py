"""Convert CAIL 2019 cases to lines ``label,label<TAB>sentence`` for multilabel.

The sentences of one case resemble each other, so whole cases are divided among the three files:
of ten cases in a row the first eight train, the ninth validates, the tenth tests.
"""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from conversion import (
    BadSource,
    Row,
    argument_parser,
    json_text,
    read_lines,
    run_timed,
    write_split,
)

NAME = "labor_data_small_selected.json"
SPLITS = ("train",) * 8 + ("valid", "test")


def read_cases(path: Path) -> list[list[Row]]:
    """Return the sentences of each case; sentences without text are left out.

    Raises:
        BadSource: naming file and line.
    """
    cases = []
    for number, line in enumerate(read_lines(path), start=1):
        if not line.strip():
            continue
        try:
            sentences = [
                Row(list(map(json_text, row["labels"])), json_text(row["sentence"]))
                for row in json.loads(line)
            ]
        except (ValueError, KeyError, TypeError, RecursionError):
            raise BadSource(
                f"{path}:{number}: received {line[:60]!r}, expected a case as a JSON list of"
                ' {"labels": [...], "sentence": "..."}'
            ) from None
        cases.append([sentence for sentence in sentences if sentence.text])
    if not cases:
        raise BadSource(f"{path}: the file is empty")
    return cases


def convert(source: Path, output: Path) -> None:
    """Divide the cases among the three files."""
    cases = read_cases(source / NAME)
    for split in ("train", "valid", "test"):
        own = [case for i, case in enumerate(cases) if SPLITS[i % len(SPLITS)] == split]
        rows = [sentence for case in own for sentence in case]
        write_split(output, split, rows)
        n_without = sum(not row.labels for row in rows)
        print(f"{split}: {len(own)} cases, {len(rows):,} rows, {n_without:,} without a label")


if __name__ == "__main__":
    sys.exit(run_timed(convert, argument_parser(__doc__, NAME)))
