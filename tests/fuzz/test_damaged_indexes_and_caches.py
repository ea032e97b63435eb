"""Damaged indexes and caches: refused in words or made anew, whatever the damage is."""

import gzip
import importlib.util
import json
import logging
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from harness.damage import damage
from harness.indexed import embeddings_of, entries_of, needs_hnswlib, texts_of
from harness.isolated import problems_of

from textzoo.config.schema import IndexSettings
from textzoo.data.cache import Cache, encoded_rows, fitted_vocabulary, reader_identity
from textzoo.data.input_files import input_files
from textzoo.errors import UserError
from textzoo.files import digests
from textzoo.index.folder_index import FolderIndex
from textzoo.text.reader import Reader

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")

N, WIDTH = 60, 8  # with codes of faiss more
MADE_FROM = {"model": "batchneg", "checkpoint": {"rec.pdparams": "abc"}, "corpus": "1"}
SETTINGS = {
    "hnsw": IndexSettings(hnsw_m=3, ef_construction=20),
    "exact": IndexSettings(backend="exact"),
    "hybrid": IndexSettings(backend="exact", lexical_weight=0.5),
    "int8": IndexSettings(hnsw_m=3, ef_construction=20, dtype="int8"),
    "binary": IndexSettings(backend="exact", dtype="binary", lexical_weight=0.5),
}
if importlib.util.find_spec("faiss"):
    SETTINGS["lists"] = IndexSettings(backend="faiss", faiss="IVF4,Flat", nprobe=2)
    SETTINGS["codes"] = IndexSettings(backend="faiss", faiss="IVF4,PQ4", nprobe=2)


@needs_hnswlib
@pytest.mark.slow
def test_damaged_indexes(tmp_path):
    assert problems_with_indexes(tmp_path, 400) == []


@pytest.mark.slow
def test_damaged_caches(tmp_path):
    assert problems_with_caches(tmp_path, 200) == []


def problems_with_indexes(place: Path, n: int, seed: int = 0) -> list[str]:
    """Damage indexes, every second one with its checksums repaired; returns what went wrong.

    Args:
        place: a folder.
        n: how many to damage.
        seed: each gives others.
    """
    queries = embeddings_of(5, seed=1, width=WIDTH)
    for backend, settings in SETTINGS.items():
        index = FolderIndex(settings, WIDTH, MADE_FROM)
        n = 256 if backend == "codes" else N
        index.add(texts_of(n), embeddings_of(n, width=WIDTH))
        index.delete(entries_of("text 3", "text 4"))
        index.add(entries_of("text 3"), embeddings_of(1, width=WIDTH))
        index.save(place / backend)

    def check(case: int) -> None:
        random = np.random.default_rng([seed, case])
        backend, folder = [*SETTINGS][case // 2 % len(SETTINGS)], place / "damaged"
        highest = WIDTH * N if SETTINGS[backend].lexical_weight else 1.1  # of standardised scores
        texts = ["text 3"] * 5
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(place / backend, folder)
        done = damage(folder, random)
        is_repaired = case % 2 == 1 and _repair(folder)
        try:
            index = FolderIndex.load(folder, SETTINGS[backend])
            if index is None or index.made_from != MADE_FROM:
                return  # it is built anew
            found = index.nearest(queries, 10, texts)
        except UserError as problem:
            assert str(folder) in str(problem), done
            return
        whole = FolderIndex.load(place / backend, SETTINGS[backend])
        if not is_repaired:
            assert found == whole.nearest(queries, 10, texts), done
        assert len({hit.text for hit in found[0]}) == len(found[0]), done
        assert all(abs(hit.score) < highest for row in found for hit in row), done
        index.add(entries_of("new"), queries[:1])
        index.delete(entries_of("text 5"))
        assert index.nearest(queries[:1], 1)[0][0].text == "new", done
        index.save(folder)
        assert len(FolderIndex.load(folder, SETTINGS[backend])) == len(index), done

    return [f"{case}: {text}" for case, text in problems_of(range(n), check, place)]


def _repair(folder: Path) -> bool:
    """Write the checksums of the files that are there now, if the manifest can be read."""
    path = folder / "manifest.json"
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        names = [name for name in manifest["sha256"] if ".." not in name and name[0] != "/"]
        manifest["sha256"] = digests(folder, names)
        path.write_text(json.dumps(manifest), encoding="utf-8")
    except (OSError, ValueError, TypeError, KeyError):
        return False
    return True


class Words(Reader):
    """A reader with ids that are known: the lengths of words."""

    columns = ("words", "length")

    def encode(self, line, training):
        return {"words": [len(word) for word in line.split()], "length": [len(line)]}

    def parse(self, line):
        return line.split()

    def fit(self, rows, declared):
        self.words = sorted({word for row in rows for word in row})

    def save(self, folder):
        (folder / "words.txt").write_text("\n".join(self.words), encoding="utf-8")


def problems_with_caches(place: Path, n: int, seed: int = 0) -> list[str]:
    """Damage what the cache keeps of a compressed file; returns what went wrong.

    Args:
        place: a folder.
        n: how many to damage.
        seed: each gives others.
    """
    lines = [f"w{'o' * (i % 7)}rd number {i}" for i in range(200)]
    (place / "lines.gz").write_bytes(gzip.compress("\n".join(lines).encode()))
    words = sorted({word for line in lines for word in line.split()})
    logging.getLogger("textzoo").setLevel(logging.CRITICAL)

    def run(cache: Path) -> None:
        settings, identity = Cache(cache, "error"), reader_identity(Words, {})
        files = input_files(place / "lines.gz", "key", settings)
        vocabulary = fitted_vocabulary(files, Words(), {}, identity, settings)
        rows = encoded_rows(files, Words(), True, identity, settings)
        assert (vocabulary / "words.txt").read_text(encoding="utf-8").split("\n") == words
        assert [rows.line(i).text for i in range(len(rows))] == lines
        padded, lengths = rows.columns["words"].padded(np.arange(len(rows)))
        assert lengths.tolist() == [3] * 200
        assert padded.tolist() == [[len(word) for word in line.split()] for line in lines]

    run(place / "whole")

    def check(case: int) -> None:
        cache = place / "damaged"
        shutil.rmtree(cache, ignore_errors=True)
        shutil.copytree(place / "whole", cache)
        done = damage(cache, np.random.default_rng([seed, case]))
        try:
            run(cache)
        except UserError as problem:
            assert "or delete the folder: it is only a cache" in str(problem), done

    return [f"{case}: {text}" for case, text in problems_of(range(n), check, place)]
