import errno
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import paddle
import pytest

import textzoo
from textzoo import checkpoint as checkpoint_module
from textzoo.checkpoint import (
    Checkpoint,
    check_fit,
    has_best,
    list_checkpoints,
    load_checkpoint,
    newest_checkpoint,
    remove_checkpoints,
    remove_leftovers,
    save_checkpoint,
)
from textzoo.errors import UserError


@pytest.fixture
def vocabulary():
    def save(folder):
        (folder / "words.txt").write_bytes("a\n\u2028\n標籤\n".encode())

    return save


@pytest.fixture
def runs(tmp_path):
    return tmp_path / "output" / "model"


@pytest.fixture
def save(runs, vocabulary):
    def save(name, step=0):
        parameters, state = tensors(step)
        facts = {"model": "tagspace", "progress": {"step": step}, "標籤": [1, None, 0.1]}
        save_checkpoint(runs / name, parameters, state, vocabulary, facts)
        return runs / name

    return save


def tensors(seed=0):
    random = np.random.default_rng(seed)
    special = np.array([np.nan, np.inf, -0.0, 1e-45, 3.4e38], "float32")
    parameters = {
        "fc.weight": random.normal(size=(7, 5)).astype("float32"),
        "special": special,
        "count": np.array(3, "int64"),
    }
    state = {
        "moment1_0/fc.weight": random.normal(size=(7, 5)).astype("float32"),
        "beta1_pow_acc_0/fc.weight": np.array([0.9**seed], "float32"),
    }
    return parameters, state


def assert_bitwise_equal(actual, expected):
    assert list(actual) == list(expected)
    for name, value in expected.items():
        assert actual[name].dtype == value.dtype
        assert actual[name].shape == value.shape
        assert actual[name].tobytes() == value.tobytes(), name


def assert_whole(path, seed):
    """The checkpoint can be read, and holds what was saved with this seed."""
    parameters, state = tensors(seed)
    loaded = load_checkpoint(path)
    assert_bitwise_equal(loaded.parameters, parameters)
    assert_bitwise_equal(loaded.optimizer_state(), state)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


# ------------------------------------------------------------------ whole ones


def test_everything_is_read_back_bit_by_bit(tmp_path, save, vocabulary):
    path = save("0", step=4)
    assert_whole(path, 4)
    loaded = load_checkpoint(path)
    assert loaded.path == path
    assert loaded.facts["標籤"] == [1, None, 0.1]
    assert loaded.facts["progress"] == {"step": 4}
    assert loaded.facts["versions"]["textzoo"] == textzoo.__version__
    assert loaded.facts["versions"]["paddlepaddle"] == paddle.__version__
    vocabulary(tmp_path)
    copied = loaded.vocabulary / "words.txt"
    assert copied.read_bytes() == (tmp_path / "words.txt").read_bytes()


def test_every_file_has_a_checksum_that_sha256sum_agrees_with(save):
    path = save("0")
    digests = load_checkpoint(path).facts["sha256"]
    listing = "".join(f"{digest}  {name}\n" for name, digest in digests.items())
    subprocess.run(["sha256sum", "--check"], cwd=path, input=listing.encode(), check=True)
    assert sorted(digests) == ["rec.pdopt", "rec.pdparams", "vocabulary/words.txt"]


def test_weights_can_be_read_by_paddle_alone(save):
    weights = paddle.load(str(save("0", step=2) / "rec.pdparams"))
    np.testing.assert_array_equal(weights["fc.weight"].numpy(), tensors(2)[0]["fc.weight"])


def test_saving_leaves_nothing_but_the_checkpoint(save, runs):
    save("0")
    save("best")
    save("best", step=2)
    assert names(runs) == ["0", "best"]
    assert_whole(runs / "best", 2)


def test_a_copied_checkpoint_is_whole(save, tmp_path):
    shutil.copytree(save("0", step=6), tmp_path / "elsewhere")
    assert_whole(tmp_path / "elsewhere", 6)


