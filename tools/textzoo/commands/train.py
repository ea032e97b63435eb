"""Train a model: trainer.py and static_trainer.py."""

import argparse
import logging
import shlex
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Optional

from textzoo.called import command, program
from textzoo.commands.arguments import config_parser
from textzoo.commands.cli import guarded, run_with_config
from textzoo.commands.repeated import add_repeats, train_repeatedly
from textzoo.devices import import_paddle
from textzoo.errors import UserError

if TYPE_CHECKING:
    from textzoo.config.checking import Config
    from textzoo.config.model_folder import ModelFolder
    from textzoo.data.dataset import TrainingData
    from textzoo.data.teacher_vectors import Turn
    from textzoo.data.text_vectors import EmbeddingModel
    from textzoo.evaluation.validation import FusedValidation
    from textzoo.linear.fusion import Fusion
    from textzoo.linear.part import LinearPart
    from textzoo.running.building import Graph
    from textzoo.running.dygraph import DygraphRun
    from textzoo.running.run import Run
    from textzoo.text.ragged import Columns
    from textzoo.training.checkpoint import Checkpoint
    from textzoo.training.facts import Progress
    from textzoo.training.loop import Training
    from textzoo.training.resuming import Start

log = logging.getLogger("textzoo")


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """Train in dynamic graph."""
    parser = config_parser("trainer", "Train a model in dynamic graph.")
    return _main("trainer", parser, "dygraph", arguments)


def static_main(arguments: Optional[Sequence[str]] = None) -> int:
    """Train in static graph."""
    parser = config_parser("static_trainer", "Train a model in static graph.")
    return _main("static_trainer", parser, "static", arguments)


def _main(
    name: str,
    parser: argparse.ArgumentParser,
    graph: "Graph",
    arguments: Optional[Sequence[str]],
) -> int:
    def recipe(parsed: argparse.Namespace) -> None:
        train(parsed.config, parsed.override, graph, is_one=is_one)

    def once(given: Optional[Sequence[str]]) -> int:
        return run_with_config(name, recipe, parser, given, trains=True)

    add_repeats(parser)
    parsed = parser.parse_args(arguments)
    is_one = not (parsed.seeds or parsed.folds)
    if is_one:
        return once(arguments)

    def repeatedly() -> int:
        from textzoo.commands.infer import main as infer

        import_paddle()
        return train_repeatedly(parsed, once, infer)

    return guarded(program(name), repeatedly)


