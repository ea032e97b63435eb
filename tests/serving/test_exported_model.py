"""An exported folder opened; what is in real ones: tests/export/test_writing.py."""

from types import SimpleNamespace

import numpy as np
import pytest
from harness.workspace import digests

from textzoo.errors import BadText, UserError
from textzoo.serving import exported_model
from textzoo.serving.exported_model import ExportedModel
from textzoo.serving.manifest import READER, ArrayFacts, ReaderFacts

READER_CODE = """
from pathlib import Path
from typing import Optional

from textzoo.errors import BadLine


class Reader:
    def __init__(self, *, longest: int, stop_words: Optional[Path] = None):
        self.longest = longest
        self.stop_words = stop_words.read_text(encoding="utf-8").split() if stop_words else []

    def load(self, folder):
        self.letters = (folder / "letters.txt").read_text(encoding="utf-8")

    def encode_text(self, text):
        if not text.strip():
            raise BadLine("received an empty text")
        words = [letter for letter in text if letter not in self.stop_words]
        return {"text": [self.letters.index(letter) for letter in words][: self.longest]}

    def encode_title(self, text):
        return {"text": self.encode_text(text)["text"][::-1]}

    @staticmethod
    def infer_feeds(columns, rows, hyper_parameters):
        tokens, lengths = columns["text"].padded(rows, hyper_parameters["padding"])
        return {"tokens": tokens, "lengths": lengths}
"""
SETTINGS = {"arguments": {"longest": 4}, "files": {"stop_words": "files/stop.txt"}}
MATRIX, ROW = ArrayFacts(rank=2, dtype="int64"), ArrayFacts(rank=1, dtype="int64")
# Of "abc" and "e", whose ids are 0, 1, 2 and 4.
ARRAYS = {
    "input/tokens": [[0, 1, 2], [4, 9, 9]],
    "input/lengths": [3, 1],
    "output/sums": [3, 4],
    "output/lengths": [3, 1],
}


class Engine:
    """Sums the ids of each text."""

    version = "an engine 1.0"

    def __init__(self):
        self.batches = []

    def __call__(self, feeds):
        self.batches.append(len(feeds["tokens"]))
        inside = np.arange(feeds["tokens"].shape[1]) < feeds["lengths"][:, None]
        return [(feeds["tokens"] * inside).sum(axis=1), feeds["lengths"]]


@pytest.fixture
def model(tmp_path, monkeypatch):
    """An exported folder, as far as its reader and its engine go."""
    for folder, name, text in (
        ("", READER, READER_CODE),
        ("vocabulary", "letters.txt", "abcdef"),
        ("files", "stop.txt", "f"),
    ):
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / name).write_text(text, encoding="utf-8")
    np.savez(tmp_path / "examples.npz", **{k: np.array(v) for k, v in ARRAYS.items()})
    manifest = SimpleNamespace(
        reader=ReaderFacts(name=None, **SETTINGS),
        formats=["onnx"],
        precision="float32",
        examples=["abc", "e"],
        inputs={"tokens": MATRIX, "lengths": ROW},
        outputs={"sums": ROW, "lengths": ROW},
        width=None,
        has_linear=False,
        hyper_parameters={"padding": 9},
        sha256=digests(tmp_path),
    )
    monkeypatch.setattr(exported_model, "read_manifest", lambda path: manifest)
    monkeypatch.setattr(exported_model, "open_engine", lambda *_: Engine())
    return ExportedModel(tmp_path, trust_code=True)


def test_the_reader_of_the_folder_has_its_settings_files_and_vocabulary(model):
    assert model.encode(["abc", "fa", "abcdefa"]) == [
        *({"text": [0, 1, 2]}, {"text": [0]}, {"text": [0, 1, 2, 3]}),
    ]
    assert model.engine == "an engine 1.0"


def test_texts_behind_the_queries_are_titles(model):
    assert model.encode(["ab", "ab", "cde"], 1) == [
        *({"text": [0, 1]}, {"text": [1, 0]}, {"text": [4, 3, 2]}),
    ]


def test_a_batch_is_padded_and_its_outputs_have_their_names(model):
    feeds = model.feeds(model.encode(["abc", "e"]))
    np.testing.assert_array_equal(feeds["tokens"], [[0, 1, 2], [4, 9, 9]])
    outputs = model.run(feeds)
    assert {name: array.tolist() for name, array in outputs.items()} == {
        "sums": [3, 4],
        "lengths": [3, 1],
    }


def test_outputs_of_many_texts_are_in_their_order(model):
    random = np.random.default_rng(0)
    texts = ["".join(random.choice(list("abcde"), random.integers(1, 5))) for _ in range(200)]
    expected = [sum(map("abcde".index, text)) for text in texts]
    assert model.outputs(model.encode(texts))["sums"].tolist() == expected
    assert len(model._engine.batches) > 1
    assert list(model.batches([])) == [] and model.outputs([]) == {}


def test_a_batch_has_so_many_tokens_at_most_with_padding(model, monkeypatch):
    monkeypatch.setattr(exported_model, "_BATCH_TOKENS", 8)
    sums = model.outputs(model.encode(["abcd"] * 3 + ["e"] * 16 + ["abcd"] * 2))["sums"]
    assert sums.tolist() == [6] * 3 + [4] * 16 + [6] * 2
    assert model._engine.batches == [1, 8, 8, 2, 2, 1]  # the first checks the folder


@pytest.mark.parametrize(
    ("texts", "error", "says"),
    [
        (["a", " "], BadText, r"texts\[1\]: received an empty text"),
        (["\ud800"], BadText, r"texts\[0\]: holds half a character"),
        ("abc", TypeError, "received one text, expected a list"),
        (["a", None], TypeError, r"texts\[1\]: received NoneType"),
    ],
)
def test_a_text_that_cannot_be_read_is_named_by_its_place(model, texts, error, says):
    with pytest.raises(error, match=says):
        model.encode(texts)


def test_a_reader_that_does_not_stand_alone_is_refused(model):
    file = model.path / READER
    file.write_text("from .words import Words\n", encoding="utf-8")
    model.manifest.sha256 = digests(model.path)
    with pytest.raises(UserError, match=r"reader\.py: .*nothing from its model folder"):
        ExportedModel(model.path, trust_code=True)


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("examples", ["abd", "e"], "the examples' texts give another tokens"),
        ("examples", ["abc", " "], r"cannot compute its own examples.*received an empty text"),
        ("hyper_parameters", {}, "cannot compute its own examples.*KeyError: 'padding'"),
        ("inputs", {"tokens": ROW, "lengths": ROW}, "gives other outputs"),
        ("outputs", {"sums": ROW}, "gives other outputs"),
        ("width", 3, "gives other outputs"),
    ],
)
def test_what_does_not_fit_the_examples_is_refused(model, key, value, says):
    setattr(model.manifest, key, value)
    with pytest.raises(UserError, match=says):
        ExportedModel(model.path, trust_code=True)


def test_an_engine_with_other_outputs_is_refused(model, monkeypatch):
    monkeypatch.setattr(Engine, "__call__", lambda engine, feeds: [feeds["lengths"]])
    with pytest.raises(UserError, match="gives other outputs than the manifest says"):
        ExportedModel(model.path, trust_code=True)
