"""A pruned encoder gives the texts that it was pruned for the same embeddings."""

import gzip
import json
from pathlib import Path

import numpy as np
import paddle
import pytest
from harness.pretrained import REFERENCES, weight
from harness.tokenizer_files import write_tokenizer
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from textzoo.commands.prune_vocabulary import main as prune_vocabulary
from textzoo.config.schema import EncoderSettings
from textzoo.nets.encoder import build_encoder
from textzoo.nets.pretrained import pretrained_weights
from textzoo.text.subwords import SubwordTokenizer

TEXTS = ["the player plays", "怎么停车 没有停车位", "players 😀 play", "标签\t文本 the", "  "] * 4
MORE = ["weather forecast", "天气预报 明天", "another thing"] * 4
FAMILY_OF = {"unigram": "xlm-roberta", "byte_level": "roberta", "wordpiece": "bert"}


@pytest.fixture(params=sorted(FAMILY_OF))
def folder(request, tmp_path):
    """An encoder of random weights with a tokenizer of this kind, and heads of pretraining."""
    folder = tmp_path / "whole"
    folder.mkdir()
    family = FAMILY_OF[request.param]
    path = write_tokenizer(folder, request.param, TEXTS + MORE + ["query: "] * 9, 340)
    names = json.loads(path.read_text(encoding="utf-8"))["added_tokens"]
    ids = {token["content"]: token["id"] for token in names}
    size = SubwordTokenizer.read(path, 8).vocab_size + 5  # rows that no piece has
    described = REFERENCES["models"][family]
    shapes = {
        **described["shapes"],
        "embeddings.word_embeddings.weight": [size, 12],
        "lm_head.bias": [size],
        "lm_head.dense.weight": [12, 12],
    }
    tensors = {name: weight(name, shape) for name, shape in shapes.items()}
    save_file(tensors, folder / "model.safetensors")
    padding = ids.get("<pad>", ids.get("[PAD]"))
    config = {**described["config"], "vocab_size": size, "pad_token_id": padding}
    config["max_position_embeddings"] = 16
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    (folder / "config_sentence_transformers.json").write_text('{"prompts": {}}', encoding="utf-8")
    return folder


def embeddings(folder, texts):
    """The vector of each token of each text."""
    tokenizer = SubwordTokenizer.read(folder, max_len=10)
    encoder = build_encoder(EncoderSettings(pretrained=folder), tokenizer.vocab_size, 10)
    encoder.eval()
    state = encoder.state_dict()
    weights = pretrained_weights(folder, {name: t.numpy() for name, t in state.items()})
    for name, tensor in state.items():
        tensor.set_value(weights[name])
    rows = [tokenizer.encode(text) for text in texts]
    return [
        encoder(paddle.to_tensor([ids]), paddle.to_tensor([len(ids)])).numpy()[0] for ids in rows
    ]


def test_embeddings_of_the_texts_are_the_same(folder, tmp_path, capsys):
    texts, output = tmp_path / "texts", tmp_path / "deep" / "pruned"
    texts.mkdir()
    (texts / "one.tsv").write_text("\n".join(TEXTS[:4]) + "\n", encoding="utf-8")
    (texts / "two.txt.gz").write_bytes(gzip.compress("\n".join(TEXTS[4:]).encode()))
    assert prune_vocabulary([str(folder), str(output), "--texts", str(texts)]) == 0
    said = capsys.readouterr().out
    before, after = (
        json.loads((place / "config.json").read_text(encoding="utf-8"))["vocab_size"]
        for place in (folder, output)
    )
    assert f"pieces: {before} before, {after} after" in said and after < before
    assert "20 texts in 2 file(s)" in said  # two of a line with a tab, none of a blank one
    own = [column for text in TEXTS[:4] for column in text.split("\t")]
    own += [f"query: {text}" for text in own]
    for whole, pruned in zip(embeddings(folder, own), embeddings(output, own)):
        np.testing.assert_array_equal(pruned, whole)
    tensors = load_file(output / "model.safetensors")
    assert tensors["lm_head.bias"].shape == (after,)
    assert tensors["lm_head.dense.weight"].shape == (12, 12)
    assert (output / "config_sentence_transformers.json").is_file()


def complaint(capsys, *arguments):
    assert prune_vocabulary(list(map(str, arguments))) == 2
    return capsys.readouterr().err


