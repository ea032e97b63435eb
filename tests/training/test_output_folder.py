"""The folder that a run writes to: who holds it, and what else is in it."""

import os
import shutil

import pytest
from harness.locked import holding
from harness.workspace import digests

from textzoo.commands.train import train
from textzoo.errors import UserError
from textzoo.training.saving import output_folder


@pytest.fixture
def output(exported, tmp_path):
    """The folder of a run of one epoch, to be changed at will."""
    return shutil.copytree(exported("tagspace").run, tmp_path / "output")


@pytest.fixture
def train_in(exported):
    def run(folder, *more):
        source = exported("tagspace")
        own = (f"runner.model_save_path={folder}", "runner.epochs=2", *more)
        train(source.config, [*source.settings, *own], "dygraph")

    return run


@pytest.mark.parametrize("resume", ["auto", "none"])
def test_a_second_trainer_changes_nothing(output, train_in, resume):
    with holding(output) as holder:
        before = digests(output)
        with pytest.raises(UserError, match=rf"{output} is in use by process {holder.pid} on "):
            train_in(output, f"runner.resume={resume}")
        assert digests(output) == before


@pytest.mark.parametrize("name", ["best", "1", "step_5"])
@pytest.mark.parametrize("resume", ["auto", "none"])
def test_a_folder_of_another_kind_with_the_name_of_a_checkpoint_stays(
    output, train_in, name, resume
):
    shutil.rmtree(output / name, ignore_errors=True)
    (output / name).mkdir()
    (output / name / "mine.txt").write_text("x", encoding="utf-8")
    before = digests(output)
    with pytest.raises(UserError) as refusal:
        train_in(output, f"runner.resume={resume}")
    said = f"runner.model_save_path: {output / name} holds something other than a checkpoint"
    assert str(refusal.value).startswith(f"{said}: mine.txt; ")
    after = digests(output)
    assert {file: after[file] for file in before if file != ".lock"} == {
        file: digest for file, digest in before.items() if file != ".lock"
    }


@pytest.mark.parametrize("name", ["0", "best"])
def test_files_that_a_user_laid_into_a_checkpoint_stay(output, train_in, name):
    (output / name / "notes.txt").write_text("x", encoding="utf-8")
    with pytest.raises(UserError, match=r"holds something other than a checkpoint: notes\.txt"):
        train_in(output, "runner.resume=none")
    assert (output / name / "notes.txt").read_text(encoding="utf-8") == "x"


@pytest.mark.parametrize("kind", ["a file", "a link"])
def test_a_file_or_link_with_the_name_of_a_checkpoint_stays(output, train_in, tmp_path, kind):
    if kind == "a file":
        (output / "1").write_text("x", encoding="utf-8")
    else:
        elsewhere = (output / "best").rename(tmp_path / "elsewhere")
        (output / "best").symlink_to(elsewhere)
        before = digests(elsewhere)
    with pytest.raises(UserError, match=rf"runner\.model_save_path: .* is {kind}"):
        train_in(output, "runner.resume=none")
    if kind == "a file":
        assert (output / "1").read_text(encoding="utf-8") == "x"
    else:
        assert digests(elsewhere) == before


@pytest.mark.parametrize("key", ["model_init_path", "resume", "train_data_dir", "valid_data_dir"])
def test_a_run_that_is_refused_at_once_leaves_no_new_folder(train_in, tmp_path, key):
    with pytest.raises(UserError, match="nothere"):
        train_in(tmp_path / "new" / "output", f"runner.{key}={tmp_path / 'nothere'}")
    assert list(tmp_path.iterdir()) == []


# ------------------------------------------------------------------ the files of a run

OURS = {
    ".lock": ["", "process 17 on a-host since 2026-01-02 03:04:05\n"],
    "metrics.jsonl": [
        *("", '{"kind": "sess', '{"ki', '{"kind": "end", "step": 3}\n'),
        '[]\nnotes\n{"step": 1, "kind": "train"}\n{"kind": "tr',
    ],
    "train.log": ["", "anything\n"],
}
FOREIGN = {
    ".lock": ["mine", "process of melting\n", f"{OURS['.lock'][1]}mine\n"],
    "metrics.jsonl": ["mine", "\n", '["kind"]\n', '{"loss": 1}\n', f"{'[' * 100_000}\n", "\xff\n"],
}


def begin(folder):
    with output_folder(folder):
        pass


def cases(contents):
    return [(name, content) for name in contents for content in contents[name]]


@pytest.mark.parametrize(("name", "content"), cases(OURS))
def test_the_files_of_an_earlier_run_are_taken(tmp_path, name, content):
    (tmp_path / name).write_text(content, encoding="utf-8")
    begin(tmp_path)


@pytest.mark.parametrize(("name", "content"), cases(FOREIGN))
def test_a_file_of_the_user_s_with_the_name_of_one_of_a_run_stays(tmp_path, name, content):
    (tmp_path / name).write_text(content, encoding="latin-1")
    before = digests(tmp_path)
    with pytest.raises(UserError) as refusal:
        begin(tmp_path)
    said = f"runner.model_save_path: {tmp_path / name} was not written by a run; expected"
    assert str(refusal.value).startswith(said)
    assert digests(tmp_path) == before


@pytest.mark.skipif(os.name != "posix", reason="needs links and pipes")
@pytest.mark.parametrize("kind", ["link", "link to nothing", "folder", "pipe"])
@pytest.mark.parametrize("name", OURS)
def test_a_link_or_no_file_with_the_name_of_one_of_a_run_stays(tmp_path, name, kind):
    folder, mine = tmp_path / "output", tmp_path / "mine.txt"
    folder.mkdir()
    if kind == "folder":
        (folder / name).mkdir()
    elif kind == "pipe":
        os.mkfifo(folder / name)
    else:
        (folder / name).symlink_to(mine)
    if kind == "link":
        mine.write_text(OURS[name][-1], encoding="utf-8")
    with pytest.raises(UserError) as refusal:
        begin(folder)
    said = f"runner.model_save_path: {folder / name} is a link or no file; expected"
    assert str(refusal.value).startswith(said)
    assert [path.name for path in folder.iterdir()] == [name]
    assert mine.exists() == (kind == "link")
    if kind == "link":
        assert mine.read_text(encoding="utf-8") == OURS[name][-1]
