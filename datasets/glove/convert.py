"""Take the vectors of 300 numbers out of GloVe's archive."""

import shutil
import sys
import zipfile
import zlib
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from conversion import BadSource, argument_parser, run

ARCHIVE, MEMBER = "glove.6B.zip", "glove.6B.300d.txt"


def extract(source: Path, output: Path) -> None:
    """Extract the file.

    Raises:
        BadSource: the archive is damaged or lacks it.
    """
    try:
        with (
            zipfile.ZipFile(source / ARCHIVE) as archive,
            archive.open(MEMBER) as vectors,
            (output / MEMBER).open("wb") as file,
        ):
            shutil.copyfileobj(vectors, file, 1 << 20)
    except KeyError:
        raise BadSource(f"{ARCHIVE}: expected {MEMBER} in it, found none") from None
    except (zipfile.BadZipFile, zlib.error, EOFError) as failure:
        raise BadSource(f"{ARCHIVE}: is not a whole zip archive: {failure}") from None


if __name__ == "__main__":
    sys.exit(run(extract, argument_parser(__doc__, ARCHIVE)))
