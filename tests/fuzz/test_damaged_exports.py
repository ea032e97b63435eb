"""Exports that were damaged at random: refused in words, or as good as they were."""

import importlib.util
import json
import random
import shutil
from collections import Counter
from pathlib import Path

import pytest
from harness.exports import repair
from harness.workspace import digests

from textzoo import SemanticIndex, Tagger
from textzoo.errors import UserError
from textzoo.export.verification import verify

ENGINE = "onnx" if importlib.util.find_spec("onnxruntime") else "paddle"  # the faster one
NAMES = ("tagspace", "xmlcnn", "multilabel", "levels", "batchneg")
# Read by libraries in C++: with the checksum put right, what they make of it is theirs alone.
COMPILED = ("net.json", "net.pdiparams", "net.onnx", "index/hnsw.bin")
WRONG = (
    *(None, True, -1, 0, 7, 2.5, 1e308, float("nan"), float("inf"), 10**30, "", "x", "\ud800"),
    *("../../x", "/etc/passwd", "a\0b", [], {}, [None], [[1]], {"x": 1}, ["a"] * 3),
)
CODE = "import pathlib; pathlib.Path({marker!r}).touch()\n"


def damage_bytes(folder, chance, marker):
    """Change the content of a file."""
    files = files_of(folder)
    file = chance.choice(files)
    content = bytearray(file.read_bytes())
    kind = chance.choice(["flip", "truncate", "delete", "append", "replace"])
    if kind == "flip" and content:
        for _ in range(chance.choice([1, 1, 1, 30])):
            content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    elif kind == "truncate":
        del content[chance.choice([0, chance.randrange(len(content) + 1)]) :]
    elif kind == "append":
        content += bytes(chance.choices(range(256), k=9))
    elif kind == "replace":
        content[:] = chance.choice([other for other in files if other != file]).read_bytes()
    file.write_bytes(content)
    if kind == "delete":
        file.unlink()
    return file, kind


def damage_json(folder, chance, marker):
    """Change, remove or add a value in a file of JSON, mostly in the manifest."""
    files = [file for file in files_of(folder) if file.suffix == ".json" and file.stem != "net"]
    (file,) = chance.choices(files, [6 if file.stem == "manifest" else 1 for file in files])
    content = json.loads(file.read_text(encoding="utf-8"))
    places = list(places_in(content))
    holder, key = chance.choice(places) if places else (None, None)
    wrong, kind = chance.choice(WRONG), chance.choice(["set", "set", "remove", "add"])
    if holder is None:
        content = wrong
    elif kind == "set":
        holder[key] = wrong
    elif kind == "remove":
        del holder[key]
    elif isinstance(holder, dict):
        holder[chance.choice(["../../x", "x", "__class__"])] = wrong
    else:
        holder.append(wrong)
    file.write_text(json.dumps(content), encoding="utf-8")
    return file, f"{kind} {key} {wrong!r}"


def places_in(content):
    """Every list or object in some JSON, with each of its keys."""
    items = {dict: lambda: content.items(), list: lambda: enumerate(content)}
    for key, value in items.get(type(content), list)():
        yield content, key
        yield from places_in(value)


def damage_names(folder, chance, marker):
    """Plant a file, or put something else in the place of one."""
    file = chance.choice(files_of(folder))
    kind = chance.choice(["plant", "link", "folder", "rename"])
    if kind == "plant":
        names = ["reader.py", "__pycache__/reader.cpython-311.pyc", "json.py", "index/x.npy"]
        file = folder / chance.choice(names)
        file.parent.mkdir(exist_ok=True)
        file.write_text(CODE.format(marker=str(marker)), encoding="utf-8")
    elif kind == "rename":
        file.rename(file.with_name("renamed"))
    else:
        file.replace(folder.parent / "outside")
        file.symlink_to(folder.parent / "outside") if kind == "link" else file.mkdir()
    return file, kind


def files_of(folder):
    return sorted(path for path in folder.rglob("*") if path.is_file())


def answers(folder, name, texts):
    """What a folder gives for some texts: the best labels, or embeddings and what is near."""
    if name == "batchneg":
        index = SemanticIndex.load(folder, ENGINE)
        return index.encoder.encode(texts).round(3).tolist(), index.search(texts, k=3)
    found = Tagger.load(folder, ENGINE).predict(texts, top_k=3)
    return [[best["tag"] for best in row["top"]] for row in found]


def damaged_exports(exported, place: Path, count: int, seed: int = 2026) -> Counter:
    """Damage exports so often, and count what became of them.

    Raises:
        AssertionError: one was neither refused in words nor as good as before.
    """
    chance, marker, folder = random.Random(seed), place / "ran", place / "damaged"
    outcomes = Counter()
    for number in range(count):
        name = NAMES[number % len(NAMES)]
        sound = exported(name).folder
        texts = json.loads((sound / "manifest.json").read_text(encoding="utf-8"))["examples"]
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(sound, folder)
        (damage,) = chance.choices([damage_bytes, damage_json, damage_names], [4, 4, 1])
        file, what = damage(folder, chance, marker)
        trusted = file.name == "manifest.json" or file.relative_to(folder).as_posix() in COMPILED
        if repaired := not trusted and chance.random() < 0.6:
            repair(folder)
        case = f"{number}, seed {seed}: {name}: {file.name}: {what}, repaired: {repaired}"
        try:
            outcomes[outcome(folder, name, texts, sound, repaired)] += 1
        except BaseException as failure:
            raise AssertionError(case) from failure
        assert not marker.exists(), case
    return outcomes


def outcome(folder, name, texts, sound, repaired):
    try:
        found = answers(folder, name, texts)
    except UserError:
        return "refused"
    if found == answers(sound, name, texts):
        changed = digests(folder).items() - digests(sound).items()
        assert repaired or {file for file, _ in changed} <= {"manifest.json"}
        return "alike"
    with pytest.raises(UserError):
        verify(folder)
    return "refused by verify"


@pytest.mark.slow
def test_damaged_exports_are_refused_or_as_good_as_before(exported, tmp_path):
    outcomes = damaged_exports(exported, tmp_path, count=100)
    assert outcomes["refused"] > 50
