"""What is written to an exported folder."""

import hashlib
import json
import logging
import platform
import shutil
from collections.abc import Callable, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any, Optional

import numpy as np

import textzoo
from textzoo.called import program
from textzoo.config.checking import Config
from textzoo.config.model_folder import ModelFolder
from textzoo.config.schema import Block, IndexSettings
from textzoo.errors import UserError
from textzoo.export.comparison import write_float32
from textzoo.export.nearness import lowest_usual_score
from textzoo.export.verification import TOLERANCE, log_comparison, replayed_difference
from textzoo.files import copy_files, digests, new_folder
from textzoo.index.opening import index_settings, load_index
from textzoo.inference.choosing import (
    chosen_calibration,
    chosen_index,
    chosen_threshold,
    digests_of,
)
from textzoo.inference.pretrained_embedder import PretrainedEmbedder
from textzoo.linear.fusion import LINEAR_SCORES, save_fusion
from textzoo.readers.library import library_name
from textzoo.running.building import chosen_metrics
from textzoo.running.engines import ONNX, PROGRAM, WEIGHTS, StoredPrecision
from textzoo.running.fused import FusedRun
from textzoo.running.onnx_conversion import convert
from textzoo.running.rounded import rounded_run
from textzoo.running.run import InferenceRun
from textzoo.running.static import StaticRun
from textzoo.serving.exported_model import ExportedModel
from textzoo.serving.exported_reader import defined_reader
from textzoo.serving.in_process import Encoder, SemanticIndex, Tagger, labels_file
from textzoo.serving.manifest import (
    ENCODER,
    EXAMPLES,
    FORM,
    INDEX,
    LABELS,
    LINEAR,
    LISTING,
    MANIFEST,
    READER,
    VOCABULARY,
)
from textzoo.text.ragged import columns_of
from textzoo.text.reader import Reader, encoded_text
from textzoo.training.checkpoint import Checkpoint

log = logging.getLogger("textzoo")

N_EXAMPLES = 8  # texts


def write_export(
    output: Path,
    config: Config,
    folder: ModelFolder,
    checkpoint: Checkpoint,
    run: StaticRun,
    fused: InferenceRun,
    reader: Reader,
    texts: list[str],
    formats: Sequence[str],
    precision: StoredPrecision,
    others: Sequence[Checkpoint] = (),
    write_encoder: Optional[Callable[[Path], None]] = None,
) -> None:
    """Write a trained net with all that turns texts into its inputs and its outputs into words.

    Args:
        output: the folder to make, or to replace.
        config: names the reader's settings, the threshold, the index.
        folder: the model's.
        checkpoint: what the run was restored from.
        run: whose program and weights to write.
        fused: the same with the linear part of the checkpoint, if there is one.
        reader: with the checkpoint's vocabulary.
        texts: examples: the first `N_EXAMPLES` are replayed when the export is verified, and in
            fewer bits all of them are compared with float32.
        formats: of `engines.FORMATS`.
        precision: of the weights as they are stored.
        others: checkpoints whose embeddings stand beside the run's in the index.
        write_encoder: exports the encoder of the linear part to a folder, if that has one.

    Raises:
        UserError: a format cannot be made, or the folder cannot be written.
    """
    kind = run.model.kind
    try:
        with new_folder(output, LISTING) as place:
            if precision != "float32":
                write_float32(place, fused, texts, reader)
                run, fused = _rounded(run, fused, precision)
            run.save_inference(place / Path(PROGRAM).stem)
            facts = _write_text_side(place, config, folder, checkpoint, reader)
            metrics = chosen_metrics(config.runner, run.model)
            facts |= {"kind": kind, "index": None, "metrics": metrics, "precision": precision}
            if kind == "embeddings":
                checkpoints = [checkpoint, *others]
                settings = chosen_index(config.index, checkpoints)
                settings = index_settings(settings, config.runner, folder.path.name)
                cut = config.hyper_parameters.get("truncate_dim")
                facts["index"] = _copy_index(settings, digests_of(checkpoints), cut, place)
            else:
                facts |= _write_labels(config, checkpoint, run, reader, place)
            if isinstance(fused, FusedRun):
                facts |= _write_linear(fused, place, write_encoder)
            facts |= _write_examples(place, fused, texts[:N_EXAMPLES], reader)
            _finish(place, facts, formats, [] if others else texts)
    except OSError as failure:
        raise UserError(
            f"--output: cannot write {failure.filename or output}: {failure.strerror or failure}"
        ) from None


