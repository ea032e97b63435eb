"""Convert GoEmotions to lines ``emotion,emotion<TAB>text`` for multilabel.

The source has lines ``text<TAB>number,number<TAB>comment id`` and the names of the numbers in
``emotions.txt``.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from conversion import BadSource, Row, argument_parser, one_line, read_lines, run_timed, write_split

SOURCE_OF_SPLIT = {"train": "train", "valid": "dev", "test": "test"}


def read_rows(path: Path, emotions: list[str]) -> list[Row]:
    """Return the emotions and the text of every line.

    Raises:
        BadSource: naming file and line.
    """
    rows = []
    for number, line in enumerate(read_lines(path), start=1):
        columns = line.split("\t")
        try:
            text, numbers, _ = columns
            rows.append(Row([emotions[int(n)] for n in numbers.split(",")], one_line(text)))
        except (ValueError, IndexError):
            raise BadSource(
                f"{path}:{number}: received {line[:60]!r}, expected text<TAB>number,number<TAB>id"
                f" with numbers below {len(emotions)}"
            ) from None
    return rows


def convert(source: Path, output: Path) -> None:
    """Convert all three parts."""
    emotions = [line.strip() for line in read_lines(source / "emotions.txt")]
    parts = {s: read_rows(source / f"{n}.tsv", emotions) for s, n in SOURCE_OF_SPLIT.items()}
    for split, rows in parts.items():
        write_split(output, split, rows)
        print(f"{split}: {len(rows):,} rows")


if __name__ == "__main__":
    sys.exit(run_timed(convert, argument_parser(__doc__, "the four files")))
