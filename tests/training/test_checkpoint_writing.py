import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import paddle
import pytest
from harness.saved import assert_whole, made_up_facts, names, tensors, write_vocabulary

import textzoo
from textzoo import files
from textzoo.errors import UserError
from textzoo.files import remove_leftovers
from textzoo.training.checkpoint import (
    has_best,
    list_checkpoints,
    load_checkpoint,
    save_checkpoint,
)

# ------------------------------------------------------------------ disks that fill up


def no_space(*arguments, **keywords):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("place", ["fsync", "paddle.save", "vocabulary", "rename"])
@pytest.mark.parametrize("name", ["0", "1"])
def test_a_full_disk_leaves_the_earlier_checkpoint(save, runs, monkeypatch, place, name):
    save("0", 1)
    owner, attribute = {
        "fsync": (os, "fsync"),
        "paddle.save": (paddle, "save"),
        "vocabulary": (Path, "write_bytes"),
        "rename": (Path, "rename"),
    }[place]
    with monkeypatch.context() as patch:
        patch.setattr(owner, attribute, no_space)
        with pytest.raises(UserError, match=r"cannot save the checkpoint .*: No space left"):
            save(name, 2)
    assert names(runs) == ["0"]
    assert_whole(runs / "0", 1)
    save("1", 3)
    assert_whole(runs / "1", 3)


def test_a_folder_that_cannot_be_made_is_a_user_error(tmp_path):
    (tmp_path / "file").write_text("x", encoding="utf-8")
    with pytest.raises(UserError, match=r"cannot save .* -o runner\.model_save_path=PATH"):
        save_checkpoint(tmp_path / "file" / "0", *tensors(), write_vocabulary, {})


LIMITED = """
import json, resource, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from textzoo.devices import import_paddle
import_paddle()
import numpy as np
from textzoo.training.checkpoint import save_checkpoint
from textzoo.errors import UserError

runs, facts = Path(sys.argv[2]), json.loads(sys.argv[3])
weights = {"w": np.arange(50_000, dtype="float32")}
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
save_checkpoint(runs / "0", weights, {}, lambda folder: None, facts)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
for name in ("1", "0"):
    try:
        save_checkpoint(runs / name, weights, {}, lambda folder: None, facts)
    except UserError as failure:
        print(failure)
"""


def test_a_file_that_cannot_grow_leaves_the_earlier_checkpoint(runs):
    source = Path(textzoo.__file__).resolve().parents[1]
    command = [sys.executable, "-c", LIMITED, str(source), str(runs), json.dumps(made_up_facts())]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    refusals = done.stdout.splitlines()
    assert [line.split(":")[0] for line in refusals] == [
        f"cannot save the checkpoint {runs / name}" for name in ("1", "0")
    ]
    assert names(runs) == ["0"]
    weights = load_checkpoint(runs / "0").parameters["w"]
    np.testing.assert_array_equal(weights, np.arange(50_000, dtype="float32"))


# ------------------------------------------------------------------ killed at any moment


class Killed(BaseException):
    """Stands for a kill: no handler of the code under test runs after it."""


def kill_at(monkeypatch, renames):
    """Stop before the rename of this number, and leave the files as a kill would."""
    left = [renames]
    rename = Path.rename

    def counting(self, target):
        if left[0] == 0:
            raise Killed
        left[0] -= 1
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", counting)
    monkeypatch.setattr(files.shutil, "rmtree", lambda *a, **k: None)


@pytest.mark.parametrize(("renames", "survivor"), [(0, 1), (1, 1)])
def test_best_is_whole_wherever_its_replacement_is_killed(
    save, runs, monkeypatch, renames, survivor
):
    save("best", 1)
    with monkeypatch.context() as patch:
        kill_at(patch, renames)
        with pytest.raises(Killed):
            save("best", 2)
    assert (runs / "best").is_dir() == (renames == 0)
    assert any(name.startswith(".tmp-") for name in names(runs))
    assert has_best(runs)
    assert_whole(runs / "best", survivor)
    remove_leftovers(runs)
    assert names(runs) == ["best"]
    assert_whole(runs / "best", survivor)


def test_best_is_the_new_one_when_killed_after_the_swap(save, runs, monkeypatch):
    save("best", 1)
    with monkeypatch.context() as patch:
        patch.setattr(files.shutil, "rmtree", lambda *a, **k: None)
        save("best", 2)
    earlier, new = names(runs)
    assert earlier.startswith(".tmp-") and new == "best"
    assert_whole(runs / "best", 2)
    remove_leftovers(runs)
    assert names(runs) == ["best"]
    assert_whole(runs / "best", 2)


def test_saving_again_after_a_kill_needs_no_repair(save, runs, monkeypatch):
    save("best", 1)
    with monkeypatch.context() as patch:
        kill_at(patch, 1)
        with pytest.raises(Killed):
            save("best", 2)
    save("best", 3)
    assert_whole(runs / "best", 3)
    remove_leftovers(runs)
    assert names(runs) == ["best"]
    assert_whole(runs / "best", 3)


def test_a_half_written_checkpoint_is_no_checkpoint(save, runs, monkeypatch):
    save("0", 1)
    with monkeypatch.context() as patch:
        patch.setattr(files.shutil, "rmtree", lambda *a, **k: None)
        patch.setattr(paddle, "save", no_space)
        with pytest.raises(UserError):
            save("1", 2)
    assert any(name.startswith(".tmp-") for name in names(runs))
    assert [path.name for path in list_checkpoints(runs)] == ["0"]
    remove_leftovers(runs)
    assert names(runs) == ["0"]


def test_nothing_is_renamed_before_every_file_is_synced(save, runs, monkeypatch):
    events = []
    fsync, rename = os.fsync, Path.rename
    monkeypatch.setattr(
        os, "fsync", lambda fd: (events.append(os.readlink(f"/proc/self/fd/{fd}")), fsync(fd))
    )
    monkeypatch.setattr(
        Path, "rename", lambda self, to: (events.append("rename"), rename(self, to))[1]
    )
    path = save("0")
    moment = events.index("rename")
    synced = {Path(event).name for event in events[:moment]}
    assert synced >= {file.name for file in path.rglob("*") if file.is_file()}
    assert str(runs) in events[moment + 1 :]  # the new name itself
    assert json.loads((path / "checkpoint.json").read_text(encoding="utf-8"))