@pytest.mark.parametrize("folder", ["wordpiece"], indirect=True)
def test_mistakes_are_named_and_nothing_is_written(folder, tmp_path, capsys):
    texts, output = tmp_path / "texts.txt", tmp_path / "output"
    texts.write_text("a text\n", encoding="utf-8")
    assert "no such file" in complaint(capsys, folder, output, "--texts", tmp_path / "none")
    none = complaint(capsys, tmp_path / "none", output, "--texts", texts)
    assert "none" in none and "Traceback" not in none
    empty = tmp_path / "empty.txt"
    empty.write_text("\n \n", encoding="utf-8")
    assert "received no text" in complaint(capsys, folder, output, "--texts", empty)
    assert not output.exists()
    output.mkdir()
    (output / "mine").touch()
    assert "is there already" in complaint(capsys, folder, output, "--texts", texts)
    assert [file.name for file in output.iterdir()] == ["mine"]
    (output / "mine").unlink()  # an empty folder may be there
    weights = Path(folder / "model.safetensors")
    content = weights.read_bytes()
    weights.write_bytes(content[:100])
    assert "cannot be read" in complaint(capsys, folder, output, "--texts", texts)
    weights.unlink()
    assert "0 .safetensors files" in complaint(capsys, folder, output, "--texts", texts)
    weights.write_bytes(content)
    assert prune_vocabulary([str(folder), str(output), "--texts", str(texts)]) == 0


@pytest.mark.parametrize("folder", ["unigram"], indirect=True)
def test_a_text_at_which_the_tokenizer_fails_is_told(folder, tmp_path, capsys):
    path, texts, output = folder / "tokenizer.json", tmp_path / "texts.txt", tmp_path / "output"
    facts = json.loads(path.read_text(encoding="utf-8"))
    facts["normalizer"] = {"type": "Replace", "pattern": {"Regex": "(a+)+b"}, "content": "x"}
    path.write_text(json.dumps(facts), encoding="utf-8")
    texts.write_text("a text\n" + "a" * 200 + "\n", encoding="utf-8")
    said = complaint(capsys, folder, output, "--texts", texts)
    assert "--texts: the tokenizer cannot split the text" in said and "Traceback" not in said
    assert not output.exists()


@pytest.mark.parametrize("folder", ["wordpiece"], indirect=True)
def test_a_full_disk_is_told_and_leaves_nothing(folder, tmp_path, capsys, monkeypatch):
    def fail(tensors, target, metadata):
        raise SafetensorError("I/O error: No space left on device (os error 28)")

    monkeypatch.setattr("safetensors.numpy.save_file", fail)
    texts = tmp_path / "texts.txt"
    texts.write_text("the player\n", encoding="utf-8")
    message = complaint(capsys, folder, tmp_path / "new", "--texts", texts)
    assert "OUTPUT: cannot write" in message and "No space left on device" in message
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("folder", ["unigram"], indirect=True)
def test_a_prefix_may_share_a_piece_with_the_text_behind_it(folder, tmp_path):
    texts, prefix = tmp_path / "texts.txt", "the pl"
    own = ["ayer", "ays", "ayers"]
    texts.write_text("\n".join(own) + "\n", encoding="utf-8")
    given = [str(folder), str(tmp_path / "pruned"), "--texts", str(texts), "--prefix", prefix]
    assert prune_vocabulary(given) == 0
    prefixed = [prefix + text for text in own]
    pairs = zip(embeddings(folder, prefixed), embeddings(tmp_path / "pruned", prefixed))
    for whole, pruned in pairs:
        np.testing.assert_array_equal(pruned, whole)


@pytest.mark.parametrize("folder", ["wordpiece"], indirect=True)
def test_a_vocabulary_that_does_not_say_whether_case_counts_is_refused(folder, tmp_path, capsys):
    vocabulary = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))["model"][
        "vocab"
    ]
    tokens = sorted(vocabulary, key=vocabulary.get)
    (folder / "vocab.txt").write_text("\n".join(tokens) + "\n", encoding="utf-8")
    (folder / "tokenizer.json").unlink()
    texts, output = tmp_path / "texts.txt", tmp_path / "output"
    texts.write_text("The player\n", encoding="utf-8")
    said = complaint(capsys, folder, output, "--texts", texts)
    assert "vocab.txt without tokenizer_config.json, which says whether case counts" in said
    (folder / "tokenizer_config.json").write_text('{"do_lower_case": true}', encoding="utf-8")
    assert prune_vocabulary([str(folder), str(output), "--texts", str(texts)]) == 0
