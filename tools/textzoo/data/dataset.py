"""The rows that a config names: the one way in which every command gets them."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Literal, Optional, TypeVar

import numpy as np

from textzoo.config.checking import Config
from textzoo.config.loading import build_reader
from textzoo.config.model_folder import ModelFolder
from textzoo.data.batching import hold_out, row_numbers
from textzoo.data.cache import Cache, Rows, encoded_rows, fitted_vocabulary, reader_identity
from textzoo.data.encoding import Refusals, good_lines
from textzoo.data.folds import folds_of
from textzoo.data.input_files import input_files, tell_layouts
from textzoo.errors import UserError
from textzoo.text.lines import data_files
from textzoo.text.reader import Reader
from textzoo.text.streams import STANDARD_INPUT

Loaded = TypeVar("Loaded")
Split = Literal["train", "valid", "test"]


@dataclass
class TrainingData:
    """The rows of a training run.

    Attributes:
        reader: with its vocabulary.
        train_rows: the encoded rows of the training files.
        train: `[n]` which of them are trained on.
        valid_rows: the rows that hold the validation rows.
        valid: `[m]` which of these are validated on.
        left_out: `[k]` which of the training files' rows are neither, see `runner.left_out_fold`.
        teacher: the digest of a teacher, if the run has one.
        encoder: that of the encoder of its linear part, if that has one.
    """

    reader: Reader
    train_rows: Rows
    train: np.ndarray
    valid_rows: Rows
    valid: np.ndarray
    left_out: np.ndarray
    teacher: Optional[str] = None
    encoder: Optional[str] = None

    @property
    def contents(self) -> dict[str, list[str]]:
        """The checksums of all files, for a resumed run to compare."""
        files = {"train": self.train_rows.contents, "valid": self.valid_rows.contents}
        models = {"teacher": self.teacher, "encoder": self.encoder}
        return {**files, **{name: [digest] for name, digest in models.items() if digest}}


class Dataset:
    """The files of a config, and their rows, encoded once into the cache.

    Args:
        config: names the files.
        folder: the model's.
    """

    def __init__(self, config: Config, folder: ModelFolder):
        runner = config.runner
        self._config = config
        self._folder = folder
        self._cache = Cache(runner.cache_dir, runner.bad_lines, runner.num_workers)
        self._paths: dict[Split, Optional[Path]] = {
            "train": runner.train_data_dir,
            "valid": runner.valid_data,
            "test": runner.test_data,
        }
        self._said: set[str] = set()

    @property
    def splits(self) -> list[Split]:
        """Those that the config names."""
        return [split for split, path in self._paths.items() if path is not None]

    def files(self, split: Split) -> list[Path]:
        """The files; the log says, once, how they are read if they are not lines of the reader.

        Raises:
            UserError: the config does not name them, they are not there, or their columns are not
                known.
        """
        self.check(split)
        files = input_files(self.path(split), _key(split), self._cache)
        tell_layouts(files, build_reader(self._config, self._folder), self._said)
        return files

    def check(self, split: Split) -> None:
        """Refuse files that are not there, before any work is done.

        Raises:
            UserError: see `files`.
        """
        if split != "test" and self.path(split) == STANDARD_INPUT:
            raise UserError(f"{_key(split)}: received -, expected a path: it is read several times")
        data_files(self.path(split), _key(split))

    def path(self, split: Split) -> Path:
        """The file or folder that the config names.

        Raises:
            UserError: it names none.
        """
        path = self._paths[split]
        if path is None:
            raise UserError(f"{self._config.path}: {_key(split)}: missing; expected a path")
        return path

    def vocabulary(self, known: Optional[Path] = None) -> Path:
        """The folder of a vocabulary that is fitted to the training files.

        Args:
            known: that of an earlier one, which is kept, but for labels: those that it lacks are
                added to it.
        """
        reader = build_reader(self._config, self._folder)
        if known and type(reader).extend_labels is Reader.extend_labels:
            return known
        declared = {
            name: self._config.hyper_parameters[name]
            for name in reader.supplies
            if name in self._config.hyper_parameters
        }
        identity = reader_identity(self._folder.reader, self._config.reader, known)
        files = self.files("train")
        return fitted_vocabulary(files, reader, declared, identity, self._cache, known)

    def rows(self, split: Split, reader: Reader, vocabulary: Path) -> Rows:
        """The encoded rows of the files.

        Args:
            split: which files.
            reader: with its vocabulary.
            vocabulary: the folder that it was read from.

        Raises:
            UserError: a line is malformed, unless these are skipped; or there are no rows.
        """
        identity = reader_identity(self._folder.reader, self._config.reader, vocabulary)
        return encoded_rows(self.files(split), reader, split == "train", identity, self._cache)

    def for_training(self, vocabulary: Optional[Path] = None, extends: bool = True) -> TrainingData:
        """The training and validation rows with one vocabulary.

        Args:
            vocabulary: the folder of an earlier one; default: it is fitted.
            extends: whether labels that the earlier one lacks are added to it.
        """
        if vocabulary is None or extends:
            vocabulary = self.vocabulary(vocabulary)
        runner = self._config.runner
        reader = build_reader(self._config, self._folder, vocabulary)
        train_rows = self.rows("train", reader, vocabulary)
        kept, left_out = self._split(train_rows)
        if "valid" in self.splits:
            valid_rows = self.rows("valid", reader, vocabulary)
            valid = np.arange(len(valid_rows))
            return TrainingData(reader, train_rows, kept, valid_rows, valid, left_out)
        train, valid = hold_out(len(kept), runner.valid_fraction, runner.seed)
        return TrainingData(reader, train_rows, kept[train], train_rows, kept[valid], left_out)

    def _split(self, train_rows: Rows) -> tuple[np.ndarray, np.ndarray]:
        """Of the training files' rows those that a run may see, and those of the fold left out."""
        fold = self._config.runner.left_out_fold
        if fold is None:
            rows = row_numbers(len(train_rows))
            return rows, rows[:0]
        place, n_folds = map(int, fold.split("/"))
        is_left_out = self.folds(train_rows, n_folds) == place - 1
        return np.flatnonzero(~is_left_out), np.flatnonzero(is_left_out)

    def folds(self, train_rows: Rows, n_folds: int) -> np.ndarray:
        """The fold of each row of the training files, `[rows]`, from 0; see `folds_of`.

        Raises:
            UserError: there are fewer different texts than folds.
        """
        model, columns = self._folder.dygraph_model, train_rows.columns
        labels = None if model.kind == "embeddings" else columns[model.label_column]
        seed = self._config.runner.seed
        return folds_of(columns[model.text_column], labels, n_folds, seed)

    @property
    def evaluated(self) -> Split:
        """The split that infer.py evaluates."""
        return "train" if self._config.runner.left_out_fold else "test"

    def to_evaluate(self, reader: Reader, vocabulary: Path) -> tuple[Rows, np.ndarray]:
        """The rows that infer.py evaluates: the encoded ones, and `[n]` which of them.

        Arguments and errors are those of `rows`.
        """
        rows = self.rows(self.evaluated, reader, vocabulary)
        if self.evaluated == "train":
            return rows, self._split(rows)[1]
        return rows, np.arange(len(rows))

    def example_texts(self, reader: Reader, n: int) -> list[str]:
        """The first texts of the test files, or else of the training files.

        Raises:
            UserError: the config names no files, or there is no row in them.
        """
        split: Split = "test" if "test" in self.splits else "train"
        if split not in self.splits:
            raise UserError(
                f"{self._config.path}: {_key('test')}: missing; examples are taken from it"
            )
        lines = good_lines(self.files(split), reader, Refusals("skip"))
        texts = [reader.describe(line.text)["text"] for line, _ in islice(lines, n)]
        if not texts:
            raise UserError(
                f"{_key(split)}: {self.path(split)}: received no row, expected some as examples"
            )
        return texts


def in_turn(load: Callable[[], Loaded]) -> Loaded:
    """Load something in every process; a machine's first caches it, the others find it there."""
    # Paddle is not needed to read data.
    from textzoo.distributed.collectives import barrier, rank_on_machine

    if rank_on_machine():
        barrier()
        data = load()
    else:
        data = load()
        barrier()
    barrier()
    return data


def _key(split: Split) -> str:
    return f"runner.{split}_data_dir"
