"""The kinds of mistake that a user can make, told apart from faults of the program."""

import difflib


class UserError(Exception):
    """A mistake that the user can put right: shown as one message, exit status 2."""


class NotFinite(UserError):
    """A net gave NaN or infinity: its weights are not fit for use, or its learning rate."""


class BadLine(ValueError):
    """A line of the user's data that cannot be read.

    Raised by a model's reader with what is wrong and what was expected; `reading` adds the
    file and the line number.
    """


class OutputLost(Exception):
    """Standard output takes no more; the cause is an `OSError`, such as of `| head` that ended."""


class BadText(ValueError):
    """A text that was given to an exported model and that it cannot read."""


def shown(value: object) -> str:
    """A received value as a message shows it."""
    return shortened(repr(value))


def shortened(text: str, most: int = 200) -> str:
    """A text as a message shows it: its beginning, if it is long."""
    return text if len(text) <= most else f"{text[:most]}... ({len(text)} characters)"


def nearest(word: str, valid: list[str], prefix: str = "") -> str:
    """A hint for a message: the valid word nearest to an unknown one, or all valid words."""
    near = difflib.get_close_matches(word, valid, n=1)
    return f"did you mean {prefix}{near[0]}?" if near else f"valid here: {', '.join(valid)}"
