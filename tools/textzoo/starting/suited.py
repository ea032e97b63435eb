"""A config for someone's data: what was found in them, and settings that suit it."""

import os
from pathlib import Path
from typing import Any, NamedTuple, Optional

from textzoo.config.checking import Config
from textzoo.config.loading import build_reader, load_config
from textzoo.config.model_folder import ModelFolder
from textzoo.data.cache import Cache
from textzoo.data.input_files import input_files
from textzoo.errors import UserError, shortened
from textzoo.readers import pairs, tagspace
from textzoo.starting.facts import Facts, Labels, check_labels, check_pairs, labels_of, look
from textzoo.starting.settings import (
    Chosen,
    Settings,
    label_settings,
    level_settings,
    pair_settings,
)
from textzoo.text.layout import LINES
from textzoo.text.reader import Reader
from textzoo.text.records import layout_of
from textzoo.text.streams import STANDARD_INPUT, existing_file

_FEW_BAD = 0.05  # of all rows, which may be left out
_MANY_NEGATIVES = 100
_SEPARATORS = ",，|;；、"
_OF_LEVELS = ("hyper_parameters.loss=softmax", "hyper_parameters.linear.features=none")


class Suited(NamedTuple):
    """What suits someone's data.

    Attributes:
        title: the model and the data, in a line.
        findings: what was found and chosen, a line each.
        settings: the blocks of the config.
    """

    title: str
    findings: list[str]
    settings: Settings


def suited_to(
    model: Path, paths: dict[str, Path], overrides: list[str], cache: Path, folder: Path
) -> Suited:
    """Look at someone's data, and choose settings.

    Args:
        model: the folder of a bundled model.
        paths: of the data, by option: `data`, and any of `valid`, `test` and `corpus`.
        overrides: of keys of the reader.
        cache: where plain copies of compressed data go.
        folder: where the config is going to be.

    Raises:
        UserError: the data do not suit the model, or are not there.
    """
    paths = {option: Path(os.path.expanduser(path)) for option, path in paths.items()}
    given = _keys_of_reader(overrides)
    has_levels = "n_levels" in given
    config, loaded = load_config(
        model / "config.yaml", [*overrides, *(_OF_LEVELS if has_levels else ())]
    )
    of_pairs = loaded.dygraph_model.kind == "embeddings"
    if "corpus" in paths and not of_pairs:
        raise UserError("--corpus: is for models of pairs, expected --from batchneg or hardestneg")
    if "corpus" in paths:
        existing_file(paths["corpus"], "--corpus")
    if of_pairs and "max_negatives" not in given:
        config.reader["max_negatives"] = _MANY_NEGATIVES
    reader = build_reader(config, loaded)
    files = {
        option: _files(paths[option], option, cache)
        for option in ("data", "valid", "test")
        if option in paths
    }
    for of_option in files.values():
        _check_columns(of_option, reader)
    facts = look(files["data"], reader)
    labels = None
    if of_pairs:
        check_pairs(facts, paths["data"])
        settings, trained = pair_settings(model.name, facts)
    elif has_levels:
        settings, trained = level_settings(facts)
    else:
        own = config.reader["label_separator"] if "label_separator" in given else None
        separators = [own] if isinstance(own, str) else own
        labels = labels_of(facts, separators, _known_separators(config, loaded))
        check_labels(facts, labels, paths["data"])
        settings, trained = label_settings(model.name, facts, labels)
    left_out = _left_out(facts, labels if model.name != "multilabel" else None, paths["data"])
    settings["reader"] |= {key: _of_config(config.reader[key], folder) for key in given}
    settings["runner"] = _runner(settings["runner"], paths, left_out, folder, facts)
    found = [
        *facts.described,
        _about_rows(facts),
        *_about_labels(facts, labels),
        *_about_texts(facts, of_pairs),
        *([f"left out by runner.bad_lines: {left_out}"] if left_out else []),
        f"trains {trained}",
        *_about_parts(settings["runner"]),
    ]
    title = f"{model.name} for {paths['data'].as_posix()}"
    return Suited(title, found, settings)


def _keys_of_reader(overrides: list[str]) -> list[str]:
    """The keys of the reader that overrides give.

    Raises:
        UserError: one is of another block.
    """
    keys = [text.partition("=")[0].strip() for text in overrides]
    for key in keys:
        if not key.startswith("reader."):
            raise UserError(
                f"-o: received {shortened(key, 60)}, expected keys of the reader, such as "
                "reader.text_column=headline; change others in the config that is written"
            )
    return [key.split(".")[1] for key in keys]


def _files(path: Path, option: str, cache: Path) -> list[Path]:
    if path == STANDARD_INPUT:
        raise UserError(f"--{option}: received -, expected a path: it is read several times")
    return input_files(path, f"--{option}", Cache(cache, "error", 1))


def _check_columns(files: list[Path], reader: Reader) -> None:
    """Refuse files whose columns are not known.

    Raises:
        UserError: saying how they are named, and which models read such files.
    """
    for file in files:
        try:
            layout_of(file, reader)
        except UserError as problem:
            raise UserError(f"{problem}{_hint(file, reader, str(problem))}") from None


