"""A trained model as a folder that stands alone: the recipe behind export.py."""

import json
import logging
import platform
import shutil
import tempfile
from importlib import metadata
from itertools import islice
from pathlib import Path
from typing import Any, Optional

import numpy as np

import textzoo
from textzoo.building import load_config
from textzoo.cache import Cache, Column, good_lines
from textzoo.checkpoint import Checkpoint
from textzoo.config import Config
from textzoo.devices import choose_device
from textzoo.engines import ONNX, PROGRAM, WEIGHTS
from textzoo.errors import UserError
from textzoo.evaluation import embeds, is_graded, kind
from textzoo.exported import (
    EXAMPLES,
    FORM,
    INDEX,
    MANIFEST,
    READER,
    VOCABULARY,
    ExportedModel,
    is_exported,
)
from textzoo.folders import copy_files, digests, replace, sync
from textzoo.indexes import index_settings, load_index
from textzoo.infer import chosen_checkpoints, chosen_threshold, load_checkpoints, restore
from textzoo.model_folder import ModelFolder
from textzoo.onnx_conversion import check_converter, convert
from textzoo.paired_files import input_files
from textzoo.reporting import start_logging
from textzoo.schema import Block
from textzoo.schema import Index as IndexSettings
from textzoo.serving import Tagger
from textzoo.verification import TOLERANCE, replayed_difference

log = logging.getLogger("textzoo")

_N_EXAMPLES = 8


def export(path: Path, overrides: list[str], output: Path, formats: Optional[list[str]]) -> None:
    """Write the checkpoint that a config chooses to a folder that needs nothing else.

    Args:
        path: the config.
        overrides: of its keys.
        output: the folder to make; an earlier export there is replaced.
        formats: of `engines.FORMATS`; default: all that can be made.

    Raises:
        UserError: config, checkpoint or data are not as they should be, `output` is a folder of
            something else, or a format was asked for that cannot be made.
    """
    config, folder = load_config(path, overrides)
    start_logging()
    choose_device(config.runner.use_gpu)
    _check_output(output)
    if formats and "onnx" in formats:
        check_converter()
    [checkpoint] = load_checkpoints([_chosen_checkpoint(config)])
    run, reader = restore(config, folder, checkpoint, "static")
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".tmp-", dir=output.parent) as temporary:
            place = Path(temporary, output.name)
            place.mkdir()
            run.save_inference(place / Path(PROGRAM).stem)
            facts = _write_text_side(place, config, folder, checkpoint, reader)
            facts |= _write_labels(config, checkpoint, run, reader, place)
            facts["index"] = None
            if embeds(run.model):
                settings = index_settings(config.index, config.runner, folder.path.name)
                facts["index"] = _copy_index(settings, checkpoint, place)
            facts |= _write_examples(place, run, _example_texts(config, reader), reader)
            _finish(place, facts, formats)
            sync(place)
            replace(place, output)
    except OSError as failure:
        raise UserError(
            f"--output: cannot write {failure.filename or output}: {failure.strerror or failure}"
        ) from None
    size = sum(file.stat().st_size for file in output.rglob("*") if file.is_file())
    log.info("exported to %s: %.1f MB", output, size / 1e6)


def _check_output(output: Path) -> None:
    if output.exists() and not output.is_dir():
        raise UserError(f"--output: {output} is a file; expected a folder to make")
    if output.is_dir() and any(output.iterdir()) and not is_exported(output):
        raise UserError(
            f"--output: {output} holds something other than an exported model; choose a folder "
            "that is new, empty or an earlier export"
        )


def _chosen_checkpoint(config: Config) -> Path:
    runner = config.runner
    if runner.infer_ensemble:
        raise UserError(
            "runner.infer_ensemble: one checkpoint is exported; choose it with "
            "-o runner.infer_ensemble=null runner.infer_checkpoint=PATH"
        )
    return chosen_checkpoints(runner, runner.infer_load_path or runner.model_save_path)[-1]


def _write_text_side(
    place: Path, config: Config, folder: ModelFolder, checkpoint: Checkpoint, reader: Any
) -> dict[str, Any]:
    """Write what turns texts into arrays: the reader's file, its settings, its vocabulary."""
    shutil.copyfile(folder.path / "reader.py", place / READER)
    copy_files(checkpoint.vocabulary, place / VOCABULARY)
    arguments = {key: v for key, v in config.reader.items() if not isinstance(v, Path)}
    files = {}
    for key, source in config.reader.items():
        if not isinstance(source, Path):
            continue
        if source.is_dir():  # a tokenizer's, which the vocabulary has already
            files[key] = VOCABULARY
        else:
            files[key] = f"reader/{key}/{source.name}"
            (place / files[key]).parent.mkdir(parents=True)
            shutil.copyfile(source, place / files[key])
    sizes = {**reader.sizes(), **config.hyper_parameters}
    return {
        "form": FORM,
        "model": folder.path.name,
        "checkpoint": _checkpoint_facts(checkpoint),
        "reader": {"arguments": arguments, "files": files},
        "hyper_parameters": {k: v for k, v in sizes.items() if not isinstance(v, Block)},
    }


def _checkpoint_facts(checkpoint: Checkpoint) -> dict[str, Any]:
    """What is known of the checkpoint, with the metrics that its training logged at its step."""
    step = checkpoint.facts["progress"]["step"]
    metrics = None
    try:
        log_file = checkpoint.path.parent / "metrics.jsonl"
        for line in map(json.loads, log_file.read_text(encoding="utf-8").splitlines()):
            if (line.pop("kind"), line.pop("step")) == ("evaluation", step):
                numbers = {k: v for k, v in line.items() if isinstance(v, (int, float))}
                metrics = {name: numbers[name] for name in numbers if name != "epoch"}
    except (OSError, ValueError, KeyError):
        pass  # no log, or one of something else
    return {
        "name": checkpoint.path.name,
        "step": step,
        "weights_sha256": checkpoint.facts["sha256"]["rec.pdparams"],
        "validation_metrics": metrics,
    }