# ------------------------------------------------------------------ damaged ones

FILES = ["rec.pdparams", "rec.pdopt", "vocabulary/words.txt"]


@pytest.mark.parametrize("name", FILES)
def test_a_truncated_file_is_refused_by_name(save, name):
    path = save("0")
    content = (path / name).read_bytes()
    (path / name).write_bytes(content[:-1])
    with pytest.raises(UserError) as failure:
        load_checkpoint(path)
    assert str(failure.value).startswith(f"{path / name}: is truncated or changed")


@pytest.mark.parametrize("name", FILES)
def test_a_changed_byte_is_refused_by_name(save, name):
    path = save("0")
    content = bytearray((path / name).read_bytes())
    content[len(content) // 2] ^= 1
    (path / name).write_bytes(content)
    with pytest.raises(UserError) as failure:
        load_checkpoint(path)
    assert str(failure.value).startswith(f"{path / name}: is truncated or changed")


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_refused_by_name(save, name):
    path = save("0")
    (path / name).unlink()
    with pytest.raises(UserError) as failure:
        load_checkpoint(path)
    assert str(failure.value).startswith(f"{path / name}: is missing")


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "{}", "null", '{"sha256": [1]}', '{"sha256": 1}']
)
def test_a_broken_fact_file_is_refused_by_name(save, content):
    path = save("0")
    (path / "checkpoint.json").write_text(content, encoding="utf-8")
    with pytest.raises(UserError, match=r"checkpoint\.json: is damaged"):
        load_checkpoint(path)


def test_a_fact_file_of_zeros_is_refused(save):
    path = save("0")
    (path / "checkpoint.json").write_bytes(b"\xff\x00" * 50)
    with pytest.raises(UserError, match=r"checkpoint\.json: is damaged"):
        load_checkpoint(path)


def test_what_is_no_checkpoint_is_told_apart(tmp_path):
    with pytest.raises(UserError, match=r"is not a checkpoint: .* found no such folder"):
        load_checkpoint(tmp_path / "none")
    with pytest.raises(UserError, match=r"is not a checkpoint: .* found a folder without it"):
        load_checkpoint(tmp_path)


def test_another_model_s_tensors_are_listed(tmp_path):
    def zeros(**shapes):
        return {name: np.zeros(shape, "float32") for name, shape in shapes.items()}

    theirs = Checkpoint(tmp_path, {"model": "xmlcnn"}, zeros(a=[2, 3], extra=[1], same=[4]))
    with pytest.raises(UserError) as failure:
        check_fit(zeros(a=[2, 5], gone=[1], same=[4]), theirs, "tagspace", "runner.resume")
    first, *problems = str(failure.value).split("\n  ")
    assert first == (
        f"runner.resume: the checkpoint {tmp_path} of model 'xmlcnn' does not fit this net "
        "(model 'tagspace'):"
    )
    assert problems == [
        "missing: gone",
        "unexpected: extra",
        "a: the checkpoint has [2, 3], the net [2, 5]",
    ]


def test_tensors_that_fit_are_accepted_in_any_order(tmp_path):
    parameters, _ = tensors()
    turned = dict(reversed(parameters.items()))
    check_fit(turned, Checkpoint(tmp_path, {}, parameters), "tagspace", "key")


# ------------------------------------------------------------------ which one


def test_checkpoints_are_listed_in_the_order_they_were_made(save, runs):
    for name, step in [("step_90", 90), ("10", 110), ("0", 10), ("step_100", 100), ("9", 99)]:
        save(name, step)
    save("best", 95)
    (runs / "infer").mkdir()
    (runs / "11").mkdir()  # no checkpoint in it
    assert [path.name for path in list_checkpoints(runs)] == ["0", "step_90", "9", "step_100", "10"]


def test_there_are_no_checkpoints_in_a_folder_that_is_not_there(runs):
    assert list_checkpoints(runs) == []
    assert newest_checkpoint(runs) is None
    assert not has_best(runs)