def train(
    path: Path,
    overrides: list[str],
    graph: "Graph",
    judged: Optional[Callable[[float], None]] = None,
    is_one: bool = True,
) -> None:
    """Train the model of a config in one of the two graphs.

    Args:
        path: the config.
        overrides: `key=value`, as after `-o`.
        graph: which.
        judged: see `Training`.
        is_one: whether it is no part of something that goes on after it.

    Raises:
        UserError: config, data, checkpoint or disk are not as they should be.
        Interrupted: a signal came; a checkpoint was saved.
    """
    from textzoo.config.loading import load_config
    from textzoo.config.schema import Teacher
    from textzoo.data.dataset import Dataset, in_turn
    from textzoo.data.swapped_columns import warn_if_swapped
    from textzoo.devices import choose_device, process_rank
    from textzoo.distributed.agreement import check_alike, check_settings
    from textzoo.distributed.collectives import barrier, join_processes, n_processes
    from textzoo.files import standing
    from textzoo.running.building import build_run, check_run
    from textzoo.running.dygraph import DygraphRun
    from textzoo.serving.embedding_model import linear_encoder, teacher_model
    from textzoo.training.checkpoint import BEST, has_best
    from textzoo.training.facts import Progress, read_facts
    from textzoo.training.interruption import remember_early_interrupts
    from textzoo.training.loggers import check_loggers
    from textzoo.training.resuming import forget_linear_alone, starting_point
    from textzoo.training.saving import output_folder

    remember_early_interrupts()
    config, folder = load_config(path, overrides)
    runner = config.runner
    choose_device(runner.use_gpu)
    join_processes()
    check_settings(config)
    check_run(graph, config, folder, trains=True)
    if not process_rank():
        check_loggers(runner)
    dataset = Dataset(config, folder)
    if not runner.model_save_path.exists():  # and is not made for what is refused at once
        dataset.check("train")
        if "valid" in dataset.splits:
            dataset.check("valid")
        given = runner.model_init_path if runner.resume in ("auto", "none") else runner.resume
        if given:
            read_facts(standing(Path(given)))
    with output_folder(runner.model_save_path, runner.print_seconds):
        barrier()

        # What to start from, and the rows.
        start = starting_point(config)
        data = in_turn(lambda: dataset.for_training(start.vocabulary, not start.resumed))
        teacher = None
        if isinstance(asked := config.hyper_parameters.get("teacher"), Teacher):
            teacher = teacher_model(asked, runner)
            data.teacher = teacher.digest
        if encoder := linear_encoder(config):
            data.encoder = encoder.sha256
        check_alike(facts_of(start, data))
        start.check_data(data.contents)
        turn = None
        if teacher:
            learned = start.turn(data.contents)
            columns, turn = in_turn(lambda: taught(data, config, folder, teacher, learned))
            data.train_rows.columns.update(columns)

        # The net with its optimizer, as the seed, a checkpoint or pretrained weights make it.
        run = build_run(
            graph, config, folder, data.reader, config.optimizer, data.train_rows.columns
        )
        progress = start.give(run, config, folder, data.reader)
        if isinstance(run, DygraphRun) and progress.epoch < runner.epochs:
            in_turn(lambda: keep_frozen(data, config, run))
        log.info(
            "%s: %s%d training rows, %d validation rows, %s",
            folder.path.name,
            f"{n_processes()} processes, " if n_processes() > 1 else "",
            len(data.train),
            len(data.valid),
            ", ".join(f"{name} {size}" for name, size in data.reader.sizes().items()),
        )

        if run.model.kind == "tags" and not process_rank():
            warn_if_swapped(data.train_rows, run.model.label_column, data.reader)
        resumed = start.checkpoint if start.resumed else None
        training = assemble(config, folder, data, run, progress, resumed, encoder, turn)
        training.judged = judged
        start.tell_rate(training)
        if training.validate is None:
            forget_linear_alone(progress, runner)
        if not runner.epochs and not progress.step and progress.evaluated < 0:
            log.info("runner.epochs is 0: the linear part alone")
        elif progress.stopped:
            log.info("patience had ended this run: start over with -o runner.resume=none")
        elif progress.epoch >= runner.epochs:
            log.info(
                "already trained to the end: raise runner.epochs to %s, or start over with "
                "-o runner.resume=none",
                "go on" if progress.epoch else "train a net too",
            )
        barrier()
        training.fit()
        if has_best(runner.model_save_path):
            best = standing(runner.model_save_path / BEST)
            told = Progress(**read_facts(best)["progress"])
            log.info(
                "best %s %.4f at step %d: %s",
                *(told.best_metric, told.best_value, told.best_step, best),
            )
        if is_one:
            log.info("next: %s", _next_command(config, path, overrides))


def _next_command(config: "Config", path: Path, overrides: list[str]) -> str:
    """What to type after training: evaluate where there are test rows, else predict."""
    if config.index.token:  # which the log is not to keep
        token = config.index.token.get_secret_value()
        overrides = [text.replace(token, "...") for text in overrides]
    given = ["-m", path.as_posix(), *(["-o", *overrides] if overrides else [])]
    if config.runner.test_data is not None:
        return f"{command('infer')} {shlex.join(given)}"
    return f"{command('predict')} {shlex.join(given)} --texts FILE"


def facts_of(start: "Start", data: "TrainingData") -> dict[str, Any]:
    """What all processes must find alike: where the run stands, and the checksums of the data."""
    progress = start.checkpoint.facts["progress"] if start.checkpoint else None
    files = {split: dict(enumerate(sha256)) for split, sha256 in data.contents.items()}
    return {"checkpoint": progress, "data": files}


