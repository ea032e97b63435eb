"""The whole page, and the recipe behind report.py."""

import base64
import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, Optional
from xml.etree.ElementTree import Element

from textzoo.called import program
from textzoo.files import check_output, new_output
from textzoo.report import results, training
from textzoo.report.curves import curves_section
from textzoo.report.explained import EXPLANATIONS, explanations_of
from textzoo.report.markup import document, note, section, tag
from textzoo.report.predictions import Predictions
from textzoo.report.recalled import index_section
from textzoo.report.recorded import Run, metrics_of, read_runs
from textzoo.report.reliability import reliability_section
from textzoo.report.repeated import Repeats, runs_in, spread_section
from textzoo.report.searched import search_section
from textzoo.report.strongest import strongest_section
from textzoo.report.wording import CHINESE, Said, joined, say

_HERE = Path(__file__).parent
_THEME = _HERE.parent / "serving" / "page" / "theme.css"
_SUBJECTS = 3  # in a title
_TOLD = r'\btell\([^";\n]*"([^"]+)"'  # what a script says


def report(folders: list[Path], output: Optional[Path]) -> None:
    """Write a report of one run, or a comparison of several.

    Args:
        folders: of the runs, their `model_save_path`; of studies; or one that `--seeds` or
            `--folds` has made.
        output: the file; default: `report.html` in the folder, of several runs `comparison.html` in
            the first one.

    Raises:
        UserError: a folder is none of a run, or the file cannot be written.
    """
    repeats = Repeats.read(folders[0]) if len(folders) == 1 else None
    own = runs_in(folders[0]) if len(folders) == 1 else folders  # which may not have ended
    runs = read_runs(repeats.runs if repeats else own)
    output = output or folders[0] / ("report.html" if len(runs) == 1 else "comparison.html")
    recorded = (path for folder in folders for path in folder.rglob("*") if path.is_file())
    check_output(output, "--output", (path for path in recorded if path.suffix != ".html"))
    page = build_page(runs, repeats=repeats)
    with new_output(output, "--output") as file:
        file.write(page.encode("utf-8", "replace"))
    print(output)


class Watched(NamedTuple):
    """What a page has that is served while a run goes on.

    Attributes:
        state: of the files that it shows; the page asks for another one.
        log_lines: the last ones.
        awaited: what is said of runs that have told nothing yet.
    """

    state: str
    log_lines: list[str]
    awaited: list[str]


def build_page(
    runs: Sequence[Run], watched: Optional[Watched] = None, repeats: Optional[Repeats] = None
) -> str:
    """The page of these runs; one that is watched comes anew when they have told more."""
    found = [_predictions(run) for run in runs]
    sections = [
        training.metrics_section(runs),
        training.training_section(runs),
        results.labels_section(runs, found),
        curves_section(runs, found),
        reliability_section(runs, found),
    ]
    if len(runs) == 1:
        sections.insert(1, search_section(runs[0]))
        sections += [*_sections_of_one(runs[0], found[0]), strongest_section(runs[0])]
    sections += [training.settings_section(runs), _missing_section(runs)]
    if repeats:
        sections.insert(0, spread_section(repeats))
    if watched:
        sections[:0] = [_awaited_section(watched), _log_section(watched)]
    shown = [made for made in sections if made is not None]
    facts = _facts_of_one(runs[0]) if len(runs) == 1 else [training.who_is_who(runs)]
    return _document(_title(runs), [*facts, _contents(shown)], shown, watched)


def waiting_page(watched: Watched) -> str:
    """The page in the place of one whose runs have told nothing yet."""
    shown = [_awaited_section(watched), _log_section(watched)]
    shown = [made for made in shown if made is not None]
    return _document(say("Waiting for a run"), [], shown, watched)


def _document(
    title: str, head: Sequence[Element], shown: Sequence[Element], watched: Optional[Watched]
) -> str:
    """A page of these sections, below its title and what else its head has."""
    script = _script(is_watched=watched is not None)
    # Without JavaScript there is no other language, and no button for it.
    other = tag("button", "中文", type="button", id="language", lang="zh-CN", hidden="")
    header = tag("header", other, tag("h1", title), *head)
    if watched:
        header.set("data-state", watched.state)
        line = note(say("This page follows the training"))
        line.set("id", "watching")
        header.insert(2, line)
    body = [header, tag("main", *shown), tag("script", script)]
    return document(_page_head(title, script, bool(watched)), body)


def _script(is_watched: bool) -> str:
    """The page's script, with the Chinese of what it says itself.

    What follows a run takes note of the page as it was served, before anything changes it.
    """
    files = ["watch.js"] * is_watched + ["page.js"]
    code = "".join((_HERE / file).read_text(encoding="utf-8") for file in files)
    own = {sentence: CHINESE[sentence] for sentence in re.findall(_TOLD, code)}
    return f'"use strict";\n\nconst CHINESE = {json.dumps(own, ensure_ascii=False)};\n{code}'


def _awaited_section(watched: Watched) -> Optional[Element]:
    return section(say("Waiting"), *map(note, watched.awaited)) if watched.awaited else None


