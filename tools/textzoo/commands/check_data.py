"""What is in the data of a config, before anyone waits for training: check_data.py."""

import hashlib
import logging
from array import array
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Optional

import numpy as np

from textzoo.commands.arguments import config_parser, number_within
from textzoo.commands.cli import run_with_config
from textzoo.errors import UserError

if TYPE_CHECKING:
    from textzoo.data.swapped_columns import Columns
    from textzoo.text.lines import Line
    from textzoo.text.reader import Reader

log = logging.getLogger("textzoo")

_NAMED = 5  # labels that a line of the report names
_SHOWN, _CHARACTERS = 3, 60  # rows that are shown as they are understood, and of each text
_MANY = 0.01  # of the rows of a test that training has too


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """What is in the data of a config."""
    name = "check_data"
    parser = config_parser(name, "Read all files of a config, and report what is in them.")
    parser.add_argument(
        "--limit",
        type=number_within(int, 0),
        default=20,
        metavar="N",
        help="bad lines to show; default: %(default)s",
    )
    return run_with_config(
        name,
        lambda parsed: check_data(parsed.config, parsed.override, parsed.limit),
        parser,
        arguments,
        needs_paddle=False,
    )


def _columns() -> "Columns":
    from textzoo.data.swapped_columns import Columns

    return Columns()


@dataclass
class Part:
    """What is found in the training, validation or test files.

    Attributes:
        name: `train`, `valid` or `test`.
        files: what it is read from.
        labels: in how many rows each label is.
        unlabelled: rows without labels.
        lengths: ids of each text.
        texts: a key of each row's text, equal for equal texts.
        columns: what tells labels from texts.
        rows: a key of each row's text and labels.
        first: the first rows, as they are understood.
    """

    name: str
    files: list[Path]
    labels: Counter = field(default_factory=Counter)
    unlabelled: int = 0
    lengths: array = field(default_factory=lambda: array("q"))
    texts: array = field(default_factory=lambda: array("q"))
    columns: "Columns" = field(default_factory=_columns)
    rows: array = field(default_factory=lambda: array("q"))
    first: list[str] = field(default_factory=list)

    def add(self, line: "Line", described: dict[str, Any], lengths: list[int]) -> None:
        """Count a row: what the reader's `describe` says of it, and the lengths of its texts."""
        if len(self.first) < _SHOWN:
            tags = " ".join(f"[{_beginning(tag)}]" for tag in described["tags"]) or "no label"
            self.first.append(f"line {line.number}: {_beginning(described['text'])} -> {tags}")
        self.labels.update(described["tags"])
        self.columns.add(described)
        self.unlabelled += not described["tags"]
        self.lengths.extend(lengths)
        self.texts.append(_key(described["text"]))
        self.rows.append(_key(described["text"], *described["tags"]))


@dataclass
class BadLines:
    """Lines that cannot be read; the first ones are kept.

    Attributes:
        limit: how many are kept.
        messages: `file:line: what is wrong` of those.
        count: of all.
        is_cut: whether the rest of a file cannot be read either.
    """

    limit: int
    messages: list[str] = field(default_factory=list)
    count: int = 0
    is_cut: bool = False

    def add(self, problem: Any) -> None:
        """Note one."""
        self.count += 1
        if len(self.messages) < self.limit:
            self.messages.append(str(problem))


def check_data(path: Path, overrides: list[str], limit: int) -> None:
    """Read all files of a config with the model's reader, and report what is in them.

    Args:
        path: the config.
        overrides: of its keys.
        limit: how many bad lines to show.

    Raises:
        UserError: there are bad lines, unless `runner.bad_lines` is `skip`, or no rows; or the
            config or a file is not as it should be.
    """
    from textzoo.config.loading import build_reader, load_without_net
    from textzoo.data.dataset import Dataset
    from textzoo.data.unknown_pieces import UnknownPieces, warn_of_each
    from textzoo.logs import start_logging
    from textzoo.text.ragged import columns_of

    config, folder = load_without_net(path, overrides)
    start_logging(seconds=config.runner.print_seconds)
    dataset = Dataset(config, folder)
    dataset.path("train")
    reader = build_reader(config, folder)
    bad = BadLines(limit)
    parts = [Part(split, dataset.files(split)) for split in dataset.splits]
    train, of_pairs = parts[0], reader.of_pairs
    declared = {k: v for k, v in config.hyper_parameters.items() if k in reader.supplies}
    unnoted = BadLines(0)  # they are noted when the rows are encoded
    reader.fit((parsed for _, parsed in _good(train, reader, reader.parse, unnoted)), declared)
    columns = reader.columns[: 2 if of_pairs else 1]
    for part in parts:
        training = part is train
        encoded = _good(part, reader, lambda line: reader.encode(line, training), bad)  # noqa: B023
        unknown = {file: UnknownPieces() for file in part.files}
        for line, row in encoded:
            part.add(line, reader.describe(line.text), [len(row[name]) for name in columns])
            if reader.unknown_pieces:
                unknown[line.path].add(columns_of([row]), reader)
        warn_of_each(list(unknown.values()), list(unknown))
        _report(part, train, "ids of a text" if of_pairs else columns[0], of_pairs)
    if config.runner.corpus_file:
        _report_corpus(config.runner.corpus_file, parts, bad, reader)
    _conclude(bad, skipped=config.runner.bad_lines == "skip")
    for part in parts:
        if not part.rows:
            raise UserError(f"{part.files[0]}: received no rows, expected one example a line")


