import importlib.util
import itertools
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = [
    path
    for pattern in ("*.md", "doc/**/*.md", "models/*/README.md", "datasets/*.md", "datasets/*/*.md")
    for path in sorted(ROOT.glob(pattern))
]

CONFIGS = sorted(ROOT.glob("models/*/config*.yaml"))
SCORE = re.compile(r"(?:accuracy|micro_f1|macro_f1|precision@\d+|recall@\d+) (0\.\d+)")
TIME = re.compile(r"\d (?:s|min)\b")


@pytest.fixture(scope="module")
def make_config():
    spec = importlib.util.spec_from_file_location("make_config", ROOT / "doc" / "make_config.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_of_config_keys_is_current(make_config):
    written = (ROOT / "doc" / "config.md").read_text(encoding="utf-8")
    assert written == make_config.page(), "run: python doc/make_config.py"


def test_the_json_schemas_beside_configs_are_current(make_config):
    schemas = make_config.schemas()
    assert {path.parent / "config.schema.json" for path in CONFIGS} == {*schemas}
    for file, text in schemas.items():
        assert file.read_text(encoding="utf-8") == text, "run: python doc/make_config.py"


def anchors(page):
    """The names that GitHub gives to the headings of a page."""
    headings = re.findall(r"^#+ (.*)", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_readme_leads_to_every_page_and_names_every_command():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for page in set(ROOT.glob("doc/**/*.md")) - set(ROOT.glob("doc/zh/**/*.md")):
        assert f"]({page.relative_to(ROOT).as_posix()})" in text, page
    for command in ROOT.glob("tools/*.py"):
        if True:
            assert f"| `{command.name}`" in text or f", `{command.name}` |" in text, command


def test_contributing_names_every_package_of_the_library():
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    for package in (ROOT / "tools" / "textzoo").glob("*/__init__.py"):
        assert f"\n| `{package.parent.name}` | " in text, package


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_what_a_page_refers_to_is_there(page):
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\((?!https?://)([^)]+)", text):
        file, _, anchor = target.partition("#")
        assert (page.parent / file).exists(), target
        assert not anchor or anchor in anchors(page.parent / file), target
    for target in re.findall(r"(?:models|tools|datasets|tests|doc)/[\w/]+\.(?:py|sh|yaml)\b", text):
        if "your" not in target:
            assert (ROOT / target).exists(), target


def header(config):
    """The lines of a config before its first key."""
    lines = config.read_text(encoding="utf-8").splitlines()
    return "\n".join(itertools.takewhile(lambda line: line.startswith("#"), lines))


@pytest.mark.parametrize("config", CONFIGS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_config_opens_with_its_command_and_what_that_gives_where(config):
    text = header(config)
    assert text.startswith("# yaml-language-server: $schema=config.schema.json\n# ")
    command = f"\n#   python tools/trainer.py -m {config.relative_to(ROOT).as_posix()}"
    assert re.search(f"{re.escape(command)}(?:   # |\n)", text)
    assert "2 cores" in text
    assert TIME.search(text) or "time not measured" in text or "time and score not" in text
    assert SCORE.search(text) or "time and score not measured yet" in text
    for file in re.findall(r"(?:models|tools|datasets)/[\w/]+\.(?:py|sh|yaml)\b", text):
        assert (ROOT / file).exists(), file


def test_scores_of_configs_on_public_data_are_those_of_the_cards():
    cards = "".join(path.read_text(encoding="utf-8") for path in ROOT.glob("models/*/README.md"))
    cards += (ROOT / "doc" / "benchmarks.md").read_text(encoding="utf-8")
    checked = 0
    for config in CONFIGS:
        text = header(config)
        for score in [] if "bundled sample" in text else SCORE.findall(text):
            percent = f"{100 * float(score):.2f}"  # as in the card of xmlcnn
            assert re.search(rf"\b(?:{score}|{percent})\b", cards), (config, score)
            checked += 1
    assert checked > 20


@pytest.mark.parametrize(
    ("page", "theirs", "ours"),
    [
        ("fasttext", "-autotune-validation", "`tune.py`"),
        ("libmultilabel", "search_params.py", "`tune.py`"),
        ("sentence_transformers", "hyperparameter_search", "`tune.py`"),
        ("paddlenlp", "analysis/dirty.py", "label_errors.py"),
        ("paddlenlp", "analysis/word_interpret.ipynb", "predict.py --explain"),
    ],
)
@pytest.mark.parametrize("folder", ["doc/coming_from", "doc/zh/coming_from"])
def test_what_another_tool_does_beside_training_stands_beside_our_command(
    folder, page, theirs, ours
):
    lines = (ROOT / folder / f"{page}.md").read_text(encoding="utf-8").splitlines()
    assert [ours in line for line in lines if theirs in line] == [True]
