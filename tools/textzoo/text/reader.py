"""The contract of a reader: what turns lines of the user's files into ids, texts into arrays."""

from collections.abc import Callable, Iterable
from itertools import chain
from pathlib import Path
from typing import Any, ClassVar, Literal, Optional

import numpy as np

from textzoo.errors import UserError
from textzoo.text.characters import characters_of
from textzoo.text.coverage import Coverage
from textzoo.text.fields import Field
from textzoo.text.ragged import Columns, Ragged

CHARACTERS = "characters"  # the column of those of a text, see `with_characters`

Feeds = dict[str, np.ndarray]  # the arrays of a batch by name
Ids = dict[str, list[int]]  # the ids of one row, or of one text, by column
Side = Literal["query", "title"]  # what a text is that is embedded: it seeks, or is to be found
Embed = Callable[[list[str], Side], np.ndarray]  # texts to `[texts, width]`, of length 1


class Reader:
    """What a model folder's `Reader` derives from.

    Its keyword-only constructor arguments are the schema of the config's `reader` block. A reader
    is made from these, then either fitted to the training rows or given a vocabulary by `load`.

    Attributes:
        supplies: the arguments of the net that come from the data, as `sizes` gives them.
        columns: what `encode` gives ids of: the text first, then what is predicted, others.
        of_pairs: whether what is predicted is a text as well.
        fields: the parts of a line between tabs, each with the columns that it may be read from in
            a file of records, see `text.records`; none: files are read as they stand.
        is_csv: whether files are CSV whatever they are called.
        outdated: a line for each key of the config that has another name now.
        rows_without_labels_count: whether a row without labels has none; otherwise it is not
            labelled, and left out of metrics.
        label_counts: `[labels]` the training rows with each label; None: the reader keeps none.
        n_train_rows: how many rows it was fitted to, where it keeps `label_counts`.
        with_characters: whether rows also have the column `characters`, of which the linear part
            makes its features; see `text.characters`.
        keeps_case: whether these are not lower-cased, for an encoder beside the n-grams.
    """

    supplies: ClassVar[tuple[str, ...]] = ()
    columns: ClassVar[tuple[str, ...]] = ()
    of_pairs: ClassVar[bool] = False
    fields: tuple[Field, ...] = ()
    is_csv: bool = False
    outdated: tuple[str, ...] = ()
    rows_without_labels_count: bool = False
    label_counts: Optional[np.ndarray] = None
    n_train_rows: int = 0
    with_characters: bool = False
    keeps_case: bool = False

    def parse(self, line: str) -> Any:
        """Take a line apart into its labels and texts.

        Raises:
            BadLine: saying what was received and what was expected; the caller adds file and line.
        """
        raise NotImplementedError

    def fit(self, rows: Iterable[Any], declared: dict[str, int]) -> None:
        """Read or build the vocabulary; collect what else the training rows tell.

        Args:
            rows: what `parse` gave of each.
            declared: sizes that the config states, such as `vocab_text_size`.
        """
        raise NotImplementedError

    def count(self, lines: list[str]) -> Any:
        """What `fit_counts` needs of some lines; computed in several processes.

        Raises:
            BadLine: a line is malformed.
        """
        return [self.parse(line) for line in lines]

    def fit_counts(self, parts: Iterable[Any], declared: dict[str, int]) -> None:
        """As `fit`, from what `count` gave for all lines, in their order."""
        self.fit(chain.from_iterable(parts), declared)

    def extend_labels(self, parts: Iterable[Any]) -> None:
        """Add the labels that a loaded vocabulary lacks behind those that it has.

        What `label_counts` says of the training rows is then of these ones. A reader without
        labels does nothing.

        Args:
            parts: what `count` gave for all training lines, in their order.
        """

    def encode(self, line: str, training: bool) -> Ids:
        """The ids of a line, by column; labels that training did not have are -1.

        Args:
            line: of a file.
            training: whether the row is trained on.

        Raises:
            BadLine: the line is malformed, or cannot be trained on.
        """
        raise NotImplementedError

    def encode_many(self, lines: list[str], training: bool) -> dict[str, Ragged]:
        """What `encode` gives for each line. A reader may do it faster for many at a time.

        Raises:
            BadLine: a line is malformed; `encode` then finds out which.
        """
        rows = [self.encode(line, training) for line in lines]
        return {name: Ragged.of([row[name] for row in rows]) for name in self.columns}

    def encode_text(self, text: str) -> Ids:
        """The ids of a text without labels.

        Raises:
            BadLine: the model cannot read it.
        """
        raise NotImplementedError

    def encode_title(self, text: str) -> Ids:
        """As `encode_text`, of a text that is to be found; of other models it is the same.

        Raises:
            BadLine: the model cannot read it.
        """
        return self.encode_text(text)

    def coverage(self, text: str, side: Side = "query") -> Optional[Coverage]:
        """How much of a text, which is like this half of a pair, the net reads; None: unknown.

        Raises:
            BadLine: the model cannot read it.
        """
        return None

    @staticmethod
    def infer_feeds(columns: Columns, rows: np.ndarray, hyper_parameters: dict[str, Any]) -> Feeds:
        """The arrays that the net takes of some rows, for inference.

        Args:
            columns: the ids of all rows.
            rows: `[batch]` their numbers.
            hyper_parameters: those of the net.
        """
        raise NotImplementedError

    def describe(self, line: str) -> dict[str, Any]:
        """A line as predictions show it: its `text`, and its own labels as `tags`."""
        raise NotImplementedError

    def sizes(self) -> dict[str, int]:
        """What the net needs to know of the data: a number for each of `supplies`."""
        raise NotImplementedError

    def smallest_sizes(self) -> dict[str, int]:
        """The same before there are data, as small as they may be: a net is tried with them."""
        return dict.fromkeys(self.supplies, 2)

    @property
    def unknown_word_id(self) -> Optional[int]:
        """The id of words that training did not have, in the column of a row's text."""
        return None

    @property
    def unknown_pieces(self) -> dict[str, int]:
        """Of columns of pieces of words, the id of what the tokenizer has no piece for.

        Among them is that of a text alone, if `encode_text` gives it in a column of its own.
        """
        return {}

    @property
    def label_names(self) -> list[str]:
        """The labels in the order of their ids."""
        raise NotImplementedError

    @property
    def word_ids(self) -> dict[str, int]:
        """The id of each word, of a reader whose net starts from word vectors."""
        raise NotImplementedError

    def save(self, folder: Path) -> None:
        """Write the vocabulary, and what else `load` needs, to a folder."""
        raise NotImplementedError

    def load(self, folder: Path) -> None:
        """Read what `save` wrote."""
        raise NotImplementedError


