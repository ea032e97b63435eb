"""Take the vectors of 300 numbers out of GloVe's archive.

``run.sh`` calls this with an empty output folder and moves only a complete result into place.
"""

import argparse
import shutil
import sys
import zipfile
import zlib
from pathlib import Path

ARCHIVE, MEMBER = "glove.6B.zip", "glove.6B.300d.txt"


def main() -> int:
    """Extract the file; return 0, or 2 when the archive is damaged or lacks it."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--source", type=Path, required=True, help=f"folder of {ARCHIVE}")
    parser.add_argument("--output", type=Path, required=True, help="an empty folder")
    arguments = parser.parse_args()
    try:
        with (
            zipfile.ZipFile(arguments.source / ARCHIVE) as archive,
            archive.open(MEMBER) as vectors,
            (arguments.output / MEMBER).open("wb") as file,
        ):
            shutil.copyfileobj(vectors, file, 1 << 20)
    except KeyError:
        print(f"error: {ARCHIVE}: expected {MEMBER} in it, found none", file=sys.stderr)
        return 2
    except (zipfile.BadZipFile, zlib.error, EOFError) as failure:
        print(f"error: {ARCHIVE}: is not a whole zip archive: {failure}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
