"""Weights of pretrained encoders, by the names that other libraries save them under."""

import logging
import re
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open

from textzoo.errors import UserError
from textzoo.files import read_json
from textzoo.nets.architecture import ROBERTAS, PretrainedEncoder, read_architecture
from textzoo.nets.pdparams import read_arrays

log = logging.getLogger("textzoo")

Tensors = dict[str, np.ndarray]

# Parts of other libraries' models that our encoder does not have.
_UNUSED = re.compile(
    r"(pooler|cls|lm_head|predictions|sop_classifier|classifier)\..*|.*\.position_ids"
)

# Our names -> theirs; several of theirs are laid side by side. {} stands for the layer's number.
_EMBEDDINGS = {
    "word_embeddings": ["embeddings.word_embeddings"],
    "position_embeddings": ["embeddings.position_embeddings"],
    "token_type_embeddings": ["embeddings.token_type_embeddings"],
    "task_type_embeddings": ["embeddings.task_type_embeddings"],
    "embedding_norm": ["embeddings.LayerNorm"],
    "embedding_projection": ["encoder.embedding_hidden_mapping_in"],
}
_BERT_LAYER = {
    "qkv": [f"encoder.layer.{{}}.attention.self.{part}" for part in ("query", "key", "value")],
    "attention_output": ["encoder.layer.{}.attention.output.dense"],
    "attention_norm": ["encoder.layer.{}.attention.output.LayerNorm"],
    "intermediate": ["encoder.layer.{}.intermediate.dense"],
    "output": ["encoder.layer.{}.output.dense"],
    "output_norm": ["encoder.layer.{}.output.LayerNorm"],
}
_ALBERT = "encoder.albert_layer_groups.0.albert_layers.0."
_ALBERT_LAYER = {
    "qkv": [f"{_ALBERT}attention.{part}" for part in ("query", "key", "value")],
    "attention_output": [f"{_ALBERT}attention.dense"],
    "attention_norm": [f"{_ALBERT}attention.LayerNorm"],
    "intermediate": [f"{_ALBERT}ffn"],
    "output": [f"{_ALBERT}ffn_output"],
    "output_norm": [f"{_ALBERT}full_layer_layer_norm"],
}
# PaddleNLP's names -> those of Hugging Face.
_RENAMED = [
    (r"\.layer_norm\.", ".LayerNorm."),
    (r"^encoder\.layers\.(\d+)\.self_attn\.q_proj\.", r"encoder.layer.\1.attention.self.query."),
    (r"^encoder\.layers\.(\d+)\.self_attn\.k_proj\.", r"encoder.layer.\1.attention.self.key."),
    (r"^encoder\.layers\.(\d+)\.self_attn\.v_proj\.", r"encoder.layer.\1.attention.self.value."),
    (
        r"^encoder\.layers\.(\d+)\.self_attn\.out_proj\.",
        r"encoder.layer.\1.attention.output.dense.",
    ),
    (r"^encoder\.layers\.(\d+)\.norm1\.", r"encoder.layer.\1.attention.output.LayerNorm."),
    (r"^encoder\.layers\.(\d+)\.linear1\.", r"encoder.layer.\1.intermediate.dense."),
    (r"^encoder\.layers\.(\d+)\.linear2\.", r"encoder.layer.\1.output.dense."),
    (r"^encoder\.layers\.(\d+)\.norm2\.", r"encoder.layer.\1.output.LayerNorm."),
    (r"\.gamma$", ".weight"),  # names of TensorFlow, kept by some
    (r"\.beta$", ".bias"),
]


