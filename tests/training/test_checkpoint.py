import shutil
import subprocess
from dataclasses import asdict
from pathlib import Path

import numpy as np
import paddle
import pytest
from harness.saved import assert_whole, names, tensors, write_vocabulary

import textzoo
from textzoo.errors import UserError
from textzoo.training.checkpoint import (
    Checkpoint,
    check_fit,
    has_best,
    list_checkpoints,
    load_checkpoint,
    newest_checkpoint,
    remove_checkpoints,
)
from textzoo.training.facts import Progress

# ------------------------------------------------------------------ whole ones


def test_everything_is_read_back_bit_by_bit(tmp_path, save):
    path = save("0", step=4)
    assert_whole(path, 4)
    loaded = load_checkpoint(path)
    assert loaded.path == path
    assert loaded.facts["標籤"] == [1, None, 0.1]
    assert loaded.facts["progress"] == asdict(Progress(step=4))
    assert loaded.facts["versions"]["textzoo"] == textzoo.__version__
    assert loaded.facts["versions"]["paddlepaddle"] == paddle.__version__
    write_vocabulary(tmp_path)
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


def test_a_linear_part_of_the_files_before_says_so(save):
    saved = load_checkpoint(save("0"))
    saved.facts["sha256"]["linear/weights_values.npy"] = "0" * 64
    for load in (saved.linear, saved.fusion):
        with pytest.raises(UserError, match=r"was saved by an earlier textzoo.*train anew, or use"):
            load(3)


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
    for folder in (tmp_path, Path(tmp_path.anchor)):
        with pytest.raises(UserError, match=r"is not a checkpoint: .* found a folder without it"):
            load_checkpoint(folder)


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
        "a: received [2, 3], expected [2, 5]",
    ]


def test_tensors_that_fit_are_accepted_in_any_order(tmp_path):
    parameters, _ = tensors()
    del parameters["special"]  # which are not finite
    turned = dict(reversed(parameters.items()))
    check_fit(turned, Checkpoint(tmp_path, {}, parameters), "tagspace", "key")


@pytest.mark.parametrize("value", [np.nan, -np.inf])
def test_weights_that_are_not_finite_are_named(tmp_path, value):
    parameters, _ = tensors()
    parameters["fc.weight"] = np.full_like(parameters["fc.weight"], value)
    with pytest.raises(UserError, match=r"fc\.weight: has numbers that are not finite"):
        check_fit(parameters, Checkpoint(tmp_path, {}, parameters), "tagspace", "key")


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


@pytest.mark.parametrize("keep", [0, 1])
def test_what_is_no_checkpoint_of_ours_is_never_removed(save, runs, caplog, keep):
    for name in ("0", "best", "step_1"):
        save(name)
    save("1", 1)
    (runs / "0" / "notes.txt").write_text("x", encoding="utf-8")
    (runs / "best" / "vocabulary" / "mine.txt").write_text("x", encoding="utf-8")
    for name in ("2", "step_5"):
        (runs / name).mkdir()
        (runs / name / "mine.txt").write_text("x", encoding="utf-8")
    (runs / "step_5" / "checkpoint.json").write_text("{}", encoding="utf-8")
    (runs / "7").symlink_to(save("elsewhere"))
    assert remove_checkpoints(runs, keep) == 2 - keep
    left = ["0", "2", "7", "best", "elsewhere", "step_5"]
    assert names(runs) == sorted([*left, "1"] if keep else left)
    assert f"not removed: {runs / '0'}, which holds something other than" in caplog.text
    assert (runs / "elsewhere" / "rec.pdparams").is_file()


def test_what_browsers_of_files_leave_in_a_checkpoint_does_not_keep_it(save, runs):
    (save("0") / ".DS_Store").touch()
    assert remove_checkpoints(runs) == 1
    assert names(runs) == []
