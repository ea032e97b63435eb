"""Words or labels and their ids."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Optional

from textzoo.errors import UserError


class Vocabulary:
    """A fixed list of texts; the id of each is its place in the list."""

    def __init__(self, texts: Iterable[str]):
        self.texts = list(texts)
        self.ids = {text: i for i, text in enumerate(self.texts)}

    def __len__(self) -> int:
        return len(self.texts)

    @classmethod
    def from_counts(
        cls,
        counts: Counter,
        *,
        min_count: int = 1,
        max_size: Optional[int] = None,
        first: tuple[str, ...] = (),
    ) -> "Vocabulary":
        """Build from counted texts: the most frequent first, equal counts in the order of text.

        Args:
            counts: how often each text occurs.
            min_count: leave out texts that occur less often.
            max_size: keep at most so many, `first` included.
            first: texts that come before all others, whether counted or not.
        """
        kept = [(-n, text) for text, n in counts.items() if n >= min_count and text not in first]
        return cls([*first, *(text for _, text in sorted(kept))][:max_size])

    def save(self, path: Path) -> None:
        """Write one text per line; texts hold no line ends."""
        path.write_bytes("".join(f"{text}\n" for text in self.texts).encode())

    @classmethod
    def load(cls, path: Path) -> "Vocabulary":
        r"""Read what `save` wrote, splitting at `\n` only."""
        try:
            content = path.read_bytes().decode("utf-8")
        except FileNotFoundError:
            raise UserError(f"{path}: the checkpoint lacks its vocabulary") from None
        return cls(content.split("\n")[:-1])
