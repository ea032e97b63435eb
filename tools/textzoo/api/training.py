"""Training from Python: rows in, a result out; the run is the one that trainer.py makes."""

import contextlib
import json
import os
import random
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Optional, Union

import numpy as np
import yaml

from textzoo.config.bundled import bundled_config, bundled_models, models_folder
from textzoo.config.dotted import Settings, flat, literal, nested
from textzoo.config.layers import read_layers
from textzoo.data.given_rows import Rows, is_path, named_columns, write_rows
from textzoo.devices import import_paddle
from textzoo.errors import UserError, shown
from textzoo.files import write_text
from textzoo.logs import log_restored
from textzoo.training.interruption import signals_left_alone

if TYPE_CHECKING:
    from textzoo.serving.in_process import Encoder, SemanticIndex, Tagger

_CONFIG, _CHECKPOINTS, _DATA, _RUNS = "config.yaml", "checkpoints", "data", "textzoo_runs"
_HEADER = "# Written by textzoo.train, and read by what loads this folder.\n"
_HELD_OUT = 0.1  # of the training rows, where there are none to validate on
_OWN_DATA = ("train_data_dir", "valid_data_dir", "test_data_dir", "corpus_file")


class Trained:
    """A run that has ended.

    Attributes:
        path: its folder: `config.yaml`, the given rows in `data`, and `checkpoints`. `Tagger.load`
            and `Encoder.load` take it, and the commands its config: `textzoo export -m`.
    """

    def __init__(self, path: Path):
        self.path = path

    def __repr__(self) -> str:
        return f"Trained({str(self.path)!r})"

    @property
    def config(self) -> Path:
        """The run's config."""
        return self.path / _CONFIG

    @property
    def history(self) -> list[dict[str, Any]]:
        """The lines of `metrics.jsonl`, see doc/training.md: sessions, losses, evaluations."""
        from textzoo.training.run_log import reports

        return reports(self.path / _CHECKPOINTS)

    @property
    def metrics(self) -> dict[str, float]:
        """The metrics of the best checkpoint on the validation rows; none if there are no such."""
        from textzoo.training.run_log import best_metrics

        return best_metrics(self.path / _CHECKPOINTS)

    def tagger(self) -> "Tagger":
        """The model, if it scores labels."""
        from textzoo.serving.in_process import Tagger

        return Tagger.load(self.path)

    def encoder(self) -> "Encoder":
        """The model, if it embeds texts."""
        from textzoo.serving.in_process import Encoder

        return Encoder.load(self.path)

    def index(self) -> "SemanticIndex":
        """A search in `runner.corpus_file`, if the model embeds texts."""
        from textzoo.serving.in_process import SemanticIndex

        return SemanticIndex.load(self.path)


def train(
    config: Union[str, "os.PathLike[str]", Mapping[str, Any]],
    train: Optional[Rows] = None,
    valid: Optional[Rows] = None,
    *,
    output: Optional[Union[str, "os.PathLike[str]"]] = None,
    graph: Literal["dygraph", "static"] = "dygraph",
    verbose: bool = True,
    **overrides: Any,
) -> Trained:
    """Train a model on rows of a Python program.

    Args:
        config: the name of a bundled model, such as `tagspace`; the path of a YAML file; or what
            would stand in one, as a dict, whose `base` is either of these.
        train: the rows: `(text, labels)`, for models of pairs `(query, title)` or
            `(query, title, negatives)`, in a list or another iterable; dicts, or a DataFrame with
            columns of such names; or the path of files. Default: those of the config.
        valid: the same to validate on. Default: with `train`, a tenth of it is held out, unless
            `runner.valid_fraction` says otherwise.
        output: the folder of the run; in one that holds a run it goes on, if it is of the same
            rows. Default: the next of `textzoo_runs/<model>-1`, `-2`, ...
        graph: dynamic or static.
        verbose: whether log and bars are shown; they are in `checkpoints/train.log` in any case.
        overrides: keys of the config: `runner={"epochs": 3}`, `runner__epochs=3`, or
            `**{"runner.epochs": 3}`. Relative paths start from the working directory.

    Returns:
        The run, which can be loaded.

    Raises:
        UserError: config, rows or disk are not as they should be.
    """
    base, settings = _base_of(config)
    settings |= flat(overrides)
    if "runner.model_save_path" in settings:
        raise UserError("runner.model_save_path: is given as output=FOLDER in Python")
    with log_restored(verbose), signals_left_alone(), _random_numbers_kept():
        import_paddle()
        from textzoo.commands.train import train as run
        from textzoo.config.loading import build_reader, load_config

        checked, folder = load_config(base, _as_overrides(settings))
        runner, resolved = checked.runner, flat(checked.resolved())
        for key, received in (("processes", runner.processes), ("nodes", runner.nodes)):
            if received not in (1, "auto"):
                raise UserError(
                    f"runner.{key}: received {received}, expected 1: in Python this process does "
                    "the work; the command `textzoo train` starts several"
                )
        # What the environment said stays, whatever it says when the folder is loaded.
        varied = read_layers(base, _as_overrides(settings)).varied
        written = {key: literal(value) for key, value in resolved.items() if key in varied}
        if train is not None:
            written |= {f"runner.{name}": None for name in _OWN_DATA}  # those of the base's config
            if valid is None and not {"runner.valid_data_dir", "runner.valid_pair_file"} & {
                *settings
            }:
                least = _HELD_OUT if runner.epochs else 0.0
                written["runner.valid_fraction"] = runner.valid_fraction or least
        written |= {key: _resolved(key, value, resolved) for key, value in settings.items()}
        written |= {"runner.processes": 1, "runner.model_save_path": _CHECKPOINTS}
        place = Path(output) if output else _next_folder(folder.path.name)
        fields = build_reader(checked, folder).fields
        with _none_left_if_refused(place):
            _check_place(place)
            for name, rows in (("train", train), ("valid", valid)):
                if rows is not None and is_path(rows):
                    written[f"runner.{name}_data_dir"] = literal(os.path.abspath(rows))
                elif rows is not None:
                    columns = named_columns(fields).items()
                    written |= {f"reader.{key}": column for key, column in columns}
                    file = Path(_DATA, f"{name}.jsonl")
                    place.joinpath(_DATA).mkdir(parents=True, exist_ok=True)
                    write_rows(rows, fields, place / file, name)
                    written[f"runner.{name}_data_dir"] = file.as_posix()
        _write_config(place / _CONFIG, base, written)
        run(place / _CONFIG, [], graph)
    return Trained(place)


