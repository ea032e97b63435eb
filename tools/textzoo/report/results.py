"""The sections of a report about predictions: labels, confusions, examples."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Optional
from xml.etree.ElementTree import Element

from textzoo.report.markup import (
    Column,
    note,
    number,
    section,
    shortened,
    table,
    tag,
    wide,
)
from textzoo.report.predictions import NO_LABEL, Confusion, Mistake, Predictions, Row, level
from textzoo.report.recorded import Facts, Run

_MOST_LABELS = 500
_MATRIX_LABELS = 12
_MOST_PAIRS = 15
_NONE = "no label"


def labels_section(
    runs: Sequence[Run], found: Sequence[Optional[Predictions]]
) -> Optional[Element]:
    """The figures of every label, or of several runs their F1 side by side."""
    tables = [
        (i, run, _label_figures(run, predictions))
        for i, (run, predictions) in enumerate(zip(runs, found))
        if run.kind != "embeddings" and predictions
    ]
    if not tables:
        return None
    made = _one_label_table(*tables[0][1:]) if len(runs) == 1 else _label_tables(tables)
    return section("Labels", *made)


def _label_figures(run: Run, predictions: Predictions) -> dict[str, Facts]:
    return run.label_report["labels"] if run.label_report else predictions.labels()


def _one_label_table(run: Run, figures: dict[str, Facts]) -> list[Element]:
    names = list(next(iter(figures.values())))
    chosen = _commonest(figures)
    footer = (run.label_report or {}).get("averages", {}).items()
    made = table(
        "Labels",
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
    return [_filter(), table("Labels", columns, rows, sortable=True), *_left_out(len(merged))]


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
    """Which labels are predicted in place of which; of levels, which levels."""
    confusions = predictions.confusions()
    if not confusions:
        return None
    columns = [Column("true label", is_number=False), Column("predicted", is_number=False)]
    columns += [Column("texts"), Column("of the label's texts")]
    rows = []
    for gold, label, count in confusions[:_MOST_PAIRS]:
        n_gold = predictions.gold[gold]
        share = f"{100 * count / n_gold:.1f} %" if n_gold else None
        rows.append([_named(gold), _named(label), count, share])
    pairs = tag("div", tag("h3", "Commonest pairs"), table("Pairs", columns, rows, sortable=True))
    words = ""
    if len(rows) < len(confusions):
        words = f"The {len(rows):,} commonest of {len(confusions):,} pairs. "
    if predictions.kind == "levels":
        matrix, title = _level_matrix(predictions, confusions), "Levels of all labels together"
    else:
        labels = list(dict.fromkeys(x for one in confusions for x in (one.gold, one.predicted)))
        chosen = sorted(labels[:_MATRIX_LABELS], key=lambda label: (label == NO_LABEL, label))
        counts = {(gold, label): count for gold, label, count in confusions}
        counts |= {(label, label): predictions.hits[label] for label in chosen if label}
        matrix, title = _matrix(chosen, counts, predictions.gold), "Most confused labels"
        if len(labels) > len(chosen):
            words += f"The matrix has {len(chosen)} of {len(labels):,} labels. "
        words += (
            "A pair counts once for each text that has the one label and was given the other in "
            "its place."
        )
    return section(
        "Confusions",
        tag("div", tag("div", tag("h3", title), matrix), pairs, class_="columns"),
        note(words),
    )


def _level_matrix(predictions: Predictions, confusions: Sequence[Confusion]) -> Element:
    counts, gold = Counter(), Counter()
    for one in confusions:
        counts[level(one.gold), level(one.predicted)] += one.count
    for label, count in predictions.hits.items():
        counts[level(label), level(label)] += count
    for label, count in predictions.gold.items():
        gold[level(label)] += count
    return _matrix(sorted({x for pair in counts for x in pair}, key=int), counts, gold)


def _matrix(
    labels: Sequence[str], counts: Mapping[tuple[str, str], int], gold: Mapping[str, int]
) -> Element:
    """True labels down, predicted ones across: by their numbers, unless they are numbers."""
    short = labels if all(map(str.isdigit, labels)) else [str(i + 1) for i in range(len(labels))]
    across = [
        tag("th", name, scope="col", title=label or _NONE) for name, label in zip(short, labels)
    ]
    rows = []
    for name, true in zip(short, labels):
        cells = []
        for label in labels:
            count = counts.get((true, label), 0)
            share = count / max(1, gold.get(true, 0), count)
            cell = tag("td", f"{count:,}" if count else "·", title=f"{true} → {label or _NONE}")
            cell.set("class", "right" if true == label else "wrong")
            cell.set("style", f"--share: {share if true else 0:.3f}")
            cells.append(cell)
        number_of = [] if name == true else [tag("small", f"{name} ")]
        heading = tag("th", *number_of, _named(true), scope="row")
        rows.append(tag("tr", heading, *cells))
    corner = tag("th", "true ↓ predicted →", scope="col")
    head = tag("thead", tag("tr", corner, *across))
    return wide("Confusions", tag("table", head, tag("tbody", *rows), class_="matrix"))


def _named(label: str) -> Element:
    return tag("span", label) if label else tag("em", _NONE)


def mistakes_section(predictions: Predictions) -> Optional[Element]:
    """The texts that the model is surest wrong about."""
    if not predictions.wrong:
        return None
    wanted = "wanted" if predictions.kind == "embeddings" else "true"
    return section(
        "Surest mistakes",
        tag("ol", *(_mistake(one, wanted) for one in predictions.wrong), class_="examples"),
        note("Wrong predictions with the highest scores. Some may be mistakes of the data."),
    )


def _mistake(mistake: Mistake, wanted: str) -> Element:
    scores = {best["tag"]: best["score"] for best in mistake.row["top"]}
    gold = [
        shortened(label) + (f" ({scores[label]:.4f})" if label in scores else "")
        for label in mistake.row["tags"][:10]
    ]
    return tag(
        "li",
        tag("p", shortened(mistake.row["text"]), class_="text"),
        _entry("wrong", shortened(mistake.label), mistake.score),
        tag("p", tag("small", f"{wanted}: "), ", ".join(gold) or _NONE, class_="gold"),
    )


def neighbours_section(rows: Sequence[Row]) -> Element:
    """The nearest texts of some queries."""
    shown = []
    for row in rows:
        found = [
            _entry("right" if best["tag"] in row["tags"] else "", best["tag"], best["score"])
            for best in row["top"][:5]
        ]
        if row["tags"] and not any(best["tag"] in row["tags"] for best in row["top"][:5]):
            wanted = shortened(", ".join(row["tags"]))
            found.append(tag("p", tag("small", "wanted: "), wanted, class_="gold"))
        shown.append(tag("li", tag("p", shortened(row["text"]), class_="text"), *found))
    return section(
        "Nearest texts",
        tag("ol", *shown, class_="examples"),
        note("Some queries and the cosines of what is nearest. ✓ is what was to be found."),
    )


def _entry(mark: str, name: str, score: Any) -> Element:
    """A label or a text with its score."""
    parts = [tag("span", shortened(name), class_="name"), tag("span", number(float(score)))]
    return tag("p", *parts, class_=f"entry {mark}".strip())
