"""TF-IDF of n-grams of words and characters."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Literal, NamedTuple, Union

import numpy as np
import pydantic
import scipy

from textzoo.config.schema import Block, LeadWords, NgramLength, NotNegativeFloat
from textzoo.linear.matrices import SparseRows, read_array, write_array
from textzoo.linear.ngrams import Lead, Ngrams
from textzoo.linear.tokens import (
    TokenLists,
    Words,
    all_words,
    n_between_spaces,
    n_words,
    whole_text_places,
    whole_texts,
    within_word_places,
    within_words,
    word_places,
)
from textzoo.text.characters import before
from textzoo.text.ragged import Ragged

Kind = Literal["words", "characters", "within_words"]

_VIEWS = "features.json"
_CHARACTERS: dict[Kind, Callable[[Ragged], TokenLists]] = {
    "characters": whole_texts,
    "within_words": within_words,
}
# Where the tokens of each kind are in a text.
_PLACES: dict[Kind, Callable[[Ragged], np.ndarray]] = {
    "words": word_places,
    "characters": whole_text_places,
    "within_words": within_word_places,
}


class ViewSettings(NamedTuple):
    """Which n-grams.

    Attributes:
        kind: of words; of characters; or of characters with none reaching over a word.
        shortest: the least tokens of one.
        longest: the most.
        weight: of a row, whose length this is.
        lead_words: n-grams that start in so many first words of a text, or before this mark, count
            twice.
        is_binary: whether it does not matter how often a text has one.
        idf_power: of the inverse document frequency.
    """

    kind: Kind
    shortest: int
    longest: int
    weight: float = 1.0
    lead_words: Union[int, str] = 0
    is_binary: bool = False
    idf_power: float = 1.0


class _SavedView(Block):
    """What a file tells of n-grams."""

    kind: Kind
    shortest: NgramLength
    longest: NgramLength
    weight: NotNegativeFloat
    lead_words: LeadWords
    is_binary: bool
    idf_power: NotNegativeFloat
    words: list[str]

    def settings(self) -> ViewSettings:
        """The same without the words."""
        return ViewSettings(**self.model_dump(exclude={"words"}))


_SAVED_VIEWS = pydantic.TypeAdapter(
    Annotated[list[_SavedView], pydantic.Field(min_length=1)],
)


class _View(NamedTuple):
    """N-grams with what turns counts of them into TF-IDF.

    Attributes:
        settings: which n-grams.
        words: by their numbers, of n-grams of words.
        ngrams: their numbers.
        idf: `[n-grams]`.
    """

    settings: ViewSettings
    words: Words
    ngrams: Ngrams
    idf: np.ndarray

    def tokens(self, characters: Ragged) -> TokenLists:
        if self.settings.kind == "words":
            return self.words(characters)
        return _CHARACTERS[self.settings.kind](characters)

    def rows(self, counts: SparseRows) -> SparseRows:
        """Rows of TF-IDF from counts, which they take the place of."""
        frequency = 1 if self.settings.is_binary else 1 + np.log(counts.data)
        counts.data = frequency * self.idf[counts.indices]
        return _scaled(counts, self.settings.weight)

    def name(self, number: int) -> str:
        tokens = self.ngrams.tokens_of(number)
        if self.settings.kind == "words":
            return " ".join(self.words.words[token] for token in tokens)
        return "".join(map(chr, tokens))


class Features:
    """Rows of numbers for texts, all of length 1 but those of texts without a known n-gram.

    Of each view the numbers are (1 + log of how often a text has an n-gram) x inverse document
    frequency, scaled to the view's weight; the rows of all views, side by side, have length 1. The
    inverse document frequency of an n-gram in d of n texts is 1 + log((1 + n) / (1 + d)), as
    scikit-learn has it (Manning, Raghavan, Schütze: Introduction to Information Retrieval, 6.4.1),
    to the power that the view's settings say.
    """

    def __init__(self, views: Sequence[_View]):
        self._views = views
        self._ends = np.cumsum([len(view.ngrams) for view in views])

    def __len__(self) -> int:
        """How many n-grams there are."""
        return int(self._ends[-1])

    @classmethod
    def fit(
        cls, characters: Ragged, settings: Sequence[ViewSettings], min_texts: int
    ) -> tuple["Features", SparseRows]:
        """Number the n-grams of some texts.

        Args:
            characters: of the texts, see `text.characters`.
            settings: which n-grams.
            min_texts: in how many texts one is at least.

        Returns:
            The features, and those of these texts, `[texts, n-grams]`.
        """
        views, parts = [], []
        for own in settings:
            view, counts = _fitted(own, characters, min_texts)
            views.append(view)
            parts.append(view.rows(counts))
        return cls(views), _joined(parts)

    def __call__(self, characters: Ragged) -> SparseRows:
        """The features of texts, `[texts, n-grams]`."""
        parts = zip(self._views, self._counts(characters))
        return _joined([view.rows(counts) for view, counts in parts])

    def counts(self, characters: Ragged) -> SparseRows:
        """How often each text has each n-gram, `[texts, n-grams]`."""
        return scipy.sparse.hstack(self._counts(characters), format="csr")

    def _counts(self, characters: Ragged) -> list[SparseRows]:
        """The counts of each view."""
        found = []
        for view in self._views:
            lead = _lead(view.settings, characters)
            found.append(view.ngrams.count(view.tokens(characters), len(characters), lead))
        return found

    def by_character(
        self, characters: Ragged, ngrams: np.ndarray, shares: np.ndarray
    ) -> np.ndarray:
        """Divide what the n-grams of a text add to some scores among its characters.

        All occurrences of an n-gram have the same part of it, one that counts twice a double one;
        the tokens of an occurrence have equal parts of that, and so have a token's characters. The
        space on either side of a word is of the word.

        Args:
            characters: of one text.
            ngrams: `[n]` the numbers of its n-grams, sorted.
            shares: `[scores, n]` what each adds.

        Returns:
            `[scores, characters]`; the sums are those of the shares.
        """
        found = np.zeros((len(shares), len(characters.values)))
        starts = self._ends - [len(view.ngrams) for view in self._views]
        for view, start in zip(self._views, starts.tolist()):
            places = _PLACES[view.settings.kind](characters)
            lead = int(np.ravel(_lead(view.settings, characters))[0])
            occurrences = list(view.ngrams.occurrences(view.tokens(characters), lead))
            owns = [np.searchsorted(ngrams, each.ngrams + start) for each in occurrences]
            totals = np.zeros(len(ngrams))
            for own, each in zip(owns, occurrences):
                np.add.at(totals, own, each.counts)
            of_tokens = np.zeros((len(shares), len(places)))
            for own, each in zip(owns, occurrences):
                part = shares[:, own] * (each.counts / totals[own] / each.tokens.shape[1])
                for tokens in each.tokens.T:
                    np.add.at(of_tokens.T, tokens, part.T)
            lengths = places[:, 1] - places[:, 0]
            inside = Ragged.with_counts(np.arange(lengths.sum()), lengths).places()
            at = np.repeat(places[:, 0], lengths) + inside
            np.add.at(found.T, at, np.repeat(of_tokens / lengths, lengths, axis=1).T)
        return found

    def name(self, number: int) -> str:
        """An n-gram as it stands in texts."""
        view = int(np.searchsorted(self._ends, number, side="right"))
        return self._views[view].name(
            number - int(self._ends[view] - len(self._views[view].ngrams))
        )

    def save(self, folder: Path) -> None:
        """Write what `load` reads."""
        facts = []
        for place, view in enumerate(self._views):
            facts.append({**view.settings._asdict(), "words": view.words.words})
            ngrams = view.ngrams
            for length, known in enumerate([ngrams.tokens, *ngrams.longer], start=1):
                write_array(folder / f"ngrams_{place}_{length}.npz", known)
            write_array(folder / f"idf_{place}.npz", view.idf)
        (folder / _VIEWS).write_text(json.dumps(facts, ensure_ascii=False), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> "Features":
        """Read what `save` wrote.

        Raises:
            ValueError: it is damaged.
        """
        views = []
        for place, facts in enumerate(_saved_views(folder / _VIEWS)):
            settings = facts.settings()
            tokens, *longer = (
                read_array(folder / f"ngrams_{place}_{length}.npz", "i")
                for length in range(1, settings.longest + 1)
            )
            idf = read_array(folder / f"idf_{place}.npz", "f")
            ngrams = Ngrams(settings.shortest, tokens, longer)
            if len(idf) != len(ngrams):
                raise ValueError(f"{len(idf)} weights of {len(ngrams)} n-grams")
            if settings.kind == "words" and len(facts.words) != len(tokens):
                raise ValueError(f"{len(facts.words)} words, expected {len(tokens)}")
            views.append(_View(settings, Words(facts.words), ngrams, idf))
        return cls(views)


def _saved_views(file: Path) -> list[_SavedView]:
    try:
        return _SAVED_VIEWS.validate_json(file.read_bytes())
    except OSError as failure:
        raise ValueError(f"{file.name}: {failure.strerror}") from None


def _fitted(settings: ViewSettings, characters: Ragged, min_texts: int) -> tuple[_View, SparseRows]:
    words: list[str] = []
    if settings.kind == "words":
        tokens, words = all_words(characters)
    else:
        tokens = _CHARACTERS[settings.kind](characters)
    n, shortest = len(characters), settings.shortest
    lead = _lead(settings, characters)
    ngrams, counts = Ngrams.fit(tokens, n, shortest, settings.longest, min_texts, lead)
    if words:  # only those in use keep a number
        words = [words[number] for number in ngrams.tokens]
        ngrams = Ngrams(shortest, np.arange(len(words)), ngrams.longer)
    n_in = np.bincount(counts.indices, minlength=len(ngrams))
    idf = ((1 + np.log((1 + n) / (1 + n_in))) ** settings.idf_power).astype(np.float32)
    return _View(settings, Words(words), ngrams, idf), counts


def _lead(settings: ViewSettings, characters: Ragged) -> Lead:
    """How many words at the start of each text count twice."""
    if isinstance(settings.lead_words, int):
        return settings.lead_words
    leads = before(characters, settings.lead_words)
    return n_words(leads) if settings.kind == "words" else n_between_spaces(leads)


def _scaled(rows: SparseRows, length: float) -> SparseRows:
    """The same rows, each as long as this, unless it is 0."""
    squares = np.add.reduceat(np.append(rows.data**2, np.float32(0)), rows.indptr[:-1]) * (
        np.diff(rows.indptr) > 0
    )
    scale = length / np.sqrt(np.where(squares > 0, squares, 1))
    rows.data *= np.repeat(scale, np.diff(rows.indptr)).astype(np.float32)
    return rows


def _joined(parts: list[SparseRows]) -> SparseRows:
    if len(parts) == 1:
        return _scaled(parts[0], 1.0)
    return _scaled(scipy.sparse.hstack(parts, format="csr"), 1.0)