def pretrained_weights(folder: Path, expected: Tensors) -> Tensors:
    """The weights of a pretrained encoder under the names of our `Encoder`.

    Args:
        folder: of Hugging Face (`config.json`, `model.safetensors`) or PaddleNLP (`config.json` or
            `model_config.json`, one `.pdparams`).
        expected: the weights of our encoder, whose names and shapes are to be matched exactly.

    Raises:
        UserError: a file is missing or damaged, or tensors are missing, unexpected or misshapen;
            all of them are listed.
    """
    described = read_architecture(folder)
    file, theirs = _read_tensors(folder)
    theirs = _canonical(theirs, described)
    layer = _ALBERT_LAYER if described.family == "albert" else _BERT_LAYER
    found, problems, used = {}, [], set()
    for name, tensor in expected.items():
        sources = _sources(name, layer)
        used.update(sources)
        absent = [source for source in sources if source not in theirs]
        if absent:
            problems += [f"missing: {source}" for source in absent]
            continue
        found[name] = np.concatenate([theirs[source] for source in sources], axis=-1)
        if found[name].shape != tensor.shape:
            problems.append(
                f"{name}: the file has {list(found[name].shape)}, the encoder {list(tensor.shape)}"
            )
    rest = sorted(theirs.keys() - used)
    problems += [f"unexpected: {name}" for name in rest if not _UNUSED.fullmatch(name)]
    if problems:
        raise UserError(
            f"encoder.pretrained: {file} does not fit this encoder:\n  " + "\n  ".join(problems)
        )
    log.info("pretrained weights: %s; not used: %s", file, ", ".join(rest) or "none")
    return found


def prompts(folder: Path) -> dict[str, str]:
    """What texts began with by the settings of sentence-transformers, by their kind."""
    try:
        file = folder / "config_sentence_transformers.json"
        found = read_json(file)["prompts"]
        return {
            name: prompt for name, prompt in found.items() if isinstance(prompt, str) and prompt
        }
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return {}


def _sources(name: str, layer: dict[str, list[str]]) -> list[str]:
    """Where one of our tensors comes from: `layers.3.qkv.bias` -> three names."""
    module, _, kind = name.rpartition(".")
    if not module.startswith("layers."):
        return [f"{source}.{kind}" for source in _EMBEDDINGS.get(module, [name])]
    _, number, part = module.split(".")
    return [f"{source.format(number)}.{kind}" for source in layer[part]]


def _canonical(theirs: Tensors, described: PretrainedEncoder) -> Tensors:
    """The tensors under the names of Hugging Face's bare BERT, positions from the first token's."""
    # PaddleNLP names the encoder of ALBERT `transformer`, Hugging Face any RoBERTa `roberta`.
    family = "roberta" if described.family in ROBERTAS else described.family
    tensors = {}
    for name, tensor in theirs.items():
        name = name.removeprefix(f"{family}.").removeprefix("transformer.")
        for pattern, replacement in _RENAMED:
            name = re.sub(pattern, replacement, name)
        tensors[name] = tensor
    positions = "embeddings.position_embeddings.weight"
    if positions in tensors:
        tensors[positions] = tensors[positions][described.first_position :]
    return tensors


def _read_tensors(folder: Path) -> tuple[Path, Tensors]:
    """The file of the weights and its tensors; matrices as `[in, out]`, all as float32."""
    files = [*sorted(folder.glob("*.safetensors")), *sorted(folder.glob("*.pdparams"))]
    if len(files) != 1:
        shown = ", ".join(file.name for file in files) or "none of them"
        hint = ""
        if (folder / "pytorch_model.bin").is_file():
            hint = "; pytorch_model.bin is not read: save the model with safe_serialization=True"
        raise UserError(
            f"encoder.pretrained: {folder}: expected one .safetensors or one .pdparams file, "
            f"found {shown}{hint}"
        )
    file, tensors = files[0], {}
    try:
        if file.suffix == ".pdparams":
            return file, {name: _float32(t) for name, t in read_arrays(file).items()}
        with safe_open(file, framework="np") as opened:
            for name in opened.keys():  # noqa: SIM118 (it is no dict)
                tensors[name] = opened.get_tensor(name).astype(np.float32)
    except (SafetensorError, ValueError, TypeError, OSError, RuntimeError) as failure:
        raise UserError(
            f"encoder.pretrained: {file}: cannot be read: {failure}; expected tensors as "
            "safetensors or paddle.save(layer.state_dict(), PATH) writes them"
        ) from None
    # PyTorch's linear layers hold [out, in]; embeddings are [rows, width] in both.
    return file, {
        name: tensor.T if tensor.ndim == 2 and "embeddings." not in name else tensor
        for name, tensor in tensors.items()
    }


def _float32(tensor: np.ndarray) -> np.ndarray:
    """NumPy has no bfloat16: Paddle has their bits, the upper half of a float32, in a uint16."""
    if tensor.dtype == np.uint16:
        return (tensor.astype(np.uint32) << 16).view(np.float32)
    return tensor.astype(np.float32)
