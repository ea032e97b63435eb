"""Variables of the environment in the values of a config: `${NAME}`, `${NAME:-default}`.

As in the files of Docker Compose, from where many know them: a default also stands for what is set
and empty, and `$$` is a dollar. A `$` before anything else is itself.
"""

import os
import re
from collections.abc import Callable
from typing import Any, NamedTuple

from textzoo.errors import UserError, shown

# The last form is that of a mistake.
_VARIABLE = re.compile(r"\$(?:(\$)|\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^{}]*))?\}|\{)")


class Substituted(NamedTuple):
    """A value that was written with variables.

    Attributes:
        value: what it says; None where there is a problem.
        problem: such as a variable that is not set; empty: none.
        place: where it is written.
    """

    value: Any
    problem: str
    place: str


def substitute(text: str, read: Callable[[str], Any], place: str) -> Any:
    """The value of a text, as a `Substituted` if there are variables in it.

    Args:
        text: of a config.
        read: makes a value of the text, once the variables have theirs.
        place: where the text is, as a message begins with it.
    """
    problems: list[str] = []
    whole = _VARIABLE.sub(lambda found: _value(found, problems), text)
    if not _VARIABLE.search(text):
        return read(text)
    if re.search("[\0\ud800-\udfff]", whole):  # it is not shown: it may be a secret
        problems.append("received a value that is not UTF-8 without NUL")
    return Substituted(None if problems else read(whole), "; ".join(problems), place)


def _value(found: re.Match[str], problems: list[str]) -> str:
    is_dollar, name, default = found.groups()
    if is_dollar:
        return "$"
    if name is None:
        rest = found.string[found.start() :]
        problems.append(
            f"received {shown(rest)}, expected ${{NAME}} or ${{NAME:-default}}; the $ of a text is "
            "written $$ before a {"
        )
        return ""
    value = os.environ.get(name, "")
    if not value and default is not None:
        return default.replace("$$", "$")
    if name not in os.environ:
        problems.append(
            f"the environment variable {name} is not set: set it, or write ${{{name}:-default}}"
        )
    return value


def without_variables(text: str) -> str:
    """A text as it is written where it is to stand for itself."""
    return text.replace("$", "$$")


def settled(value: Any, key: str, varied: set[str]) -> Any:
    """A value with what the variables made of it, and all in it.

    Args:
        value: of a key, or the block of all keys.
        key: its dotted key; empty: of all.
        varied: gets the dotted keys whose values have variables.

    Raises:
        UserError: naming each variable that is not set, with its key and place.
    """
    problems: list[str] = []
    found = _settled(value, key, varied, problems)
    if problems:
        raise UserError("\n".join(problems))
    return found


def _settled(value: Any, key: str, varied: set[str], problems: list[str]) -> Any:
    if isinstance(value, dict):
        prefix = f"{key}." if key else ""
        return {
            name: _settled(part, f"{prefix}{name}", varied, problems)
            for name, part in value.items()
        }
    if isinstance(value, list):
        return [_settled(part, key, varied, problems) for part in value]
    if not isinstance(value, Substituted):
        return value
    varied.add(key)
    if value.problem:
        problems.append(f"{value.place}{key}: {value.problem}")
    return value.value
