"""Settings as the text of a config, their reasons behind them."""

import json
import re
from typing import Any

from textzoo.config.variables import without_variables
from textzoo.starting.settings import Chosen

# What YAML takes for a text without quotes, whatever of it is a text.
_PLAIN = re.compile(
    r"(?!(?:true|false|null)$)(?:\.{0,2}/)*[a-z_][\w./@-]*", re.ASCII | re.IGNORECASE
)


def config_text(header: list[str], settings: dict[str, Any]) -> str:
    """The text of a config.

    Args:
        header: lines of the comment that it opens with.
        settings: blocks of values, or of `Chosen`; and values that stand in no block.
    """
    comment = "".join(f"{_comment(line)}\n" for line in header)
    parts = (
        f"\n{name}:\n{_lines(part, 1)}"
        if isinstance(part, dict)
        else f"\n{_lines({name: part}, 0)}"
        for name, part in settings.items()
        if part != {}
    )
    return comment + "".join(parts)


def _comment(text: str) -> str:
    """A comment, without what might end it."""
    printable = (letter if letter.isprintable() else "?" for letter in text)
    return f"# {''.join(printable)}".rstrip()


def _lines(block: dict[str, Any], depth: int) -> str:
    text = ""
    for key, setting in block.items():
        start = f"{'  ' * depth}{key}:"
        if isinstance(setting, dict):
            text += f"{start}\n{_lines(setting, depth + 1)}"
            continue
        value, why = setting if isinstance(setting, Chosen) else (setting, "")
        text += f"{start} {shown_value(value)}{f'  {_comment(why)}' if why else ''}\n"
    return text


def shown_value(value: Any) -> str:
    """A value as YAML has it, within one line."""
    if isinstance(value, list):
        return f"[{', '.join(map(shown_value, value))}]"
    if not isinstance(value, str):
        return json.dumps(value)
    value = without_variables(value)
    if _PLAIN.fullmatch(value):
        return value
    if value.isprintable():
        return "'" + value.replace("'", "''") + "'"
    return json.dumps(value)
