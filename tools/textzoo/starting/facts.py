"""What is in someone's rows, as far as the settings of a model hang on it."""

import math
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, NamedTuple, Optional, TypeVar

from textzoo.data.encoding import good_lines
from textzoo.errors import UserError, shortened
from textzoo.readers import pairs
from textzoo.text.characters import MOSTLY_UNSPACED, characters_of, unspaced_share
from textzoo.text.fields import labels_in, separator_of
from textzoo.text.reader import Reader
from textzoo.text.records import layout_of

Item = TypeVar("Item")

_ROWS, _TEXTS = 100_000, 2_000  # that are looked at, and whose characters are
_SHORT = 6  # characters between two spaces, in the mean, of segmented text
_OTHER_SEPARATORS = (";", "；", "|", "、")
_COMES_AGAIN = 5  # rows with the same cell of labels, if it is one label
_ROWS_OF_A_LABEL = 1.25  # in the mean; what comes again less often is a text
_WORD = re.compile(r"\w+")
_LEVELS = re.compile(r"\d(?:[,，|]\d)+")


class Even(Generic[Item]):
    """An even part of what comes by, in flat memory: every item, every second one, every fourth ...

    Args:
        most: how many are kept, of which there may be twice as many on the way.

    Attributes:
        kept: the part.
        n: how many came by.
    """

    def __init__(self, most: int):
        self.kept: list[Item] = []
        self.n = 0
        self._most, self._step = most, 1

    def add(self, make: Callable[[], Item]) -> None:
        """Let one come by, which is only made if it is kept."""
        if self.n % self._step == 0:
            self.kept.append(make())
            if len(self.kept) == 2 * self._most:
                self.kept, self._step = self.kept[::2], 2 * self._step
        self.n += 1


class Row(NamedTuple):
    """A row that was looked at.

    Attributes:
        cell: its labels, as they stand in the file; of a pair the third text, if there is one.
        words: of its longest text.
        characters: of the same.
        texts: a key of each text.
    """

    cell: str
    words: int
    characters: int
    texts: tuple[int, ...]


@dataclass
class Facts:
    """What rows are like.

    Attributes:
        n_rows: all that can be read.
        rows: those that were looked at, an even part.
        described: how files are read that are no plain lines.
        n_bad: rows that cannot be read.
        bad: what is wrong with the first one.
        unspaced: the share of characters that are of scripts without spaces.
        is_segmented: whether such texts have spaces all the same.
    """

    n_rows: int
    rows: list[Row]
    described: list[str] = field(default_factory=list)
    n_bad: int = 0
    bad: str = ""
    unspaced: float = 0.0
    is_segmented: bool = False

    @property
    def is_unspaced(self) -> bool:
        """Whether the texts are in a language without spaces, be they segmented or not."""
        return self.unspaced > MOSTLY_UNSPACED

    @property
    def has_spaces(self) -> bool:
        """Whether there are spaces between words."""
        return not self.is_unspaced or self.is_segmented

    @property
    def unit(self) -> str:
        """What lengths of texts are counted in."""
        return "words" if self.has_spaces else "characters"

    def length(self, percent: float, unit: str = "") -> int:
        """The length that so many of a hundred texts have at most."""
        lengths = sorted(self._lengths(unit or self.unit))
        return lengths[math.ceil(percent / 100 * len(lengths)) - 1]

    @property
    def n_units(self) -> float:
        """The length of all texts together, as far as those tell that were looked at."""
        return sum(self._lengths(self.unit)) * self.n_rows / len(self.rows)

    @property
    def n_characters(self) -> float:
        """The characters of all longest texts of rows, as far as those tell that were looked at."""
        return sum(self._lengths("characters")) * self.n_rows / len(self.rows)

    def _lengths(self, unit: str) -> list[int]:
        return [row.words if unit == "words" else row.characters for row in self.rows]


@dataclass
class Labels:
    """The labels of rows.

    Attributes:
        counts: in how many rows each label is, of those that were looked at.
        separator: that the config has to name, as the reader's own is none here.
        n_unlabelled: rows without one.
        n_several: rows with more than one.
    """

    counts: Counter
    separator: Optional[list[str]] = None
    n_unlabelled: int = 0
    n_several: int = 0

    @property
    def n_named(self) -> int:
        """Labels of all these rows together."""
        return sum(self.counts.values())


def look(files: list[Path], reader: Reader) -> Facts:
    """Read all rows of some files, and look at an even part of them.

    Args:
        files: of rows.
        reader: that they are for.

    Raises:
        UserError: a file's columns are not known, or what is wrong hides the rest of it; or there
            is no row that can be read.
    """
    rows: Even[Row] = Even(_ROWS)
    texts: Even[str] = Even(_TEXTS)
    described: dict[str, None] = {}
    n_bad, bad = 0, ""

    def refuse(problem: UserError) -> None:
        nonlocal n_bad, bad
        n_bad, bad = n_bad + 1, bad or str(problem)

    for file in files:
        if said := layout_of(file, reader).described:
            described[said] = None
    for line, parsed in good_lines(files, reader, refuse):
        found = _texts(line.text, parsed)
        rows.add(lambda: _row(*found))  # noqa: B023 (it is called at once)
        texts.add(lambda: found[1][0])  # noqa: B023
    if not rows.n:
        why = f": {bad}" if bad else ", expected one example a line"
        raise UserError(f"{files[0]}: received no row that can be read{why}")
    characters = characters_of(texts.kept)
    pieces = [piece for text in texts.kept for piece in text.split()]
    return Facts(
        n_rows=rows.n,
        rows=rows.kept,
        described=list(described),
        n_bad=n_bad,
        bad=bad,
        unspaced=unspaced_share(characters),
        is_segmented=sum(map(len, pieces)) < _SHORT * len(pieces),
    )


