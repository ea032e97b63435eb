"""The section of a report about how the metrics of a config's runs spread."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, Optional
from xml.etree.ElementTree import Element

from textzoo.report.files import Facts, read_repeats
from textzoo.report.markup import Column, note, section, table, tag
from textzoo.report.recorded import FOLDS, METRICS, SEEDS
from textzoo.report.wording import say

_RUN = re.compile(r"(?:seed|fold)-([0-9]+)")  # the name of its folder
_KINDS = {
    "test": say("Test rows of all runs"),
    "validation": say("Validation rows of all runs, at the best of each"),
    "folds": say("Rows of the fold that was left out"),
}


class Repeats(NamedTuple):
    """What `--seeds` or `--folds` has left in a folder.

    Attributes:
        folder: of the runs.
        facts: of its seeds.json or folds.json.
    """

    folder: Path
    facts: Facts

    @classmethod
    def read(cls, folder: Path) -> "Optional[Repeats]":
        """Those of a folder; None: there are none."""
        found = (read_repeats(folder / name) for name in (SEEDS, FOLDS))
        return next((cls(folder, facts) for facts in found if facts), None)

    @property
    def runs(self) -> list[Path]:
        """The folders of the runs."""
        return [self.folder / name for name in self.facts["runs"]]


def runs_in(folder: Path) -> list[Path]:
    """The runs that `--seeds` or `--folds` has begun in a folder, or the folder if it is of one."""
    if (folder / METRICS).exists():
        return [folder]
    numbers = {
        path.parent: int(found[1])
        for path in folder.glob(f"*/{METRICS}")
        if (found := _RUN.fullmatch(path.parent.name))
    }
    return sorted(numbers, key=lambda run: numbers[run]) or [folder]


def spread_section(repeats: Repeats) -> Element:
    """Mean and spread of each metric, with what each run has."""
    facts = repeats.facts
    return section(
        say("Spread"), *_tables(facts), note(say("std: standard deviation of a sample."))
    )


def _tables(facts: Facts) -> Iterator[Element]:
    joined = facts.get("out_of_fold") or {}
    for kind, title in _KINDS.items():
        if found := facts.get(kind):
            columns = [Column(say("metric"), is_number=False)]
            columns += map(Column, (say("mean"), say("std"), say("min"), say("max")))
            columns += map(Column, facts["runs"])
            columns += [Column(say("all rows, out of fold"))] * bool(joined)
            rows = [
                [
                    *(name, own["mean"], own["std"], own["min"], own["max"], *own["values"]),
                    *([joined.get(name)] if joined else []),
                ]
                for name, own in found.items()
            ]
            yield tag("h3", title)
            yield table(title, columns, rows)
