"""JSON Lines: an object a line."""

import json
import re
from typing import Any

from textzoo.errors import BadLine

_EXAMPLE = '{"text": "...", "labels": ["a", "b"]}'


def parsed_object(line: str, example: str = _EXAMPLE) -> dict[str, Any]:
    """The object of a line.

    Args:
        line: of a file.
        example: what is expected.

    Raises:
        BadLine: it is none, or escapes in it stand for what no text holds.
    """
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as failure:
        raise BadLine(f"is not JSON ({failure}); expected an object such as {example}") from None
    if not isinstance(row, dict):
        hint = ""
        if isinstance(row, list):
            hint = (
                "; a JSON array becomes JSON Lines with jq -c '.[]', or with "
                "to_json(..., orient='records', lines=True) of pandas"
            )
        raise BadLine(
            f"received {type(row).__name__}, expected a JSON object such as {example}{hint}"
        )
    if "\\u" in line:
        texts = map(str, row.values())
        found = re.search(
            "[\0\ud800-\udfff]", "".join([json.dumps(row, ensure_ascii=False), *texts])
        )
        if found:  # which only escapes can write into a text: results are lines of UTF-8 as well
            raise BadLine(
                f"received \\u{ord(found[0]):04x}, which stands for no character by itself"
            )
    return row
