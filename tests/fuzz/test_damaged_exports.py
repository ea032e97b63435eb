"""Damaged exports: refused in words, or as good as they were; nothing of them is run.

TEXTZOO_FUZZ is how many there are.
"""

import importlib.util
import json
import os
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from harness.damage import damage
from harness.exports import repair
from harness.workspace import digests, files_below

from textzoo import SemanticIndex, Tagger
from textzoo.errors import UserError
from textzoo.export.verification import verify

N_EXPORTS = int(os.environ.get("TEXTZOO_FUZZ", "100"))
ENGINE = "onnx" if importlib.util.find_spec("onnxruntime") else "paddle"  # the faster one
NAMES = ("tagspace", "xmlcnn", "multilabel", "levels", "batchneg")
# Read by libraries in C++: with the checksum put right, what they make of it is theirs alone.
COMPILED = {"net.json", "net.pdiparams", "net.onnx", "index/hnsw.bin"}
PLACES = ("reader.py", "__pycache__/reader.cpython-311.pyc", "json.py", "index/x.npy")


@pytest.mark.slow
def test_damaged_exports_are_refused_or_as_good_as_before(exported, tmp_path):
    outcomes = damaged_exports(exported, tmp_path, N_EXPORTS)
    assert outcomes["refused"] > N_EXPORTS // 2


def damaged_exports(exported, place: Path, count: int, seed: int = 2026) -> Counter:
    """Damage exports so often, some with their checksums put right; what became of them.

    Raises:
        AssertionError: one was neither refused in words nor as good as before.
    """
    random, folder, proof = np.random.default_rng(seed), place / "damaged", place / "ran"
    outcomes = Counter()
    for number in range(count):
        name = NAMES[number % len(NAMES)]
        sound = exported(name).folder
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(sound, folder)
        what = plant(folder, random, proof) if random.random() < 0.1 else damage(folder, random)
        changed = {file for file, _ in digests(folder).items() ^ digests(sound).items()}
        may_be_put_right = not changed & {*COMPILED, "manifest.json"}
        if put_right := may_be_put_right and random.random() < 0.6:
            repair(folder)
        case = f"{number}, seed {seed}: {name}: {what}, checksum put right: {put_right}"
        try:
            outcome = outcome_of(folder, sound, name)
        except BaseException as failure:
            raise AssertionError(case) from failure
        assert outcome != "as before" or put_right or changed <= {"manifest.json"}, case
        assert not proof.exists(), case
        outcomes[outcome] += 1
    return outcomes


def plant(folder: Path, random: np.random.Generator, proof: Path) -> str:
    """Put code into the folder, or a link or a folder in the place of a file."""
    files = list(files_below(folder))
    file = files[random.integers(len(files))]
    way = ("code", "link", "folder")[random.integers(3)]
    if way == "code":
        file = folder / PLACES[random.integers(len(PLACES))]
        file.parent.mkdir(exist_ok=True)
        file.write_text(f"import pathlib; pathlib.Path({str(proof)!r}).touch()", encoding="utf-8")
    else:
        outside = folder.parent / "outside"
        file.replace(outside)
        file.symlink_to(outside) if way == "link" else file.mkdir()
    return f"{way} {file.name}"


def outcome_of(folder: Path, sound: Path, name: str) -> str:
    texts = json.loads((sound / "manifest.json").read_text(encoding="utf-8"))["examples"]
    try:
        found = answers(folder, name, texts)
    except UserError:
        return "refused"
    if found == answers(sound, name, texts):
        return "as before"
    with pytest.raises(UserError):
        verify(folder)
    return "refused by verify"


def answers(folder: Path, name: str, texts: list[str]):
    """What a folder gives for some texts: the best labels, or embeddings and what is near."""
    if name == "batchneg":
        index = SemanticIndex.load(folder, ENGINE)
        return index.encoder.encode(texts).round(3).tolist(), index.search(texts, k=3)
    found = Tagger.load(folder, ENGINE).predict(texts, top_k=3)
    return [[best["tag"] for best in row["top"]] for row in found]
