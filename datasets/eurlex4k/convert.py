"""Join the texts and labels of an archive of AttentionXML into lines ``label,label<TAB>text``.

The archive holds ``train_texts.txt`` (or ``train_raw_texts.txt``) and ``train_labels.txt``, line n
of one belonging to line n of the other, and the same for ``test``.
"""

import sys
import tarfile
import zipfile
import zlib
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from conversion import BadSource, Row, argument_parser, decoded, one_line, run_timed, write_split

SPLITS = ("train", "test")


def read_archive(path: Path) -> dict[str, bytes]:
    """Return the text files of a zip or tar archive by their names, without folders.

    Raises:
        BadSource: the file is neither, or is damaged.
    """
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                return {Path(n).name: archive.read(n) for n in archive.namelist() if _wanted(n)}
        with tarfile.open(path) as archive:
            members = [m for m in archive if m.isfile() and _wanted(m.name)]
            return {Path(m.name).name: archive.extractfile(m).read() for m in members}
    except (tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError, OSError) as failure:
        raise BadSource(f"{path}: is not a whole zip or tar archive: {failure}") from None


def _wanted(name: str) -> bool:
    return name.endswith(("texts.txt", "labels.txt"))


def join(files: dict[str, bytes], split: str) -> list[Row]:
    """Return the rows of a split.

    Raises:
        BadSource: a file is missing or not UTF-8, or line numbers do not agree.
    """
    texts_name = next(
        (n for n in (f"{split}_texts.txt", f"{split}_raw_texts.txt") if n in files), ""
    )
    labels_name = f"{split}_labels.txt"
    if not texts_name or labels_name not in files:
        found = ", ".join(sorted(files)) or "nothing of the kind"
        raise BadSource(f"expected {split}_texts.txt and {labels_name}, found {found}")
    texts, labels = _lines(files, texts_name), _lines(files, labels_name)
    if len(texts) != len(labels):
        raise BadSource(
            f"{texts_name} has {len(texts)} lines and {labels_name} has {len(labels)};"
            " expected line n of one to belong to line n of the other"
        )
    # Commas separate labels in the output.
    return [Row(own.replace(",", "_").split(), one_line(text)) for text, own in zip(texts, labels)]


def _lines(files: dict[str, bytes], name: str) -> list[str]:
    return decoded(files[name], name).rstrip("\n").split("\n")


def convert(source: Path, output: Path, archive: str) -> None:
    """Convert the archive of this name."""
    try:
        files = read_archive(source / archive)
        parts = {split: join(files, split) for split in SPLITS}
    except BadSource as error:
        raise BadSource(f"{archive}: {error}") from None
    for split, rows in parts.items():
        write_split(output, split, rows)
        print(f"{split}: {len(rows):,} rows")


if __name__ == "__main__":
    parser = argument_parser(__doc__, "the archive")
    parser.add_argument("--archive", default="EUR-Lex.tar.gz", help="its name")
    sys.exit(run_timed(convert, parser))
