"""Convert GoEmotions to lines ``emotion,emotion<TAB>text`` for multilabel.

The source has lines ``text<TAB>number,number<TAB>comment id`` and the names of the numbers in
``emotions.txt``. ``run.sh`` calls this with an empty output folder and moves only a complete result
into place.
"""

import argparse
import sys
import time
from pathlib import Path

SOURCE_OF_SPLIT = {"train": "train", "valid": "dev", "test": "test"}


class BadRow(ValueError):
    """A line of the source does not have the published layout."""


def read_lines(path: Path) -> list[str]:
    """Return the lines of a UTF-8 file, split at line feeds only."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadRow(f"{path}: byte {error.start + 1} is not UTF-8; save it as UTF-8") from None
    lines = [line.rstrip("\r") for line in text.split("\n")]
    return lines[:-1] if lines[-1] == "" else lines


def read_rows(path: Path, emotions: list[str]) -> list[tuple[list[str], str]]:
    """Return the emotions and the text of every line.

    Raises:
        BadRow: naming file and line.
    """
    rows = []
    for number, line in enumerate(read_lines(path), start=1):
        columns = line.split("\t")
        try:
            text, numbers, _ = columns
            rows.append(([emotions[int(n)] for n in numbers.split(",")], " ".join(text.split())))
        except (ValueError, IndexError):
            raise BadRow(
                f"{path}:{number}: received {line[:60]!r}, expected text<TAB>number,number<TAB>id"
                f" with numbers below {len(emotions)}"
            ) from None
    return rows


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--source", type=Path, required=True, help="folder of the four files")
    parser.add_argument("--output", type=Path, required=True, help="an empty folder")
    return parser.parse_args()


def main() -> int:
    """Convert all three parts; return 0, or 2 when a line is malformed."""
    arguments = parse_arguments()
    started = time.perf_counter()
    source = arguments.source
    try:
        emotions = [line.strip() for line in read_lines(source / "emotions.txt")]
        parts = {s: read_rows(source / f"{n}.tsv", emotions) for s, n in SOURCE_OF_SPLIT.items()}
    except BadRow as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    for split, rows in parts.items():
        path = arguments.output / split / f"{split}.tsv"
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "w", encoding="utf-8", newline="\n") as file:
            file.writelines(f"{','.join(labels)}\t{text}\n" for labels, text in rows)
        print(f"{split}: {len(rows):,} rows")
    print(f"converted in {time.perf_counter() - started:.1f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
