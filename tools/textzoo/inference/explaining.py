"""Why a label scores as it does: the words of a text that speak for it, with any model."""

from collections.abc import Callable, Sequence
from typing import Any, Optional, Union

import numpy as np

from textzoo.errors import BadLine, BadText
from textzoo.linear.fusion import Fusion, NetAlone, all_scores
from textzoo.linear.part import LinearPart
from textzoo.text.reader import Feeds
from textzoo.text.spans import grouped, without_each, words_of

MOST_SPANS = 64  # of a text: each is left out once, which takes the net as long as a text
_MOST_SCORES = 4_000_000  # that are on one scale together


class Explainer:
    """Tells what the words of a text add to the scores of its best labels.

    Of a linear part it is exact: what the n-grams of the text add to the score, divided among
    their words (see `LinearPart.by_word`), adds up to it. Of a net it is what its score loses when
    the word is left out of the text: representation erasure (Li, Monroe, Jurafsky: Understanding
    Neural Networks through Representation Erasure, arXiv:1612.08220, 2016, equation 1, not
    divided by the score), the difference of predictions of Robnik-Šikonja and Kononenko (IEEE TKDE
    20, 2008). It takes a net that scores texts and nothing else: exports have no gradients, whose
    product with the input is its first-order approximation where the net is smooth (Shrikumar et
    al.: Learning Important Features through Propagating Activation Differences, ICML 2017,
    section 2). Two words of which either is enough have small shares both. As the word is left
    out of the text, no neighbourhood of texts need be sampled and fitted, as Ribeiro et al. do
    (LIME, KDD 2016).

    Where a score is made of both, the shares of both are on the scale on which it is their sum.

    Args:
        names: of all labels.
        net: gives the outputs of the net alone for some texts, in their order.
        fusion: what makes one score of two, or of the net alone.
        part: the linear part, if there is one.
    """

    def __init__(
        self,
        names: Sequence[str],
        net: Callable[[list[str]], Feeds],
        fusion: Union[Fusion, NetAlone],
        part: Optional[LinearPart] = None,
    ):
        self._ids = {name: label for label, name in enumerate(names)}
        self._net, self._fusion, self._part = net, fusion, part

    def explain(self, texts: Sequence[str], rows: Sequence[dict[str, Any]], n: int) -> None:
        """Put `words` beside the tags and scores of what is predicted, and `why` of n-grams.

        `words` is a list of `{"word": ..., "start": ..., "end": ..., "share": ...}`, the n that
        speak most clearly for the tag or against it, the largest share first; `start` and `end` are
        places in the text, in code points. A text of more than 64 words has as many spans of
        neighbouring ones in their place. `why` is a list of `{"ngram": ..., "share": ...}`, those
        of the linear part that add most, if there is one. `shares_of` of a row tells what is
        divided: `score`; `logit`, its log-odds or those that a logistic regression makes of both
        scores; or `log_probability`, after the softmax.

        Args:
            texts: what the rows are about.
            rows: each with `top`, see `LabelPredictions`.
            n: how many words and n-grams for each tag, at most.
        """
        for text, row in zip(texts, rows):
            tags = [best["tag"] for best in row["top"]]
            row["shares_of"] = self._fusion.sum_is
            spans, shares = self.shares(text, tags)
            for best, own in zip(row["top"], shares):
                best["words"] = _largest(text, spans, own, n)
            if self._part:
                self._add_ngrams(self._part, text, row, n)

    def shares(self, text: str, tags: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """The spans of a text, and what each adds to some tags.

        Returns:
            `[spans, 2]` places in the text, and `[tags, spans]`.
        """
        spans = grouped(words_of(text), MOST_SPANS)
        shares = np.zeros((len(tags), len(spans)))
        if not (len(spans) and tags):
            return spans, shares
        if self._part:
            labels = [self._ids[tag] for tag in tags]
            shares += self._fusion.factor * self._part.by_word(text, spans, labels)
        if self._fusion.needs_net:
            try:
                terms = self._net_terms([text, *without_each(text, spans)], tags)
            except (BadLine, BadText):  # a reader of one's own may refuse what is left, or nothing
                return spans, shares
            shares += (terms[0] - terms[1:]).T
        return spans, shares

    def _net_terms(self, texts: list[str], tags: Sequence[str]) -> np.ndarray:
        """What the net adds to some tags for some texts, `[texts, tags]`."""
        outputs = self._net(texts)
        places = self._places(outputs, tags)
        scores = next(iter(outputs.values()))
        n_at_once = max(1, _MOST_SCORES // max(len(self._ids), scores[0].size))
        found = []
        for start in range(0, len(texts), n_at_once):
            some = {name: array[start : start + n_at_once] for name, array in outputs.items()}
            scores = all_scores(some, len(self._ids))
            terms = self._fusion.net_terms(scores.reshape(len(scores), -1).astype(np.float64))
            found.append(terms[:, places])
        return np.concatenate(found)

    def _places(self, outputs: Feeds, tags: Sequence[str]) -> list[int]:
        """Where tags are among all scores of a text; of levels they are `label:level`."""
        scores = outputs.get("scores")
        if scores is None or scores.ndim == 2:
            return [self._ids[tag] for tag in tags]
        parted = (tag.rpartition(":") for tag in tags)
        return [self._ids[label] * scores.shape[2] + int(level) for label, _, level in parted]

    def _add_ngrams(self, part: LinearPart, text: str, row: dict[str, Any], n: int) -> None:
        labels = [self._ids[best["tag"]] for best in row["top"]]
        for best, found in zip(row["top"], part.reasons([text], [labels], n)[0]):
            shares = [(ngram, round(self._fusion.factor * share, 6)) for ngram, share in found]
            best["why"] = [{"ngram": ngram, "share": share} for ngram, share in shares if share]


def _largest(text: str, spans: np.ndarray, shares: np.ndarray, n: int) -> list[dict[str, Any]]:
    clearest = np.argsort(-np.abs(shares), kind="stable")[:n]
    ordered = clearest[np.argsort(-shares[clearest], kind="stable")]
    return [
        {"word": text[start:end], "start": start, "end": end, "share": share}
        for (start, end), share in zip(spans[ordered].tolist(), shares[ordered].round(6).tolist())
        if share
    ]
