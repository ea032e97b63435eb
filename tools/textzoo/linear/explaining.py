"""Why a label scores as it does: the n-grams of a text that speak for it."""

from collections.abc import Sequence
from typing import Any

from textzoo.linear.part import LinearPart

WITHOUT = (
    "the model has no linear part, whose n-grams tell why; train one with "
    "hyper_parameters.linear.features=both"
)
_SPACE = "\N{OPEN BOX}"


class Explainer:
    """Tells which n-grams of a text speak for its best labels.

    Args:
        part: the linear part.
        factor: what its scores are multiplied by where those of a net are added, see `fusion`.
        names: of all labels.
    """

    def __init__(self, part: LinearPart, factor: float, names: Sequence[str]):
        self._part, self._factor = part, factor
        self._ids = {name: label for label, name in enumerate(names)}

    def explain(self, texts: list[str], rows: Sequence[dict[str, Any]], n: int) -> None:
        """Put `why` beside the tags and scores of what is predicted.

        It is a list of `{"ngram": ..., "share": ...}`, the largest share first. A share is what the
        n-gram adds to the score, or to its logit where a net's is added; a net's are not told.

        Args:
            texts: what the rows are about.
            rows: each with `top`, see `LabelPredictions`.
            n: how many n-grams for each tag, at most.
        """
        labels = [[self._ids[best["tag"]] for best in row["top"]] for row in rows]
        for row, own in zip(rows, self._part.reasons(texts, labels, n)):
            for best, found in zip(row["top"], own):
                shares = [(ngram, round(self._factor * share, 6)) for ngram, share in found]
                best["why"] = [{"ngram": ngram, "share": share} for ngram, share in shares if share]


def visible(ngram: str) -> str:
    """An n-gram with its first and last space, if it has them, as marks that can be seen."""
    inner = ngram.strip(" ")
    start = len(ngram) - len(ngram.lstrip(" "))
    return _SPACE * start + inner + _SPACE * (len(ngram) - start - len(inner))
