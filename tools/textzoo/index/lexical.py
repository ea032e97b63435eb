"""Searching texts by the n-grams that they share with a query: TF-IDF or BM25, always exactly."""

import json
from pathlib import Path
from typing import NamedTuple, Optional

import numpy as np
import pydantic
import scipy

from textzoo.config.schema import IndexSettings, LexicalFeatures, LexicalWeighting, NgramLength
from textzoo.files import read_json
from textzoo.linear.features import Features, ViewSettings
from textzoo.linear.matrices import SparseRows, read_array, write_array
from textzoo.text.characters import characters_of

_FORM = "lexical.json"
_NGRAM_MAX: dict[LexicalFeatures, int] = {"words": 2, "characters": 2, "within_words": 3}
_K1, _B = 1.2, 0.75  # of BM25, as Lucene has them


class LexicalForm(NamedTuple):
    """What decides the scores of texts.

    Attributes:
        features: which n-grams.
        ngram_max: the most words or characters of one.
        weighting: what makes scores of counts.
    """

    features: LexicalFeatures
    ngram_max: NgramLength
    weighting: LexicalWeighting

    @classmethod
    def of(cls, settings: IndexSettings) -> "LexicalForm":
        """What a config says."""
        features = settings.lexical_features
        longest = settings.lexical_ngram_max or _NGRAM_MAX[features]
        return cls(features, longest, settings.lexical_weighting)


_FORMS = pydantic.TypeAdapter(LexicalForm)


class LexicalIndex:
    """An inverted index: for each n-gram the texts that have it, and what it counts in each.

    With `tfidf` a score is the cosine of the TF-IDF of query and text, see `Features`. With `bm25`
    it is the sum, over the n-grams of the query as often as it has them, of

        ln(1 + (N - d + 0.5) / (d + 0.5)) x (k1 + 1) tf / (tf + k1 (1 - b + b length / mean length))

    where d of N texts have the n-gram, this one tf times, and a length is in n-grams (Robertson and
    Zaragoza, The Probabilistic Relevance Framework, 2009; idf as in Lucene, never below 0).

    Args:
        form: what decides the scores.
        features: the n-grams.
        postings: `[n-grams, texts]` what each n-gram counts in each text.
    """

    def __init__(self, form: LexicalForm, features: Features, postings: SparseRows):
        self.form = form
        self._features = features
        self._postings = postings

    def __len__(self) -> int:
        """How many texts there are."""
        return self._postings.shape[1]

    @classmethod
    def fit(cls, texts: list[str], form: LexicalForm) -> "LexicalIndex":
        """An index of these texts, and of every n-gram in them."""
        characters = characters_of(texts)
        view = ViewSettings(form.features, 1, form.ngram_max)
        features, rows = Features.fit(characters, [view], min_texts=1)
        if form.weighting == "bm25":
            rows = _bm25(features.counts(characters))
        return cls(form, features, rows.T.tocsr())

    def scores(self, queries: list[str]) -> np.ndarray:
        """The score of every text for each query, `[queries, texts]`, float32, 0 or more."""
        characters = characters_of(queries)
        rows = self._features
        asked = rows.counts(characters) if self.form.weighting == "bm25" else rows(characters)
        scores = np.empty((len(queries), len(self)), np.float32)
        for place in range(len(queries)):
            own = slice(asked.indptr[place], asked.indptr[place + 1])
            # Only the lists of the query's n-grams, added up to a row of all texts: 8 times as
            # fast as a product of two sparse matrices.
            scores[place] = self._postings[asked.indices[own]].T @ asked.data[own]
        return scores

    def save(self, folder: Path) -> None:
        """Write what `load` reads."""
        postings = self._postings
        self._features.save(folder)
        for name in ("data", "indices", "indptr"):
            write_array(folder / f"postings_{name}.npz", getattr(postings, name))
        facts = {"form": self.form._asdict(), "texts": len(self)}
        (folder / _FORM).write_text(json.dumps(facts), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path, form: LexicalForm, n_texts: int) -> Optional["LexicalIndex"]:
        """Read what `save` wrote; None if it has another form.

        Args:
            folder: where it is.
            form: what is to decide the scores.
            n_texts: how many texts it is of.

        Raises:
            ValueError: it is damaged, or of another number of texts.
            OSError: it cannot be read.
        """
        facts = read_json(folder / _FORM)
        if not isinstance(facts, dict) or facts.get("texts") != n_texts:
            raise ValueError(f"{_FORM}: expected an index of {n_texts} texts")
        if _FORMS.validate_python(facts.get("form")) != form:
            return None
        features = Features.load(folder)
        numbers = read_array(folder / "postings_data.npz", "f")
        places, starts = (
            read_array(folder / f"postings_{name}.npz", "i") for name in ("indices", "indptr")
        )
        # SciPy's product does not look where it reads and writes.
        fits = (
            len(starts) == len(features) + 1
            and starts[0] == 0
            and starts[-1] == len(places) == len(numbers)
            and (np.diff(starts) >= 0).all()
            and ((places >= 0) & (places < n_texts)).all()
            and np.isfinite(numbers).all()
        )
        if not fits:
            raise ValueError("postings: are not those of these n-grams and texts")
        postings = scipy.sparse.csr_matrix((numbers, places, starts), (len(features), n_texts))
        return cls(form, features, postings)


def _bm25(counts: SparseRows) -> SparseRows:
    """What each n-gram counts in each text, in the place of how often it is there."""
    n_texts = counts.shape[0]
    n_in = np.bincount(counts.indices, minlength=counts.shape[1])
    idf = np.log1p((n_texts - n_in + 0.5) / (n_in + 0.5))
    lengths = np.asarray(counts.sum(axis=1)).ravel()
    damping = _K1 * (1 - _B + _B * lengths / max(lengths.mean(), 1e-9))
    often, per_text = counts.data, np.diff(counts.indptr)
    damped = often * (_K1 + 1) / (often + np.repeat(damping, per_text))
    counts.data = (idf[counts.indices] * damped).astype(np.float32)
    return counts
