"""The section of a report about the trials that found a run's settings."""

import json
from collections.abc import Sequence
from typing import Any, Optional
from xml.etree.ElementTree import Element

import numpy as np

from textzoo.metrics.names import lower_is_better
from textzoo.report.markup import Column, section, shortened, table, tag
from textzoo.report.plots import Line, plot
from textzoo.report.recorded import Facts, Run, best_trial

_MOST_PANELS = 24
_MOST_NAMES, _LONGEST_NAME = 8, 12  # of values that are no numbers, along an axis
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
    counts = ", ".join(f"{states.count(of)} {of}" for of in dict.fromkeys(states))
    own = run.trials[0]["value"]
    validates = any(run.settings.get(f"runner.valid_{key}") for key in ("data_dir", "fraction"))
    judges = "validation rows" if validates else "rows left out"
    before = "" if own is None else f"; that of the config as it was (trial 0) {own:.4f}"
    return section(
        "Search",
        tag(
            "p",
            f"{len(run.trials)} trials: {counts}. This report is of the best one, trial "
            f"{best['number']}: {best['metric']} {best['value']:.4f} on the {judges}"
            f"{before}.",
        ),
        tag("div", *panels[:_MOST_PANELS], class_="panels"),
        tag("details", tag("summary", "All trials"), _all_trials(run.trials, best)),
    )


def _history(complete: Sequence[Facts]) -> Element:
    numbers = np.array([trial["number"] for trial in complete], float)
    values = np.array([trial["value"] for trial in complete], float)
    metric = complete[0]["metric"]
    so_far = (np.minimum if lower_is_better(metric) else np.maximum).accumulate(values)
    drawn = plot(
        f"{metric} by trial",
        [Line(numbers, values, 0, is_joined=False), Line(numbers, so_far, 1)],
        "trial",
    )
    best = tag("span", f"best {so_far[-1]:.4f}", class_="shown")
    return tag("figure", tag("figcaption", f"{metric} by trial", best), drawn)


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
        f"{best['metric']} by {key}",
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
    about = tag("span", f"best {chosen}", class_="shown")
    return tag("figure", tag("figcaption", _short(key), about), drawn)


def _all_trials(trials: Sequence[Facts], best: Facts) -> Element:
    keys = list(dict.fromkeys(key for trial in trials for key in trial["settings"]))
    columns = [Column("trial"), Column(best["metric"]), Column("state", is_number=False)]
    columns += [Column("seconds"), *(Column(_short(key), is_number=False) for key in keys)]
    rows = []
    for trial in trials:
        value: Any = trial["value"]
        if trial["number"] == best["number"]:
            value = tag("strong", f"{value:.4f}", class_="best")
        state = f"{trial['state']}: {trial['note']}" if trial["note"] else trial["state"]
        rows.append(
            [
                *(trial["number"], value, shortened(state), round(trial["seconds"])),
                *(_shown(trial["settings"].get(key)) for key in keys),
            ]
        )
    return table("All trials", columns, rows, sortable=True)


def _short(key: str) -> str:
    return key.removeprefix("hyper_parameters.")


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
