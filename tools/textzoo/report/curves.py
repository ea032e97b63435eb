"""The section of a report about thresholds: precision, recall and F1."""

from collections.abc import Sequence
from typing import NamedTuple, Optional
from xml.etree.ElementTree import Element

import numpy as np

from textzoo.called import program
from textzoo.metrics.thresholds import ThresholdCurve
from textzoo.report.markup import folded, note, section, tag
from textzoo.report.plots import MOST_POINTS, Line, plot
from textzoo.report.predictions import Predictions
from textzoo.report.recorded import Run
from textzoo.report.training import key, legend
from textzoo.report.wording import Said, joined, say

_FIGURES = {"precision": say("precision"), "recall": say("recall"), "f1": "f1"}
_WIDTH = 4.8  # of a plot, in inches
_ABOVE_COSINES = 1.001  # rounding aside


class _Known(NamedTuple):
    """A run whose curve is known: its place among the runs, and what it predicted."""

    place: int
    run: Run
    predictions: Predictions
    curve: ThresholdCurve


def curves_section(
    runs: Sequence[Run], found: Sequence[Optional[Predictions]]
) -> Optional[Element]:
    """Precision against recall, and by threshold what each gives; of several runs the F1."""
    known = [
        _Known(i, run, predictions, _sampled(predictions.curve()))
        for i, (run, predictions) in enumerate(zip(runs, found))
        if predictions and predictions.n_gold and _is_decided(run, predictions)
    ]
    if not known:
        return None
    of_pairs = known[0].run.kind == "embeddings"
    what = _of_pairs(known) if of_pairs else say("threshold")
    lines = [Line(one.curve.recall, one.curve.precision, one.place) for one in known]
    title = say("precision by recall")
    by_recall = _figure(title, plot(title, lines, say("recall"), shares="xy", width=_WIDTH))
    if len(runs) == 1:
        names, by_threshold, words = [], _figures_of_one(known[0], what), _about(known[0], what)
    else:
        names = [legend((one.place, one.run) for one in known)]
        lines = [Line(one.curve.threshold, one.curve.f1, one.place) for one in known]
        title = say("F1 by {what}", what=what)
        by_threshold = _figure(title, plot(title, lines, what, shares="y", width=_WIDTH))
        words = []
    if of_pairs:
        words.append(say("A query is answered by its nearest text if that is at least so near."))
    return section(
        say("Precision and recall"),
        *names,
        folded(tag("div", by_recall, by_threshold, class_="panels two"), 1),
        *([note(joined(words))] if words else []),
    )


def _is_decided(run: Run, predictions: Predictions) -> bool:
    """Whether a score decides what is answered: the best of labels is, whatever it scores."""
    if run.kind == "tags" and predictions.has_one_label_a_row:
        return (run.test or {}).get("threshold") is not None
    return run.kind != "levels"


def _of_pairs(known: Sequence[_Known]) -> Said:
    """What scores of texts are: with `index.lexical_weight` no cosines, but deviations."""
    highest = max(one.curve.threshold.max() for one in known)
    return say("cosine") if highest < _ABOVE_COSINES else say("score")


def _figures_of_one(known: _Known, what: Said) -> Element:
    curve = known.curve
    drawn = plot(
        say("precision, recall and F1 by {what}", what=what),
        [Line(curve.threshold, getattr(curve, name), i) for i, name in enumerate(_FIGURES)],
        what,
        shares="y",
        width=_WIDTH,
        shade_below=known.predictions.is_complete_above,
        rule_at=_threshold(known.run),
    )
    names = [tag("span", key(i), name, class_="run") for i, name in enumerate(_FIGURES.values())]
    return _figure(say("by {what}", what=what), drawn, *names)


def _about(known: _Known, what: Said) -> list[Said]:
    curve, border = known.curve, known.predictions.is_complete_above
    best = int(np.argmax(curve.f1))
    sentence = "F1 is highest, {f1:.4f}, at {what} {value:.4f}."
    words = [say(sentence, f1=curve.f1[best], what=what, value=curve.threshold[best])]
    if _threshold(known.run) is not None:
        words.append(say("The dotted rule is the threshold that was used."))
    if border is not None:
        words.append(
            say(
                "Shaded, up to {border:.4f}: texts may have further labels that predictions.jsonl "
                "does not list; {infer} -o runner.top_k=N lists more.",
                border=border,
                infer=program("infer"),
            )
        )
    return words


def _threshold(run: Run) -> Optional[float]:
    """The one threshold of all labels, if there is one."""
    threshold = (run.test or {}).get("threshold")
    return threshold if isinstance(threshold, float) else None


def _figure(title: str, drawn: Element, *names: Element) -> Element:
    return tag("figure", tag("figcaption", title, *names), drawn)


def _sampled(curve: ThresholdCurve) -> ThresholdCurve:
    """Points of a curve, evenly along recall and along the threshold, with its ends and its top."""
    n = len(curve.threshold)
    if n <= MOST_POINTS:
        return curve
    half = MOST_POINTS // 2
    falling = -curve.threshold
    places = np.concatenate(
        [
            np.searchsorted(curve.recall, np.linspace(0, curve.recall[-1], half)),
            np.searchsorted(falling, np.linspace(falling[0], falling[-1], half)),
            [0, n - 1, np.argmax(curve.f1)],
        ]
    )
    chosen = np.unique(places.clip(max=n - 1))
    return ThresholdCurve(*(values[chosen] for values in curve))
