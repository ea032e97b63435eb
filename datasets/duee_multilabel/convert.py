"""Convert the DuEE sentences from CSV to lines ``label,label<TAB>text`` for multilabel."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from conversion import BadSource, Row, argument_parser, one_line, read_csv, run_timed, write_split

SPLITS = ("train", "test")


def read_rows(path: Path) -> list[Row]:
    """Return every row of ``label,content``, labels joined by ``|``.

    Raises:
        BadSource: naming file and line.
    """
    records = read_csv(path, "label,content")
    if next(records, ("", []))[1] != ["label", "content"]:
        raise BadSource(f"{path}:1: expected the header label,content")
    rows = []
    for place, row in records:
        if len(row) != 2:
            raise BadSource(f"{place}: received {len(row)} columns, expected 2: label,content")
        # Commas separate labels in the output.
        labels = [one_line(label).replace(",", "\uff0c") for label in row[0].split("|")]
        text = one_line(row[1])
        if not text:
            raise BadSource(f"{place}: received no text, expected a sentence")
        rows.append(Row([label for label in labels if label], text))
    return rows


def convert(source: Path, output: Path) -> None:
    """Convert both files."""
    splits = {split: read_rows(source / f"{split}.csv") for split in SPLITS}
    for split, rows in splits.items():
        write_split(output, split, rows)
        different = {label for row in rows for label in row.labels}
        print(f"{split}: {len(rows):,} rows, {len(different)} different labels")


if __name__ == "__main__":
    sys.exit(run_timed(convert, argument_parser(__doc__, "train.csv, test.csv")))
