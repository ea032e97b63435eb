"""The sections of a report about predictions: labels, confusions, examples."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Optional
from xml.etree.ElementTree import Element

from textzoo.report.explained import Explanation, Key
from textzoo.report.markup import (
    Column,
    folded,
    note,
    number,
    percent,
    section,
    shortened,
    table,
    tag,
    wide,
)
from textzoo.report.predictions import NO_LABEL, Mistake, Predictions, Row, label_order, level
from textzoo.report.recorded import Facts, Run
from textzoo.report.wording import Said, joined, say

_MOST_LABELS = 500
_MATRIX_LABELS = 12
_MOST_PAIRS = 15
_LABEL_LENGTH = 80
_NONE = say("no label")
_SHOWN = 3  # examples on a phone


def labels_section(
    runs: Sequence[Run], found: Sequence[Optional[Predictions]]
) -> Optional[Element]:
    """The figures of every label, or of several runs their F1 side by side."""
    known = [
        (run, run.label_report["labels"] if run.label_report else predictions.labels())
        for run, predictions in zip(runs, found)
        if predictions and run.kind != "embeddings"
    ]
    known = [(run, labels) for run, labels in known if labels]
    if not known:
        return None
    if len(runs) == 1:
        return _labels_of_one(*known[0])
    figures = {label: own for _, labels in known for label, own in labels.items()}
    shared = next(iter(figures.values()))
    name = "f1" if "f1" in shared else "macro_f1"
    of_same_rows = all(
        own.get("support") == figures[label].get("support")
        for _, labels in known
        for label, own in labels.items()
    )
    support = ["support"] if "support" in shared and of_same_rows else []
    rows = [
        [
            shortened(label, _LABEL_LENGTH),
            *(figures[label].get(column) for column in support),
            *(labels.get(label, {}).get(name) for _, labels in known),
        ]
        for label in _commonest(figures)
    ]
    columns = [Column(say("label"), is_number=False), *map(Column, support)]
    columns += [Column(say("{metric} of {run}", metric=name, run=run.name)) for run, _ in known]
    made = table(say("Labels"), columns, rows, sortable=True)
    return section(say("Labels"), _filter(), made, _how_many(len(figures)))


def _labels_of_one(run: Run, figures: Mapping[str, Facts]) -> Element:
    names = list(next(iter(figures.values())))
    averages = (run.label_report or {}).get("averages", {})
    made = table(
        say("Labels"),
        [Column(say("label"), is_number=False), *map(Column, names)],
        [
            [shortened(label, _LABEL_LENGTH), *(figures[label].get(name) for name in names)]
            for label in _commonest(figures)
        ],
        [[average, *(own.get(name) for name in names)] for average, own in averages.items()],
        sortable=True,
    )
    rule = say("A text's best labels count as predicted: as many as it has.")
    words = [] if run.label_report else [rule]
    return section(say("Labels"), _filter(), made, _how_many(len(figures), *words))


def _commonest(figures: Mapping[str, Facts]) -> list[str]:
    by_support = sorted(figures, key=lambda label: -(figures[label].get("support") or 0))
    return by_support[:_MOST_LABELS]


def _filter() -> Element:
    words = say("filter labels")
    return tag("input", type="search", placeholder=words, aria_label=words)


def _how_many(n_labels: int, *rule: Said) -> Element:
    words = [say("Click a heading to sort."), *rule]
    if n_labels > _MOST_LABELS:
        sentence = "These are the {shown:,} commonest of {count:,} labels."
        words.append(say(sentence, shown=_MOST_LABELS, count=n_labels))
    return note(joined(words))


def confusion_section(predictions: Predictions) -> Optional[Element]:
    """Which labels are predicted in place of which; of levels, which levels."""
    n_pairs = predictions.n_confusions
    if not n_pairs:
        return None
    rows = []
    for gold, label, count in predictions.confusions(_MOST_PAIRS):
        n_gold = predictions.gold[gold]
        share = f"{100 * count / n_gold:.1f} %" if n_gold else None
        rows.append([_named(gold), _named(label), count, share])
    columns = [Column(title, is_number=False) for title in (say("true label"), say("predicted"))]
    columns += [Column(say("texts")), Column(say("share"))]
    commonest = folded(tag("div", table(say("Pairs"), columns, rows, sortable=True)))
    pairs = tag("div", tag("h3", say("Commonest pairs")), commonest)
    if predictions.kind == "levels":
        matrix, title = _level_matrix(predictions), say("Levels of all labels together")
    else:
        matrix, title = _label_matrix(predictions), say("Most confused labels")
    words = [
        say(
            "A pair counts once for each text that was given the one label for the other; shares "
            "are of the texts that have the true label."
        )
    ]
    if len(rows) < n_pairs:
        sentence = "These are the {shown} commonest of {count:,} pairs."
        words.append(say(sentence, shown=len(rows), count=n_pairs))
    return section(
        say("Confusions"),
        tag("div", tag("div", tag("h3", title), matrix), pairs, class_="columns"),
        note(joined(words)),
    )


def _label_matrix(predictions: Predictions) -> Element:
    """Of the labels of the commonest pairs."""
    commonest = predictions.confusions(_MATRIX_LABELS)
    labels = dict.fromkeys(label for one in commonest for label in (one.gold, one.predicted))
    chosen = sorted(
        list(labels)[:_MATRIX_LABELS], key=lambda label: (label == NO_LABEL, label_order(label))
    )
    counts = {one[:2]: one.count for one in predictions.confusions(among=chosen)}
    counts |= {(label, label): predictions.hits[label] for label in chosen if label}
    return _matrix(chosen, counts, predictions.gold)


def _level_matrix(predictions: Predictions) -> Element:
    counts, gold = Counter(), Counter()
    for one in predictions.confusions():
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
            name_of = say("{true} → {predicted}", true=true or _NONE, predicted=label or _NONE)
            cell = tag("td", f"{count:,}" if count else "·", title=name_of)
            cell.set("class", "right" if true == label else "wrong")
            cell.set("style", f"--share: {share if true else 0:.3f}")
            cells.append(cell)
        number_of = [] if name == true else [tag("small", f"{name} ")]
        heading = tag("th", *number_of, _named(true), scope="row")
        rows.append(tag("tr", heading, *cells))
    corner = tag("th", say("true ↓ predicted →"), scope="col")
    head = tag("thead", tag("tr", corner, *across))
    return wide(say("Confusions"), tag("table", head, tag("tbody", *rows), class_="matrix"))


def _named(label: str) -> Element:
    return tag("span", shortened(label, _LABEL_LENGTH)) if label else tag("em", _NONE)


def mistakes_section(
    predictions: Predictions, explanations: Sequence[Explanation] = ()
) -> Optional[Element]:
    """The texts that the model is surest wrong about; words of those explained are shaded."""
    if not predictions.wrong:
        return None
    wanted = say("wanted: ") if predictions.kind == "embeddings" else say("true: ")
    known = {one.key: one for one in explanations}
    remarks = [say("Wrong predictions with the highest scores. Some may be mistakes of the data.")]
    if known:
        remarks.append(say("Blue words speak for the wrong label, orange ones against it."))
    return section(
        say("Surest mistakes"),
        _examples(_mistake(one, wanted, known) for one in predictions.wrong),
        note(joined(remarks)),
    )


def _mistake(mistake: Mistake, wanted: Said, known: Mapping[Key, Explanation]) -> Element:
    scores = {best["tag"]: _shown_score(best) for best in mistake.row["top"]}
    gold = [
        shortened(label) + (f" ({scores[label]})" if label in scores else "")
        for label in mistake.row["tags"][:10]
    ]
    text = mistake.row["text"]
    explanation = known.get(Key(text, mistake.label, mistake.score))
    shown = explanation.shaded() if explanation else [shortened(text)]
    return tag(
        "li",
        tag("p", *shown, class_="text"),
        _entry("wrong", shortened(mistake.label), scores[mistake.label]),
        tag("p", tag("small", wanted), ", ".join(gold) or _NONE, class_="gold"),
    )


def neighbours_section(rows: Sequence[Row]) -> Element:
    """The nearest texts of some queries."""
    shown = []
    for row in rows:
        found = [
            _entry("right" if best["tag"] in row["tags"] else "", best["tag"], _shown_score(best))
            for best in row["top"][:5]
        ]
        if row["tags"] and not any(best["tag"] in row["tags"] for best in row["top"][:5]):
            wanted = shortened(", ".join(row["tags"]))
            found.append(tag("p", tag("small", say("wanted: ")), wanted, class_="gold"))
        shown.append(tag("li", tag("p", shortened(row["text"]), class_="text"), *found))
    return section(
        say("Nearest texts"),
        _examples(shown),
        note(say("Some queries and the scores of what is nearest. ✓ is what was to be found.")),
    )


def _examples(items: Iterable[Element]) -> Element:
    return folded(tag("ol", *items, class_="examples"), _SHOWN)


def _shown_score(best: Mapping[str, Any]) -> str:
    """The probability of a label, or the score of what has none."""
    if "probability" in best:
        return percent(best["probability"])
    return number(float(best["score"]))


def _entry(mark: str, name: str, score: str) -> Element:
    """A label or a text with its score."""
    parts = [tag("span", shortened(name), class_="name"), tag("span", score)]
    return tag("p", *parts, class_=f"entry {mark}".strip())
