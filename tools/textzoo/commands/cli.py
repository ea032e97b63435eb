"""The commands' entry points: arguments in, exit status out."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Optional

from textzoo.commands.arguments import config_parser
from textzoo.devices import import_paddle
from textzoo.errors import UserError
from textzoo.training.interruption import Interrupted

_REQUIRED = ("hnswlib", "numpy", "paddle", "pydantic", "safetensors", "tokenizers", "tqdm", "yaml")


def trainer(arguments: Optional[list[str]] = None) -> int:
    """Train in dynamic graph."""
    return _command(
        "trainer.py", "Train a model in dynamic graph.", arguments, _train("dygraph"), trains=True
    )


def static_trainer(arguments: Optional[list[str]] = None) -> int:
    """Train in static graph."""
    return _command(
        "static_trainer.py",
        "Train a model in static graph.",
        arguments,
        _train("static"),
        trains=True,
    )


def infer(arguments: Optional[list[str]] = None) -> int:
    """Evaluate and predict."""
    return _command("infer.py", "Evaluate and predict.", arguments, _infer(None))


def static_infer(arguments: Optional[list[str]] = None) -> int:
    """Evaluate and predict in static graph."""
    return _command(
        "static_infer.py", "Evaluate and predict in static graph.", arguments, _infer("static")
    )


def word_vectors(arguments: Optional[list[str]] = None) -> int:
    """Train word vectors."""

    def run(path: Path, overrides: list[str]) -> None:
        from textzoo.commands.word_vectors import train_word_vectors

        train_word_vectors(path, overrides)

    description = "Train word vectors on a config's training texts, into its embedding.file."
    return _command("word_vectors.py", description, arguments, run)


def recall(arguments: Optional[list[str]] = None) -> int:
    """Recall texts of the corpus for queries."""

    def run(path: Path, overrides: list[str], **options: Optional[Path]) -> None:
        from textzoo.commands.recall import recall

        recall(path, overrides, **options)

    options = {
        "queries": "a file of one query a line, or - for typed ones; default: the test pairs. The "
        "result of FILE.txt is recall_result_FILE.txt",
        "add": "a file of texts to add to the index first, or to replace by their ids; "
        "in the form of the corpus",
        "delete": "a file of texts, or of ids, to delete from it first",
    }
    description = "Embed and index the corpus, and recall texts for queries."
    return _command("recall.py", description, arguments, run, options)


def predict(arguments: Optional[list[str]] = None) -> int:
    """Labels or embeddings of texts, or similarities of pairs."""

    def run(path: Path, overrides: list[str], **options: Optional[Path]) -> None:
        from textzoo.commands.predict import predict

        predict(path, overrides, **options)

    options = {
        "texts": "a file of texts, one a line, or - for standard input: write their labels as one "
        "JSON object a line; with a model of pairs, their embeddings",
        "pairs": "for a model of pairs, a file of pairs, or - for standard input; a column with "
        "the cosine is added; default: the test pairs",
        "output": "the file to write; default: labels to standard output, embeddings.npy and "
        "similarities.tsv to runner.infer_output_dir",
    }
    description = "Write labels or embeddings of texts, or similarities of pairs."
    return _command("predict.py", description, arguments, run, options)


def mine_negatives(arguments: Optional[list[str]] = None) -> int:
    """Triples with hard negatives."""

    def run(path: Path, overrides: list[str]) -> None:
        from textzoo.commands.mine_negatives import mine_negatives

        mine_negatives(path, overrides)

    description = "Write the training pairs with hard negatives, for a second round of training."
    return _command("mine_negatives.py", description, arguments, run)


def export(arguments: Optional[list[str]] = None) -> int:
    """A trained model as a folder that stands alone."""
    name = "export.py"
    parser = config_parser(name, "Write a trained model to a folder that stands alone.", False)
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
    parsed = parser.parse_args(arguments)
    if bool(parsed.verify) == bool(parsed.config and parsed.output):
        parser.error("give -m CONFIG.yaml with --output DIR, or --verify DIR")

    def run() -> None:
        if parsed.verify:
            from textzoo.export.verification import verify

            verify(parsed.verify)
        else:
            import_paddle()
            from textzoo.commands.export import export

            export(parsed.config, parsed.override, parsed.output, parsed.format)

    return _guarded(name, run)


def check_data(arguments: Optional[list[str]] = None) -> int:
    """What is in the data of a config."""
    name = "check_data.py"
    parser = config_parser(name, "Read all files of a config, and report what is in them.")
    parser.add_argument(
        "--limit", type=int, default=20, metavar="N", help="bad lines to show; default: %(default)s"
    )
    parsed = parser.parse_args(arguments)

    def run() -> None:
        import_paddle()
        from textzoo.commands.check_data import check_data

        check_data(parsed.config, parsed.override, parsed.limit)

    return _guarded(name, run)


def new_model(arguments: Optional[list[str]] = None) -> int:
    """A working copy of a model folder."""
    name = "new_model.py"
    parser = argparse.ArgumentParser(
        prog=name, description="Make a working copy of a model folder to start from."
    )
    parser.add_argument("folder", type=Path, metavar="NAME", help="the folder to make")
    parser.add_argument(
        "--from",
        dest="source",
        required=True,
        metavar="MODEL",
        help="a folder of models/, such as tagspace, or the path of a model folder",
    )
    parsed = parser.parse_args(arguments)

    def run() -> None:
        import_paddle()
        from textzoo.commands.new_model import new_model

        new_model(parsed.folder, parsed.source)

    return _guarded(name, run)


def serve(arguments: Optional[list[str]] = None) -> int:
    """An exported model behind HTTP."""
    name = "serve.py"
    parser = argparse.ArgumentParser(
        prog=name, description="Serve a folder that export.py made, over HTTP."
    )
    parser.add_argument("folder", type=Path, metavar="DIR")
    parser.add_argument(
        "--host", default="127.0.0.1", help="address to bind to; default: %(default)s"
    )
    parser.add_argument(
        "--port", type=int, default=8000, help="0: any free one; default: %(default)s"
    )
    parser.add_argument("--engine", choices=("paddle", "onnx"), help="default: the first there is")
    parser.add_argument(
        "--token-file",
        type=Path,
        metavar="FILE",
        help="its content is the bearer token that requests need; default: TEXTZOO_TOKEN, if set",
    )
    limits = {
        "body": (int, 1 << 20, "bytes of a request"),
        "texts": (int, 256, "texts of a request"),
        "characters": (int, 20_000, "characters of a text"),
        "results": (int, 100, "tags or texts to ask for, for each text"),
        "batch": (int, 32, "texts from which on a batch takes no further request"),
        "waiting": (int, 2048, "texts at work or waiting, of all requests"),
        "seconds": (float, 10.0, "until an answer has to be ready"),
        "connections": (int, 1000, "open connections"),
    }
    for limit, (kind, default, text) in limits.items():
        parser.add_argument(
            f"--max-{limit}",
            dest=limit,
            type=kind,
            default=default,
            metavar="N",
            help=f"{text}; default: %(default)s",
        )
    parsed = vars(parser.parse_args(arguments))
    chosen = {limit: parsed.pop(limit) for limit in limits}
    if min(chosen.values()) <= 0:
        parser.error("limits: expected numbers above 0")

    def run() -> None:
        from textzoo.commands.serve import serve

        serve(**parsed, limits=chosen)

    return _guarded(name, run)


def report(arguments: Optional[list[str]] = None) -> int:
    """Training runs as one HTML file."""
    name = "report.py"
    parser = argparse.ArgumentParser(
        prog=name,
        description="Write what training runs have left as one HTML file; of several runs, "
        "compare them.",
    )
    parser.add_argument(
        "folders", type=Path, nargs="+", metavar="RUN_DIR", help="runner.model_save_path of a run"
    )
    parser.add_argument(
        "--output",
        type=Path,
        metavar="FILE",
        help="default: report.html in RUN_DIR; of several runs, comparison.html in the first one",
    )
    parsed = parser.parse_args(arguments)

    def run() -> None:
        from textzoo.report.page import report

        report(parsed.folders, parsed.output)

    return _guarded(name, run)


def evaluate(arguments: Optional[list[str]] = None) -> int:
    """Evaluate a recall result."""
    parser = argparse.ArgumentParser(
        prog="evaluate.py",
        description="Recall@k, MRR@k and nDCG@k of a recall result, or of TREC's files.",
    )
    parser.add_argument("--pairs", type=Path, help="query<TAB>title, one pair a line")
    parser.add_argument("--result", type=Path, help="query<TAB>text<TAB>score, from recall.py")
    parser.add_argument("--qrels", type=Path, help="in place of --pairs: TREC's qrels")
    parser.add_argument("--run", type=Path, help="in place of --result: TREC's run")
    parser.add_argument("--cuts", type=int, nargs="+", help="the k's; default: 1 5 10 20 50")
    parser.add_argument(
        "--write-trec", type=Path, metavar="FOLDER", help="write qrels.txt and run.txt there"
    )
    parser.add_argument(
        "--keep-own-text",
        action="store_true",
        help="let a query's own text count as one that was found",
    )
    parsed = parser.parse_args(arguments)
    if bool(parsed.pairs) == bool(parsed.qrels) or bool(parsed.result) == bool(parsed.run):
        parser.error("give --pairs or --qrels, and --result or --run")
    if min(parsed.cuts or [1]) < 1:
        parser.error("--cuts: expected numbers from 1")

    def run() -> int:
        from textzoo.evaluation import trec as ranking

        return ranking.report(**vars(parsed))

    return _guarded("evaluate.py", run)


def _train(graph: str) -> Callable[[Path, list[str]], None]:
    def run(path: Path, overrides: list[str]) -> None:
        from textzoo.commands.train import train

        train(path, overrides, graph)

    return run


def _infer(engine: Optional[str]) -> Callable[[Path, list[str]], None]:
    def run(path: Path, overrides: list[str]) -> None:
        from textzoo.commands.infer import infer

        infer(path, overrides, engine)

    return run


def _command(
    name: str,
    description: str,
    arguments: Optional[list[str]],
    run: Callable[..., None],
    options: Optional[dict[str, str]] = None,
    trains: bool = False,
) -> int:
    """Parse the arguments, run, and turn a user's mistake or a signal into an exit status.

    Any other exception is a fault of the program and keeps its traceback.

    Args:
        name: of the command.
        description: what it does.
        arguments: of the command line; default: those of this process.
        run: called with the config's path, the overrides, and each option.
        options: names of files that the command takes as well, with their help.
        trains: whether several processes may share the work.
    """
    parser = config_parser(name, description)
    for option, text in (options or {}).items():
        parser.add_argument(f"--{option}", type=Path, metavar="FILE", help=text)
    parsed = parser.parse_args(arguments)
    chosen = {option: getattr(parsed, option) for option in options or {}}

    def with_paddle() -> Optional[int]:
        # Not needed for --help, and not quick to import.
        from textzoo.config.layers import read_layers
        from textzoo.distributed.launching import processes_to_start, run_processes

        # What cannot be read is said before Paddle is imported.
        read_layers(parsed.config, parsed.override)
        if trains and (n := processes_to_start(parsed.config, parsed.override)) > 1:
            given = sys.argv[1:] if arguments is None else arguments
            return run_processes(n, name.removesuffix(".py"), given)
        import_paddle()
        return run(parsed.config, parsed.override, **chosen)

    return _guarded(name, with_paddle)


def _guarded(name: str, run: Callable[[], Optional[int]]) -> int:
    """Run a command; a user's mistake or a signal becomes its exit status."""
    try:
        return run() or 0
    except UserError as mistake:
        print(f"{name}: {mistake}", file=sys.stderr)
        return 2
    except ModuleNotFoundError as failure:
        if failure.name not in _REQUIRED:
            raise
        print(
            f"{name}: {failure.name} is not installed for {sys.executable}: activate the "
            "environment that TextZoo is installed in (source .venv/bin/activate), or install it: "
            "python -m pip install -e .",
            file=sys.stderr,
        )
        return 2
    except Interrupted as interruption:
        return interruption.exit_status
    except KeyboardInterrupt:
        print(f"{name}: interrupted", file=sys.stderr)
        return 130
