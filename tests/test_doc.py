import importlib.util
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = [
    path
    for pattern in ("*.md", "doc/*.md", "models/*/README.md", "datasets/*.md", "datasets/*/*.md")
    for path in sorted(ROOT.glob(pattern))
]


@pytest.fixture(scope="module")
def make_config():
    spec = importlib.util.spec_from_file_location("make_config", ROOT / "doc" / "make_config.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_of_config_keys_is_current(make_config):
    written = (ROOT / "doc" / "config.md").read_text(encoding="utf-8")
    assert written == make_config.page(), "run: python doc/make_config.py"


def test_described_arguments_are_read_from_a_docstring(make_config):
    arguments = "Args:\n    one: first,\n        and more.\n    two: `a: b`.\n"
    text = f"Title.\n\n{arguments}\nRaises:\n    E: x."
    assert make_config.described_arguments(text) == {"one": "first, and more.", "two": "`a: b`."}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_what_a_page_refers_to_is_there(page):
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\((?!https?://)([^)#]+)", text):
        assert (page.parent / target).exists(), target
    for target in re.findall(r"(?:models|tools|datasets|tests|doc)/[\w/]+\.(?:py|sh|yaml)\b", text):
        if "your" not in target:
            assert (ROOT / target).exists(), target
