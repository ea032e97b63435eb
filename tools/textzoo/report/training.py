"""The sections of a report about training: metrics, curves, time, settings."""

import json
from collections.abc import Iterable, Sequence
from typing import Any, Optional
from xml.etree.ElementTree import Element

import numpy as np

from textzoo.called import program
from textzoo.metrics.names import lower_is_better
from textzoo.report.markup import Column, folded, note, number, section, shortened, table, tag
from textzoo.report.plots import Line, colour_and_dash, plot, thinned
from textzoo.report.recorded import Facts, Run, metrics_of
from textzoo.report.wording import Said, joined, say

_MOST_PANELS = 24
_SHOWN_PANELS = 2  # on a phone: the loss, and the metric that chooses the best
_MOST_NAMED, _SHORT = 4, 40  # settings beside a run's name; characters of their values
_FROM_ZERO = ("learning_rate", "rows_per_second")
# Where things lie says nothing of what differs.
_PLACES = tuple(
    f"runner.{key}"
    for key in ("model_save_path", "cache_dir", "infer_output_dir", "infer_load_path")
)


def metrics_section(runs: Sequence[Run]) -> Optional[Element]:
    """The metrics of the best evaluation and of the test rows; of several runs, the best marked."""
    best = {run.name: run.best_evaluation for run in runs if run.best_evaluation}
    tests = {run.name: run.test for run in runs if run.test}
    if not best and not tests:
        return None
    if len(runs) == 1:
        return _metrics_of_one(runs[0])
    notes = [
        say("Test rows of {run}: those of {ensemble}.", run=run.name, ensemble=of)
        for run in runs
        if (of := _ensemble(run.test))
    ]
    alike = _are_alike(runs)
    tables = []
    at_best = say("Validation rows, at each run's best")
    for title, found in ((say("Test rows"), tests), (at_best, best)):
        if found:
            tables += [tag("h3", title), _compared(title, runs, found, marks_best=alike)]
    marks = say("✓ the best of a column.") if alike else say("The runs have different test rows.")
    notes.append(joined([marks, say("Click a heading to sort.")]))
    return section(say("Metrics"), *tables, *map(note, notes))


def _are_alike(runs: Sequence[Run]) -> bool:
    """Whether runs have the same data, or at least the same test rows."""
    tests = {
        str(run.settings.get(f"runner.{key}"))
        for run in runs
        for key in ("test_data_dir", "test_pair_file")
        if run.settings.get(f"runner.{key}")
    }
    if len({run.settings.get("runner.left_out_fold") for run in runs}) > 1:
        return False
    return len({run.data for run in runs}) == 1 or len(tests) == 1


def _metrics_of_one(run: Run) -> Element:
    best, test = run.best_evaluation, run.test
    sources = {
        name: found for name, found in ((say("validation"), best), (say("test"), test)) if found
    }
    names = dict.fromkeys(name for found in sources.values() for name in metrics_of(found))
    columns = [Column(say("metric"), is_number=False), *map(Column, sources)]
    rows = [[name, *(found.get(name) for found in sources.values())] for name in names]
    parts = [table(say("Metrics"), columns, rows)]
    if best:
        parts.append(note(say("Validation: {about}.", about=_about(best))))
    if test:
        parts.append(note(say("Test: {about}.", about=_about(test))))
    if ensemble := _ensemble(test):
        sentence = "The test rows and all that is told of them are those of {ensemble}."
        parts.append(note(say(sentence, ensemble=ensemble)))
    if test and run.is_outdated:
        parts.append(
            note(
                say(
                    "The checkpoint {checkpoint} has changed since the test rows were evaluated: "
                    "run {infer} again.",
                    checkpoint=test["checkpoint"],
                    infer=program("infer"),
                )
            )
        )
    return section(say("Metrics"), *parts)


def _ensemble(test: Optional[Facts]) -> Optional[Said]:
    """What test metrics are of, if it is not one checkpoint."""
    n = len((test or {}).get("steps", ()))
    sentence = "runner.infer_ensemble, {count} checkpoints, not of this run alone"
    return say(sentence, count=n) if n > 1 else None