def _rounded(
    run: StaticRun, fused: InferenceRun, precision: StoredPrecision
) -> tuple[StaticRun, InferenceRun]:
    """The same with the weights of the net, and of the linear part beside it, in fewer bits.

    A linear part has 16 already.
    """
    own = rounded_run(run, precision)
    if not isinstance(fused, FusedRun):
        return own, own
    linear = fused.linear.in_8_bits() if precision == "int8" else fused.linear
    return own, fused.of(own, linear)


def _write_text_side(
    place: Path, config: Config, folder: ModelFolder, checkpoint: Checkpoint, reader: Reader
) -> dict[str, Any]:
    """Write what turns texts into arrays: the reader, its settings, its vocabulary.

    The reader is a name, or the file of a model folder that has one of its own.

    Raises:
        UserError: this file imports others of its folder.
    """
    name = library_name(folder.reader)
    if name is None:
        log.info("%s is code of your own: loading the export takes --trust-code", READER)
        source = (folder.path / READER).read_bytes()
        defined_reader(folder.path / READER, source)  # else a file that is gone then is named
        (place / READER).write_bytes(source)
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
        "reader": {"name": name, "arguments": arguments, "files": files},
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
                metrics = {k: v for k, v in numbers.items() if k not in ("epoch", "seconds")}
    except (AttributeError, LookupError, OSError, RecursionError, TypeError, ValueError):
        pass  # no log, or one of something else
    return {
        "name": checkpoint.path.name,
        "step": step,
        "weights_sha256": checkpoint.facts["sha256"]["rec.pdparams"],
        "validation_metrics": metrics,
    }


def _write_labels(
    config: Config, checkpoint: Checkpoint, run: StaticRun, reader: Reader, place: Path
) -> dict[str, Any]:
    """Write the names of the labels; how predictions are made of scores."""
    runner = config.runner
    names = list(reader.label_names)
    (place / LABELS).write_bytes(labels_file(names))
    metrics = chosen_metrics(runner, run.model)
    threshold = chosen_threshold(runner, [checkpoint], metrics, run.model.kind)
    calibration = chosen_calibration([checkpoint])
    return {
        "top_k": runner.top_k,
        "threshold": threshold,
        "calibration": calibration,
        "score_scale": run.model.score_scale,
    }


def _write_linear(
    run: FusedRun, place: Path, write_encoder: Optional[Callable[[Path], None]]
) -> dict[str, Any]:
    """Write the linear part; how it goes with the net."""
    (place / LINEAR).mkdir()
    run.linear.save(place / LINEAR)
    save_fusion(run.fusion, place / LINEAR)
    if run.linear.embeddings and write_encoder:
        write_encoder(place / LINEAR / ENCODER)
        run.linear.embeddings.embed = ExportedModel(place / LINEAR / ENCODER).embed
    return {"has_linear": True}


def write_pretrained(
    output: Path,
    embedder: PretrainedEmbedder,
    texts: list[str],
    formats: Sequence[str],
    precision: StoredPrecision,
) -> None:
    """Write a pretrained encoder that nothing was trained above, as an export of a model of pairs.

    Args:
        output: the folder to make.
        embedder: with its folder.
        texts: examples, see `write_export`.
        formats: of `engines.FORMATS`.
        precision: of the weights as they are stored.

    Raises:
        UserError: the encoder is not as it should be, or a format cannot be made.
    """
    run, reader = embedder.static_run(), embedder.reader
    with new_folder(output, LISTING) as place:
        if precision != "float32":
            write_float32(place, run, texts, reader)
            run = rounded_run(run, precision)
        run.save_inference(place / Path(PROGRAM).stem)
        (place / VOCABULARY).mkdir()
        reader.save(place / VOCABULARY)
        arguments = {k: v for k, v in embedder.arguments.items() if not isinstance(v, Path)}
        weights = json.dumps(embedder.files, sort_keys=True).encode()
        facts = {
            "form": FORM,
            "model": embedder.folder.name,
            "checkpoint": {
                "name": embedder.folder.name,
                "step": 0,
                "weights_sha256": hashlib.sha256(weights).hexdigest(),
                "validation_metrics": None,
            },
            "reader": {
                "name": library_name(type(reader)),
                "arguments": arguments,
                "files": {"tokenizer": VOCABULARY},
            },
            "hyper_parameters": reader.sizes(),
            "kind": run.model.kind,
            "index": None,
            "metrics": list(run.model.metrics),
            "precision": precision,
        }
        facts |= _write_examples(place, run, texts[:N_EXAMPLES], reader)
        _finish(place, facts, formats, ())


