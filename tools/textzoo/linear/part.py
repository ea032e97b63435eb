"""The linear part: texts to scores of labels, and what a score comes from."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple, Optional

import numpy as np
import scipy

from textzoo.linear.embeddings import EMBEDDING, Embeddings
from textzoo.linear.features import Features
from textzoo.linear.matrices import SparseRows, read_array, write_array
from textzoo.text.characters import characters_of, places_of, texts_of
from textzoo.text.ragged import Ragged

_MOST = 5_000_000  # weights of all labels together
_LEAST = 200  # that a label keeps all the same
_DENSE = 20_000_000  # numbers of a matrix that is not held as a sparse one
_LARGEST = float(np.finfo(np.float16).max)
_OfLabel = tuple[np.ndarray, np.ndarray]  # `[weights]` values in half precision, and features
_FILES = ("weights_values.npz", "weights_features.npz", "weights_ends.npz")
_UNITS = "weights_units.npz"


class NgramShare(NamedTuple):
    """What an n-gram of a text adds to a label's score."""

    ngram: str
    share: float


class Weights:
    """The weights of labels: the largest ones, in half precision.

    All labels keep 5 million weights together, at least 200 each.

    Args:
        values: `[weights]` label by label, in half precision; or 8-bit integers.
        features: `[weights]` the n-gram of each.
        ends: `[labels + 1]` where each label's weights start, and where the last one's end.
        n_features: how many n-grams there are.
        units: `[labels]` what integers are multiples of; None: they are none.

    Attributes:
        n_labels: how many labels there are.
    """

    def __init__(
        self,
        values: np.ndarray,
        features: np.ndarray,
        ends: np.ndarray,
        n_features: int,
        units: Optional[np.ndarray] = None,
    ):
        self._arrays, self._units = (values, features, ends), units
        self.n_labels = len(ends) - 1
        numbers = values.astype(np.float32)
        if units is not None:
            numbers *= np.repeat(units, np.diff(ends))
        by_label: SparseRows = scipy.sparse.csr_matrix(
            (numbers, features, ends), (self.n_labels, n_features)
        )
        self._by_label = by_label
        is_small = self.n_labels * n_features <= _DENSE
        self._by_feature = by_label.T.toarray() if is_small else by_label.T.tocsr()

    @classmethod
    def largest(cls, blocks: Iterable[np.ndarray], n_features: int) -> "Weights":
        """Of all weights the largest.

        Args:
            blocks: `[features, n]` the weights of some labels, of one block after another.
            n_features: how many n-grams there are.

        Raises:
            OverflowError: one is too large for half precision.
        """
        labels: list[_OfLabel] = []
        least, n = 0.0, 0
        for block in blocks:
            for own in block.T:
                kept = _kept(own, least)
                labels.append((in_half(own[kept]), kept.astype(np.int32)))
                n += len(kept)
            if n > 2 * _MOST:
                labels, least = _largest(labels)
                n = sum(len(values) for values, _ in labels)
        return cls._of(_largest(labels)[0], n_features)

    @classmethod
    def largest_of_rows(cls, by_label: SparseRows) -> "Weights":
        """The same of weights that are sparse, `[labels, features]`."""
        cuts = by_label.indptr[1:-1]
        values = np.split(by_label.data.astype(np.float16), cuts)
        features = np.split(by_label.indices.astype(np.int32), cuts)
        return cls._of(_largest(list(zip(values, features)))[0], by_label.shape[1])

    @classmethod
    def _of(cls, labels: list[_OfLabel], n_features: int) -> "Weights":
        values, features = (np.concatenate(part) for part in zip(*labels))
        ends = np.cumsum([0, *(len(own) for own, _ in labels)])
        return cls(values, features, ends, n_features)

    def in_8_bits(self) -> "Weights":
        """The same, each rounded to one of 255 numbers, equal steps up to its label's largest."""
        by_label = self._by_label
        largest = np.asarray(abs(by_label).max(axis=1).todense()).ravel()
        units = np.where(largest > 0, largest / 127, 1).astype(np.float32)
        values = np.rint(by_label.data / np.repeat(units, np.diff(by_label.indptr)))
        return Weights(values.astype(np.int8), *self._arrays[1:], by_label.shape[1], units)

    def scores(self, rows: SparseRows) -> np.ndarray:
        """The score of every label for some rows of features, `[rows, labels]`."""
        products = rows @ self._by_feature
        return products.toarray() if scipy.sparse.issparse(products) else np.asarray(products)

    def of_label(self, label: int) -> tuple[np.ndarray, np.ndarray]:
        """The n-grams of a label and their weights, both `[weights]`."""
        own = self._by_label[label]
        return own.indices, own.data

    def at(self, label: int, ngrams: np.ndarray) -> np.ndarray:
        """A label's weights of some n-grams, 0 where it has none: `[n]`."""
        own, weights = self.of_label(label)
        found = np.zeros(len(ngrams), np.float32)
        _, ours, theirs = np.intersect1d(ngrams, own, return_indices=True)
        found[ours] = weights[theirs]
        return found

    def save(self, folder: Path) -> None:
        """Write what `load` reads."""
        for name, array in zip(_FILES, self._arrays):
            write_array(folder / name, array)
        if self._units is not None:
            write_array(folder / _UNITS, self._units)

    @classmethod
    def load(cls, folder: Path, n_features: int) -> "Weights":
        """Read what `save` wrote.

        Raises:
            ValueError: it is damaged.
        """
        has_units = (folder / _UNITS).is_file()
        values, features, ends = (
            read_array(folder / name, kind) for name, kind in zip(_FILES, f"{'fi'[has_units]}ii")
        )
        units = read_array(folder / _UNITS, "f") if has_units else None
        is_whole = len(ends) > 0 and values.shape == features.shape == (ends[-1],)
        is_whole = is_whole and ends[0] == 0 and bool((np.diff(ends) >= 0).all())
        is_whole = is_whole and (units is None or units.shape == (len(ends) - 1,))
        if not (is_whole and all(np.isfinite(a).all() for a in (values, units) if a is not None)):
            raise ValueError("weights: are not as they were saved")
        if len(features) and not 0 <= features.min() <= features.max() < n_features:
            raise ValueError(f"weights: of other than {n_features} n-grams")
        return cls(values, features, ends, n_features, units)


