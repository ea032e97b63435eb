from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from harness.workspace import MODELS

from textzoo.errors import BadLine, UserError
from textzoo.inference import embedder
from textzoo.inference.embedder import Embedder
from textzoo.text.reader import Reader

CONFIG = MODELS["batchneg"].config
SHIFTS = {"first": 0, "second": 1}
PREFIX = (
    "$$ ${none} "  # of each checkpoint's reader: no variables, which are read from configs alone
)
restored = []  # the names of checkpoints, and the longest text that the reader of each takes


def restore(config, folder, checkpoint, computation):
    """A run that turns a text of two digits to a direction, another one for each checkpoint."""

    def infer_step(feeds):
        tokens = np.roll(feeds["tokens"].astype("float32"), SHIFTS[checkpoint.path.name], axis=1)
        return {"embeddings": tokens / np.linalg.norm(tokens, axis=1, keepdims=True)}

    feeds = lambda columns, rows: {"tokens": columns["text"].padded(rows)[0]}  # noqa: E731
    run = SimpleNamespace(model=SimpleNamespace(infer_feeds=feeds), infer_step=infer_step)
    restored.append((checkpoint.path.name, config.reader["max_len"]))
    assert config.reader["query_prefix"] in (None, PREFIX)
    return run, DigitReader()


class DigitReader(Reader):
    """Reads a text as its digits; a title backwards."""

    unknown_pieces = {"text": 7}  # noqa: RUF012

    def encode_text(self, text):
        return {"text": list(map(int, text))}

    def encode_title(self, text):
        return {"text": list(map(int, reversed(text)))}


@pytest.fixture
def embedder_of(monkeypatch, tmp_path):
    """A function that makes an embedder of checkpoints, the second of which reads longer texts."""

    def make(*names, **settings):
        block = {"encoder": {"config": "tiny"}}
        checkpoints = [
            SimpleNamespace(
                path=tmp_path / name,
                facts={
                    "sha256": {"weights": f"digest of {name}"},
                    "config": {
                        "reader": {"max_len": 10 + i, "query_prefix": PREFIX},
                        "hyper_parameters": block,
                    },
                },
            )
            for i, name in enumerate(names)
        ]
        monkeypatch.setattr(embedder, "load_chosen", lambda runner: checkpoints)
        monkeypatch.setattr(embedder, "restore", restore)
        restored.clear()
        paths = ",".join(str(tmp_path / name) for name in names)
        overrides = ["reader.max_len=5", f"runner.model_save_path={tmp_path}"]
        if len(names) > 1:
            overrides.append(f"runner.infer_ensemble=[{paths}]")
        return Embedder(CONFIG, overrides)

    return make


def test_embeddings_are_in_the_order_of_the_texts(embedder_of, tmp_path):
    embed = embedder_of("first")
    np.testing.assert_allclose(embed(["34", "01", "10"]), [[0.6, 0.8], [0, 1], [1, 0]])
    assert restored == [("first", 5)]  # with the config's own reader
    assert embed.made_from == {"weights": "digest of first"}
    assert (embed.model, embed.output) == ("batchneg", tmp_path / "infer")
    assert embed.index_settings.path == tmp_path / "index"


def test_titles_are_read_as_such(embedder_of):
    embed = embedder_of("first")
    np.testing.assert_array_equal(embed(["34", "01"], "title"), embed(["43", "10"]))


def test_a_text_that_the_reader_gives_up_is_named(embedder_of, monkeypatch, tmp_path):
    def give_up(self, text):
        raise BadLine("the tokenizer cannot split the text")

    monkeypatch.setattr(DigitReader, "encode_text", give_up)
    with pytest.raises(UserError, match=r"a\.txt: '34': the tokenizer cannot split the text"):
        embedder_of("first")(["34"], source=tmp_path / "a.txt")


def test_a_file_that_the_tokenizer_does_not_know_is_named_once(embedder_of, monkeypatch, capsys):
    monkeypatch.setattr(embedder, "_CHUNK", 2)
    embed = embedder_of("first")
    embed(["34", "01"] * 60 + ["71"], source=Path("known.txt"))
    assert "does not know" not in capsys.readouterr().out
    embed(["74", "71"] * 30, source=Path("other.txt"))
    said = capsys.readouterr().out
    assert said.count("does not know") == 1
    assert "other.txt: the tokenizer does not know 50 % of the pieces" in said


def test_chunks_are_the_same_in_pieces(embedder_of, monkeypatch):
    monkeypatch.setattr(embedder, "_CHUNK", 2)
    embed = embedder_of("first")
    texts = ["34", "01", "10", "43", "11"]
    chunks = list(embed.chunks(texts))
    assert [len(chunk) for chunk in chunks] == [2, 2, 1]
    np.testing.assert_array_equal(np.concatenate(chunks), embed(texts))


def test_a_cosine_of_several_checkpoints_is_the_mean_of_theirs(embedder_of):
    texts = ["34", "01", "72"]
    cosines = []
    for names in (("first",), ("second",), ("first", "second")):
        embeddings = embedder_of(*names)(texts)
        np.testing.assert_allclose(np.linalg.norm(embeddings, axis=1), 1, rtol=1e-6)
        cosines.append(embeddings @ embeddings.T)
    np.testing.assert_allclose(cosines[2], (cosines[0] + cosines[1]) / 2, rtol=1e-6)


def test_each_of_several_checkpoints_has_the_reader_that_it_was_trained_with(embedder_of):
    embed = embedder_of("first", "second")
    assert restored == [("first", 10), ("second", 11)]
    assert list(embed.made_from.values()) == ["digest of first", "digest of second"]


def test_a_model_that_does_not_embed_texts_is_refused():
    with pytest.raises(UserError, match="model tagspace does not embed texts"):
        Embedder(MODELS["tagspace"].config, [])
