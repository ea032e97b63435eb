"""The Chinese pages say what the English ones do: they are compared section by section."""

import os
import re
from pathlib import Path

import pytest
from conftest import ROOT

CHINESE = {
    ROOT / "README.md": ROOT / "README_CN.md",
    **{
        ROOT / "doc" / name: ROOT / "doc" / "zh" / name
        for name in (
            "configs.md",
            "data.md",
            "deployment.md",
            "machines.md",
            "python.md",
            "repeated_runs.md",
            "report.md",
            "serving.md",
            "small_exports.md",
            "tuning.md",
            "watching.md",
            "why_and_what_next.md",
        )
    },
} | {page: ROOT / "doc" / "zh" / page.name for page in (ROOT / "doc" / "tutorials").glob("*.md")}
ELSEWHERE = (ROOT / "doc" / "coming_from").glob("*.md")
CHINESE |= {page: ROOT / "doc" / "zh" / "coming_from" / page.name for page in ELSEWHERE}
ENGLISH = {chinese: english for english, chinese in CHINESE.items()}
BLOCK = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)]*)\)")
CODE = re.compile(r"`([^`]*)`")


def blocks(page):
    """The fenced blocks, without the remarks behind commands."""
    return [re.sub(" +# .*", "", block) for block in BLOCK.findall(page.read_text("utf-8"))]


def sections(page):
    """For each section the parts that do not depend on the language."""
    text = BLOCK.sub("BLOCK", page.read_text(encoding="utf-8"))
    for section in re.split("^(?=#)", text, flags=re.MULTILINE)[1:]:
        heading, _, body = section.partition("\n")
        words = CODE.sub("", LINK.sub("", section))
        yield {
            "level": heading.partition(" ")[0],
            "links": sorted(link(page, target) for target in LINK.findall(body)),
            "code": sorted(CODE.findall(body)),
            "figures": sorted(re.findall(r"\d+(?:[.,]\d+)*", words)),
            "lines": re.findall(r"^(?:BLOCK$|\||- )", body, re.MULTILINE),
            "cells": [line.count("|") for line in body.splitlines() if line.startswith("|")],
        }


def link(page, target):
    """Where a link leads: of a page in both languages to the English one."""
    file, _, anchor = target.partition("#")
    path = (page.parent / file).resolve()
    return str(ENGLISH.get(path, path)) + ("" if path in {*CHINESE, *ENGLISH} else f"#{anchor}")


@pytest.mark.parametrize("english", CHINESE, ids=lambda page: page.stem)
def test_a_translation_has_the_same_content(english):
    chinese = CHINESE[english]
    assert blocks(chinese) == blocks(english)
    ours, theirs = list(sections(chinese)), list(sections(english))
    assert len(ours) == len(theirs)
    for our, their in zip(ours, theirs):
        assert our == their


@pytest.mark.parametrize("english", CHINESE, ids=lambda page: page.stem)
def test_each_page_leads_to_its_other_language(english):
    chinese = CHINESE[english]
    for page, other in ((english, chinese), (chinese, english)):
        target = Path(os.path.relpath(other, page.parent)).as_posix()
        assert f"]({target})" in page.read_text(encoding="utf-8")


def test_every_tutorial_has_one_translation():
    assert set((ROOT / "doc" / "zh").rglob("*.md")) | {ROOT / "README_CN.md"} == set(ENGLISH)