def _base_of(config: Any) -> tuple[Path, Settings]:
    """The YAML file that a run starts from, and the keys that stand beside it in a dict.

    Raises:
        UserError: there is none.
    """
    if isinstance(config, Mapping):
        settings = {key: value for key, value in config.items() if key != "base"}
        if not isinstance(config.get("base"), (str, os.PathLike)):
            raise UserError(
                f"config: received a dict with base={config.get('base')!r}, expected the name of a "
                f"bundled model ({', '.join(bundled_models())}), or the path of a YAML file"
            )
        return _base_of(config["base"])[0], flat(settings)
    if not isinstance(config, (str, os.PathLike)):
        raise UserError(
            f"config: received {type(config).__name__}, expected a name, a path or a dict"
        )
    path = Path(config)
    if isinstance(config, str) and not os.path.isfile(path) and (bundled := bundled_config(config)):
        return bundled, {}
    if os.path.isfile(path / _CONFIG):
        path = path / _CONFIG
    if not os.path.isfile(path):
        raise UserError(
            f"config: no such file: {path}; expected the path of a YAML file, or the name of a "
            f"bundled model: {', '.join(bundled_models())}"
        )
    return path.absolute(), {}


def _as_overrides(settings: Settings) -> list[str]:
    """The same as `-o` takes it.

    Raises:
        UserError: YAML has no form for a value.
    """
    return [f"{key}={_json(key, value)}" for key, value in settings.items()]


def _json(key: str, value: Any) -> str:
    try:
        return json.dumps(value, ensure_ascii=False, default=_plain)
    except (TypeError, ValueError) as problem:
        raise UserError(f"{key}: received {shown(value)}: {problem}") from None


def _plain(value: Any) -> Any:
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} is no text, number, list or path")


def _resolved(key: str, value: Any, resolved: Settings) -> Any:
    """A value as the run's config says it: a relative path starts from the working directory."""
    plain, found = json.loads(_json(key, value)), resolved.get(key)
    may_be_path = isinstance(plain, (str, list)) and type(found) is type(plain)
    return literal(found) if may_be_path else plain


def _next_folder(model: str) -> Path:
    """A folder for a run that has none: the first that is not there."""
    numbers = iter(range(1, 2**31))
    return next(
        place for number in numbers if not (place := Path(_RUNS, f"{model}-{number}")).exists()
    )


@contextlib.contextmanager
def _none_left_if_refused(place: Path) -> Iterator[None]:
    """Where rows cannot be read, remove what was written of them in the new folder of a run."""
    was_there = place.exists()
    try:
        yield
    except BaseException:
        if not was_there:
            shutil.rmtree(place / _DATA, ignore_errors=True)
            with contextlib.suppress(OSError):  # somebody else's files are in it
                place.rmdir()
        raise


def _check_place(place: Path) -> None:
    """Refuse a folder with a config that somebody else wrote, such as that of a model.

    Raises:
        UserError: there is one.
    """
    config = place / _CONFIG
    try:
        is_ours = not config.exists() or config.read_text(encoding="utf-8").startswith(_HEADER)
        place.mkdir(parents=True, exist_ok=True)
    except (OSError, UnicodeDecodeError) as failure:
        raise UserError(f"output: cannot write {place}: {failure}") from None
    if not is_ours:
        raise UserError(
            f"output: {config} was not written by textzoo.train; expected a new folder, or that of "
            "an earlier run"
        )


def _write_config(path: Path, base: Path, written: Settings) -> None:
    """Write the config of a run; a bundled model is named, so that the folder may be moved."""
    name = base.relative_to(models_folder()) if models_folder() in base.parents else None
    place = name.as_posix() if name else literal(str(base))
    blocks = {"base": place, **nested(written)}
    write_text(path, _HEADER + yaml.safe_dump(blocks, allow_unicode=True, sort_keys=False))


@contextlib.contextmanager
def _random_numbers_kept() -> Iterator[None]:
    """Leave the states of Python's and NumPy's random numbers as they were: a run seeds them."""
    python, numpy = random.getstate(), np.random.get_state()
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)