def _hint(file: Path, reader: Reader, problem: str) -> str:
    """What to do about columns that are not known."""
    of_pairs = isinstance(reader, pairs.Reader)
    try:
        other = layout_of(file, tagspace.Reader() if of_pairs else pairs.Reader())
    except UserError:
        other = LINES
    if other.kind != "lines":
        rows = "texts with labels" if of_pairs else "pairs of texts"
        models = "tagspace, xmlcnn or multilabel" if of_pairs else "batchneg or hardestneg"
        return f". Its columns are those of {rows}: --from {models}"
    keys = [f"reader.{field.key}" for field in reader.fields]
    named = " ".join(f"{key}=NAME" for key in keys if key in problem)
    return f". Here: -o {named}" if named else ""


def _known_separators(config: Config, folder: ModelFolder) -> list[str]:
    """What is between labels for the reader of a config."""
    reader = build_reader(config, folder)
    return [text for text in _SEPARATORS if len(reader.parse(f"a{text}b\tc").labels) > 1]


def _left_out(facts: Facts, labels: Optional[Labels], path: Path) -> str:
    """The rows that cannot be trained on, in words.

    Args:
        facts: of the rows.
        labels: of rows that have to have some.
        path: of the rows.

    Raises:
        UserError: they are more than a few.
    """
    n_unlabelled = labels.n_unlabelled if labels else 0
    parts = [f"rows without a label: {n_unlabelled:,}"] if n_unlabelled else []
    if facts.n_bad:
        parts.append(f"rows that cannot be read: {facts.n_bad:,}, first {facts.bad}")
    said = "; ".join(parts)
    n_all = len(facts.rows) + facts.n_bad
    if n_unlabelled + facts.n_bad > _FEW_BAD * n_all:
        more = "; multilabel takes rows without labels" if n_unlabelled else ""
        raise UserError(f"{path}: of {n_all:,} rows, {said}; mend them, or leave them out{more}")
    return said


def _of_config(value: Any, folder: Path) -> Any:
    """A value as the config in a folder has it."""
    return _place(value, folder) if isinstance(value, Path) else value


def _place(path: Path, folder: Path) -> str:
    """A path from a folder on; on another drive of Windows it stays whole."""
    try:
        return Path(os.path.relpath(path, folder)).as_posix()
    except ValueError:
        return Path(os.path.abspath(path)).as_posix()


def _runner(
    own: Settings, paths: dict[str, Path], left_out: str, folder: Path, facts: Facts
) -> Settings:
    """The block `runner`: the data, then what the model's settings say, then where it writes."""
    places = {option: _place(path, folder) for option, path in paths.items()}
    runner: Settings = {"train_data_dir": Chosen(places["data"], "read where it is")}
    own = dict(own)
    if "valid" in places:
        own.pop("valid_fraction")
        runner["valid_data_dir"] = places["valid"]
    if "test" in places:
        runner["test_data_dir"] = places["test"]
    if "corpus" in places:
        runner["corpus_file"] = places["corpus"]
    if left_out:
        runner["bad_lines"] = Chosen("skip", left_out)
    if "train_batch_size" in own:
        steps = facts.n_rows // own["train_batch_size"].value
        own["print_interval"] = max(1, min(100, steps // 4))
    return runner | own | {"model_save_path": "output_model"}


def _about_rows(facts: Facts) -> str:
    n_seen = len(facts.rows)
    part = "" if n_seen == facts.n_rows else f"; {n_seen:,} of them looked at, evenly apart"
    return f"{facts.n_rows:,} rows{part}"


def _about_labels(facts: Facts, labels: Optional[Labels]) -> list[str]:
    if labels is None:
        return []
    (most, n_most), *_, (least, n_least) = labels.counts.most_common()
    mean = labels.n_named / len(facts.rows)
    each = f"{mean:.2f} of a row" if labels.n_several or mean < 1 else "one for each row"
    found = [
        f"{len(labels.counts):,} labels, {each}: {shortened(most, 40)} has {n_most:,} rows, "
        f"{shortened(least, 40)} has {n_least:,}"
        + (" of those looked at" if len(facts.rows) < facts.n_rows else "")
    ]
    if labels.separator:
        found.append(f"labels are separated by {labels.separator[0]!r}")
    elif labels.separator is not None:
        found.append("a cell of labels is one label, also with a comma in it")
    return found


def _about_texts(facts: Facts, of_pairs: bool) -> list[str]:
    words = "words separated by spaces" if facts.has_spaces else "no spaces between words"
    middle, long, longest = (facts.length(percent) for percent in (50, 95, 100))
    found = [
        f"texts: median {middle:,} {facts.unit}, 95 % up to {long:,}, longest {longest:,}; {words}"
    ]
    if of_pairs:
        columns = [{row.texts[at] for row in facts.rows} for at in (0, 1)]
        n_negatives = sum(len(row.texts) > 2 for row in facts.rows)
        found.append(
            f"{len(columns[0]):,} different queries, {len(columns[1]):,} titles, "
            + (f"{n_negatives:,} rows with negatives" if n_negatives else "no negatives")
        )
    return found


def _about_parts(runner: Settings) -> list[str]:
    """What rows choose, and what rows test."""
    found = []
    fraction = runner.get("valid_fraction")
    if fraction and fraction.value:
        found.append(f"validation: {100 * fraction.value:g} % of the rows are held out")
    if "test_data_dir" not in runner:
        found.append(
            "no test data: training tells figures of rows that also chose; --test FILE has others"
        )
    return found
