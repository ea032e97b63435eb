"""Write a trained model to a folder that stands alone."""

import logging
import tempfile
from pathlib import Path
from typing import Optional

from textzoo.config.checking import Config
from textzoo.config.loading import load_config
from textzoo.devices import choose_device
from textzoo.errors import UserError
from textzoo.evaluation.evaluator import embeds
from textzoo.export.writing import (
    _copy_index,
    _example_texts,
    _finish,
    _write_examples,
    _write_labels,
    _write_text_side,
)
from textzoo.files import replace, sync
from textzoo.index.opening import index_settings
from textzoo.inference.choosing import chosen_checkpoints, load_checkpoints
from textzoo.inference.restoring import restore
from textzoo.logs import start_logging
from textzoo.running.engines import PROGRAM
from textzoo.running.onnx_conversion import check_converter
from textzoo.serving.exported_model import is_exported

log = logging.getLogger("textzoo")


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
