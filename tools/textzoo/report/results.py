"""The sections of a report about predictions: labels, confusions, curves, examples."""

from collections.abc import Sequence
from typing import Any, Optional
from xml.etree.ElementTree import Element

import numpy as np

from textzoo.report.markup import Column, note, number, section, shortened, table, tag
from textzoo.report.plots import MOST_POINTS, Line, plot
from textzoo.report.predictions import Mistake, Predictions
from textzoo.report.recorded import Facts, Run
from textzoo.report.training import key, run_label
from textzoo.thresholds import ThresholdCurve

_MOST_LABELS = 500
_MATRIX_LABELS = 12
_MOST_PAIRS = 15

Results = Sequence[Optional[Predictions]]


def labels_section(runs: Sequence[Run], found: Results) -> Optional[Element]:
    """The figures of every label, or of several runs their F1 side by side."""
    tables = [
        (i, run, _label_figures(run, predictions))
        for i, (run, predictions) in enumerate(zip(runs, found))
        if run.kind != "embeddings" and predictions
    ]
    if not tables:
        return None
    made = _one_label_table(*tables[0][1:]) if len(runs) == 1 else _label_tables(tables)
    return section("Labels", *made, id="labels")


def _label_figures(run: Run, predictions: Predictions) -> dict[str, Facts]:
    return run.label_report["labels"] if run.label_report else predictions.labels()


def _one_label_table(run: Run, figures: dict[str, Facts]) -> list[Element]:
    names = list(next(iter(figures.values())))
    chosen = _commonest(figures)
    footer = (run.label_report or {}).get("averages", {}).items()
    made = table(
        [Column("label", is_number=False), *map(Column, names)],
        [[label, *(figures[label][name] for name in names)] for label in chosen],
        [[average, *(own.get(name) for name in names)] for average, own in footer],
        sortable=True,
    )
    remarks = [] if run.label_report else ["As many best labels count as predicted as a text has."]
    return [_filter(), made, *_left_out(len(figures), *remarks)]


def _label_tables(tables: Sequence[tuple[int, Run, dict[str, Facts]]]) -> list[Element]:
    merged = {label: own for _, _, figures in tables for label, own in figures.items()}
    name = "f1" if "f1" in next(iter(merged.values())) else "macro_f1"
    columns = [Column("label", is_number=False), Column("support")]
    columns += [Column(f"{name} of {run.name}") for _, run, _ in tables]
    rows = [
        [
            label,
            merged[label].get("support"),
            *(figures.get(label, {}).get(name) for _, _, figures in tables),
        ]
        for label in _commonest(merged)
    ]
    return [_filter(), table(columns, rows, sortable=True), *_left_out(len(merged))]


def _commonest(figures: dict[str, Facts]) -> list[str]:
    return sorted(figures, key=lambda label: (-figures[label].get("support", 0), label))[
        :_MOST_LABELS
    ]


def _filter() -> Element:
    return tag("input", type="search", placeholder="filter labels", aria_label="filter labels")


def _left_out(n_labels: int, *remarks: str) -> list[Element]:
    words = ["Click a heading to sort.", *remarks]
    if n_labels > _MOST_LABELS:
        words.append(f"The {_MOST_LABELS:,} commonest of {n_labels:,} labels.")
    return [note(" ".join(words))]


def confusion_section(predictions: Predictions) -> Optional[Element]:
    """Which labels are predicted in place of which."""
    confusions = predictions.confusions()
    if not confusions:
        return None
    pairs = {(one.gold, one.predicted): one.count for one in confusions}
    both = (label for one in confusions for label in (one.gold, one.predicted))
    labels = list(dict.fromkeys(both))
    chosen = sorted(labels[:_MATRIX_LABELS])
    rows = []
    for one in confusions[:_MOST_PAIRS]:
        share = one.count / predictions.gold[one.gold]
        rows.append([one.gold, one.predicted, one.count, f"{100 * share:.1f} %"])
    columns = [Column("true label", is_number=False), Column("predicted", is_number=False)]
    columns += [Column("texts"), Column("of the label's texts")]
    words = f"The {len(rows):,} commonest of {len(confusions):,} pairs. "
    if len(labels) > len(chosen):
        words += f"Above, {len(chosen)} of the {len(labels):,} labels that are confused. "
    words += "A pair counts once for each text that has the one label and was given the other."
    return section(
        "Confusions",
        _matrix(chosen, pairs, predictions),
        tag("h3", "Commonest pairs"),
        table(columns, rows, sortable=True),
        note(words),
        id="confusions",
    )