def _texts(line: str, parsed: Any) -> tuple[str, list[str]]:
    """What a row has as labels, or as the first negative of a pair; and its texts."""
    if isinstance(parsed, pairs.Pair):
        return "".join(parsed.negatives[:1]), parsed.texts
    cell, tab, text = line.partition("\t")
    if not tab:  # PaddleRec's `tag,id id id`
        cell, _, text = line.partition(",")
    return cell, [text]


def _row(cell: str, texts: list[str]) -> Row:
    words = max(len(_WORD.findall(text)) for text in texts)
    return Row(cell, words, max(map(len, texts)), tuple(map(hash, texts)))


def labels_of(facts: Facts, separators: Optional[list[str]], known: list[str]) -> Labels:
    """The labels of rows.

    Args:
        facts: with these rows.
        separators: what the config says is between labels; None: it is found out.
        known: what is between labels for a reader that is told nothing.
    """
    cells = Counter(row.cell for row in facts.rows)
    if separators is None:
        chosen = _separators(cells, known)
        separators = known if chosen is None else chosen
    else:
        chosen = None
    split = separator_of(separators).split
    labels = Labels(Counter(), chosen)
    for cell, n_rows in cells.items():
        names = dict.fromkeys(labels_in(cell, split))
        labels.counts.update(dict.fromkeys(names, n_rows))
        labels.n_unlabelled += n_rows * (not names)
        labels.n_several += n_rows * (len(names) > 1)
    return labels


def _separators(cells: Counter, known: list[str]) -> Optional[list[str]]:
    """What is between labels; None: what is known.

    A text between them is a separator if a part of a cell is in another cell too. A cell with a
    known separator is one label where no part of such cells is, and the cells come again and again.
    """
    texts = [cell.strip() for cell in cells if not cell.startswith("\x1f")]
    for separators in (known, *([text] for text in _OTHER_SEPARATORS if text not in known)):
        split = separator_of(separators).split
        parts = {text: set(labels_in(text, split)) for text in texts}
        several = [text for text, own in parts.items() if len(own) > 1]
        if not several:
            continue
        holders = Counter(part for own in parts.values() for part in own)
        if any(holders[part] > 1 for text in several for part in parts[text]):
            return None if separators is known else separators
        n_rows = sum(n for cell, n in cells.items() if cell.strip() in set(several))
        if separators is known:
            return [] if n_rows >= _COMES_AGAIN * len(several) else None
    return None


def check_labels(facts: Facts, labels: Labels, place: Path) -> None:
    """Refuse rows whose labels no model can learn.

    Args:
        facts: of the rows.
        labels: theirs.
        place: where the rows are, as it was given.

    Raises:
        UserError: they have no labels, one, or what looks like texts or levels; or no texts.
    """
    rows = f"{place}: {len(facts.rows):,} rows"
    if not any(row.characters for row in facts.rows):
        raise UserError(
            f"{rows} have no texts, expected some; the column of texts is "
            "named by -o reader.text_column=NAME"
        )
    if not labels.counts:
        raise UserError(
            f"{rows} have no labels, expected some; the column of labels is "
            "named by -o reader.label_column=NAME"
        )
    if len(labels.counts) == 1:
        only = shortened(next(iter(labels.counts)), 60)
        raise UserError(
            f"{rows} have one label, {only!r}; expected two or more, to be told from each other"
        )
    n_labels, n_named = len(labels.counts), labels.n_named
    if n_labels >= _COMES_AGAIN and n_named < _ROWS_OF_A_LABEL * n_labels:
        raise UserError(
            f"{rows} have {n_labels:,} different labels, such as "
            f"{shortened(next(iter(labels.counts)), 60)!r}: are they texts? Of pairs of texts take "
            "--from batchneg; columns that are the other way round are named by "
            "-o reader.text_column=1 reader.label_column=2"
        )
    if all(_LEVELS.fullmatch(row.cell) for row in facts.rows):
        raise UserError(
            f"{rows} have labels such as {facts.rows[0].cell!r}, which look like levels; expected "
            "--from multilabel -o reader.n_levels=3 'reader.labels=[joy, anger]' with their number "
            "and names, or if they are labels, -o reader.label_separator=,"
        )


def check_pairs(facts: Facts, place: Path) -> None:
    """Refuse rows that are no pairs of texts of the same meaning.

    Raises:
        UserError: their third texts are numbers, or the two texts of each are the same.
    """
    if all(row.texts[0] == row.texts[1] for row in facts.rows):
        raise UserError(
            f"{place}: the two texts of every row are the same, expected other words for the same; "
            "columns are named by -o reader.query_column=1 reader.title_column=2"
        )
    third = [row.cell for row in facts.rows if row.cell]
    if third and all(re.fullmatch(r"[\d.]+", cell) for cell in third):
        raise UserError(
            f"{place}: the third column has numbers, such as {third[0]}, expected texts that do "
            "not mean the same; keep the rows that are pairs, and read two columns: "
            "-o reader.query_column=1 reader.title_column=2"
        )
