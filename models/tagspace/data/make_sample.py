"""Write the sample data of tagspace: short English posts, each with one or two tags.

The posts are assembled from the templates and words of sample_words.py. They are made to
be like real posts where it matters to a classifier: most words are shared by all tags, many
topical words belong to several tags ("pitch", "score", "stock", "kernel"), some posts mention
another topic in passing, some hardly say what they are about, and a few carry the wrong tag.

The output depends on the seed alone: the same bytes on every system and Python 3.9+.

    python models/tagspace/data/make_sample.py
"""

import argparse
import random
from collections.abc import Sequence
from pathlib import Path

from sample_words import (
    AMBIGUOUS_ACTIONS,
    AMBIGUOUS_TEMPLATES,
    AMBIGUOUS_THINGS,
    PASSING_TEMPLATES,
    PLAIN_TEMPLATES,
    RELATED,
    SHARED,
    TOPICS,
    TWO_TAG_TEMPLATES,
    VAGUE_TEMPLATES,
)

TRAIN_ROWS = 2400
TEST_ROWS = 600
MIN_WORDS, MAX_WORDS = 6, 25

TWO_TAG_SHARE = 0.12
# How the one-tag posts divide; the rest name their topic plainly.
AMBIGUOUS_SHARE = 0.21
PASSING_MENTION_SHARE = 0.15
VAGUE_SHARE = 0.03
WRONG_TAG_SHARE = 0.02


class PostWriter:
    """Draws posts from one random stream, which decides everything."""

    def __init__(self, seed: int) -> None:
        # Of the random module only random() is promised to give the same numbers in
        # every Python version, so every choice below is made from it.
        self._random = random.Random(seed).random

    def _happens(self, probability: float) -> bool:
        return self._random() < probability

    def _pick(self, options: Sequence):
        return options[int(self._random() * len(options))]

    def row(self) -> tuple[list[str], str]:
        """Return the tags and the text of one post."""
        tag = self._pick(list(TOPICS))
        if self._happens(TWO_TAG_SHARE):
            second = self._pick(RELATED[tag])
            return [tag, second], self._post(TWO_TAG_TEMPLATES, self._two_topic_words(tag, second))

        kind = self._random()
        if kind < AMBIGUOUS_SHARE:
            text = self._post(AMBIGUOUS_TEMPLATES, self._ambiguous_words(tag))
        elif kind < AMBIGUOUS_SHARE + PASSING_MENTION_SHARE:
            text = self._post(PASSING_TEMPLATES, self._passing_words(tag))
        elif kind < AMBIGUOUS_SHARE + PASSING_MENTION_SHARE + VAGUE_SHARE:
            text = self._post(VAGUE_TEMPLATES, {})
        else:
            text = self._post(PLAIN_TEMPLATES, self._topic_words(tag))
        if self._happens(WRONG_TAG_SHARE):
            tag = self._pick([other for other in TOPICS if other != tag])
        return [tag], text

    def _post(self, templates: tuple[str, ...], topical: dict[str, str]) -> str:
        words = {slot: self._pick(options) for slot, options in SHARED.items()}
        text = self._pick(templates).format(**words, **topical)
        return self._punctuated(text) if self._happens(0.6) else text

    def _punctuated(self, text: str) -> str:
        text = "? ".join(sentence[0].upper() + sentence[1:] for sentence in text.split("? "))
        return text if text.endswith("?") else text + self._pick((".", ".", ".", "!"))

    def _topic_words(self, tag: str) -> dict[str, str]:
        topic = TOPICS[tag]
        verbs, objects = self._pick(topic.actions)
        verb, target = self._pick(verbs), self._pick(objects)
        do, did, doing = (f"{form} {target}" for form in verb.split("/"))
        return {
            "do": do,
            "did": did,
            "doing": doing,
            "thing": self._pick(topic.things),
            "remark": self._pick(topic.remarks),
        }

    def _two_topic_words(self, first: str, second: str) -> dict[str, str]:
        words = self._topic_words(first)
        words.update((slot + "_too", text) for slot, text in self._topic_words(second).items())
        return words

    def _passing_words(self, tag: str) -> dict[str, str]:
        mentioned = TOPICS[self._pick(RELATED[tag])]
        return {**self._topic_words(tag), "other": self._pick(mentioned.things)}

    def _ambiguous_words(self, tag: str) -> dict[str, str]:
        thing = self._pick([name for name, tags in AMBIGUOUS_THINGS.items() if tag in tags])
        actions = [name for name, tags in AMBIGUOUS_ACTIONS.items() if tag in tags]
        do, did, doing = self._pick(actions).split("/")
        return {"do": do, "did": did, "doing": doing, "thing": thing}


def distinct_rows(seed: int, count: int) -> list[str]:
    """Return `count` lines `tag[,tag]<TAB>text`, no two with the same text."""
    writer = PostWriter(seed)
    seen, rows = set(), []
    while len(rows) < count:
        tags, text = writer.row()
        key = text.lower().rstrip(".!")
        if key in seen or not MIN_WORDS <= len(text.split()) <= MAX_WORDS:
            continue
        seen.add(key)
        rows.append(",".join(tags) + "\t" + text)
    return rows


def write_rows(path: Path, rows: list[str]) -> None:
    """Write one row a line, in UTF-8 and with line feeds on every system."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", encoding="utf-8", newline="\n") as file:
        file.writelines(row + "\n" for row in rows)


def main() -> None:
    """Write train/sample.tsv and test/sample.tsv."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seed", type=int, default=2024)
    parser.add_argument("--output", type=Path, default=Path(__file__).resolve().parent)
    args = parser.parse_args()

    rows = distinct_rows(args.seed, TRAIN_ROWS + TEST_ROWS)
    write_rows(args.output / "train" / "sample.tsv", rows[:TRAIN_ROWS])
    write_rows(args.output / "test" / "sample.tsv", rows[TRAIN_ROWS:])


if __name__ == "__main__":
    main()
