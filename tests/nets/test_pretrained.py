import json
import os
import pickle
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import paddle
import pytest
from harness.pretrained import REFERENCES, tensors_of, weight, write_hugging_face
from harness.tokenizer_files import write_tokenizer

from textzoo.config.schema import EncoderSettings
from textzoo.errors import UserError
from textzoo.nets.architecture import ROBERTAS, read_architecture
from textzoo.nets.encoder import build_encoder
from textzoo.nets.pretrained import pretrained_weights, prompts
from textzoo.text.subwords import SubwordTokenizer

FAMILIES = sorted(REFERENCES["models"])
OF_PADDLE = [family for family in FAMILIES if family != "xlm-roberta"]  # which PaddleNLP lacks


def paddle_name(name):
    """PaddleNLP's name of a tensor of BERT and ERNIE."""
    for theirs, ours in (
        (".layer.", ".layers."),
        ("attention.self.query", "self_attn.q_proj"),
        ("attention.self.key", "self_attn.k_proj"),
        ("attention.self.value", "self_attn.v_proj"),
        ("attention.output.dense", "self_attn.out_proj"),
        ("attention.output.LayerNorm", "norm1"),
        ("intermediate.dense", "linear1"),
        ("output.dense", "linear2"),
        ("output.LayerNorm", "norm2"),
        ("LayerNorm", "layer_norm"),
    ):
        name = name.replace(theirs, ours)
    return name


def write_paddle(folder, family, convert=lambda tensor: tensor):
    config = REFERENCES["models"][family]["config"]
    inner = {name: value for name, value in config.items() if name != "model_type"}
    if family == "roberta":
        inner["cls_token_id"] = 0  # by which PaddleNLP knows whose positions begin behind padding
    content = {"init_args": [{**inner, "init_class": f"{family.title()}Model"}]}
    (folder / "model_config.json").write_text(json.dumps(content), encoding="utf-8")
    rename, prefix = paddle_name, family
    if family == "albert":
        rename, prefix = lambda name: name.replace("LayerNorm", "layer_norm"), "transformer"
    tensors = {
        f"{prefix}.{rename(name)}": tensor.T
        if tensor.ndim == 2 and "embeddings." not in name
        else tensor
        for name, tensor in tensors_of(family).items()
    }
    saved = {name: convert(tensor) for name, tensor in tensors.items()}
    paddle.save(saved, str(folder / "model_state.pdparams"))


def load(folder):
    encoder = build_encoder(EncoderSettings(pretrained=folder), vocab_size=50, max_len=7)
    encoder.eval()
    state = encoder.state_dict()
    weights = pretrained_weights(folder, {name: t.numpy() for name, t in state.items()})
    for name, tensor in state.items():
        tensor.set_value(weights[name])
    return encoder


def assert_equals_hugging_face(encoder, family):
    inputs = {name: paddle.to_tensor(values) for name, values in REFERENCES["inputs"].items()}
    hidden = encoder(**inputs).numpy()
    expected = np.array(REFERENCES["models"][family]["hidden"])
    for row, reference, length in zip(hidden, expected, REFERENCES["inputs"]["lengths"]):
        np.testing.assert_allclose(row[:length], reference[:length], atol=2e-5)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("prefixed", [False, True])
def test_a_hugging_face_folder_gives_the_original_s_vectors(tmp_path, family, prefixed):
    prefix = "roberta." if family in ROBERTAS else f"{family}."
    write_hugging_face(tmp_path, family, prefix=prefix if prefixed else "")
    assert_equals_hugging_face(load(tmp_path), family)


@pytest.mark.parametrize("family", OF_PADDLE)
def test_a_paddlenlp_folder_gives_the_original_s_vectors(tmp_path, family):
    write_paddle(tmp_path, family)
    assert_equals_hugging_face(load(tmp_path), family)


def test_half_precision_and_tensorflow_s_names_are_read(tmp_path):
    tensors = {
        re.sub("LayerNorm.bias", "LayerNorm.beta", name): tensor.astype("float16")
        for name, tensor in tensors_of("bert").items()
    }
    write_hugging_face(tmp_path, "bert", tensors)
    weights = load(tmp_path).state_dict()
    expected = weight("embeddings.LayerNorm.bias", [12])
    np.testing.assert_allclose(weights["embedding_norm.bias"].numpy(), expected, atol=1e-3)


