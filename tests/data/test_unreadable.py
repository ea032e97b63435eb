"""Files that an ordinary user may not read, and files that are none, wherever data is read."""

import gzip
import os

import pytest
from harness.ordinary_user import as_ordinary_user
from harness.workspace import MODELS

from textzoo.commands.check_data import main as check_data
from textzoo.commands.evaluate import main as evaluate
from textzoo.data.cache import Cache
from textzoo.data.corpus import read_entries
from textzoo.data.input_files import input_files, lines_of, read_texts
from textzoo.errors import UserError
from textzoo.running import building  # noqa: F401 (a user who may read little cannot import it)
from textzoo.text.lines import data_files, read_lines
from textzoo.text.reader import Reader
from textzoo.text.streams import existing_file

pytestmark = pytest.mark.skipif(not hasattr(os, "geteuid"), reason="needs permissions of POSIX")

READ = {
    "data_files": lambda path: data_files(path, "key"),
    "a folder": lambda path: data_files(path.parent, "key"),
    "input_files": lambda path: input_files(path, "key", Cache(path.parent / "cache", "error")),
    "lines_of": lambda path: list(lines_of(path, "key")),
    "read_texts": lambda path: read_texts(path, "key", Reader()),
    "read_entries": lambda path: read_entries(path, "key"),
    "existing_file": lambda path: existing_file(path, "key"),
}


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


@pytest.mark.parametrize("read", READ.values(), ids=READ)
def test_a_locked_file_is_named_with_its_key(folder, read):
    path = folder / "locked.tsv"
    path.write_bytes(gzip.compress(b"a\tb\n"))
    path.chmod(0)
    with as_ordinary_user(folder), pytest.raises(UserError) as failure:
        read(path)
    assert str(failure.value) == f"key: {path} cannot be read: Permission denied"


@pytest.mark.parametrize("read", [READ[name] for name in READ if name != "a folder"])
def test_a_file_in_a_locked_folder_is_named_with_its_key(folder, read):
    locked = folder / "locked"
    locked.mkdir()
    (locked / "a.tsv").write_text("a\tb\n", encoding="utf-8")
    locked.chmod(0)
    try:
        with as_ordinary_user(folder):
            for path in (locked / "a.tsv", locked / "nothing"):
                with pytest.raises(UserError) as failure:
                    read(path)
                assert str(failure.value) == f"key: {path} cannot be read: Permission denied"
            with pytest.raises(UserError, match=r"^key: .*/locked cannot be read: Permission"):
                data_files(folder, "key")
    finally:
        locked.chmod(0o755)


@pytest.mark.parametrize("read", [READ[name] for name in READ if name != "a folder"])
def test_a_pipe_is_named_and_not_waited_for(folder, read):
    os.mkfifo(folder / "pipe")
    with pytest.raises(UserError, match=r"^key: .*/pipe is a pipe or a device, expected a file"):
        read(folder / "pipe")


def test_a_file_that_is_locked_or_gone_when_it_is_read_is_named(folder):
    path = folder / "locked.tsv"
    path.write_text("a\tb\n", encoding="utf-8")
    path.chmod(0)
    with as_ordinary_user(folder), pytest.raises(UserError) as failure:
        list(read_lines(path))
    assert str(failure.value) == f"{path}: cannot be read: Permission denied"


def test_the_commands_name_it_and_end_with_status_2(folder, capsys):
    path = folder / "locked.tsv"
    path.write_text("a\tb\n", encoding="utf-8")
    path.chmod(0)
    data = (f"runner.train_data_dir={path}", f"runner.cache_dir={folder}/cache")
    with as_ordinary_user(folder):
        assert check_data(["-m", str(MODELS["tagspace"].config), "-o", *data]) == 2
        assert evaluate(["--qrels", str(path), "--run", str(path)]) == 2
    said = capsys.readouterr().err
    assert f"textzoo check-data: runner.train_data_dir: {path} cannot be read: Permission" in said
    assert f"textzoo evaluate: --qrels: {path} cannot be read: Permission denied" in said