def _about(source: Facts) -> Said:
    """What the metrics are of: how many rows, which step, which threshold."""
    words = [say("{count:,} rows", count=source["rows"])]
    steps = source.get("steps", [source["step"]] if "step" in source else [])
    if steps:
        words.append(say("step {steps}", steps=joined([f"{s:,}" for s in steps], " and ", "、")))
    threshold = source.get("threshold")
    if isinstance(threshold, list):
        words.append(say("a threshold for each label"))
    elif threshold is not None:
        words.append(say("threshold {value}", value=number(float(threshold))))
    return joined(words, ", ", "，")


def _compared(
    title: str, runs: Sequence[Run], found: dict[str, Facts], marks_best: bool
) -> Element:
    metrics = {name: metrics_of(facts) for name, facts in found.items()}
    names = list(dict.fromkeys(name for own in metrics.values() for name in own))
    columns = [Column(say("run"), is_number=False), *map(Column, names), Column(say("rows"))]
    best = {
        name: (min if lower_is_better(name) else max)(
            own[name] for own in metrics.values() if name in own
        )
        for name in names
    }
    rows = []
    for i, run in enumerate(runs):
        if own := metrics.get(run.name):
            cells = [
                tag("strong", number(own[name]), class_="best")
                if marks_best and own.get(name) == best[name]
                else own.get(name)
                for name in names
            ]
            rows.append([run_label(run, i), *cells, found[run.name].get("rows")])
    return table(title, columns, rows, sortable=True)


def who_is_who(runs: Sequence[Run]) -> Element:
    """What tells runs apart: model and data, and of the settings that differ the first ones."""
    subjects = [run.subject or "" for run in runs]
    differing = _differing(runs) if len(set(subjects)) == 1 else {}
    named = [pair for pair in differing.items() if max(map(len, pair[1])) <= _SHORT]
    items = []
    for i, run in enumerate(runs):
        words = [subjects[i]] if len(set(subjects)) > 1 and subjects[i] else []
        words += [f"{key.rpartition('.')[2]} {own[i]}" for key, own in named[:_MOST_NAMED]]
        items.append(tag("li", run_label(run, i), tag("small", joined(words, ", ", "，"))))
    return tag("ul", *items, class_="who")


def run_label(run: Run, place: int) -> Element:
    """The name of a run beside its colour."""
    return tag("span", key(place), run.name, class_="run")


def legend(runs: Iterable[tuple[int, Run]]) -> Element:
    """The names of runs, given with their places, beside their colours."""
    return tag("p", *(run_label(run, place) for place, run in runs), class_="legend")


def key(place: int) -> Element:
    """The piece of a line that tells which one it is."""
    colour, dash = colour_and_dash(place)
    return tag("span", class_=f"key key-{colour} dash-{dash}", aria_hidden="true")


def training_section(runs: Sequence[Run]) -> Optional[Element]:
    """Curves of the loss, of every metric, of learning rate and speed; and the time it took."""
    panels = [_panel(runs, "training", "loss", say("loss"))]
    told = [run.evaluations for run in runs]
    if max(map(len, told), default=0) < 2:
        told = []  # which the metrics tell already: a point is no curve
    names = dict.fromkeys(name for own in told for line in own for name in metrics_of(line))
    panels += [_panel(runs, "evaluations", name, name) for name in names]
    panels.append(_panel(runs, "training", "learning_rate", say("learning rate")))
    panels.append(_panel(runs, "training", "rows_per_second", say("rows per second")))
    panels = [panel for panel in panels if panel is not None]
    if not panels:
        return None
    shown = min(_SHOWN_PANELS, 1 + len(names))
    parts = [folded(tag("div", *panels[:_MOST_PANELS], class_="panels"), shown)]
    if len(runs) > 1:
        parts.insert(0, legend((i, run) for i, run in enumerate(runs)))
    if len(panels) > _MOST_PANELS:
        parts.append(
            note(say("{count} more curves are left out.", count=len(panels) - _MOST_PANELS))
        )
    if len(runs) == 1:
        if told:
            sentence = "Metrics are of the validation rows; ● is the best value of each."
            parts.append(note(say(sentence)))
        return section(say("Training"), *parts, *_time_of_one(runs[0]))
    return section(say("Training"), *parts, tag("h3", say("Time")), _times(runs))


