"""JSON Lines: an object a line."""

import json
import re
from typing import Any

from textzoo.errors import BadLine

# In a text that `json.dumps` wrote: half of a character, or an escaped NUL.
_NO_TEXT = re.compile(r"(?P<half>[\ud800-\udfff])|(?<!\\)(?:\\\\)*\\u0000")
_OF_AN_ARRAY = (
    "; a JSON array becomes JSON Lines with jq -c '.[]', or with "
    "to_json(..., orient='records', lines=True) of pandas"
)
_EXAMPLE = '{"text": "...", "labels": ["a", "b"]}'


def parsed_object(line: str, example: str = _EXAMPLE) -> dict[str, Any]:
    """The object of a line.

    Args:
        line: of a file.
        example: what is expected.

    Raises:
        BadLine: it is none, or escapes in it stand for what no text holds.
    """
    hint = _OF_AN_ARRAY if line.lstrip().startswith("[") else ""
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as failure:
        raise BadLine(
            f"is not JSON ({failure}); expected an object such as {example} in each line{hint}"
        ) from None
    if not isinstance(row, dict):
        raise BadLine(f"expected a JSON object such as {example}{hint}")
    if "\\u" in line:  # which alone can write this into a text; results are lines of UTF-8 as well
        found = _NO_TEXT.search(json.dumps(row, ensure_ascii=False))
        if found:
            escape = f"\\u{ord(found['half']):04x}" if found["half"] else "\\u0000"
            raise BadLine(f"received {escape}, which stands for no character by itself")
    return row
