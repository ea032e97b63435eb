"""A model folder of the user's: TagSpace's code with some text changed, and a small config."""

import shutil
from pathlib import Path

from harness.workspace import MODELS

LINES = [f"{'abcd'[n % 4]}\tword{n % 4} and word{n % 7}" for n in range(40)]
CONFIG = """
runner: {train_data_dir: train.tsv, valid_fraction: 0.2, train_batch_size: 16, model_save_path: out}
hyper_parameters: {emb_dim: 4, hid_dim: 5, optimizer: {class: SGD, learning_rate: 0.1}}
"""


def write_own_model(folder: Path, file: str = "", before: str = "", after: str = "") -> Path:
    """Write the folder, with text of one file replaced; returns the config."""
    for path in MODELS["tagspace"].folder.glob("*.py"):
        shutil.copy(path, folder)
    (folder / "train.tsv").write_text("\n".join(LINES) + "\n", encoding="utf-8")
    (folder / "config.yaml").write_text(CONFIG, encoding="utf-8")
    if file:
        text = (folder / file).read_text(encoding="utf-8")
        assert before in text, before
        (folder / file).write_text(text.replace(before, after), encoding="utf-8")
    return folder / "config.yaml"


def fitted(reader):
    """A reader, fitted to the rows."""
    reader.fit(map(reader.parse, LINES), {})
    return reader
