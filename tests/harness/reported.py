"""Folders as runs leave them, and what is in the page that report.py makes of them."""

import html.parser
import json

import numpy as np

import textzoo
from harness.saved import made_up_facts
from textzoo.report.page import build_page
from textzoo.report.recorded import read_runs
from textzoo.training.facts import write_facts


class Page(html.parser.HTMLParser):
    """What is in a page: its tables as lists of rows of texts by name, its attributes."""

    def __init__(self, text):
        super().__init__()
        self.attributes, self.tables, self.headings = [], {}, []
        self._rows, self._name, self._texts = [], None, None
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.attributes += [(tag, *pair) for pair in attributes.items()]
        if attributes.get("class") == "wide":
            self._name = attributes["aria-label"]
        elif tag == "table":
            self._rows = self.tables[self._name] = self.tables.get(self._name, [])
        elif tag == "tr":
            self._rows.append([])
        elif tag in ("td", "th", "h2"):
            self._texts = []

    def handle_data(self, data):
        if self._texts is not None:
            self._texts.append(data)

    def handle_endtag(self, tag):
        if tag in ("td", "th"):
            self._rows[-1].append("".join(self._texts).strip())
        elif tag == "h2":
            self.headings.append("".join(self._texts))
        if tag in ("td", "th", "h2"):
            self._texts = None


def page_of(*folders):
    return build_page(read_runs(list(folders)))


def lines(*rows):
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def session(started="2026-01-02 10:00:00", step=0, seconds=(), ended=True, train_rows=90):
    """The lines of a session: five steps between lines of the loss, which come at these seconds.

    One that was not killed ends with the last of them.
    """
    facts = {"started": started, "train_rows": train_rows, "valid_rows": 10, "seconds": 0.0}
    told = [{"kind": "session", "step": step, **facts}]
    for second in seconds:
        step += 5
        told.append(
            {"kind": "train", "step": step, "epoch": 0, "loss": 5 / step, "seconds": second}
        )
    if ended:
        told.append({"kind": "end", "step": step, "seconds": told[-1]["seconds"]})
    return told


def make_run(folder, rows=(), metrics=None, settings=None, kind="tags", evaluations=(), **more):
    """A folder as a run leaves it, of these predictions and metrics."""
    (folder / "infer").mkdir(parents=True)
    (folder / "best").mkdir()
    told = [{"kind": "evaluation", "epoch": 0, "rows": 9, **line} for line in evaluations]
    *steps, end = session(seconds=[1.0, 2.0, 3.0])
    (folder / "metrics.jsonl").write_text(lines(*steps, *told, end), encoding="utf-8")
    facts = made_up_facts(15, kind=kind, versions={"textzoo": textzoo.__version__})
    facts["progress"]["epoch"] = 1
    facts["config"] |= settings or {}
    facts["sha256"] = {"rec.pdparams": "", "rec.pdopt": ""}
    write_facts(folder / "best", facts)
    test = {"rows": len(rows), "checkpoint": "best", "steps": [15], **(metrics or {}), **more}
    test["checkpoints"] = {"best": {}}
    (folder / "infer" / "infer_metrics.json").write_text(json.dumps(test), encoding="utf-8")
    (folder / "infer" / "predictions.jsonl").write_text(lines(*rows), encoding="utf-8")
    return folder


def row(tags, scores, text="a text", **more):
    top = [{"tag": tag, "score": score} for tag, score in scores.items()]
    return {"text": text, "tags": tags, "top": top, **more}


def random_rows(n_rows=200, labels="abcdef", several=False, seed=0):
    """Rows that list every label: their scores and the gold labels as matrices, and the rows."""
    random = np.random.default_rng(seed)
    gold = np.eye(len(labels), dtype=bool)[random.integers(len(labels), size=n_rows)]
    if several:
        gold = random.random(gold.shape) < 0.3
    scores = np.round(random.random(gold.shape) + 0.3 * gold, 3)
    rows = []
    for own, values in zip(gold, scores):
        order = np.argsort(-values, kind="stable")
        tags = [labels[i] for i in np.flatnonzero(own)]
        rows.append(row(tags, {labels[i]: float(values[i]) for i in order}))
        if several:
            rows[-1]["predicted"] = [labels[i] for i in order if values[i] > 0.6]
    return scores, gold, rows
