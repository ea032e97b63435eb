import pytest

from textzoo.errors import BadLine
from textzoo.text.json_lines import parsed_object


def test_an_object_is_as_the_module_json_reads_it():
    assert parsed_object('{"a": "\\u4f60\\ud83d\\ude00", "b": [1, null]}') == {
        "a": "你😀",
        "b": [1, None],
    }


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ('{"a": 1', "is not JSON"),
        ("3", "expected a JSON object"),
        ('[{"a": 1}]', "a JSON array becomes JSON Lines with jq -c '.[]'"),
        ("{", "expected an object such as"),
        (" [", "a JSON array becomes JSON Lines with jq -c '.[]'"),
        ('{"a": {"b": "\\ud800"}}', "received \\ud800"),
        ('{"a\\u0000": 1}', "received \\u0000"),
        ('{"a": ["b\\\\\\u0000"]}', "received \\u0000"),
    ],
)
def test_anything_else_is_refused(line, complaint):
    with pytest.raises(BadLine) as refusal:
        parsed_object(line)
    assert complaint in str(refusal.value)