def _panel(runs: Sequence[Run], lines: str, name: str, title: str) -> Optional[Element]:
    curves, shown = [], ""
    for i, run in enumerate(runs):
        told = [line for line in getattr(run, lines) if name in line]
        if told:
            steps, values = [line["step"] for line in told], [line[name] for line in told]
            shown, marked = f"{values[-1]:.4g}", None
            if lines == "evaluations" and len(runs) == 1:
                best = (min if lower_is_better(name) else max)(values)
                shown, marked = f"● {best:.4f}", (steps[values.index(best)], best)
            elif values[-1] >= 100:
                shown = f"{values[-1]:,.0f}"
            curves.append(Line(*thinned(steps, values), i, marked))
    if not curves:
        return None
    label = say("{curve} by step", curve=title)
    drawn = plot(label, curves, say("step"), from_zero=name in _FROM_ZERO)
    heading = [title, *([tag("span", shown, class_="shown")] if len(runs) == 1 else [])]
    return tag("figure", tag("figcaption", *heading), drawn)


def _time_of_one(run: Run) -> list[Element]:
    if not run.sessions:
        return []
    resumed = len(run.sessions) - 1
    times = say(", resumed {count} times", count=resumed) if resumed else ""
    told = say(
        "Trained for {time}, from {start}{resumed}; time includes validation and checkpoints.",
        time=duration(run),
        start=f"{run.sessions[0].started:%Y-%m-%d %H:%M}",
        resumed=say(", resumed once") if resumed == 1 else times,
    )
    return [note(told)]


def _times(runs: Sequence[Run]) -> Element:
    columns = [Column(say("run"), is_number=False), Column(say("model"), is_number=False)]
    columns += [Column(say("steps")), Column(say("training rows")), Column(say("rows per second"))]
    columns += [Column(say("time")), Column(say("resumed"))]
    rows = []
    for i, run in enumerate(runs):
        speeds = [line["rows_per_second"] for line in run.training if "rows_per_second" in line]
        row = [run_label(run, i), run.model or "", run.last_step]
        row += [run.sessions[-1].train_rows if run.sessions else None]
        row += [round(float(np.median(speeds))) if speeds else None]
        row += [duration(run), len(run.sessions) - 1] if run.sessions else [None, None]
        rows.append(row)
    return table(say("Time"), columns, rows)


def duration(run: Run) -> str:
    """How long a run was trained, in hours, minutes and seconds."""
    minutes, seconds = divmod(round(run.seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}"


def settings_section(runs: Sequence[Run]) -> Optional[Element]:
    """The settings of a run, or those in which several differ."""
    told = [run for run in runs if run.settings]
    if not told:
        return None
    checkpoint = runs[0].checkpoint
    if len(runs) == 1 and checkpoint:
        rows = [[tag("code", key), _value(value)] for key, value in runs[0].settings.items()]
        columns = [Column(say("key"), is_number=False), Column(say("value"), is_number=False)]
        versions = checkpoint["versions"].items()
        words = ", ".join(f"{name} {version}" for name, version in versions)
        summary = tag("summary", say("{count} keys that are set", count=len(rows)))
        made = tag("details", summary, table(say("Settings"), columns, rows))
        versions = say("Versions: {versions}.", versions=words)
        return section(say("Settings"), made, note(versions))
    rows = [[tag("code", key), *own] for key, own in _differing(told).items()]
    if not rows:
        return section(say("Settings"), note(say("All runs have the same settings.")))
    columns = [Column(name, is_number=False) for name in (say("key"), *(run.name for run in told))]
    return section(
        say("Settings that differ"),
        table(say("Settings that differ"), columns, rows),
        note(say("{count} other keys are the same.", count=len(_values(told)) - len(rows))),
    )


def _values(runs: Sequence[Run]) -> dict[str, list[str]]:
    """The value of each run for every key that is set in one of them, but for places."""
    keys = dict.fromkeys(key for run in runs for key in run.settings if key not in _PLACES)
    return {key: [_value(run.settings.get(key)) for run in runs] for key in keys}


def _differing(runs: Sequence[Run]) -> dict[str, list[str]]:
    return {key: own for key, own in _values(runs).items() if len(set(own)) > 1}


def _value(value: Any) -> str:
    if value is None:
        return "–"
    return shortened(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
