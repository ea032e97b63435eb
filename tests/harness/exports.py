"""Small models, trained, evaluated and exported once for all tests that need one."""

import importlib.util
import json
from dataclasses import dataclass
from pathlib import Path

import yaml

from harness.workspace import MODELS, Workspace, digests
from textzoo.commands.export import export
from textzoo.commands.infer import infer
from textzoo.commands.recall import recall
from textzoo.commands.train import train

# What can be made here.
HAS_ONNX = all(map(importlib.util.find_spec, ("paddle2onnx", "onnxruntime")))
ENGINES = ["paddle", "onnx"] if HAS_ONNX else ["paddle"]
# Of each model, and of the forms of multilabel that differ in what they predict.
NAMES = [*MODELS, "levels", "per_label"]
LINEAR = "linear"  # a multilabel whose scores are fused with those of a linear part
_MORE = {
    "levels": ("reader.n_levels=4", "hyper_parameters.loss=softmax", "runner.epochs=1"),
    "per_label": ("runner.threshold=per_label",),
    LINEAR: ("hyper_parameters.linear.features=both", "hyper_parameters.linear.weight=0.5"),
}


@dataclass(frozen=True)
class Export:
    """A model that was trained, evaluated and exported.

    Attributes:
        config: its config.
        settings: overrides of it.
        run: the folder of its checkpoints.
        folder: the exported folder.
    """

    config: Path
    settings: list[str]
    run: Path
    folder: Path


def make_export(name: str, place: Path) -> Export:
    """Train, evaluate and export one of `NAMES`, or `LINEAR`."""
    model = MODELS.get(name, MODELS["multilabel"])
    workspace = Workspace(place, model)
    settings = [*workspace.settings("run"), "runner.epochs=1", "runner.train_batch_size=32"]
    settings += _MORE.get(name, ())
    config = model.config
    if name == "levels":
        config = model.folder / "config_fine_grained.yaml"
        data = model.folder / "data" / "levels"
        settings += [f"runner.{kind}_data_dir={data / kind}" for kind in ("train", "test")]
    if name == "xmlcnn":
        (place / "stop.txt").write_text("the\na\n", encoding="utf-8")
        settings += [f"reader.stop_words={place / 'stop.txt'}"]
    if name == "batchneg":
        corpus = yaml.safe_load(config.read_text(encoding="utf-8"))["runner"]["corpus_file"]
        settings += [f"runner.corpus_file={model.folder / corpus}"]
    # Both graphs in turn: an export does not depend on which one trained.
    train(config, settings, "static" if name in ("tagspace", "batchneg") else "dygraph")
    infer(config, settings, "dygraph")
    if name == "batchneg":
        recall(config, settings, queries=None, add=None, delete=None)
    export(config, settings, place / "exported", ENGINES)
    return Export(config, settings, workspace.output("run"), place / "exported")


def give_own_reader(folder: Path, code: str = "") -> None:
    """Make an export one of a model folder whose reader is its own.

    Args:
        folder: the exported folder.
        code: what its reader's module does besides.
    """
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    base = manifest["reader"]["name"]
    source = f"from textzoo.readers import {base}\n{code}\nclass Reader({base}.Reader): pass\n"
    (folder / "reader.py").write_text(source, encoding="utf-8")
    repair(folder, reader={**manifest["reader"], "name": None})


def repair(folder: Path, **changed: object) -> None:
    """Have the manifest of an exported folder list the files that are there.

    Args:
        folder: the exported folder.
        changed: keys of the manifest, and their new values.
    """
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    files = digests(folder)
    del files["manifest.json"]
    content = {**manifest, "sha256": files, **changed}
    (folder / "manifest.json").write_text(json.dumps(content), encoding="utf-8")