def test_bfloat16_of_paddle_is_read(tmp_path):
    """NumPy has no such numbers: the file has their bits as integers."""
    write_paddle(tmp_path, "bert", lambda tensor: paddle.to_tensor(tensor).astype("bfloat16"))
    weights = load(tmp_path).state_dict()
    expected = weight("embeddings.LayerNorm.bias", [12])
    np.testing.assert_allclose(weights["embedding_norm.bias"].numpy(), expected, rtol=2**-8)


def test_code_in_place_of_a_tensor_does_not_run(tmp_path):
    write_paddle(tmp_path, "bert")
    file = tmp_path / "model_state.pdparams"
    tensors = paddle.load(str(file), return_numpy=True)
    planted = type("Planted", (), {"__reduce__": lambda _: (os.mkdir, (str(tmp_path / "ran"),))})
    file.write_bytes(pickle.dumps({**tensors, "more": planted()}))
    with pytest.raises(UserError) as refusal:
        load(tmp_path)
    assert f"encoder.pretrained: {file}: cannot be read: asks to call '" in str(refusal.value)
    assert "mkdir', expected arrays by name" in str(refusal.value)
    assert "paddle.save(layer.state_dict(), PATH)" in str(refusal.value)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("size", [0, 10, -1])
def test_half_a_file_of_paddle_is_refused(tmp_path, size):
    write_paddle(tmp_path, "bert")
    file = tmp_path / "model_state.pdparams"
    file.write_bytes(file.read_bytes()[:size])
    with pytest.raises(UserError, match=r"model_state\.pdparams: cannot be read: is damaged"):
        load(tmp_path)


def test_missing_unexpected_and_misshapen_tensors_are_all_listed(tmp_path):
    tensors = tensors_of("bert")
    del tensors["encoder.layer.1.attention.self.key.bias"]
    tensors["encoder.layer.2.output.dense.weight"] = weight("other", [12, 21])
    tensors["encoder.layer.7.output.dense.bias"] = weight("other", [12])
    write_hugging_face(tmp_path, "bert", tensors)
    with pytest.raises(UserError) as refusal:
        load(tmp_path)
    for complaint in (
        "missing: encoder.layer.1.attention.self.key.bias",
        "layers.2.output.weight: the file has [21, 12], the encoder [20, 12]",
        "unexpected: encoder.layer.7.output.dense.bias",
    ):
        assert complaint in str(refusal.value)


def test_heads_of_pretraining_are_not_used_and_said_so(tmp_path, caplog):
    heads = {"cls.predictions.bias": [50], "lm_head.dense.weight": [12, 12]}
    tensors = {name: weight("other", shape) for name, shape in heads.items()}
    write_hugging_face(tmp_path, "bert", {**tensors_of("bert"), **tensors})
    with caplog.at_level("INFO", logger="textzoo"):
        load(tmp_path)
    assert (
        "not used: cls.predictions.bias, lm_head.dense.weight, pooler.dense.bias, "
        "pooler.dense.weight" in caplog.text
    )


def test_a_reader_with_more_tokens_than_the_encoder_is_refused(tmp_path):
    write_hugging_face(tmp_path, "bert")
    with pytest.raises(UserError, match="has 50 tokens, the reader 51"):
        build_encoder(EncoderSettings(pretrained=tmp_path), vocab_size=51, max_len=7)


@pytest.mark.parametrize("content", [None, b"", b"no tensors"])
def test_a_missing_or_damaged_file_is_refused(tmp_path, content):
    write_hugging_face(tmp_path, "bert")
    file = tmp_path / "model.safetensors"
    if content is None:
        file.unlink()
        (tmp_path / "pytorch_model.bin").touch()
    else:
        file.write_bytes(content)
    complaint = "safe_serialization" if content is None else "cannot be read"
    with pytest.raises(UserError, match=complaint):
        load(tmp_path)


def test_prompts_that_are_nested_too_deeply_are_none(tmp_path):
    (tmp_path / "config_sentence_transformers.json").write_text("[" * 200_000)
    assert prompts(tmp_path) == {}


