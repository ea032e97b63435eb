"""Wrong predictions with the words that speak for them, as infer.py leaves them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from textzoo.report.files import read_explanations
from textzoo.report.markup import Child, shortened, tag
from textzoo.report.recorded import Run

EXPLANATIONS = "explanations.jsonl"
_LENGTH = 300  # of a text


class Key(NamedTuple):
    """What tells which prediction is explained; of another checkpoint the score is another."""

    text: str
    tag: str
    score: float


@dataclass
class Explanation:
    """A prediction with the words of its text.

    Attributes:
        key: which one.
        words: dicts with `start`, `end` and `share`, see `inference.explaining`.
    """

    key: Key
    words: list[dict[str, Any]]

    def shaded(self) -> Iterator[Child]:
        """The text, or its beginning, with its words marked by their shares."""
        text = self.key.text
        most = max((abs(word["share"]) for word in self.words), default=0)
        place = 0
        for word in sorted(self.words, key=lambda word: word["start"]):
            start, end, share = word["start"], word["end"], word["share"]
            if not (place <= start < end <= len(text) and most) or end >= _LENGTH:
                continue
            yield text[place:start]
            kind = {"class_": "against"} if share < 0 else {}
            style = f"--share: {abs(share) / most:.3f}"
            yield tag("mark", text[start:end], title=f"{share:+.3f}", style=style, **kind)
            place = end
        yield shortened(text[place:], max(1, _LENGTH - place))


def explanations_of(run: Run) -> list[Explanation]:
    """Those of the run's test rows, if there are any."""
    if run.infer is None:
        return []
    return [
        Explanation(Key(row["text"], row["tag"], row["score"]), row["words"])
        for row in read_explanations(run.infer / EXPLANATIONS)
    ]