def _write_labels(
    config: Config, checkpoint: Checkpoint, run: Any, reader: Any, place: Path
) -> dict[str, Any]:
    """Write the names of the labels, if there are any; what the outputs mean."""
    if embeds(run.model):
        return {"kind": kind(run.model)}
    names = list(reader.label_names)
    (place / "labels.json").write_text(json.dumps(names, ensure_ascii=False), encoding="utf-8")
    facts = {"kind": kind(run.model), "top_k": config.runner.top_k}
    metrics = config.runner.metrics or list(run.model.metrics)
    facts["threshold"] = (
        None if is_graded(run.model) else chosen_threshold(config.runner, [checkpoint], metrics)
    )
    return facts


def _copy_index(
    settings: IndexSettings, checkpoint: Checkpoint, place: Path
) -> Optional[dict[str, Any]]:
    """Copy the index that recall.py made with this checkpoint, if it did; its settings."""
    index = load_index(settings)
    if index is None:
        log.info("index: none in %s; recall.py makes one", settings.place)
        return None
    if index.made_from["checkpoint"] != checkpoint.facts["sha256"]:
        log.info("index: %s is of another checkpoint; recall.py makes a new one", settings.place)
        return None
    log.info("index: %d texts", len(index))
    index.copy(place / INDEX)
    return settings.model_dump(mode="json", exclude={"path"})


def _example_texts(config: Config, reader: Any) -> list[str]:
    """The first texts of the test data, or else of the training data."""
    runner = config.runner
    key = "test_data_dir" if runner.test_data else "train_data_dir"
    source = runner.test_data or runner.train_data_dir
    if source is None:
        raise UserError(f"{config.path}: runner.test_data_dir: missing; examples are taken from it")
    files = input_files(source, f"runner.{key}", Cache(runner.cache_dir, "skip"))
    lines = good_lines(files, reader.parse, "skip", [], getattr(reader, "has_header", False))
    texts = [reader.describe(line.text)["text"] for _, line, _ in islice(lines, _N_EXAMPLES)]
    if not texts:
        raise UserError(f"runner.{key}: {source}: received no row, expected some as examples")
    return texts


def _write_examples(place: Path, run: Any, texts: list[str], reader: Any) -> dict[str, Any]:
    """Write what the net itself makes of some texts; what the program takes and gives."""
    rows = [reader.encode_text(text) for text in texts]
    columns = {name: Column.of([row[name] for row in rows]) for name in rows[0]}
    inputs = run.model.infer_feeds(columns, np.arange(len(texts)))
    outputs = run.infer_step(inputs)
    arrays = {f"input/{name}": array for name, array in inputs.items()}
    np.savez(place / EXAMPLES, **arrays, **{f"output/{k}": v for k, v in outputs.items()})
    return {
        "inputs": {name: {"rank": a.ndim, "dtype": str(a.dtype)} for name, a in inputs.items()},
        "outputs": {name: {"rank": a.ndim, "dtype": str(a.dtype)} for name, a in outputs.items()},
        "width": outputs["embeddings"].shape[1] if embeds(run.model) else None,
        "examples": texts,
    }


def _make_formats(place: Path, formats: Optional[list[str]]) -> list[str]:
    """Convert to ONNX, unless only Paddle's program is wanted; the formats that are there then."""
    made = ["paddle"]
    if formats != ["paddle"]:
        try:
            convert(place / PROGRAM, place / WEIGHTS, place / ONNX)
            made.append("onnx")
        except UserError as problem:
            if formats:
                raise UserError(f"--format onnx: {problem}") from None
            log.info("no ONNX: %s", problem)
    return made


def _finish(place: Path, facts: dict[str, Any], formats: Optional[list[str]]) -> None:
    """Write the manifest of what gives the examples' outputs, and refuse or leave out the rest."""
    made = _make_formats(place, formats)
    _write_manifest(place, facts, made)
    for name in list(made):
        worst = replayed_difference(ExportedModel(place, name))
        if worst > TOLERANCE:
            problem = f"its outputs differ by {worst:.1e} from the net's own"
            if name == "paddle" or formats:
                raise UserError(f"--format {name}: {problem}")
            log.warning("no ONNX: %s", problem)
            (place / ONNX).unlink()
            made.remove(name)
    if facts["kind"] != "embeddings":
        facts["predictions"] = Tagger(ExportedModel(place, made[0])).predict(facts["examples"])
    if formats == ["onnx"]:
        for file in (PROGRAM, WEIGHTS):
            (place / file).unlink()
        made = formats
    _write_manifest(place, facts, made)


def _write_manifest(place: Path, facts: dict[str, Any], formats: list[str]) -> None:
    (place / MANIFEST).unlink(missing_ok=True)
    names = ("paddlepaddle", "paddle2onnx", "onnxruntime", "numpy")
    versions = {
        "textzoo": textzoo.__version__,
        "python": platform.python_version(),
        **{name: version for name in names if (version := _version(name))},
    }
    content = {**facts, "formats": formats, "versions": versions, "sha256": digests(place)}
    text = json.dumps(content, ensure_ascii=False, indent=1)
    (place / MANIFEST).write_text(text + "\n", encoding="utf-8")


def _version(package: str) -> Optional[str]:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
