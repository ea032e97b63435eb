"""A trained model as a folder that stands alone: export.py."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Optional

from textzoo.called import program
from textzoo.commands.arguments import config_parser
from textzoo.commands.cli import guarded
from textzoo.devices import import_paddle
from textzoo.errors import UserError

log = logging.getLogger("textzoo")


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """A trained model as a folder that stands alone."""
    name = "export"
    parser = config_parser(
        name, "Write a trained model to a folder that stands alone.", needs_config=False
    )
    parser.add_argument("--output", type=Path, metavar="DIR", help="the folder to make")
    parser.add_argument(
        "--format",
        nargs="+",
        choices=("paddle", "onnx"),
        help="what to make; default: all that can be made",
    )
    parser.add_argument(
        "--verify", type=Path, metavar="DIR", help="in place of -m: check an exported folder"
    )
    parser.add_argument(
        "--trust-code",
        action="store_true",
        help="with --verify: run the reader of its own that the folder brings",
    )
    parsed = parser.parse_args(arguments)
    if bool(parsed.verify) == bool(parsed.config and parsed.output):
        parser.error("give -m CONFIG.yaml with --output DIR, or --verify DIR")

    def run() -> None:
        if parsed.verify:
            from textzoo.export.verification import verify

            verify(parsed.verify, parsed.trust_code)
        else:
            import_paddle()
            export(parsed.config, parsed.override, parsed.output, parsed.format)

    return guarded(program(name), run)


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
    from textzoo.config.loading import build_reader, load_config
    from textzoo.data.dataset import Dataset
    from textzoo.devices import choose_device
    from textzoo.export.writing import N_EXAMPLES, write_export
    from textzoo.files import check_folder
    from textzoo.inference.choosing import load_chosen
    from textzoo.inference.restoring import check_same_model, restore_static, with_linear
    from textzoo.logs import start_logging
    from textzoo.running.building import model_class
    from textzoo.running.onnx_conversion import check_converter
    from textzoo.serving.manifest import LISTING

    config, folder = load_config(path, overrides)
    runner = config.runner
    start_logging()
    choose_device(runner.use_gpu)
    check_folder(output, LISTING, "--output")
    if formats and "onnx" in formats:
        check_converter()
    if runner.infer_ensemble and model_class(folder).kind != "embeddings":
        raise UserError(
            "runner.infer_ensemble: one checkpoint is exported; choose it with "
            "-o runner.infer_ensemble=null runner.infer_checkpoint=PATH"
        )

    checkpoint, *others = load_chosen(runner)
    check_same_model(config, checkpoint, "runner.infer_load_path")
    reader = build_reader(config, folder, checkpoint.vocabulary)
    run = restore_static(config, folder, checkpoint, reader)
    texts = Dataset(config, folder).example_texts(reader, N_EXAMPLES)
    fused = with_linear(run, config, checkpoint, reader)
    write_export(output, config, folder, checkpoint, run, fused, reader, texts, formats, others)
    size = sum(file.stat().st_size for file in output.rglob("*") if file.is_file())
    log.info("exported to %s: %.1f MB", output, size / 1e6)
    if others:
        log.info(
            "the others of runner.infer_ensemble are exported each by itself; load all of them"
        )