def _good(
    part: Part, reader: "Reader", encode: Callable[[str], Any], bad: BadLines
) -> "Iterator[tuple[Line, Any]]":
    """Each line that can be read, with what `encode` makes of it."""
    from textzoo.data.encoding import good_lines

    for file in part.files:
        try:
            yield from good_lines([file], reader, bad.add, encode)
        except UserError as problem:
            bad.add(problem)
            bad.is_cut = True


def _report(part: Part, train: Part, lengths_of: str, of_pairs: bool) -> None:
    n_rows = len(part.rows)
    log.info("%s: %s in %s", part.name, _counted(n_rows, "row"), _counted(len(part.files), "file"))
    if not n_rows:
        log.info("  empty: expected one example a line")
        return
    for row in part.first if part is train else []:
        log.info("  %s", row)
    if not of_pairs:
        _report_labels(part, train)
        part.columns.warn(part.name, len(part.labels), n_rows, part.columns.n_named)
    middle, long = np.percentile(part.lengths, [50, 95])
    longest = max(part.lengths)
    log.info(
        "  length in %s: median %d, 95 %% up to %d, longest %d", lengths_of, middle, long, longest
    )
    repeated = n_rows - len(np.unique(part.rows))
    log.info("  rows that came before: %s", _share(repeated, n_rows))
    if not of_pairs:
        other_labels = n_rows - len(np.unique(part.texts)) - repeated
        log.info("  texts that came before with other labels: %s", _share(other_labels, n_rows))
    if part is not train:
        same_row = np.isin(part.rows, train.rows).sum()
        same_text = np.isin(part.texts, train.texts).sum()
        what = "queries" if of_pairs else "texts"
        log.info(
            "  rows that train has: %s; %s: %s%s",
            *(_share(same_row, n_rows), what, _share(same_text, n_rows)),
            "; they flatter the metrics" if same_row > _MANY * n_rows else "",
        )


def _report_labels(part: Part, train: Part) -> None:
    counts = part.labels.most_common()
    n_rows, n_named = len(part.rows), sum(part.labels.values())
    if counts:
        (most, n_most), (least, n_least) = counts[0], counts[-1]
        log.info(
            "  %s, %.2f of a row: %s has %s, %s has %s",
            *(_counted(len(counts), "label"), n_named / n_rows),
            *(most, _counted(n_most, "row"), least, _counted(n_least, "row")),
        )
    once = [label for label, n in counts if n == 1]
    if once and part is train:
        log.info("  labels of one row only: %s", _named(once))
    if part.unlabelled:
        log.info("  rows without labels: %s", _share(part.unlabelled, n_rows))
    unknown = [label for label, _ in counts if label not in train.labels]
    if unknown:
        log.info("  labels that train lacks: %s", _named(unknown))


def _report_corpus(path: Path, parts: list[Part], bad: BadLines, reader: "Reader") -> None:
    """How much of the corpus is there twice, and how many titles of the test rows it lacks."""
    from textzoo.data.corpus import contradiction, entries
    from textzoo.text.streams import existing_file

    existing_file(path, "runner.corpus_file")
    keys, by_id = array("q"), {}
    for line, entry in entries(path, bad.add, reader):
        keys.append(_key(entry.text))
        if problem := contradiction(entry, by_id):
            bad.add(UserError(f"{line.place}: {problem}"))
    texts = np.array(keys, np.int64)
    log.info("corpus: %s in %s", _counted(len(texts), "text"), path)
    repeated = len(texts) - len(np.unique(texts))
    log.info("  texts that came before: %s", _share(repeated, len(texts)))
    for part in parts[1:]:
        titles = np.array([_key(title) for title in part.labels], np.int64)
        lacking = len(titles) - int(np.isin(titles, texts).sum())
        log.info("  titles of %s that it lacks: %s", part.name, _share(lacking, len(titles)))


def _conclude(bad: BadLines, skipped: bool) -> None:
    if not bad.count:
        log.info("bad lines: none")
        return
    shown = "\n  ".join(bad.messages)
    more = f"\n  ... and {bad.count - len(bad.messages)} more" if bad.count > bad.limit else ""
    message = f"bad lines: {bad.count}\n  {shown}{more}"
    if bad.is_cut:
        raise UserError(message)
    if not skipped:
        raise UserError(f"{message}\n(-o runner.bad_lines=skip skips such lines and counts them)")
    log.info(message)


def _key(*parts: str) -> int:
    digest = hashlib.blake2b("\0".join(parts).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little", signed=True)


def _beginning(text: str) -> str:
    return text if len(text) <= _CHARACTERS else f"{text[:_CHARACTERS]}..."


def _named(labels: list[str]) -> str:
    """How many labels there are, and the first ones."""
    more = "..." if len(labels) > _NAMED else ""
    return f"{len(labels)}: {', '.join(labels[:_NAMED])}{more}"


def _share(part: int, whole: int) -> str:
    return f"{part:,} ({100 * part / max(1, whole):.1f} %)" if part else "0"


def _counted(n: int, name: str) -> str:
    return f"{n:,} {name}{'s' if n != 1 else ''}"
