"""Rows that more are appended to."""

import errno
import os

import numpy as np
import pytest
from harness.indexed import embeddings_of

from textzoo.errors import UserError
from textzoo.index.rows import kept_rows


def test_nothing_is_added_to_rows_of_a_file(tmp_path):
    np.save(tmp_path / "rows.npy", embeddings_of(20))
    kept = kept_rows(np.asarray(np.lib.format.open_memmap(tmp_path / "rows.npy", mode="r")))
    kept.append(np.zeros((0, 16), np.float32))
    assert isinstance(kept.rows.base, np.memmap)  # and is read before it is replaced


def test_a_disk_that_is_full_meanwhile_is_told_and_more_can_be_added(tmp_path, monkeypatch):
    kept = kept_rows(np.zeros((0, 16), np.float32), tmp_path)
    kept.append(embeddings_of(30))
    with monkeypatch.context() as patch:
        patch.setattr(kept, "_file", FullFile(kept._file))
        with pytest.raises(UserError, match=r"index\.path: cannot write into .*No space left"):
            kept.append(embeddings_of(9, seed=3))
    kept.append(embeddings_of(9, seed=4))
    expected = np.concatenate([embeddings_of(30), embeddings_of(9, seed=4)])
    np.testing.assert_array_equal(kept.rows, expected)


class FullFile:
    """A file of which a part of what is written arrives."""

    def __init__(self, file):
        self._file = file

    def __getattr__(self, name):
        return getattr(self._file, name)

    def write(self, data):
        self._file.write(data[: len(data) // 2])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
