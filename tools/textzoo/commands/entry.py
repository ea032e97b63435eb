"""The command `textzoo`: each command of `tools/` as a subcommand."""

import argparse
import importlib
import sys
from collections.abc import Sequence
from typing import NamedTuple, Optional

import textzoo
from textzoo.called import package
from textzoo.commands.cli import guarded
from textzoo.errors import nearest


class Subcommand(NamedTuple):
    """Where a subcommand is.

    Attributes:
        module: of `textzoo.commands`.
        function: of the module; takes the arguments, returns the exit status.
        summary: what it does.
    """

    module: str
    function: str
    summary: str


SUBCOMMANDS = {
    "new": Subcommand("new_model", "main", "make a working copy of a model folder"),
    "check-data": Subcommand("check_data", "main", "tell what is in the data of a config"),
    "train": Subcommand("train", "main", "train a model in dynamic graph"),
    "static-train": Subcommand("train", "static_main", "train a model in static graph"),
    "tune": Subcommand("tune", "main", "find settings by trials that validation rows judge"),
    "infer": Subcommand("infer", "main", "evaluate and predict test rows"),
    "static-infer": Subcommand("infer", "static_main", "the same in static graph"),
    "predict": Subcommand(
        "predict", "main", "labels or embeddings of plain texts, cosines of pairs"
    ),
    "compare": Subcommand("compare", "main", "whether one model is better than another"),
    "label-errors": Subcommand(
        "label_errors", "main", "training rows whose labels are likely wrong"
    ),
    "label-next": Subcommand("label_next", "main", "the texts most worth labelling next"),
    "report": Subcommand("report", "main", "training runs as one HTML page"),
    "export": Subcommand("export", "main", "write a model to a folder that stands alone"),
    "serve": Subcommand("serve", "main", "serve exported folders over HTTP"),
    "recall": Subcommand("recall", "main", "index a corpus and search it"),
    "evaluate": Subcommand("evaluate", "main", "Recall@k, MRR and nDCG of a search result"),
    "mine-negatives": Subcommand("mine_negatives", "main", "training pairs with hard negatives"),
    "word-vectors": Subcommand("word_vectors", "main", "train word vectors on a config's texts"),
    "prune-vocabulary": Subcommand(
        "prune_vocabulary", "main", "a pretrained encoder with only the pieces that texts use"
    ),
    "schema": Subcommand("schema", "main", "the JSON Schema of a model's configs, for editors"),
    "completion": Subcommand("completion", "main", "what completes textzoo in bash, zsh or fish"),
}


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """Run the subcommand that is named first."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given and given[0] in SUBCOMMANDS:
        module, function, _ = SUBCOMMANDS[given[0]]

        def run() -> int:
            found = importlib.import_module(f"textzoo.commands.{module}")
            return getattr(found, function)(given[1:])

        return guarded(f"{package()} {given[0]}", run)
    parser = _parser()
    if not given:
        parser.print_help(sys.stderr)
        return 2
    unknown = parser.parse_args(given[:1]).command
    parser.error(f"no command {unknown}; {nearest(unknown, list(SUBCOMMANDS))}")


def _parser() -> argparse.ArgumentParser:
    width = max(map(len, SUBCOMMANDS))
    lines = [f"  {name:{width}}  {of.summary}" for name, of in SUBCOMMANDS.items()]
    parser = argparse.ArgumentParser(
        prog=package(),
        usage="%(prog)s COMMAND ...",
        description="Text tagging and semantic retrieval on PaddlePaddle.",
        epilog="\n".join(["commands:", *lines, "", f"{package()} COMMAND --help tells more."]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", metavar="COMMAND", help=argparse.SUPPRESS)
    parser.add_argument("--version", action="version", version=f"textzoo {textzoo.__version__}")
    return parser
