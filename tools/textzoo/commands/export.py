"""A trained model as a folder that stands alone: export.py."""

import logging
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Optional

from textzoo.called import program
from textzoo.commands.arguments import config_parser
from textzoo.commands.cli import guarded
from textzoo.devices import import_paddle
from textzoo.errors import UserError

if TYPE_CHECKING:
    from textzoo.running.engines import StoredPrecision

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
        default=["paddle"],
        help="what runs it: paddle (the default), onnx, or both",
    )
    parser.add_argument(
        "--precision",
        choices=("float32", "bfloat16", "int8"),
        default="float32",
        help="of the weights as they are stored; int8 takes about a quarter of float32",
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
            formats = list(dict.fromkeys(parsed.format))
            export(parsed.config, parsed.override, parsed.output, formats, parsed.precision)

    return guarded(program(name), run)


def export(
    path: Path,
    overrides: list[str],
    output: Path,
    formats: Sequence[str] = ("paddle",),
    precision: "StoredPrecision" = "float32",
) -> None:
    """Write the checkpoint that a config chooses to a folder that needs nothing else.

    Args:
        path: the config.
        overrides: of its keys.
        output: the folder to make; an earlier export there is replaced.
        formats: of `engines.FORMATS`.
        precision: of the weights as they are stored; what is computed is float32.

    Raises:
        UserError: config, checkpoint or data are not as they should be, `output` is a folder of
            something else, or a format cannot be made.
    """
    from textzoo.config.loading import build_reader, load_config
    from textzoo.data.dataset import Dataset
    from textzoo.devices import choose_device
    from textzoo.export.comparison import N_TEXTS
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
    if "onnx" in formats:
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
    few = precision == "float32" and run.model.kind != "embeddings"
    n_texts = N_EXAMPLES if few else N_TEXTS
    texts = Dataset(config, folder).example_texts(reader, n_texts)
    fused = with_linear(run, config, checkpoint, reader)
    parts = config, folder, checkpoint, run, fused, reader, texts
    write_export(output, *parts, formats, precision, others)
    log.info("exported to %s: %s", output, _sizes(output))
    if others:
        log.info(
            "the others of runner.infer_ensemble are exported each by itself; load all of them"
        )


def _sizes(folder: Path) -> str:
    """How large an exported folder is, and its parts, the largest first; small ones as one."""
    from textzoo.running.engines import FILES

    names = {file: name for name, files in FILES.items() for file in files}
    sizes: Counter[str] = Counter()
    for file in (file for file in folder.rglob("*") if file.is_file()):
        part = file.relative_to(folder).parts[0]
        sizes[names.get(part, part)] += file.stat().st_size
    total = sum(sizes.values())
    large = {part: size for part, size in sizes.most_common() if size >= total / 20}
    large["the rest"] = total - sum(large.values())
    scale, unit = (1e6, "MB") if total >= 1e5 else (1e3, "kB")
    shown = ", ".join(f"{part} {size / scale:.1f}" for part, size in large.items())
    return f"{total / scale:.1f} {unit} ({shown})"
