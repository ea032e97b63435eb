"""How much of a text a model reads, and how much of that it knows."""

from collections.abc import Sequence
from typing import Literal, NamedTuple, Optional

_NAMED = 10  # unknown parts of a text

Unit = Literal["words", "tokens", "characters"]


class Coverage(NamedTuple):
    """How much of a text a model reads, and how much of that it knows.

    Attributes:
        unit: what is counted: `words`, `tokens` of a tokenizer, or `characters`.
        total: how many the text has.
        limit: of how many of them, the first, the net reads; None: all.
        known: how many of these its vocabulary has.
        unknown: some of the others, each once.
    """

    unit: Unit
    total: int
    limit: Optional[int]
    known: int
    unknown: list[str]

    @classmethod
    def of(
        cls, unit: Unit, parts: Sequence[str], limit: Optional[int], is_known: Sequence[bool]
    ) -> "Coverage":
        """That of a text of these parts, of which the known ones are marked."""
        read = list(zip(parts[:limit], is_known))
        unknown = dict.fromkeys(part for part, known in read if not known)
        n_known = sum(known for _, known in read)
        return cls(unit, len(parts), limit, n_known, list(unknown)[:_NAMED])
