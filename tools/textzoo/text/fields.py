"""What a reader takes from a record of any format, and how a record's labels stand in a line."""

import re
from collections.abc import Callable, Iterable
from typing import Annotated, NamedTuple, Optional, Union

from pydantic import Field as Limits

# A column: its name in the header, or, where there is no header, its number from 1.
Column = Union[Annotated[int, Limits(gt=0, le=100_000)], Annotated[str, Limits(min_length=1)]]
Columns = Union[Column, Annotated[list[Column], Limits(min_length=1)]]
Separators = Union[str, list[str]]

# The names by which columns are recognised in a header; case does not count.
TEXT = (
    *("text", "texts", "content", "sentence", "title", "document", "body"),
    *("文本", "内容", "标题", "正文"),
)
LABELS = (
    *("label", "labels", "tag", "tags", "category", "categories", "class"),
    *("标签", "类别", "分类"),
)
QUERY = ("query", "question", "anchor", "sentence1", "text1")
TITLE = ("title", "positive", "answer", "sentence2", "text2")
NEGATIVE = ("negative", "negatives", "hard_negative", "hard_negatives")
SCORE = (*LABELS, "score", "similarity")  # beside pairs: they may not all mean the same

# Before each label of a list: one that is read as it is, whatever separates labels in a text.
_LISTED = "\x1f"


class Field(NamedTuple):
    """A part of a row.

    Attributes:
        name: what messages call it.
        key: of the `reader` block, which names its columns.
        known: the names by which its column is recognised in a header.
        columns: what the key says; None: it is recognised.
        labels: whether it is a row's labels, not a text; of several columns, each is a label that a
            row has (1) or has not (0).
        levels: with `labels`, whether several columns hold levels.
        optional: whether it may be missing; its columns are then texts, each by itself.
        alone: names of other columns beside which it is not recognised.
    """

    name: str
    key: str
    known: tuple[str, ...]
    columns: Optional[Columns] = None
    labels: bool = False
    levels: bool = False
    optional: bool = False
    alone: tuple[str, ...] = ()

    @property
    def given(self) -> list[Column]:
        """The columns that the key says."""
        if self.columns is None:
            return []
        return self.columns if isinstance(self.columns, list) else [self.columns]


def label_fields(
    label_column: Optional[Columns], text_column: Optional[Columns], levels: bool = False
) -> tuple[Field, ...]:
    """The parts of a line `labels<TAB>text`."""
    return (
        Field("labels", "label_column", LABELS, label_column, labels=True, levels=levels),
        Field("text", "text_column", TEXT, text_column),
    )


def listed(labels: Iterable[str]) -> str:
    """Labels as a cell of a line, from which `labels_in` gives them back."""
    return "".join(f"{_LISTED}{label}" for label in labels)


def labels_in(cell: str, split: Callable[[str], list[str]]) -> list[str]:
    """The labels of a cell, stripped, in their order; blank ones are left out.

    Args:
        cell: text with labels, or what `listed` gave.
        split: of a text into labels.
    """
    return [part.strip() for part in parts_of(cell, split) if part and not part.isspace()]


def parts_of(cell: str, split: Callable[[str], list[str]]) -> list[str]:
    """The same as they are, blank ones too."""
    return cell[1:].split(_LISTED) if cell.startswith(_LISTED) else split(cell)


def separator_of(texts: Separators) -> re.Pattern[str]:
    """What separates labels; an empty list: nothing does.

    Raises:
        ValueError: a separator is none.
    """
    found = [texts] if isinstance(texts, str) else texts
    for text in found:
        if not text or re.search(f"[\t\r\n{_LISTED}]", text):
            raise ValueError(
                f"label_separator: received {text!r}, expected a text without tabs and line ends; "
                "[] if a cell is one label"
            )
    longest_first = sorted(found, key=len, reverse=True)
    return re.compile("|".join(map(re.escape, longest_first)) if found else "(?!)")