def taught(
    data: "TrainingData",
    config: "Config",
    folder: "ModelFolder",
    teacher: "EmbeddingModel",
    learned: "Optional[Turn]",
) -> "tuple[Columns, Turn]":
    """What a teacher gives for the training rows, see `teacher_columns`.

    Raises:
        UserError: it cannot embed them.
    """
    from textzoo.data.cache import Cache
    from textzoo.data.teacher_vectors import teacher_columns
    from textzoo.running.building import smallest_model

    width = smallest_model(config, folder, data.reader).create_model().width
    cache = Cache(config.runner.cache_dir, config.runner.bad_lines)
    if learned and learned.axes.shape[1] != width:
        learned = None  # the checkpoint is of another net, which is refused where it is loaded
    return teacher_columns(data.train_rows, data.reader, cache, teacher, width, learned)


def keep_frozen(data: "TrainingData", config: "Config", run: "DygraphRun") -> None:
    """Keep what an encoder's frozen layers give for the rows, see `frozen_states.keep_states`.

    Nothing is kept without frozen layers, nor where tokens are dropped before them.

    Raises:
        UserError: the cache cannot be written.
    """
    from textzoo.data.cache import Cache
    from textzoo.nets.encoder import Encoder
    from textzoo.running.frozen_states import keep_states

    encoder, runner = getattr(run.net, "encoder", None), config.runner
    if not isinstance(encoder, Encoder) or encoder.n_frozen is None:
        return
    if not runner.frozen_cache_gb or config.hyper_parameters.get("word_dropout"):
        return
    texts = run.model.texts(data.train_rows.columns)
    if data.valid_rows is not data.train_rows:
        texts += run.model.texts(data.valid_rows.columns)
    cache = Cache(runner.cache_dir, runner.bad_lines)
    keep_states(encoder, texts, cache, int(runner.frozen_cache_gb * 1e9))