def _matrix(
    labels: Sequence[str], pairs: dict[tuple[str, str], int], predictions: Predictions
) -> Element:
    """True labels down, predicted ones, by their numbers, across."""
    numbered = [
        tag("th", str(i), scope="col", title=label, class_="number")
        for i, label in enumerate(labels, 1)
    ]
    rows = []
    for i, gold in enumerate(labels, 1):
        cells = []
        for label in labels:
            right = gold == label
            count = predictions.hits[gold] if right else pairs.get((gold, label), 0)
            share = count / max(1, predictions.gold[gold])
            cell = tag("td", f"{count:,}" if count else "·", title=f"{gold} → {label}")
            cell.set("class", "number right" if right else "number wrong")
            cell.set("style", f"--share: {min(1, share):.3f}")
            cells.append(cell)
        heading = tag("th", tag("small", str(i)), f" {gold}", scope="row")
        rows.append(tag("tr", heading, *cells))
    corner = tag("th", "true ↓ predicted →", scope="col")
    head = tag("thead", tag("tr", corner, *numbered))
    made = tag("table", head, tag("tbody", *rows), class_="matrix")
    return tag("div", made, class_="wide", tabindex=0)


def curves_section(runs: Sequence[Run], found: Results) -> Optional[Element]:
    """Precision against recall, and precision, recall and F1 by threshold."""
    told = [
        (i, run, predictions, _sampled(predictions.curve()))
        for i, (run, predictions) in enumerate(zip(runs, found))
        if predictions and run.kind != "levels" and predictions.n_gold
    ]
    if not told:
        return None
    what = "cosine" if told[0][1].kind == "embeddings" else "threshold"
    pr = [Line(curve.recall, curve.precision, i) for i, _, _, curve in told]
    unit = (-0.02, 1.02)
    figures = [
        _figure("precision by recall", [], plot("precision by recall", pr, "recall", unit, unit))
    ]
    words = []
    if len(runs) == 1:
        _, run, predictions, curve = told[0]
        names = ("precision", "recall", "f1")
        lines = [Line(curve.threshold, getattr(curve, n), i) for i, n in enumerate(names)]
        threshold = (run.test or {}).get("threshold")
        rule = threshold if isinstance(threshold, float) else None
        border = predictions.is_complete_above
        title = f"by {what}"
        drawn = plot(title, lines, what, unit, shade_below=border, rule_at=rule)
        figures.append(_figure(title, names, drawn))
        best = int(np.argmax(curve.f1))
        words.append(f"F1 is highest, {curve.f1[best]:.4f}, at {what} {curve.threshold[best]:.4f}.")
        if rule is not None:
            words.append("The dotted rule is the threshold that was used.")
        if border is not None:
            words.append(
                f"Shaded, up to {border:.4f}: texts may have further labels that "
                "predictions.jsonl does not list; infer.py -o runner.top_k=N lists more."
            )
    else:
        lines = [Line(curve.threshold, curve.f1, i) for i, _, _, curve in told]
        drawn = plot(f"F1 by {what}", lines, what, unit)
        figures.append(_figure(f"F1 by {what}", [], drawn))
    if what == "cosine":
        words.append("A query is answered by its nearest text if that is at least so near.")
    legend = [run_label(run, i) for i, run, _, _ in told] if len(runs) > 1 else []
    made = [tag("p", *legend, class_="legend")] if legend else []
    return section(
        "Precision and recall",
        *made,
        tag("div", *figures, class_="panels"),
        note(" ".join(words)),
        id="curves",
    )


def _figure(title: str, names: Sequence[str], drawn: Element) -> Element:
    legend = [tag("span", key(i), name, class_="run") for i, name in enumerate(names)]
    return tag("figure", tag("figcaption", title, *legend), drawn)


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


def mistakes_section(predictions: Predictions) -> Optional[Element]:
    """The texts that the model is surest wrong about."""
    if not predictions.wrong:
        return None
    return section(
        "Surest mistakes",
        tag("ol", *map(_mistake, predictions.wrong), class_="examples"),
        note("Wrong predictions with the highest scores. Some may be mistakes of the data."),
        id="mistakes",
    )


def _mistake(mistake: Mistake) -> Element:
    scores = {best["tag"]: best["score"] for best in mistake.row["top"]}
    gold = [
        shortened(label) + (f" ({scores[label]:.4f})" if label in scores else "")
        for label in mistake.row["tags"][:10]
    ]
    return tag(
        "li",
        tag("p", shortened(mistake.row["text"]), class_="text"),
        _entry("wrong", shortened(mistake.label), mistake.score),
        tag("p", tag("small", "true: "), ", ".join(gold) or "no label", class_="gold"),
    )


def neighbours_section(predictions: Predictions) -> Element:
    """The nearest texts of some queries."""
    shown = []
    for row in predictions.examples:
        found = [
            _entry("right" if best["tag"] in row["tags"] else "", best["tag"], best["score"])
            for best in row["top"][:5]
        ]
        if not any("right" in entry.get("class") for entry in found):
            wanted = shortened(", ".join(row["tags"]))
            found.append(tag("p", tag("small", "wanted: "), wanted, class_="gold"))
        shown.append(tag("li", tag("p", shortened(row["text"]), class_="text"), *found))
    return section(
        "Nearest texts",
        tag("ol", *shown, class_="examples"),
        note("Queries from all over the test file. ✓ the text that was to be found; cosines."),
        id="neighbours",
    )


def _entry(mark: str, name: str, score: Any) -> Element:
    """A label or a text with its score."""
    parts = [tag("span", shortened(name), class_="name"), tag("span", number(float(score)))]
    return tag("p", *parts, class_=f"entry {mark}".strip())
