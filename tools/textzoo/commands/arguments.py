"""The arguments that most commands take, and examples of them."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Optional, TypeVar

import textzoo
from textzoo.called import command, is_script, program

_Number = TypeVar("_Number", int, float)

_TRAINING = (
    "-m models/tagspace/config.yaml",
    "-m config.yaml -o runner.epochs=3 hyper_parameters.win_size=5",
    "-m config.yaml --seeds 3",
)
EXAMPLES = {
    "trainer": _TRAINING,
    "static_trainer": _TRAINING,
    "infer": (
        "-m models/tagspace/config.yaml",
        "-m models/batchneg/config.yaml -o runner.infer_precision=bfloat16",
    ),
    "static_infer": ("-m models/tagspace/config.yaml",),
    "tune": (
        "-m models/tagspace/config.yaml --trials 20",
        "-m config.yaml --timeout 30m -o runner.valid_fraction=0.2",
    ),
    "word_vectors": ("-m models/xmlcnn/config_reuters.yaml",),
    "recall": (
        "-m models/batchneg/config.yaml",
        "-m models/batchneg/config.yaml --queries questions.txt -o index.recall_num=10",
        "-m models/batchneg/config.yaml --queries - --add new_texts.txt",
    ),
    "predict": (
        "-m models/tagspace/config.yaml --texts new.txt --output found.jsonl",
        "-m models/tagspace/config.yaml --texts new.txt --explain",
        "-m models/batchneg/config.yaml --pairs pairs.tsv",
        "-m models/batchneg/config.yaml --texts new.txt --output embeddings.npy",
    ),
    "mine_negatives": (
        "-m models/batchneg/config.yaml",
        "-m models/batchneg/config.yaml -o index.mine_per_pair=3 index.mine_relative_margin=0.05",
    ),
    "export": ("-m models/tagspace/config.yaml --output exported", "--verify exported"),
    "label_errors": ("-m models/tagspace/config.yaml",),
    "label_next": ("-m models/tagspace/config.yaml --texts unlabelled.txt -n 100",),
    "check_data": ("-m models/xmlcnn/config.yaml",),
}
_EPILOG = """
-o takes any key of the config; doc/config.md lists them. A relative path in the config starts
from the config's folder, one given with -o from the working directory. Numbers, true, false and
null are read as YAML reads them, and so is what stands in [], {} or quotes; a # is no comment.

exit status: 0 done, 2 a mistake in config, data or arguments or too little memory or disk,
130 or 143 interrupted, 141 whoever reads the output (such as head) has enough
"""


def config_parser(
    name: str,
    description: str,
    files: Optional[dict[str, str]] = None,
    needs_config: bool = True,
) -> argparse.ArgumentParser:
    """What takes `-m`, `-o` and `--version`.

    Args:
        name: of the command's script, such as `trainer`.
        description: what it does.
        files: names of files that the command takes as well, with their help.
        needs_config: whether it cannot be called without `-m`.
    """
    given = "\n".join(f"  {command(name)} {arguments}" for arguments in EXAMPLES[name])
    # What `new` copied: a package has no folders to train in.
    examples = given if is_script() else given.replace("models/", "my_")
    parser = argparse.ArgumentParser(
        prog=program(name),
        description=description,
        epilog=f"examples:\n{examples}\n{_EPILOG}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("-m", "--config", required=needs_config, type=Path, metavar="CONFIG.yaml")
    add_override(parser, "set config keys")
    parser.add_argument("--version", action="version", version=f"textzoo {textzoo.__version__}")
    for option, text in (files or {}).items():
        parser.add_argument(f"--{option}", type=Path, metavar="FILE", help=text)
    return parser


def add_override(parser: argparse.ArgumentParser, text: str) -> None:
    """Let a command take `-o`, with this help."""
    parser.add_argument(
        "-o",
        "--override",
        nargs="+",
        action="extend",
        default=[],
        metavar="KEY=VALUE",
        help=text,
    )


def number_within(
    kind: type[_Number], least: _Number, most: _Number = 2**31 - 1
) -> Callable[[str], _Number]:
    """What reads an argument that is a number within bounds, for `add_argument(type=...)`.

    Args:
        kind: `int` or `float`.
        least: the smallest number that is taken.
        most: the largest one.
    """

    def read(text: str) -> _Number:
        try:
            value = kind(text)
        except ValueError:
            value = None
        if value is None or not least <= value <= most:  # not so of NaN
            name = "a whole number" if kind is int else "a number"
            raise argparse.ArgumentTypeError(
                f"received {text[:40]}, expected {name} from {least} to {most}"
            )
        return value

    return read