def assemble(
    config: "Config",
    folder: "ModelFolder",
    data: "TrainingData",
    run: "Run",
    progress: "Progress",
    resumed: "Optional[Checkpoint]" = None,
    encoder: "Optional[EmbeddingModel]" = None,
    turn: "Optional[Turn]" = None,
) -> "Training":
    """Put the parts of a training run together: batches, validation, checkpoints, the loop.

    Args:
        config: of the run.
        folder: the model's.
        data: the rows.
        run: with its weights.
        progress: where it stands.
        resumed: the checkpoint that it goes on from, if it does.
        encoder: of the linear part, if it has one.
        turn: how a teacher's vectors are turned, if there is one.

    Raises:
        UserError: there is no such metric, or the reader lacks what it needs.
    """
    from textzoo.data.cache import Cache
    from textzoo.data.dataset import in_turn
    from textzoo.data.text_vectors import add_vectors
    from textzoo.evaluation.evaluator import evaluator_of
    from textzoo.evaluation.validation import FusedValidation, Validation
    from textzoo.linear.fusion import Mixed
    from textzoo.linear.of_data import linear_of
    from textzoo.running.building import chosen_best_metric, chosen_metrics
    from textzoo.running.compiled import compiler_of
    from textzoo.running.fused import FusedModel
    from textzoo.training.checkpoint import BEST, LINEAR, TEACHER
    from textzoo.training.loop import Training
    from textzoo.training.saving import Saving

    runner, model, columns = config.runner, run.model, data.train_rows.columns
    metrics = chosen_metrics(runner, model)
    best_metric = chosen_best_metric(runner, model)
    if progress.best_metric not in (None, best_metric):
        raise UserError(
            f"runner.best_metric: received {best_metric}, but {progress.best_metric} has chosen "
            f"{runner.model_save_path / BEST}: go on with -o "
            f"runner.best_metric={progress.best_metric}, or start anew from a checkpoint's weights "
            "with runner.model_init_path, in another runner.model_save_path"
        )
    parts: dict[str, Callable[[Path], None]] = {TEACHER: turn.save} if turn else {}
    linear = left_out = others = validate = validate_first = None
    valid, weight = data.valid, config.linear.weight
    if config.linear.features != "none":
        of_data = data, config, model.label_column, best_metric, encoder
        linear, left_out = in_turn(lambda: linear_of(*of_data))
        if encoder and len(valid) and data.valid_rows is not data.train_rows:
            cache = Cache(runner.cache_dir, runner.bad_lines)
            valid_columns = data.valid_rows.columns
            in_turn(lambda: add_vectors(valid_columns, cache, encoder, "linear"))
        if len(left_out.rows) > len(valid) > 0:  # all, and of those some are held out
            others = left_out.without(valid)
        elif len(left_out.rows):  # they are held out, or all training rows
            valid = left_out.rows
    if len(valid):
        labels = data.valid_rows.columns[model.label_column]
        is_labelled = labels.lengths(valid) > 0
        if is_labelled.any() and not labels.has_known(valid[is_labelled]):
            raise UserError(
                "runner.valid_data_dir: none of the labels of the validation rows is one of the "
                "training rows, expected some to evaluate on; are the columns in another order?"
            )
        if not is_labelled.any():
            unlabelled = "runner.valid_data_dir: none of the validation rows has a label"
            if not data.reader.rows_without_labels_count:
                raise UserError(f"{unlabelled}, expected some to evaluate on")
            log.warning("%s: F1 is 0, and a threshold that is chosen on them 0.5", unlabelled)
        evaluator = evaluator_of(
            *(model.kind, runner, data.reader, data.valid_rows, valid, config.index),
            n_others=runner.valid_corpus_texts,
        )
        threshold = None if isinstance(runner.threshold, str) else runner.threshold
        names = list(dict.fromkeys([best_metric, *metrics]))
        compiled = compiler_of(run, config, folder, data.reader)
        validate = Validation(run, evaluator, names, threshold, compiled)
        if linear and left_out:
            validate = FusedValidation(
                run,
                FusedModel(model, linear, left_out if len(left_out.rows) else None),
                evaluator,
                data.valid_rows,
                valid,
                names,
                runner,
                None if weight == "auto" else Mixed(weight, model.score_scale),
                others if weight == "auto" else None,
            )
            validate_first = validate.alone if weight in ("auto", 1) else None
    elif model.kind == "embeddings" and config.index.lexical_weight == "auto":
        log.warning(
            "index.lexical_weight: auto, but there are no validation rows to choose it on: set "
            "runner.valid_fraction, or give a number"
        )
    for key in ("patience", "eval_steps"):
        if validate is None and (value := getattr(runner, key)):
            raise UserError(
                f"runner.{key}: received {value}, but there are no validation rows: set "
                f"runner.valid_data_dir or runner.valid_fraction, or -o runner.{key}=0"
            )
    if linear:
        fusion = Mixed(0.5 if weight == "auto" else weight, model.score_scale)
        if isinstance(validate, FusedValidation) and resumed:
            validate.fusion = resumed.fusion(len(data.reader.label_names))
        fits = validate if isinstance(validate, FusedValidation) and weight == "auto" else None
        parts[LINEAR] = _saver(linear, fits, fusion)
    return Training(
        run=run,
        runner=runner,
        optimizer=config.optimizer,
        lengths=columns[model.text_column].lengths(data.train),
        feeds=lambda rows, random: model.train_feeds(columns, data.train[rows], random),
        release=data.train_rows.release,
        validate=validate,
        best_metric=best_metric,
        save=Saving(folder.path.name, config, run, data.reader, data.contents, progress, parts),
        progress=progress,
        n_validation_rows=len(valid),
        distinct_keys=model.distinct_keys(columns, data.train),
        validate_first=validate_first,
        settings={"model": folder.path.name, **config.resolved()},
    )


def _saver(
    linear: "LinearPart", validate: "Optional[FusedValidation]", fusion: "Fusion"
) -> "Callable[[Path], None]":
    """What writes the linear part, with what the last evaluation, if there are any, fused by."""
    from textzoo.linear.fusion import save_fusion

    def save(folder: Path) -> None:
        linear.save(folder)
        save_fusion(validate.fusion if validate else fusion, folder)

    return save
