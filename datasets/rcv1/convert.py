"""Join the tokens and topics of RCV1-v2 into lines ``topic,topic<TAB>text``."""

import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from conversion import BadSource, Row, argument_parser, run_timed, write_split

TOPICS = "rcv1-v2.topics.qrels"
SPLITS = {
    "train": ["lyrl2004_tokens_train.dat"],
    "test": [f"lyrl2004_tokens_test_pt{part}.dat" for part in range(4)],
}


def read_topics(path: Path) -> dict[str, list[str]]:
    """Return the topics of each document, from lines ``topic document 1``.

    Raises:
        BadSource: naming file and line.
    """
    topics = defaultdict(list)
    with path.open(encoding="latin-1") as file:
        for number, line in enumerate(file, start=1):
            fields = line.split()
            if len(fields) != 3:
                raise BadSource(
                    f"{path}:{number}: received {line.strip()!r}, expected `topic id 1`"
                )
            topics[fields[1]].append(fields[0])
    return topics


def read_documents(path: Path) -> Iterator[tuple[str, str]]:
    """Yield number and text of each document: ``.I number``, ``.W``, lines of tokens.

    Raises:
        BadSource: naming file and line.
    """
    document, words = None, []
    with path.open(encoding="latin-1") as file:
        for number, line in enumerate(file, start=1):
            if line.startswith(".I "):
                if document:
                    yield document, " ".join(words)
                document, words = line[3:].strip(), []
            elif document is None:
                raise BadSource(f"{path}:{number}: received {line.strip()!r}, expected `.I number`")
            elif line.strip() != ".W":
                words += line.split()
    if document:
        yield document, " ".join(words)


def read_rows(source: Path, names: list[str], topics: dict[str, list[str]]) -> Iterator[Row]:
    """Yield the rows of these files.

    Raises:
        BadSource: a document has no topic.
    """
    for name in names:
        for document, text in read_documents(source / name):
            if document not in topics:
                raise BadSource(f"{name}: document {document} has no topic in {TOPICS}")
            yield Row(topics[document], text)


def convert(source: Path, output: Path) -> None:
    """Convert both splits, a document at a time: they need not fit into memory."""
    topics = read_topics(source / TOPICS)
    for split, names in SPLITS.items():
        n_rows = write_split(output, split, read_rows(source, names, topics))
        print(f"{split}: {n_rows:,} rows")


if __name__ == "__main__":
    sys.exit(run_timed(convert, argument_parser(__doc__, "the six files")))
