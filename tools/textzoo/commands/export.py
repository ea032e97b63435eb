"""A trained model as a folder that stands alone: export.py."""

import logging
import os
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Optional

from textzoo.called import program
from textzoo.commands.arguments import config_parser
from textzoo.commands.cli import guarded
from textzoo.devices import import_paddle
from textzoo.errors import UserError

if TYPE_CHECKING:
    from textzoo.config.checking import Config
    from textzoo.data.text_vectors import EmbeddingModel
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
    from textzoo.config.layers import check_text
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
    from textzoo.serving.embedding_model import linear_encoder
    from textzoo.serving.manifest import LISTING

    config, folder = load_config(path, overrides)
    runner = config.runner
    start_logging()
    choose_device(runner.use_gpu)
    check_text(os.path.realpath(output), "--output")  # Paddle takes no other
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
    encoder, write_encoder = linear_encoder(config), None
    if encoder:
        write_encoder = encoder_writer(encoder, config, texts, formats, precision)
    fused = with_linear(run, config, checkpoint, reader, encoder)
    parts = config, folder, checkpoint, run, fused, reader, texts
    write_export(output, *parts, formats, precision, others, write_encoder)
    log.info("exported to %s: %s", output, _sizes(output))
    if others:
        log.info(
            "the others of runner.infer_ensemble are exported each by itself; load all of them"
        )


def encoder_writer(
    encoder: "EmbeddingModel",
    config: "Config",
    texts: list[str],
    formats: Sequence[str],
    precision: "StoredPrecision",
) -> "Callable[[Path], None]":
    """What writes the encoder of a linear part to a folder that stands alone, see `export`.

    Args:
        encoder: the encoder.
        config: that names it.
        texts: examples.
        formats: of `engines.FORMATS`.
        precision: of the weights as they are stored; one that is an export already keeps its own.

    Raises:
        UserError: it is an export that lacks a format, or several checkpoints together.
    """
    from textzoo.config.loading import load_config
    from textzoo.export.writing import write_pretrained
    from textzoo.files import copy_files
    from textzoo.inference.pretrained_embedder import PretrainedEmbedder
    from textzoo.serving.manifest import read_manifest

    path, key = config.linear.embeddings, "hyper_parameters.linear.embeddings"
    assert path is not None  # there is an encoder
    if isinstance(encoder.embed, PretrainedEmbedder):
        embedder = encoder.embed
        return lambda folder: write_pretrained(folder, embedder, texts, formats, precision)
    if path.is_dir():
        missing = [name for name in formats if name not in read_manifest(path).formats]
        if missing:
            raise UserError(
                f"{key}: {path} was not exported to {', '.join(missing)}; export it anew with "
                f"--format {' '.join(formats)}"
            )
        return lambda folder: copy_files(path, folder)
    if load_config(path, [])[0].runner.infer_ensemble:
        raise UserError(
            f"{key}: {path} has runner.infer_ensemble, expected one checkpoint to export"
        )
    return lambda folder: export(path, [], folder, formats, precision)


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
