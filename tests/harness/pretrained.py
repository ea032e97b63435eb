"""Folders of pretrained encoders, as other libraries write them."""

import json
from pathlib import Path
from zlib import crc32

import numpy as np
from safetensors.numpy import save_file

from harness.tokenizer_files import write_tokenizer

# What Hugging Face transformers computes, see references/make_encoders.py.
REFERENCES = json.loads(
    Path(__file__).with_name("references").joinpath("encoders.json").read_text(encoding="utf-8")
)


def weight(name, shape):
    random = np.random.RandomState(crc32(name.encode()))
    return random.normal(0, 0.5, shape).astype("float32")


def tensors_of(family):
    shapes = REFERENCES["models"][family]["shapes"]
    return {name: weight(name, shape) for name, shape in shapes.items()}


def write_hugging_face(folder, family, tensors=None, prefix="", vocab_size=None, n_positions=None):
    config = REFERENCES["models"][family]["config"]
    tensors = tensors_of(family) if tensors is None else tensors
    sizes = (
        ("vocab_size", "word_embeddings", vocab_size),
        ("max_position_embeddings", "position_embeddings", n_positions),
    )
    for key, part, size in sizes:
        if size:
            name = f"embeddings.{part}.weight"
            config = {**config, key: size}
            tensors = {**tensors, name: weight(name, [size, config["hidden_size"]])}
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    save_file({prefix + name: t for name, t in tensors.items()}, folder / "model.safetensors")


def write_encoder(folder, texts, n_positions=None):
    """A small encoder of random weights with a WordPiece tokenizer of these texts."""
    folder.mkdir(parents=True, exist_ok=True)
    write_tokenizer(folder, "wordpiece", texts)
    write_hugging_face(folder, "bert", vocab_size=400, n_positions=n_positions)
    return folder
