"""The section of a report about the trials that found a run's settings."""

import json
from collections.abc import Sequence
from typing import Any, Optional
from xml.etree.ElementTree import Element

import numpy as np

from textzoo.metrics.names import lower_is_better
from textzoo.report.markup import Column, number, section, shortened, table, tag
from textzoo.report.plots import Line, plot
from textzoo.report.recorded import Facts, Run, best_trial
from textzoo.report.wording import joined, say

_MOST_PANELS = 24
_MOST_NAMES, _LONGEST_NAME = 8, 12  # of values that are no numbers, along an axis
_STATES = {"complete": say("complete"), "pruned": say("pruned"), "failed": say("failed")}
_FACTOR = 10  # between the ends of an axis: then it is one of factors


def search_section(run: Run) -> Optional[Element]:
    """The score of each trial, by its number and by each key; and all trials in a table."""
    complete = [trial for trial in run.trials if trial["value"] is not None]
    best = best_trial(run.trials)
    if best is None:
        return None
    panels = [_history(complete)]
    panels += [
        panel
        for key in dict.fromkeys(key for trial in complete for key in trial["settings"])
        if (panel := _by_key(key, complete, best)) is not None
    ]
    states = [trial["state"] for trial in run.trials]
    counts = [
        say("{count} {state}", count=states.count(of), state=_STATES[of])
        for of in dict.fromkeys(states)
    ]
    own = run.trials[0]["value"]
    validates = any(run.settings.get(f"runner.valid_{key}") for key in ("data_dir", "fraction"))
    judges = say("validation rows") if validates else say("rows left out")
    before = "; that of the config as it was (trial 0) {value:.4f}"
    about = say(
        "{count} trials: {states}. This report is of the best one, trial {number}: "
        "{metric} {value:.4f} on the {rows}{before}.",
        count=len(run.trials),
        states=joined(counts, ", ", "，"),
        **{key: best[key] for key in ("number", "metric", "value")},
        rows=judges,
        before="" if own is None else say(before, value=own),
    )
    return section(
        say("Search"),
        tag("p", about),
        tag("div", *panels[:_MOST_PANELS], class_="panels"),
        tag("details", tag("summary", say("All trials")), _all_trials(run.trials, best)),
    )


def _history(complete: Sequence[Facts]) -> Element:
    numbers = np.array([trial["number"] for trial in complete], float)
    values = np.array([trial["value"] for trial in complete], float)
    metric = complete[0]["metric"]
    so_far = (np.minimum if lower_is_better(metric) else np.maximum).accumulate(values)
    title = say("{metric} by trial", metric=metric)
    drawn = plot(
        title,
        [Line(numbers, values, 0, is_joined=False), Line(numbers, so_far, 1)],
        say("trial"),
    )
    best = tag("span", say("best {value}", value=number(float(so_far[-1]))), class_="shown")
    return tag("figure", tag("figcaption", title, best), drawn)


def _by_key(key: str, complete: Sequence[Facts], best: Facts) -> Optional[Element]:
    """The score against the values of a key; None if they are all the same."""
    told = [trial for trial in complete if key in trial["settings"]]
    values = [trial["settings"][key] for trial in told]
    scores = np.array([trial["value"] for trial in told], float)
    shown = [_shown(value) for value in values]
    if len(set(shown)) < 2:
        return None
    names: list[str] = []
    if all(type(value) in (int, float) for value in values):
        x = np.array(values, float)
    else:
        names = sorted(set(shown))
        x = np.array([names.index(each) for each in shown], float)
    if len(names) > _MOST_NAMES:
        return None
    marked = next((float(place) for place, trial in zip(x, told) if trial is best), None)
    drawn = plot(
        say("{metric} by {key}", metric=best["metric"], key=key),
        [
            Line(x, scores, 0, is_joined=False),
            *(
                [Line(np.array([marked]), np.array([best["value"]]), 1)]
                if marked is not None
                else []
            ),
        ],
        "",
        log_x=not names and bool(x.min() > 0 and x.max() > _FACTOR * x.min()),
        x_names=[shortened(name, _LONGEST_NAME) for name in names],
    )
    chosen = _shown(best["settings"].get(key))
    about = tag("span", say("best {value}", value=chosen), class_="shown")
    return tag("figure", tag("figcaption", _short(key), about), drawn)


def _all_trials(trials: Sequence[Facts], best: Facts) -> Element:
    keys = list(dict.fromkeys(key for trial in trials for key in trial["settings"]))
    columns = [Column(say("trial")), Column(best["metric"]), Column(say("state"), is_number=False)]
    columns += [Column(say("seconds")), *(Column(_short(key), is_number=False) for key in keys)]
    rows = []
    for trial in trials:
        value: Any = trial["value"]
        if trial["number"] == best["number"]:
            value = tag("strong", f"{value:.4f}", class_="best")
        state = _STATES[trial["state"]]
        if trial["note"]:
            state = say("{state}: {note}", state=state, note=shortened(trial["note"]))
        rows.append(
            [
                *(trial["number"], value, state, round(trial["seconds"])),
                *(_shown(trial["settings"].get(key)) for key in keys),
            ]
        )
    return table(say("All trials"), columns, rows, sortable=True)


def _short(key: str) -> str:
    return key.removeprefix("hyper_parameters.")


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
