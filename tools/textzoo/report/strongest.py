"""The section of a report about the linear part: which n-grams speak for each label."""

import logging
from pathlib import Path
from typing import Optional
from xml.etree.ElementTree import Element

from textzoo.errors import UserError
from textzoo.files import digests
from textzoo.linear.part import LinearPart, NgramShare
from textzoo.report.markup import Column, note, section, shortened, table
from textzoo.report.recorded import Run
from textzoo.report.wording import joined, say
from textzoo.text.vocabulary import Vocabulary

log = logging.getLogger("textzoo")

_LINEAR = "linear"
_LABELS = ("vocabulary/labels.txt", "vocabulary/tags.txt")  # as the library's readers save them
_MOST_LABELS, _NGRAMS = 50, 12
_LENGTH = 80  # of a label or an n-gram
_SPACE = "\N{OPEN BOX}"


def strongest_section(run: Run) -> Optional[Element]:
    """The n-grams with the largest weights for each label, if the run has a linear part.

    It is that of the checkpoint `best`, or else of the newest. One that is damaged is named in the
    log and left out.
    """
    name = next((name for name, facts in run.saved.items() if facts is run.checkpoint), None)
    if name is None or run.checkpoint is None:
        return None
    sha256 = run.checkpoint["sha256"]
    labels_file = next((file for file in _LABELS if file in sha256), None)
    files = [file for file in sha256 if file.startswith(f"{_LINEAR}/")]
    if labels_file is None or not files:
        return None
    folder = run.folder / name
    try:
        labels = Vocabulary.load(_unchanged(folder, sha256, labels_file, *files)).texts
        part = LinearPart.load(folder / _LINEAR, len(labels))
    except (OSError, UserError, ValueError) as failure:
        log.warning("%s: is damaged and left out: %s", folder / _LINEAR, failure)
        return None
    rows = [
        [
            shortened(label, _LENGTH),
            "\N{NO-BREAK SPACE}· ".join(map(_cell, part.strongest(i, _NGRAMS))),
        ]
        for i, label in enumerate(labels[:_MOST_LABELS])
    ]
    columns = [Column(say("label"), is_number=False), Column(say("n-grams"), is_number=False)]
    words = [say("Of the linear part, with the weight of each; ␣ is a space at an end.")]
    if len(labels) > _MOST_LABELS:
        words.append(
            say(
                "These are the first {shown} of {count:,} labels: the commonest, unless the order "
                "of labels was given.",
                shown=_MOST_LABELS,
                count=len(labels),
            )
        )
    title = say("Strongest n-grams")
    return section(title, table(title, columns, rows), note(joined(words)))


def _unchanged(folder: Path, sha256: dict[str, str], first: str, *others: str) -> Path:
    """The first of these files, if all are as they were saved."""
    found = digests(folder, [first, *others])
    for name, digest in found.items():
        if digest != sha256[name]:
            raise ValueError(f"{name} was changed since it was saved")
    return folder / first


def visible(ngram: str) -> str:
    """An n-gram with its first and last space, if it has them, as marks that can be seen."""
    inner = ngram.strip(" ")
    start = len(ngram) - len(ngram.lstrip(" "))
    return _SPACE * start + inner + _SPACE * (len(ngram) - start - len(inner))


def _cell(found: NgramShare) -> str:
    # What stands together is not to be parted: a number from its n-gram.
    ngram = visible(shortened(found.ngram, _LENGTH)).replace(" ", "\N{NO-BREAK SPACE}")
    return f"{ngram}\N{NO-BREAK SPACE}{found.share:.2f}"
