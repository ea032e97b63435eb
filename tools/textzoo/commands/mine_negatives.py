"""Training pairs with hard negatives: mine_negatives.py."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Optional

from textzoo.commands.arguments import config_parser
from textzoo.commands.cli import run_with_config
from textzoo.errors import UserError

log = logging.getLogger("textzoo")

_DATA = "runner.train_data_dir"


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """Triples with hard negatives."""
    parser = config_parser(
        "mine_negatives.py",
        "Write the training pairs with hard negatives, for a second round of training.",
    )
    return run_with_config(
        "mine_negatives.py",
        lambda parsed: mine_negatives(parsed.config, parsed.override),
        parser,
        arguments,
    )


def mine_negatives(path: Path, overrides: list[str]) -> None:
    """Write `mined_train.tsv`: the training pairs, each with a negative from the corpus.

    A pair for which none is found is written without one.

    Raises:
        UserError: config, data, checkpoint or disk are not as they should be.
    """
    from textzoo.data.encoding import Refusals, good_lines
    from textzoo.files import check_output, write_lines
    from textzoo.inference.corpus_index import prepared_index, warn_if_empty
    from textzoo.inference.embedder import Embedder
    from textzoo.inference.hard_negatives import triples
    from textzoo.text.lines import data_files

    embedder = Embedder(path, overrides)
    runner, settings = embedder.config.runner, embedder.config.index
    if settings.mine_from > settings.mine_to:
        raise UserError(
            f"index.mine_to: received {settings.mine_to}, expected at least mine_from "
            f"({settings.mine_from})"
        )
    if runner.train_data_dir is None:
        raise UserError(f"{path}: {_DATA}: missing; expected a path")
    result = embedder.output / "mined_train.tsv"
    check_output(result, "runner.infer_output_dir", embedder.inputs)
    files, refusals = data_files(runner.train_data_dir, _DATA), Refusals(runner.bad_lines)
    pairs = [pair[:2] for _, pair in good_lines(files, embedder.reader, refusals)]
    refusals.log(runner.train_data_dir)
    if not pairs:
        raise UserError(f"{_DATA}: {runner.train_data_dir}: received no pair, expected one a line")
    index = prepared_index(embedder)
    warn_if_empty(index, embedder)
    rows = list(triples(pairs, embedder, index, settings))
    write_lines(result, ("\t".join(row) for row in rows), "runner.infer_output_dir")
    n_mined = sum(len(row) == 3 for row in rows)
    log.info("%d pairs, %d triples: %s", len(pairs), n_mined, result)