def test_the_newest_whole_checkpoint_is_found_and_damaged_ones_are_named(save, runs, caplog):
    save("0", 1)
    save("1", 2)
    for name, step in (("2", 3), ("3", 4)):
        path = save(name, step) / "rec.pdparams"
        path.write_bytes(path.read_bytes()[:10])
    assert newest_checkpoint(runs).path == runs / "1"
    assert [record.getMessage().split(": is ")[0] for record in caplog.records] == [
        f"passed over: {runs / name / 'rec.pdparams'}" for name in ("3", "2")
    ]


def test_a_whole_checkpoint_is_found_beside_one_with_a_damaged_fact_file(save, runs, caplog):
    save("0", 1)
    (save("1", 2) / "checkpoint.json").write_text("{", encoding="utf-8")
    assert newest_checkpoint(runs).path == runs / "0"
    assert f"passed over: {runs / '1' / 'checkpoint.json'}: is damaged" in caplog.text
    # The damaged one is not the one to keep.
    remove_checkpoints(runs, keep=1)
    assert names(runs) == ["0"]


def test_a_damaged_fact_file_is_named_when_nothing_newer_is_whole(save, runs, caplog):
    (save("0", 1) / "checkpoint.json").write_text("{", encoding="utf-8")
    with pytest.raises(UserError, match=r"every checkpoint is damaged; .* runner\.resume=none"):
        newest_checkpoint(runs)
    assert f"passed over: {runs / '0' / 'checkpoint.json'}: is damaged" in caplog.text


@pytest.mark.parametrize(
    ("keep", "left"), [(1, ["2"]), (2, ["1", "2"]), (3, ["0", "1", "2"]), (9, ["0", "1", "2"])]
)
def test_the_newest_are_kept_and_best_stays(save, runs, keep, left):
    for step in range(3):
        save(str(step), step)
    save("best", 0)
    (runs / "train.log").write_text("x", encoding="utf-8")
    assert remove_checkpoints(runs, keep) == 3 - len(left)
    assert names(runs) == [*left, "best", "train.log"]


def test_starting_over_removes_checkpoints_and_best_alone(save, runs):
    save("0")
    save("step_5", 5)
    save("best")
    (runs / "infer").mkdir()
    assert remove_checkpoints(runs) == 3
    assert names(runs) == ["infer"]


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
        "vocabulary": (Path, "write_text"),
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


def test_a_folder_that_cannot_be_made_is_a_user_error(tmp_path, vocabulary):
    (tmp_path / "file").write_text("x", encoding="utf-8")
    with pytest.raises(UserError, match=r"cannot save .* -o runner\.model_save_path=PATH"):
        save_checkpoint(tmp_path / "file" / "0", *tensors(), vocabulary, {})


LIMITED = """
import resource, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from textzoo.devices import import_paddle
import_paddle()
import numpy as np
from textzoo.checkpoint import save_checkpoint
from textzoo.errors import UserError

runs = Path(sys.argv[2])
weights = {"w": np.arange(50_000, dtype="float32")}
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
save_checkpoint(runs / "0", weights, {}, lambda folder: None, {"progress": {"step": 1}})
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
for name in ("1", "0"):
    try:
        save_checkpoint(runs / name, weights, {}, lambda folder: None, {"progress": {"step": 2}})
    except UserError as failure:
        print(failure)
"""


def test_a_file_that_cannot_grow_leaves_the_earlier_checkpoint(runs):
    source = Path(textzoo.__file__).resolve().parents[1]
    command = [sys.executable, "-c", LIMITED, str(source), str(runs)]
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
    monkeypatch.setattr(checkpoint_module.shutil, "rmtree", lambda *a, **k: None)


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
        patch.setattr(checkpoint_module.shutil, "rmtree", lambda *a, **k: None)
        save("best", 2)
    assert names(runs) == [".replaced-best", "best"]
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
        patch.setattr(checkpoint_module.shutil, "rmtree", lambda *a, **k: None)
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