def fetch(name, source, output):
    script = Path(__file__).resolve().parents[2] / "datasets" / "pretrained" / "run.sh"
    return subprocess.run(
        ["bash", str(script), name, "--from", str(source), "--output", str(output)],
        env={**os.environ, "PYTHON": sys.executable},
        capture_output=True,
        text=True,
        encoding="utf-8",
    )


def test_the_download_script_lays_out_a_folder_that_loads(tmp_path):
    source = tmp_path / "source"
    source.mkdir()
    write_hugging_face(source, "ernie")
    (source / "vocab.txt").write_text("[PAD]\n[MASK]\n", encoding="utf-8")
    done = fetch("ernie-3.0-nano-zh", source, tmp_path / "output")
    assert done.returncode == 0, done.stderr
    assert_equals_hugging_face(load(tmp_path / "output"), "ernie")
    assert "up to date" in fetch("ernie-3.0-nano-zh", source, tmp_path / "output").stdout


def test_the_download_script_takes_a_tokenizer_in_place_of_a_vocabulary(tmp_path):
    source, output = tmp_path / "source", tmp_path / "output"
    source.mkdir()
    write_hugging_face(source, "xlm-roberta")
    path = write_tokenizer(source, "unigram", ["the player plays", "怎么停车"] * 9, 40)
    done = fetch("multilingual-e5-small", source, output)
    assert done.returncode == 0, done.stderr
    assert "Terms: MIT" in done.stdout
    assert_equals_hugging_face(load(output), "xlm-roberta")
    expected = SubwordTokenizer.read(path, 16).encode("the 怎么")
    assert SubwordTokenizer.read(output, 16).encode("the 怎么") == expected
    for content in ('{"model": {"type": "WordLevel"}}', "[]", "{"):
        path.write_text(content, encoding="utf-8")
        refused = fetch("multilingual-e5-small", source, tmp_path / "other")
        assert refused.returncode == 2 and "Traceback" not in refused.stderr


def test_the_download_script_takes_the_vocabulary_that_the_encoder_is_to_have(tmp_path):
    write_hugging_face(tmp_path, "ernie")
    write_tokenizer(tmp_path, "wordpiece", ["the player"] * 9, 40)
    lacking = fetch("ernie-3.0-nano-zh", tmp_path, tmp_path / "output")
    assert lacking.returncode != 0 and "vocab.txt" in lacking.stdout + lacking.stderr
    (tmp_path / "vocab.txt").write_text("[PAD]\n[MASK]\n", encoding="utf-8")
    assert fetch("ernie-3.0-nano-zh", tmp_path, tmp_path / "output").returncode == 0
    assert (tmp_path / "output" / "vocab.txt").is_file()


def test_the_download_script_refuses_half_a_file(tmp_path):
    write_hugging_face(tmp_path, "ernie")
    (tmp_path / "vocab.txt").write_text("[PAD]\n[MASK]\n", encoding="utf-8")
    path = tmp_path / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1])
    done = fetch("ernie-3.0-nano-zh", tmp_path, tmp_path / "output")
    assert done.returncode == 2
    assert re.search(r"model.safetensors: has \d+ bytes, expected \d+: is not whole", done.stderr)
    assert not (tmp_path / "output" / "model.safetensors").exists()


def test_the_download_script_writes_the_configuration_of_albert(tmp_path):
    (tmp_path / "albert-chinese-tiny.pdparams").write_bytes(b"\x80\x04.")
    (tmp_path / "albert-chinese-tiny.vocab.txt").write_text("[PAD]\n[MASK]\n", encoding="utf-8")
    done = fetch("albert-chinese-tiny", tmp_path, tmp_path / "output")
    assert done.returncode == 0, done.stderr
    architecture, family, n_tokens, _ = read_architecture(tmp_path / "output")
    assert (family, n_tokens, architecture.embedding_size) == ("albert", 21128, 128)


def test_the_download_script_names_what_it_has(tmp_path):
    done = fetch("bert", tmp_path, tmp_path / "output")
    assert done.returncode == 2
    assert "received 'bert', expected one of: multilingual-e5-small" in done.stderr