def _log_section(watched: Watched) -> Optional[Element]:
    if not watched.log_lines:
        return None
    lines = tag("pre", "\n".join(watched.log_lines), tabindex=0, aria_label=say("Log"))
    return section(say("Log"), lines)


def _title(runs: Sequence[Run]) -> str:
    """What a page is about: models and data."""
    subjects = list(dict.fromkeys(run.subject or run.name for run in runs))
    if len(runs) == 1:
        return subjects[0]
    if len(subjects) == 1:
        return say("{count} runs of {subject}", count=len(runs), subject=subjects[0])
    told = subjects[:_SUBJECTS] + ["…"] * (len(subjects) > _SUBJECTS)
    return say("{count} runs: {subjects}", count=len(runs), subjects=joined(told, "; ", "；"))


def _predictions(run: Run) -> Optional[Predictions]:
    if run.infer is None:
        return None
    path = run.infer / "predictions.jsonl"
    return Predictions.read(path, run.kind, (run.test or {}).get("rows"))


def _sections_of_one(run: Run, predictions: Optional[Predictions]) -> list[Optional[Element]]:
    if not predictions:
        return [index_section(run)] if run.kind == "embeddings" else []
    if run.kind == "embeddings":
        return [
            results.mistakes_section(predictions),
            results.neighbours_section(predictions.examples),
            index_section(run),
        ]
    mistakes = results.mistakes_section(predictions, explanations_of(run))
    return [results.confusion_section(predictions), mistakes]


def _page_head(title: str, script: str, is_watched: bool) -> list[Element]:
    """What the browser is to know: that it may run this script and load nothing.

    A page that is watched may ask the one that serves it.
    """
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"
    policy += "; connect-src 'self'" if is_watched else ""
    return [
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=policy + "; img-src data:"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", say("TextZoo: {title}", title=title)),
        tag("link", rel="icon", href="data:,"),
        *(tag("style", path.read_text(encoding="utf-8")) for path in (_THEME, _HERE / "page.css")),
    ]


def _facts_of_one(run: Run) -> list[Element]:
    facts = {say("run"): run.name, say("steps"): f"{run.last_step:,}" if run.last_step else None}
    if run.progress:
        epochs = {"done": run.progress["epoch"], "all": run.settings["runner.epochs"]}
        patience = say("{done} of {all}, ended by patience", **epochs)
        facts[say("epochs")] = (
            patience if run.progress["stopped"] else say("{done} of {all}", **epochs)
        )
    if run.sessions:
        facts[say("training rows")] = f"{run.sessions[-1].train_rows:,}"
        facts[say("time")] = training.duration(run)
    for metric, value in list(metrics_of(run.best_evaluation or {}).items())[:1]:
        facts[say("{metric} (validation)", metric=metric)] = f"{value:.4f}"
    for metric, value in list(metrics_of(run.test or {}).items())[:1]:
        facts[say("{metric} (test)", metric=metric)] = f"{value:.4f}"
    told = [tag("div", tag("dt", k), tag("dd", v)) for k, v in facts.items() if v]
    return [tag("dl", *told)] if told else []


def _contents(sections: Sequence[Element]) -> Element:
    titles = (made.findtext("h2", "") for made in sections)  # as they were said
    links = [tag("a", title, href=f"#{made.get('id')}") for title, made in zip(titles, sections)]
    return tag("nav", *links, aria_label=say("Sections"))


def _missing_section(runs: Sequence[Run]) -> Optional[Element]:
    """What the page would show if more were there, and the command that makes it."""
    lacking: dict[Said, list[str]] = {}
    for run in runs:
        for sentence in _missing(run):
            lacking.setdefault(sentence, []).append(run.name)
    if len(runs) > 1:
        sentences = [
            say("{sentence} ({runs})", sentence=sentence, runs=", ".join(names))
            for sentence, names in lacking.items()
        ]
        sentence = "Confusions and examples: {report} with one run."
        sentences.append(say(sentence, report=program("report")))
    else:
        sentences = list(lacking)
    if not sentences:
        return None
    return section(say("Not in this report"), tag("ul", *(tag("li", line) for line in sentences)))


def _missing(run: Run) -> Iterator[Said]:
    trainer, infer = program("trainer"), program("infer")
    if not run.checkpoint:
        yield say("Settings: {trainer} saves them with the first checkpoint.", trainer=trainer)
    if not run.training:
        yield say(
            "Curve of the loss: {trainer} tells it every runner.print_interval steps.",
            trainer=trainer,
        )
    if not run.sessions:
        yield say(
            "Time and training rows: {trainer} notes them; earlier versions did not.",
            trainer=trainer,
        )
    if not run.evaluations:
        yield say(
            "Validation metrics: {trainer} -o runner.valid_fraction=0.1 runner.resume=none.",
            trainer=trainer,
        )
    if not run.infer or not (run.infer / "predictions.jsonl").is_file():
        yield say("Metrics of the test rows, curves and examples: {infer}.", infer=infer)
    elif run.kind != "embeddings" and not (run.infer / EXPLANATIONS).is_file():
        yield say("Words behind the surest mistakes: {infer} --explain-mistakes.", infer=infer)
    if run.kind == "embeddings" and not (run.folder / "infer" / "recall_result.txt").is_file():
        yield say("Recall of an index: {recall}.", recall=program("recall"))
