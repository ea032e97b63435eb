"""Convert the DuEE sentences from CSV to lines ``label,label<TAB>text`` for multilabel.

``run.sh`` calls this with an empty output folder and moves only a complete result into place.
"""

import argparse
import csv
import io
import sys
import time
from pathlib import Path

SPLITS = ("train", "test")


class BadRow(ValueError):
    """A row of the source does not have the published layout."""


def read_rows(path: Path) -> list[tuple[list[str], str]]:
    """Return the labels and the text of every row of ``label,content``, labels joined by ``|``.

    Raises:
        BadRow: naming file and line.
    """
    try:
        content = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadRow(f"{path}: byte {error.start + 1} is not UTF-8; save it as UTF-8") from None
    lines = csv.reader(io.StringIO(content, newline=""))
    if next(lines, None) != ["label", "content"]:
        raise BadRow(f"{path}:1: expected the header label,content")
    rows = []
    for row in lines:
        place = f"{path}:{lines.line_num}"
        if len(row) != 2:
            raise BadRow(f"{place}: received {len(row)} columns, expected 2: label,content")
        # Commas separate labels in the output.
        labels = [label.strip().replace(",", "\uff0c") for label in row[0].split("|")]
        text = " ".join(row[1].split())
        if not text:
            raise BadRow(f"{place}: received no text, expected a sentence")
        rows.append(([label for label in labels if label], text))
    return rows


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--source", type=Path, required=True, help="folder of train.csv, test.csv")
    parser.add_argument("--output", type=Path, required=True, help="an empty folder")
    return parser.parse_args()


def main() -> int:
    """Convert both files; return 0, or 2 when a row is malformed."""
    arguments = parse_arguments()
    started = time.perf_counter()
    try:
        splits = {split: read_rows(arguments.source / f"{split}.csv") for split in SPLITS}
    except BadRow as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    for split, rows in splits.items():
        path = arguments.output / split / f"{split}.tsv"
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "w", encoding="utf-8", newline="\n") as file:
            file.writelines(f"{','.join(labels)}\t{text}\n" for labels, text in rows)
        different = {label for labels, _ in rows for label in labels}
        print(f"{split}: {len(rows):,} rows, {len(different)} different labels")
    print(f"converted in {time.perf_counter() - started:.1f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
