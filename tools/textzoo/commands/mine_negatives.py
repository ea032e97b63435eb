"""Training pairs with hard negatives: mine_negatives.py."""

import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Optional

from textzoo.commands.arguments import config_parser
from textzoo.commands.cli import run_with_config
from textzoo.errors import UserError

if TYPE_CHECKING:
    from textzoo.text.fields import Column, Field

log = logging.getLogger("textzoo")

_DATA = "runner.train_data_dir"


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """Pairs with hard negatives."""
    parser = config_parser(
        "mine_negatives",
        "Write the training pairs with hard negatives, for a second round of training.",
    )
    parser.add_argument(
        "--teacher",
        type=Path,
        metavar="EXPORT|CONFIG.yaml",
        help="another model, exported or with a checkpoint: what it finds nearer to a query than "
        "the title is no negative",
    )
    return run_with_config(
        "mine_negatives",
        lambda parsed: mine_negatives(parsed.config, parsed.override, parsed.teacher),
        parser,
        arguments,
    )


def mine_negatives(path: Path, overrides: list[str], teacher: Optional[Path] = None) -> None:
    """Write `mined_train.tsv`: the training pairs, each with negatives from the corpus.

    Negatives that a pair has stay before them and count for `index.mine_per_pair`. A pair for which
    none is found is written without one. Where keys of the reader name columns, the file has them.

    Raises:
        UserError: config, data, checkpoint or disk are not as they should be.
    """
    from textzoo.data.encoding import Refusals, good_lines
    from textzoo.data.input_files import tell_layouts
    from textzoo.files import check_output, write_lines
    from textzoo.inference.corpus_index import prepared_index, warn_if_empty
    from textzoo.inference.embedder import Embedder
    from textzoo.inference.hard_negatives import LEFT, TAKEN, HardNegatives
    from textzoo.serving.embedding_model import embedding_model
    from textzoo.text.lines import data_files

    embedder = Embedder(path, overrides)
    runner, settings = embedder.config.runner, embedder.config.index
    if settings.mine_from > settings.mine_to:
        raise UserError(
            f"index.mine_to: received {settings.mine_to}, expected at least mine_from "
            f"({settings.mine_from})"
        )
    lowest, highest = settings.mine_min_score, settings.mine_max_score
    if lowest is not None and highest is not None and lowest > highest:
        raise UserError(
            f"index.mine_max_score: received {highest:g}, expected at least mine_min_score "
            f"({lowest:g})"
        )
    if runner.train_data_dir is None:
        raise UserError(f"{path}: {_DATA}: missing; expected a path")
    result = embedder.output / "mined_train.tsv"
    check_output(result, "runner.infer_output_dir", embedder.inputs)
    files, refusals = data_files(runner.train_data_dir, _DATA), Refusals(runner.bad_lines)
    tell_layouts(files, embedder.reader)
    pairs = [tuple(pair.texts) for _, pair in good_lines(files, embedder.reader, refusals)]
    refusals.log(runner.train_data_dir)
    if not pairs:
        raise UserError(f"{_DATA}: {runner.train_data_dir}: received no pair, expected one a line")
    n_negatives = max(settings.mine_per_pair, *(len(pair) - 2 for pair in pairs))
    _check_columns(embedder.reader.fields, n_negatives)
    embed_as_teacher = embedding_model(teacher).embed if teacher else None
    index = prepared_index(embedder)
    warn_if_empty(index, embedder)
    miner = HardNegatives(embedder, index, settings, runner.seed, embed_as_teacher)
    rows = miner.of_pairs(pairs)
    lines = _in_columns(rows, embedder.reader.fields, n_negatives)
    write_lines(result, ("\t".join(cells) for cells in lines), "runner.infer_output_dir")
    left_out = sum(n for reason, n in miner.counts.items() if reason not in (LEFT, TAKEN))
    log.info(
        "%d pairs, ranks %d to %d: %d candidates; %s",
        *(len(pairs), settings.mine_from, settings.mine_to, left_out + miner.counts[LEFT]),
        ", ".join(
            f"{'left out by ' * reason.startswith('mine_')}{reason}: {n}"
            for reason, n in miner.counts.items()
        ),
    )
    if n_own := sum(len(pair) - 2 for pair in pairs):
        log.info("%d negatives that pairs had stay, and count for index.mine_per_pair", n_own)
    n_rows = Counter(len(row) - 2 for row in rows)
    shown = ", ".join(f"{n_rows[n]} with {n}" for n in range(n_negatives, -1, -1))
    log.info("%s: pairs by their negatives: %s", result, shown)
    if n_rows[0] == len(rows):
        log.warning("no pair got a negative: all candidates were left out; see index.mine_*")


def _check_columns(fields: "tuple[Field, ...]", n_negatives: int) -> None:
    """Refuse fewer columns of negatives than a row may get.

    Raises:
        UserError: the reader's key names so few.
    """
    n_columns = sum(len(field.given) for field in fields if field.optional)
    if 0 < n_columns < n_negatives:
        raise UserError(
            f"reader.negative_column: received {n_columns} column(s), expected {n_negatives}, as "
            "many as a row may get by index.mine_per_pair; or call each column of negatives "
            "`negative` and leave the key out"
        )


def _in_columns(
    rows: list[tuple[str, ...]], fields: "tuple[Field, ...]", n_negatives: int
) -> Iterator[Sequence[str]]:
    """The cells of rows, with a header where keys of the reader name columns: it finds them again.

    Of columns that are joined, the first one has the text.
    """
    if not any(field.given for field in fields):
        yield from rows
        return
    header = _header({field.key: field.given for field in fields}, n_negatives)
    yield [name for name, _ in header]
    for row in rows:
        yield [row[place] if place in range(len(row)) else "" for _, place in header]


def _header(given: "dict[str, list[Column]]", n_negatives: int) -> list[tuple[str, int]]:
    """The name of each column, and the place of its text in a row; -1: it has none."""
    from textzoo.readers.pairs import Reader

    named, numbered = [], {}
    for place, field in enumerate(Reader().fields):
        known = [field.known[0]] * (n_negatives if field.optional else 1)
        for number, column in enumerate(given.get(field.key) or known):
            text = place + number if field.optional or not number else -1
            if isinstance(column, int):
                numbered[column - 1] = field.known[0], text
            else:
                named.append((column, text))
    others = iter(named)
    width = max([len(named) + len(numbered), *(at + 1 for at in numbered)])
    return [numbered.get(at) or next(others, ("", -1)) for at in range(width)]
