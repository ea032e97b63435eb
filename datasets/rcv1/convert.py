"""Join the tokens and topics of RCV1-v2 into lines ``topic,topic<TAB>text``.

``run.sh`` calls this with an empty output folder and moves only a complete result into place.
"""

import argparse
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

TOPICS = "rcv1-v2.topics.qrels"
SPLITS = {
    "train": ["lyrl2004_tokens_train.dat"],
    "test": [f"lyrl2004_tokens_test_pt{part}.dat" for part in range(4)],
}


class BadRow(ValueError):
    """A line of the source does not have the published layout."""


def read_topics(path: Path) -> dict[str, list[str]]:
    """Return the topics of each document, from lines ``topic document 1``.

    Raises:
        BadRow: naming file and line.
    """
    topics = defaultdict(list)
    with path.open(encoding="latin-1") as file:
        for number, line in enumerate(file, start=1):
            fields = line.split()
            if len(fields) != 3:
                raise BadRow(f"{path}:{number}: received {line.strip()!r}, expected `topic id 1`")
            topics[fields[1]].append(fields[0])
    return topics


def read_documents(path: Path) -> Iterator[tuple[str, str]]:
    """Yield number and text of each document: ``.I number``, ``.W``, lines of tokens.

    Raises:
        BadRow: naming file and line.
    """
    document, words = None, []
    with path.open(encoding="latin-1") as file:
        for number, line in enumerate(file, start=1):
            if line.startswith(".I "):
                if document:
                    yield document, " ".join(words)
                document, words = line[3:].strip(), []
            elif document is None:
                raise BadRow(f"{path}:{number}: received {line.strip()!r}, expected `.I number`")
            elif line.strip() != ".W":
                words += line.split()
    if document:
        yield document, " ".join(words)


def main() -> int:
    """Convert both splits; return 0, or 2 when a line is malformed."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--source", type=Path, required=True, help="folder of the six files")
    parser.add_argument("--output", type=Path, required=True, help="an empty folder")
    arguments = parser.parse_args()
    started = time.perf_counter()
    try:
        topics = read_topics(arguments.source / TOPICS)
        for split, names in SPLITS.items():
            path = arguments.output / split / f"{split}.tsv"
            path.parent.mkdir(parents=True, exist_ok=True)
            n_rows = 0
            with path.open("w", encoding="utf-8", newline="\n") as file:
                for name in names:
                    for document, text in read_documents(arguments.source / name):
                        if document not in topics:
                            raise BadRow(f"{name}: document {document} has no topic in {TOPICS}")
                        file.write(f"{','.join(topics[document])}\t{text}\n")
                        n_rows += 1
            print(f"{split}: {n_rows:,} rows")
    except BadRow as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"converted in {time.perf_counter() - started:.1f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