def in_half(weights: np.ndarray) -> np.ndarray:
    """Weights in half precision.

    Raises:
        OverflowError: one is too large for it.
    """
    if np.abs(weights).max(initial=0) > _LARGEST:
        raise OverflowError("a weight is too large for half precision")
    return weights.astype(np.float16)


def _largest(labels: list[_OfLabel]) -> tuple[list[_OfLabel], float]:
    """Of all labels' weights the largest, and how large the least of them is."""
    sizes = np.abs(np.concatenate([values for values, _ in labels]).astype(np.float32))
    if len(sizes) <= _MOST:
        return labels, 0.0
    least = float(np.partition(sizes, -_MOST)[-_MOST])
    kept = [_kept(values, least) for values, _ in labels]
    return [(values[k], features[k]) for (values, features), k in zip(labels, kept)], least


def _kept(weights: np.ndarray, least: float) -> np.ndarray:
    """The places of a label's weights that are so large, but of no fewer than a label keeps."""
    sizes = np.abs(weights)
    kept = np.flatnonzero((sizes >= least) & (sizes > 0))
    if len(kept) < min(_LEAST, len(sizes)):
        kept = np.argpartition(-sizes, min(_LEAST, len(sizes)) - 1)[:_LEAST]
        kept = np.sort(kept[sizes[kept] > 0])
    return kept