def all_columns(reader: Reader) -> tuple[str, ...]:
    """What rows hold ids of."""
    return (*reader.columns, *[CHARACTERS] * reader.with_characters)


def encoded_lines(reader: Reader, lines: list[str], training: bool) -> Columns:
    """All columns of some lines.

    Raises:
        BadLine: a line is malformed.
    """
    columns = reader.encode_many(lines, training)
    if reader.with_characters:
        texts = [reader.describe(line)["text"] for line in lines]
        columns = {**columns, CHARACTERS: characters_of(texts, not reader.keeps_case)}
    return columns


def encoded_text(reader: Reader, text: str, side: Side = "query") -> Ids:
    """The ids of a text without labels, for all columns that inference takes.

    Args:
        reader: the model's.
        text: any text.
        side: which half of a pair it is like, for a model of pairs.

    Raises:
        BadLine: the model cannot read it.
    """
    ids = reader.encode_title(text) if side == "title" else reader.encode_text(text)
    if reader.with_characters:
        characters = characters_of([text], not reader.keeps_case)
        ids = {**ids, CHARACTERS: characters.values.tolist()}
    return ids


def n_tokens(ids: Ids) -> int:
    """How many ids the net takes of a text."""
    return sum(len(own) for name, own in ids.items() if name != CHARACTERS)


def checked_prefix(name: str, prefix: Optional[str]) -> str:
    """What a key says is put before texts; nothing if it says nothing.

    Raises:
        ValueError: it is not within one line.
    """
    if len(f"{prefix}.".splitlines()) > 1:
        raise ValueError(f"{name}: received {prefix!r}, expected no line end")
    return prefix or ""


def load_vocabulary(reader: Reader, folder: Path) -> None:
    """Give a reader the vocabulary of a folder.

    Raises:
        UserError: it is damaged.
    """
    try:
        reader.load(folder)
    except UserError:
        raise
    except Exception as failure:  # whatever a reader meets in files of another content
        raise UserError(
            f"{folder}: is not a vocabulary of this model ({type(failure).__name__}: {failure}); "
            "use another checkpoint"
        ) from None
