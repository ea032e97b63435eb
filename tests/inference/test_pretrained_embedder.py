"""A pretrained encoder without any training, against its parts by hand."""

import json

import numpy as np
import paddle
import pytest
from harness.pretrained import write_encoder
from tokenizers import Tokenizer

from textzoo.config.schema import EncoderSettings, Teacher
from textzoo.errors import UserError
from textzoo.inference.pretrained_embedder import PretrainedEmbedder
from textzoo.nets.encoder import build_encoder
from textzoo.nets.pretrained import pretrained_weights

TEXTS = ["the first text", "another one, which is longer than the first", "short"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_encoder(tmp_path_factory.mktemp("encoder"), [*TEXTS, "query:"])


def embedder(folder, **settings):
    return PretrainedEmbedder(folder, Teacher(**settings), "float32", use_gpu=False)


def by_hand(folder, text, pooling, max_len):
    ids = Tokenizer.from_file(str(folder / "tokenizer.json")).encode(text).ids
    ids = [*ids[: max_len - 1], ids[-1]] if len(ids) > max_len else ids
    encoder = build_encoder(EncoderSettings(pretrained=folder), 400, 12)
    encoder.eval()
    state = encoder.state_dict()
    found = pretrained_weights(folder, {name: tensor.numpy() for name, tensor in state.items()})
    for name, tensor in state.items():
        tensor.set_value(found[name])
    vectors = encoder(paddle.to_tensor([ids]), paddle.to_tensor([len(ids)])).numpy()[0]
    vector = vectors[0] if pooling == "cls" else vectors.mean(axis=0)
    return vector / np.linalg.norm(vector)


@pytest.mark.parametrize("pooling", ["mean", "cls"])
def test_it_pools_what_the_encoder_gives_of_a_text_with_its_prefix(folder, pooling):
    embed = embedder(
        folder, pooling=pooling, max_len=8, query_prefix="query: ", title_prefix="the "
    )
    for side, prefix in (("query", "query: "), ("title", "the ")):
        expected = [by_hand(folder, prefix + text, pooling, 8) for text in TEXTS]
        np.testing.assert_allclose(embed(TEXTS, side), expected, atol=1e-5)


def test_what_decides_an_embedding_is_in_what_it_is_made_from(folder, tmp_path):
    base = {"max_len": 8, "query_prefix": "a ", "title_prefix": "a "}
    others = (
        {},
        {"pooling": "cls"},
        {"max_len": 9},
        {"query_prefix": "b "},
        {"title_prefix": "b "},
    )
    made = [str(embedder(folder, **{**base, **other}).made_from) for other in others]
    assert len(set(made)) == len(others)
    other = write_encoder(tmp_path, ["of other texts"])
    assert embedder(other, **base).made_from != embedder(folder, **base).made_from
    assert embedder(folder, **base).sides_alike
    assert not embedder(folder, **base | {"title_prefix": None}).sides_alike


def test_prompts_without_a_prefix_are_told(folder, tmp_path, caplog):
    write_encoder(tmp_path, TEXTS)
    prompts = tmp_path / "config_sentence_transformers.json"
    prompts.write_text('{"prompts": {"query": "query: "}}', encoding="utf-8")
    embedder(tmp_path, query_prefix="query: ")
    assert not caplog.text
    embedder(tmp_path)
    assert "set hyper_parameters.teacher.query_prefix" in caplog.text


def test_a_prefix_that_leaves_no_room_is_refused_by_the_teacher_s_key(folder):
    embed = embedder(folder, max_len=4, query_prefix="the first text of all ")
    with pytest.raises(UserError, match=r"hyper_parameters\.teacher\.model: .*as long as"):
        embed(TEXTS)


def test_a_text_at_which_the_tokenizer_fails_is_told(tmp_path):
    path = write_encoder(tmp_path, TEXTS) / "tokenizer.json"
    facts = json.loads(path.read_text(encoding="utf-8"))
    facts["normalizer"] = {"type": "Replace", "pattern": {"Regex": "(a+)+b"}, "content": "x"}
    path.write_text(json.dumps(facts), encoding="utf-8")
    with pytest.raises(UserError, match="the tokenizer cannot split the text"):
        embedder(tmp_path, max_len=8)(["a text", "a" * 200])
