"""The section of a report about probabilities: how often labels are right, by what was said."""

from collections.abc import Sequence
from typing import Optional
from xml.etree.ElementTree import Element

import numpy as np

from textzoo.metrics.calibration import Reliability
from textzoo.report.markup import Column, folded, note, section, table, tag
from textzoo.report.plots import Line, plot
from textzoo.report.predictions import Predictions
from textzoo.report.recorded import Run
from textzoo.report.training import legend
from textzoo.report.wording import say

_TITLE = say("share right by probability")
_WIDTH = 4.8  # of the plot, in inches


def reliability_section(
    runs: Sequence[Run], found: Sequence[Optional[Predictions]]
) -> Optional[Element]:
    """The share of labels that are right by their probability; of one run also how many."""
    known = {
        place: reliability
        for place, predictions in enumerate(found)
        if predictions and (reliability := predictions.reliability())
    }
    if not known:
        return None
    lines = []
    for place, reliability in known.items():
        filled = reliability.counts > 0
        lines.append(Line(reliability.probabilities[filled], reliability.shares[filled], place))
    drawn = plot(_TITLE, lines, say("probability"), shares="xy", width=_WIDTH, diagonal=True)
    figure = tag("figure", tag("figcaption", _TITLE), drawn)
    errors = ", ".join(
        (f"{runs[place].name} " if len(runs) > 1 else "") + f"{reliability.expected_error:.4f}"
        for place, reliability in known.items()
    )
    words = say(
        "Of the labels that predictions.jsonl lists; on the dotted rule, probabilities are right. "
        "In the mean, they are off by (expected calibration error): {errors}.",
        errors=errors,
    )
    if len(runs) == 1:
        bins = folded(tag("div", _bins(known[0])))
        content = [tag("div", figure, bins, class_="panels two")]
    else:
        content = [legend((place, runs[place]) for place in known), figure]
    return section(say("Probabilities"), *content, note(words))


def _bins(reliability: Reliability) -> Element:
    borders = np.linspace(0, 1, len(reliability.counts) + 1)
    rows = [
        [
            say("{low:.2f} to {high:.2f}", low=borders[i], high=borders[i + 1]),
            int(reliability.counts[i]),
        ]
        + [float(values[i]) for values in (reliability.probabilities, reliability.shares)]
        for i in np.flatnonzero(reliability.counts)
    ]
    columns = [Column(say("probability"), is_number=False), Column(say("labels"))]
    columns += [Column(say("mean probability")), Column(say("share right"))]
    return table(say("Probabilities"), columns, rows)
