"""Which texts are most worth labelling: those that a model is least sure of, and that differ."""

import heapq
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Optional

import numpy as np

from textzoo.evaluation.label_predictions import best_labels
from textzoo.evaluation.predictions import Predictions
from textzoo.linear.features import Features, ViewSettings
from textzoo.metrics.calibration import Calibration
from textzoo.metrics.thresholds import Threshold
from textzoo.text.characters import characters_of
from textzoo.text.reader import Feeds

PRESELECTED = 10  # times as many as are wanted: the least sure ones, of which differing are taken
_VIEW = ViewSettings("within_words", 2, 4)  # n-grams by which texts are compared, in any script
_SAME = 0.8  # cosine of texts that say the same
_MOST_LISTED = 1000  # best labels that are looked at where there is a threshold


class WithMargin:
    """Names what is predicted for texts, and with it the `margin`: how sure that is.

    With a threshold it is how far the label that is nearest to it is from it (Brinker: On Active
    Learning in Multi-label Classification, 2006); without, how far the best label is ahead of the
    second (margin sampling; Scheffer, Decomain, Wrobel: Active Hidden Markov Models, IDA 2001); of
    levels the least of these of any label. It is of probabilities where a calibration is known,
    else of scores.

    Args:
        named: names the predictions.
        threshold: above which a label is predicted; None: the best one is.
        calibration: of scores to probabilities, if known.
    """

    def __init__(
        self,
        named: Predictions,
        threshold: Optional[Threshold] = None,
        calibration: Optional[Calibration] = None,
    ):
        self._named, self._threshold, self._calibration = named, threshold, calibration

    def of_batch(self, outputs: Feeds) -> list[dict[str, Any]]:
        """See `Predictions.of_batch`."""
        margins = self._margins(outputs).round(6).tolist()
        rows = self._named.of_batch(outputs)
        return [{"margin": margin, **row} for margin, row in zip(margins, rows)]

    def _margins(self, outputs: Feeds) -> np.ndarray:
        """Of each text, `[batch]`."""
        if "scores" in outputs and outputs["scores"].ndim == 3:
            best = np.sort(outputs["scores"], axis=2)
            return (best[:, :, -1] - best[:, :, -2]).min(axis=1).astype(np.float64)
        labels, scores = best_labels(outputs, 2 if self._threshold is None else _MOST_LISTED)
        if self._threshold is None:
            chances = self._chances(scores)
            return chances[:, 0] - chances[:, 1] if chances.shape[1] > 1 else chances[:, 0]
        thresholds = np.asarray(self._threshold, np.float64)
        own = thresholds[labels] if thresholds.ndim else np.full(scores.shape, thresholds)
        return np.abs(self._chances(scores) - self._chances(own)).min(axis=1)

    def _chances(self, scores: np.ndarray) -> np.ndarray:
        return self._calibration(scores) if self._calibration else scores.astype(np.float64)


def least_sure(
    rows: Iterable[tuple[str, dict[str, Any]]], most: int
) -> list[tuple[str, dict[str, Any]]]:
    """Of texts the ones with the smallest margins, the smallest first; each text once, none blank.

    Args:
        rows: texts and what is predicted for them, with `margin`; they are gone through once.
        most: how many.
    """
    kept: list[tuple[float, int, str, dict[str, Any]]] = []  # a heap, the largest margin first
    texts: set[str] = set()
    for place, (text, row) in enumerate(rows):
        if not text or text in texts or (len(kept) == most and row["margin"] >= -kept[0][0]):
            continue
        texts.add(text)
        item = (-row["margin"], -place, text, row)
        if len(kept) < most:
            heapq.heappush(kept, item)
        else:
            texts.discard(heapq.heappushpop(kept, item)[2])
    return [(text, row) for _, _, text, row in sorted(kept, key=lambda item: (-item[0], -item[1]))]


def differing(texts: Sequence[str], n: int, seed: int) -> list[int]:
    """The places of texts that are unlike one another, the first ones rather than the last.

    The first is taken; then one after another by chance, in proportion to its squared distance
    from the nearest that is taken, as k-means++ draws its centres (Arthur and Vassilvitskii, SODA
    2007; of texts by how sure a model is of them: Zhdanov, Diverse Mini-batch Active Learning,
    arXiv:1901.05954, 2019), times a weight that falls evenly from the first text to the last.
    Distances are those of TF-IDF of n-grams of characters; a text whose cosine with one that is
    taken is above 0.8 is taken only where no other is left.

    Args:
        texts: the least sure first.
        n: how many; all, if there are no more.
        seed: of what is drawn.

    Returns:
        In the order in which they are taken.
    """
    if not texts:
        return []
    features, rows = Features.fit(characters_of(list(texts)), [_VIEW], 1)
    random = np.random.default_rng(seed)
    weights = 1 - np.arange(len(texts)) / len(texts)
    nearest = np.full(len(texts), -np.inf)
    is_left = np.ones(len(texts), bool)
    taken = [0]
    while len(taken) < min(n, len(texts)):
        is_left[taken[-1]] = False
        if len(features):
            nearest = np.maximum(nearest, (rows @ rows[taken[-1]].T).toarray().ravel())
        chances = weights * np.maximum(2 - 2 * nearest, 0) * (is_left & (nearest <= _SAME))
        if not chances.sum() > 0:
            taken.append(int(np.flatnonzero(is_left)[0]))
            continue
        taken.append(int(random.choice(len(texts), p=chances / chances.sum())))
    return taken


def most_worth_labelling(
    rows: Iterable[tuple[str, dict[str, Any]]], n: int, seed: int
) -> Iterator[dict[str, Any]]:
    """The n texts most worth labelling, with what is predicted for them; see above."""
    found = least_sure(rows, PRESELECTED * n)
    for place in differing([text for text, _ in found], n, seed):
        text, row = found[place]
        yield {"text": text, **row}