class LinearPart:
    """Scores labels by the n-grams of a text, and by its embedding.

    Attributes:
        features: texts to rows of numbers.
        weights: of each label, by the place in such a row.
        embeddings: None: n-grams alone count.
    """

    def __init__(
        self, features: Features, weights: Weights, embeddings: Optional[Embeddings] = None
    ):
        self.features, self.weights, self.embeddings = features, weights, embeddings

    def scores(self, characters: Ragged, vectors: Optional[np.ndarray] = None) -> np.ndarray:
        """The score of every label, about 1 for one that a text has and 0 for others.

        Args:
            characters: of the texts, see `text.characters`; where embeddings count, these are not
                lower-cased.
            vectors: `[texts, width]` their embeddings, where they are known.

        Returns:
            `[texts, labels]`.
        """
        if not self.embeddings:
            return self.weights.scores(self.features(characters))
        texts = texts_of(characters)
        if vectors is None:
            vectors = self.embeddings.of_texts(texts)
        of_ngrams = self.weights.scores(self.features(characters_of(texts)))
        return of_ngrams + self.embeddings.scores(vectors)

    def in_8_bits(self) -> "LinearPart":
        """The same with weights of n-grams of 8 bits."""
        return LinearPart(self.features, self.weights.in_8_bits(), self.embeddings)

    def reasons(
        self, texts: list[str], labels: Sequence[Sequence[int]], n: int
    ) -> list[list[list[NgramShare]]]:
        """The n-grams that add most to the scores of some labels.

        Args:
            texts: any.
            labels: those of each text.
            n: how many of each.

        Returns:
            For each text, for each of its labels, at most n, the largest share first. All shares of
            a label, those below 0 too, which are not listed, add up to its score. That of the
            embedding is one of them.
        """
        rows = self.features(characters_of(texts))
        dense: Optional[np.ndarray] = None
        if self.embeddings:
            as_written = texts_of(characters_of(texts, lower_case=False))
            dense = self.embeddings.scores(self.embeddings.of_texts(as_written))
        found = []
        for i, own in enumerate(labels):
            of_ngrams = [self._of_row(rows[i], label, n) for label in own]
            if dense is not None:
                shares = [NgramShare(EMBEDDING, float(dense[i, label])) for label in own]
                of_ngrams = [_with(share, ngrams, n) for share, ngrams in zip(shares, of_ngrams)]
            found.append(of_ngrams)
        return found

    def by_word(self, text: str, words: np.ndarray, labels: Sequence[int]) -> np.ndarray:
        """What each word adds to the scores of some labels.

        It is the sum over its characters, see `Features.by_character`; blanks belong to the word
        before them.

        Args:
            text: any.
            words: `[words, 2]` where words are in it, see `text.spans`.
            labels: their ids.

        Returns:
            `[labels, words]`; the words of a label add up to its score, less what the embedding
            of the text adds, which `reasons` tells of as one.
        """
        characters = characters_of([text])
        found = np.zeros((len(labels), len(words)))
        row = self.features(characters)
        row.sort_indices()
        if row.nnz:
            weights = np.stack([self.weights.at(label, row.indices) for label in labels])
            own = self.features.by_character(characters, row.indices, weights * row.data)
            at = np.searchsorted(words[:, 0], places_of(text), side="right") - 1
            np.add.at(found.T, at, own.T)
        return found

    def strongest(self, label: int, n: int) -> list[NgramShare]:
        """The n-grams with the largest weights for a label."""
        return self._largest(*self.weights.of_label(label), n)

    def _of_row(self, row: SparseRows, label: int, n: int) -> list[NgramShare]:
        return self._largest(row.indices, row.data * self.weights.at(label, row.indices), n)

    def _largest(self, ngrams: np.ndarray, shares: np.ndarray, n: int) -> list[NgramShare]:
        """The n largest shares, as far as they are above 0."""
        best = np.argsort(-shares, kind="stable")[:n]
        best = best[shares[best] > 0]
        return [NgramShare(self.features.name(int(ngrams[i])), float(shares[i])) for i in best]

    def save(self, folder: Path) -> None:
        """Write what `load` reads."""
        self.features.save(folder)
        self.weights.save(folder)
        if self.embeddings:
            self.embeddings.save(folder)

    @classmethod
    def load(cls, folder: Path, n_labels: int) -> "LinearPart":
        """Read what `save` wrote.

        Raises:
            ValueError: it is damaged, or of another number of labels.
        """
        features = Features.load(folder)
        weights = Weights.load(folder, len(features))
        embeddings = Embeddings.load(folder)
        found = [weights.n_labels, *([embeddings.by_label.shape[1]] if embeddings else [])]
        for n in found:
            if n != n_labels:
                raise ValueError(f"weights of {n} labels, expected {n_labels}")
        return cls(features, weights, embeddings)


def _with(share: NgramShare, shares: list[NgramShare], n: int) -> list[NgramShare]:
    """The n largest of some shares and another one, if it is above 0."""
    own = [share] * (share.share > 0)
    return sorted([*own, *shares], key=lambda each: -each.share)[:n]