def _copy_index(
    settings: IndexSettings, made_from: dict[str, str], truncate_dim: Optional[int], place: Path
) -> Optional[dict[str, Any]]:
    """Copy the index that recall.py made with this checkpoint, if it did; its settings.

    With several checkpoints it is that of their embeddings side by side.
    """
    index = load_index(settings)
    if index is None:
        log.info("index: none in %s; %s makes one", settings.place, program("recall"))
        return None
    if index.made_from["checkpoint"] != made_from:
        log.info(
            "index: %s is of another checkpoint; %s makes a new one",
            *(settings.place, program("recall")),
        )
        return None
    if index.made_from.get("truncate_dim") != truncate_dim:
        log.info(
            "index: %s is of another truncate_dim; %s makes a new one",
            *(settings.place, program("recall")),
        )
        return None
    if not index.is_saved:
        index.commit()
    log.info("index: %d texts", len(index))
    index.copy(place / INDEX)
    return settings.model_dump(mode="json", exclude={"path"})


def _write_examples(
    place: Path, run: InferenceRun, texts: list[str], reader: Reader
) -> dict[str, Any]:
    """Write what the net itself makes of some texts; what the program takes and gives."""
    rows = [encoded_text(reader, text) for text in texts]
    inputs = run.model.infer_feeds(columns_of(rows), np.arange(len(texts)))
    outputs = run.infer_step(inputs)
    inputs.pop(LINEAR_SCORES, None)
    # Of Any: else one of them might be meant for savez's `allow_pickle`, which older ones lack.
    arrays: dict[str, Any] = {f"input/{name}": array for name, array in inputs.items()}
    arrays |= {f"output/{name}": array for name, array in outputs.items()}
    np.savez(place / EXAMPLES, **arrays)
    return {
        "inputs": {name: {"rank": a.ndim, "dtype": str(a.dtype)} for name, a in inputs.items()},
        "outputs": {name: {"rank": a.ndim, "dtype": str(a.dtype)} for name, a in outputs.items()},
        "width": outputs["embeddings"].shape[1] if "embeddings" in outputs else None,
        "examples": texts,
    }


def _finish(
    place: Path, facts: dict[str, Any], formats: Sequence[str], queries: Sequence[str]
) -> None:
    """Write the manifest of what gives the examples' outputs, and refuse the rest."""
    if "onnx" in formats:
        try:
            convert(place / PROGRAM, place / WEIGHTS, place / ONNX)
        except UserError as problem:
            raise UserError(f"--format onnx: {problem}") from None
    if "paddle" not in formats:
        for file in (PROGRAM, WEIGHTS):
            (place / file).unlink()
    _write_manifest(place, facts, formats)
    for name in formats:
        model = ExportedModel(place, name, trust_code=True)
        worst = replayed_difference(model)
        if worst > TOLERANCE:
            raise UserError(
                f"--format {name}: its outputs differ by {worst:.1e} from the net's own"
            )
    log_comparison(model)
    if facts["kind"] != "embeddings":
        facts["predictions"] = Tagger(model).predict(facts["examples"])
        _write_manifest(place, facts, formats)
    elif queries and facts["index"] and facts["index"]["backend"] != "milvus":
        weak_below = lowest_usual_score(SemanticIndex(Encoder(model)), queries)
        if weak_below is not None:
            _write_manifest(place, {**facts, "weak_below": weak_below}, formats)


def _write_manifest(place: Path, facts: dict[str, Any], formats: Sequence[str]) -> None:
    (place / MANIFEST).unlink(missing_ok=True)
    names = ("paddlepaddle", "paddle2onnx", "onnxruntime", "numpy")
    versions = {
        "textzoo": textzoo.__version__,
        "python": platform.python_version(),
        **{name: version for name in names if (version := _version(name))},
    }
    content = {**facts, "formats": list(formats), "versions": versions, "sha256": digests(place)}
    text = json.dumps(content, ensure_ascii=False, indent=1)
    (place / MANIFEST).write_text(text + "\n", encoding="utf-8")


def _version(package: str) -> Optional[str]:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
