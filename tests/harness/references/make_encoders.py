"""Record what Hugging Face transformers computes for tiny encoders with weights of ours.

    pip install torch transformers
    python tests/harness/references/make_encoders.py

writes encoders.json beside this file; `test_pretrained.py` compares our encoder with it. The
weights are not stored: both sides draw them from the name of each tensor.
"""

import json
from pathlib import Path
from zlib import crc32

import numpy as np
import torch
from transformers import (
    AlbertConfig,
    AlbertModel,
    BertConfig,
    BertModel,
    ErnieConfig,
    ErnieModel,
    RobertaConfig,
    RobertaModel,
    XLMRobertaConfig,
    XLMRobertaModel,
)

SIZES = {
    "vocab_size": 50,
    "hidden_size": 12,
    "num_hidden_layers": 3,
    "num_attention_heads": 3,
    "intermediate_size": 20,
    "max_position_embeddings": 16,
    "type_vocab_size": 2,
}
MODELS = {
    "bert": (BertModel, BertConfig(**SIZES)),
    "ernie": (
        ErnieModel,
        ErnieConfig(**SIZES, hidden_act="relu", use_task_id=True, layer_norm_eps=1e-5),
    ),
    "albert": (AlbertModel, AlbertConfig(**SIZES, embedding_size=8)),
    # Whose positions begin behind the id of padding.
    "roberta": (RobertaModel, RobertaConfig(**SIZES, pad_token_id=1, layer_norm_eps=1e-5)),
    "xlm-roberta": (XLMRobertaModel, XLMRobertaConfig(**SIZES, pad_token_id=6)),
}
TOKEN_IDS = [[2, 17, 33, 4, 3, 0, 0], [2, 9, 49, 8, 7, 21, 3]]
LENGTHS = [5, 7]
TOKEN_TYPE_IDS = [[0, 0, 1, 1, 1, 0, 0], [0, 0, 0, 0, 1, 1, 1]]


def weight(name: str, shape: list[int]) -> np.ndarray:
    """The values of a tensor, from its name."""
    random = np.random.RandomState(crc32(name.encode()))
    return random.normal(0, 0.5, shape).astype("float32")


def main() -> None:
    """Write encoders.json."""
    inputs = {"token_ids": TOKEN_IDS, "lengths": LENGTHS, "token_type_ids": TOKEN_TYPE_IDS}
    references = {"inputs": inputs, "models": {}}
    for family, (model_class, config) in MODELS.items():
        model = model_class(config).eval()
        shapes = {name: list(t.shape) for name, t in model.named_parameters()}
        model.load_state_dict(
            {name: torch.tensor(weight(name, shape)) for name, shape in shapes.items()},
            strict=False,  # buffers keep their values
        )
        mask = torch.arange(len(TOKEN_IDS[0])) < torch.tensor(LENGTHS)[:, None]
        with torch.no_grad():
            hidden = model(
                input_ids=torch.tensor(TOKEN_IDS),
                attention_mask=mask.long(),
                token_type_ids=torch.tensor(TOKEN_TYPE_IDS),
            ).last_hidden_state
        references["models"][family] = {
            "config": {**SIZES, **_differing(config), "model_type": family},
            "shapes": shapes,
            "hidden": hidden.masked_fill(~mask[..., None], 0).numpy().round(6).tolist(),
        }
    path = Path(__file__).with_name("encoders.json")
    path.write_text(json.dumps(references) + "\n", encoding="utf-8")


def _differing(config: object) -> dict:
    names = ("hidden_act", "use_task_id", "task_type_vocab_size", "layer_norm_eps")
    names += ("embedding_size", "pad_token_id")
    return {name: getattr(config, name) for name in names if hasattr(config, name)}


if __name__ == "__main__":
    main()
