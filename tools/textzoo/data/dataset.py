"""The rows that a command works on."""

from dataclasses import dataclass
from typing import Any, Optional

import numpy as np

from textzoo.config.checking import Config
from textzoo.config.loading import build_reader
from textzoo.config.model_folder import ModelFolder
from textzoo.data.batching import hold_out
from textzoo.data.cache import Cache, Rows, encoded_rows, fitted_vocabulary, reader_identity
from textzoo.data.input_files import input_files
from textzoo.distributed.collectives import rank_on_machine, wait_for_all
from textzoo.errors import UserError
from textzoo.training.checkpoint import Checkpoint


@dataclass
class Data:
    """The data of a training run.

    Attributes:
        reader: with its vocabulary.
        train_rows: the encoded rows of the training files.
        train: `[n]` which of them are trained on.
        valid_rows: the rows that hold the validation rows.
        valid: `[m]` which of these are validated on.
    """

    reader: Any
    train_rows: Rows
    train: np.ndarray
    valid_rows: Rows
    valid: np.ndarray

    @property
    def contents(self) -> dict[str, list[str]]:
        """The checksums of all files, for a resumed run to compare."""
        return {"train": self.train_rows.contents, "valid": self.valid_rows.contents}


def _load_data_in_turn(config: Config, folder: ModelFolder, start: Optional[Checkpoint]) -> Data:
    """Load the data; the first process of a machine encodes them, the others find them encoded."""
    for is_first in (True, False):
        if is_first == (rank_on_machine() == 0):
            data = load_data(config, folder, start)
        wait_for_all()
    return data


def load_data(config: Config, folder: ModelFolder, start: Optional[Checkpoint]) -> Data:
    """Read and encode the training and validation files with one vocabulary."""
    runner = config.runner
    cache = Cache(runner.cache_dir, runner.bad_lines, runner.num_workers)
    if runner.train_data_dir is None:
        raise UserError(f"{config.path}: runner.train_data_dir: missing; expected a path")
    files = input_files(runner.train_data_dir, "runner.train_data_dir", cache)
    if start:
        vocabulary = start.vocabulary
    else:
        identity = reader_identity(folder.reader, config.reader)
        declared = {
            name: config.hyper_parameters[name]
            for name in folder.reader.supplies
            if name in config.hyper_parameters
        }
        reader = build_reader(config, folder)
        vocabulary = fitted_vocabulary(files, reader, declared, identity, cache)
    reader = build_reader(config, folder, vocabulary)
    identity = reader_identity(folder.reader, config.reader, vocabulary)
    train_rows = encoded_rows(files, reader, True, identity, cache)
    valid_rows = train_rows
    train, valid = hold_out(len(train_rows), runner.valid_fraction, runner.seed)
    if runner.valid_data:
        files = input_files(runner.valid_data, "runner.valid_data_dir", cache)
        valid_rows = encoded_rows(files, reader, False, identity, cache)
        train, valid = np.arange(len(train_rows)), np.arange(len(valid_rows))
    return Data(reader, train_rows, train, valid_rows, valid)
