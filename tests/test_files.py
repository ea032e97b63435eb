import errno
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from harness.killed import killed_at_each_call

from textzoo import files
from textzoo.errors import UserError
from textzoo.files import (
    Listing,
    check_folder,
    check_output,
    digests,
    foreign_files,
    from_here,
    how_to_fetch,
    new_file,
    new_folder,
    new_output,
    remove_folder,
    remove_leftovers,
    standing,
    version,
    write_lines,
)
from textzoo.text.lines import data_files

LISTING = Listing("list.json", frozenset({"sha256", "kind"}), "a thing")
needs_posix = pytest.mark.skipif(os.name != "posix", reason="forks, pipes, its messages")


def write_thing(path, content="a", listing=LISTING):
    with new_folder(path, listing) as place:
        (place / "sub").mkdir()
        (place / "sub" / "data.bin").write_text(content, encoding="utf-8")
        facts = {"kind": "thing", "sha256": digests(place)}
        (place / "list.json").write_text(json.dumps(facts), encoding="utf-8")
    return path


def content_of(path):
    return (standing(path) / "sub" / "data.bin").read_text(encoding="utf-8")


def names(folder):
    return sorted(path.name for path in folder.iterdir())


# ------------------------------------------------------------------ what is replaced


def test_a_folder_of_ours_is_replaced_and_nothing_is_left_beside_it(tmp_path):
    write_thing(tmp_path / "thing", "a")
    check_folder(tmp_path / "thing", LISTING, "--output")
    write_thing(tmp_path / "thing", "b")
    assert content_of(tmp_path / "thing") == "b"
    assert names(tmp_path) == ["thing"]


def mine(folder):
    (folder / "thesis.txt").write_text("mine", encoding="utf-8")


def nested(folder):
    (folder / "sub" / "deeper").mkdir(parents=True)
    mine(folder / "sub" / "deeper")


def of_another_kind(folder):
    facts = {"form": 1, "sha256": {"thesis.txt": "0"}}
    (folder / "list.json").write_text(json.dumps(facts), encoding="utf-8")
    mine(folder)


def damaged_listing(folder):
    (folder / "list.json").write_text('{"kind": ', encoding="utf-8")


def listing_of_a_wrong_type(folder):
    (folder / "list.json").write_text('{"kind": 1, "sha256": 5}', encoding="utf-8")


def link_to_a_folder(folder):
    (folder / "linked").symlink_to(folder.parent, target_is_directory=True)


@needs_posix
@pytest.mark.parametrize("is_ours", [False, True], ids=["beside nothing", "in one of ours"])
@pytest.mark.parametrize(
    "add",
    [mine, nested, of_another_kind, damaged_listing, listing_of_a_wrong_type, link_to_a_folder],
)
def test_a_folder_with_anything_else_in_it_is_refused_and_stays(tmp_path, add, is_ours):
    place = tmp_path / "place"
    if is_ours:
        write_thing(place)
    place.mkdir(exist_ok=True)
    add(place)
    before = {path: path.read_bytes() for path in place.rglob("*") if path.is_file()}
    with pytest.raises(UserError, match=r"--output: .*place holds something other than a thing: "):
        check_folder(place, LISTING, "--output")
    with pytest.raises(UserError, match="place holds something other than a thing: "):
        write_thing(place)
    assert {path: path.read_bytes() for path in place.rglob("*") if path.is_file()} == before
    assert names(tmp_path) == ["place"]


def test_an_empty_folder_and_what_file_managers_leave_are_no_obstacle(tmp_path):
    (tmp_path / "thing").mkdir()
    write_thing(tmp_path / "thing")
    (tmp_path / "thing" / ".DS_Store").write_bytes(b"1")
    check_folder(tmp_path / "thing", LISTING, "--output")
    write_thing(tmp_path / "thing", "b")
    assert content_of(tmp_path / "thing") == "b"


def test_known_names_are_ours_where_the_listing_is_damaged(tmp_path):
    write_thing(tmp_path / "thing")
    damaged_listing(tmp_path / "thing")
    known = LISTING._replace(names=frozenset({"list.json", "sub"}))
    assert foreign_files(tmp_path / "thing", LISTING) == ["list.json", "sub/data.bin"]
    assert foreign_files(tmp_path / "thing", known) == []
    mine(tmp_path / "thing")
    assert foreign_files(tmp_path / "thing", known) == ["thesis.txt"]


def test_without_a_listing_what_is_there_by_then_stays(tmp_path):
    with new_folder(tmp_path / "thing") as place:
        mine(place)
        write_thing(tmp_path / "thing", "faster")
    assert content_of(tmp_path / "thing") == "faster"
    assert names(tmp_path) == ["thing"]


@needs_posix
def test_a_link_to_a_folder_stays_and_what_it_leads_to_is_replaced(tmp_path):
    write_thing(tmp_path / "real")
    (tmp_path / "link").symlink_to(tmp_path / "real", target_is_directory=True)
    write_thing(tmp_path / "link", "b")
    assert (tmp_path / "link").is_symlink()
    assert content_of(tmp_path / "real") == "b"


@needs_posix
@pytest.mark.parametrize(
    ("place", "says"),
    [
        ("file", "is a file; expected a folder to make"),
        ("file/thing", "cannot write .*Not a directory"),
        ("x" * 256, "cannot write .*File name too long"),
        (f"new/{'x' * 256}/thing", "cannot write .*File name too long"),
    ],
)
def test_a_place_for_no_folder_is_refused_before_any_work(tmp_path, place, says):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=f"^--output: .*{says}"):
        check_folder(tmp_path / place, LISTING, "--output")
    assert names(tmp_path) == ["file"]


def test_what_can_be_made_is_not_made_by_the_check(tmp_path):
    check_folder(tmp_path / "a" / "b" / "c", LISTING, "--output")
    check_output(tmp_path / "a" / "b.txt", "--output")
    assert names(tmp_path) == []


# ------------------------------------------------------------------ kills and leftovers


@needs_posix
def test_a_folder_is_whole_wherever_its_replacement_is_killed(tmp_path):
    def prepare(place):
        write_thing(place / "thing", "a")

    places = killed_at_each_call(tmp_path, prepare, lambda place: write_thing(place / "thing", "b"))
    found = []
    for place in places:
        found.append(content_of(place / "thing"))
        write_thing(place / "thing", "c")
        assert content_of(place / "thing") == "c"
        remove_leftovers(place)
        assert names(place) == ["thing"]
    assert found == sorted(found)
    assert set(found) == {"a", "b"}
    assert len(places) > 15


@needs_posix
def test_a_folder_is_there_or_not_wherever_its_removal_is_killed(tmp_path):
    def prepare(place):
        write_thing(place / "thing")

    for place in killed_at_each_call(tmp_path, prepare, lambda p: remove_folder(p / "thing")):
        if standing(place / "thing").is_dir():
            assert content_of(place / "thing") == "a"
        remove_leftovers(place)
        assert set(names(place)) <= {"thing"}


def test_a_failed_rename_puts_the_earlier_folder_back(tmp_path, monkeypatch):
    write_thing(tmp_path / "thing", "a")
    rename = Path.rename

    def failing(self, target):
        if self.name.startswith(".tmp-"):
            raise OSError(errno.EIO, "Input/output error")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", failing)
    with pytest.raises(OSError, match="Input/output error"):
        write_thing(tmp_path / "thing", "b")
    assert names(tmp_path) == ["thing"]
    assert content_of(tmp_path / "thing") == "a"


def test_only_leftovers_of_ours_are_removed_and_only_when_they_are_old(tmp_path):
    ours = (".tmp-0123abcd-thing", ".tmp-0123abcd-thing.txt")
    others = (".tmp-thing", ".tmp-0123abcd-mine", ".replaced-mine", ".tmp-0123ABCD-thing", "thing")
    for name in (*ours, *others):
        (tmp_path / name).mkdir()
        mine(tmp_path / name)
    (tmp_path / ours[1] / "thesis.txt").unlink()
    (tmp_path / ours[1]).rmdir()
    (tmp_path / ours[1]).touch()
    remove_leftovers(tmp_path, 1, r"thing(\.txt)?")
    assert set(names(tmp_path)) == {*ours, *others}
    then = time.time() - 2 * 3600
    for path in [*tmp_path.rglob("*")]:
        os.utime(path, (then, then))
    remove_leftovers(tmp_path, 1, r"thing(\.txt)?")
    assert set(names(tmp_path)) == set(others)


# ------------------------------------------------------------------ files


def test_a_file_is_replaced_when_it_is_whole(tmp_path):
    path = tmp_path / "new" / "lines.txt"
    assert write_lines(path, ["a", "b"], "--output") == 2
    with pytest.raises(UserError), new_file(path) as file:
        file.write(b"half")
        raise UserError
    assert path.read_bytes() == b"a\nb\n"
    assert names(path.parent) == ["lines.txt"]


def test_no_file_of_the_user_s_is_taken_for_a_temporary_one(tmp_path):
    mine(tmp_path)
    (tmp_path / "thesis.txt").rename(tmp_path / "lines.txt.tmp")
    write_lines(tmp_path / "lines.txt", ["a"], "--output")
    assert (tmp_path / "lines.txt.tmp").read_text(encoding="utf-8") == "mine"


LIMITED = """
import resource, signal, sys
from pathlib import Path
from textzoo.files import write_lines
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
write_lines(Path(sys.argv[1]), ("x" * 99 for _ in range(1000)), "--output")
"""


@needs_posix
def test_a_full_disk_leaves_the_earlier_file_and_nothing_else(tmp_path):
    mine(tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(tmp_path / "thesis.txt")],
        env={**os.environ, "PYTHONPATH": str(Path(files.__file__).parents[1])},
        capture_output=True,
        encoding="utf-8",
    )
    assert "UserError: --output: cannot write" in done.stderr
    assert "File too large; choose another place" in done.stderr
    assert names(tmp_path) == ["thesis.txt"]
    assert (tmp_path / "thesis.txt").read_text(encoding="utf-8") == "mine"


@needs_posix
def test_a_pipe_is_written_to_and_stays(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    check_output(pipe, "--output")
    with subprocess.Popen(["cat", str(pipe)], stdout=subprocess.PIPE) as reader:
        with new_output(pipe, "--output") as file:
            file.write(b"..de")
            file.seek(0)
            file.write(b"ab")
        assert reader.stdout.read() == b"abde"
    assert pipe.is_fifo()
    with new_output(Path("/dev/null"), "--output") as file:
        file.write(b"a")
    assert Path("/dev/null").is_char_device()


@needs_posix
@pytest.mark.parametrize("name", ["/dev/stdout", "out.txt"])
def test_what_a_process_prints_to_is_not_replaced(tmp_path, name):
    code = """
import sys
from pathlib import Path
from textzoo.files import write_lines
print("a log line", flush=True)
write_lines(Path(sys.argv[1]), ["a", "b"], "--output")
print("another", flush=True)
"""
    with (tmp_path / "out.txt").open("ab") as out:
        subprocess.run(
            [sys.executable, "-c", code, name],
            env={**os.environ, "PYTHONPATH": str(Path(files.__file__).parents[1])},
            cwd=tmp_path,
            stdout=out,
            check=True,
        )
    printed = (tmp_path / "out.txt").read_text(encoding="utf-8")
    assert printed == "a log line\na\nb\nanother\n"
    assert names(tmp_path) == ["out.txt"]


@needs_posix
@pytest.mark.parametrize("way", ["itself", "link", "hard link", "folder", "by dots"])
def test_an_input_is_no_output(tmp_path, way):
    (tmp_path / "data").mkdir()
    mine(tmp_path / "data")
    source = tmp_path / "data" / "thesis.txt"
    output, inputs = source, [tmp_path / "other", source]
    if way == "link":
        output = tmp_path / "link"
        output.symlink_to(source)
    elif way == "hard link":
        output = tmp_path / "link"
        os.link(source, output)
    elif way == "folder":
        output, inputs = tmp_path / "data" / "new" / "found.jsonl", [tmp_path / "data"]
    elif way == "by dots":
        output = tmp_path / "data" / ".." / "data" / "thesis.txt"
    with pytest.raises(UserError, match=r"--output: .* which this run reads; choose another"):
        check_output(output, "--output", inputs)
    check_output(tmp_path / "found.jsonl", "--output", inputs)


@needs_posix
@pytest.mark.parametrize(
    ("place", "says"),
    [
        (".", "is a folder; expected a file to write"),
        ("file/x.txt", "cannot write .*Not a directory"),
        ("x" * 256, "cannot write .*File name too long"),
    ],
)
def test_a_place_for_no_file_is_refused_before_any_work(tmp_path, place, says):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=f"^--output: .*{says}"):
        check_output(tmp_path / place, "--output")
    assert names(tmp_path) == ["file"]


# ------------------------------------------------------------------ versions


def test_a_file_that_was_changed_is_no_longer_what_was_read(tmp_path):
    mine(tmp_path)
    path = tmp_path / "thesis.txt"
    read = version(path)
    read.check()
    with path.open("a", encoding="utf-8") as file:
        file.write(" too")
    with pytest.raises(UserError, match=r"thesis\.txt: was changed while it was read"):
        read.check()
    assert version(path).sha256 != read.sha256
    path.unlink()
    with pytest.raises(UserError, match=r"thesis\.txt: was changed while it was read"):
        read.check()
    with pytest.raises(UserError, match=r"thesis\.txt: cannot be read: No such file"):
        version(path)


def test_a_file_that_grows_while_its_checksum_is_made_is_refused(tmp_path, monkeypatch):
    mine(tmp_path)
    path = tmp_path / "thesis.txt"
    sha256 = files.sha256

    def slow(path):
        digest = sha256(path)
        path.write_text("more", encoding="utf-8")
        return digest

    monkeypatch.setattr(files, "sha256", slow)
    with pytest.raises(UserError, match=r"was changed while it was read"):
        version(path)


# ------------------------------------------------------------------ what is not there


def test_a_file_that_a_script_of_datasets_makes_is_named_with_the_script(tmp_path):
    folder = tmp_path / "datasets" / "news"
    folder.mkdir(parents=True)
    assert how_to_fetch(folder / "data" / "train.tsv") == ""
    (folder / "run.sh").write_text("declare_output text a/train.tsv\n")
    assert how_to_fetch(folder / "data" / "vectors.txt") == ""  # another command makes it
    for path in (folder / "data", folder / "data" / "a" / "train.tsv"):
        assert how_to_fetch(path) == f"; fetch it with: bash {folder / 'run.sh'}"
        with pytest.raises(
            UserError, match=r"^key: no such file or folder: .*; fetch it with: bash"
        ):
            data_files(path, "key")
    assert how_to_fetch(tmp_path / "other" / "train.tsv") == ""
    encoders = tmp_path / "datasets" / "pretrained"
    encoders.mkdir()
    (encoders / "run.sh").write_text('NAMES="e5 bge"\n')
    for path in (encoders / "data" / "e5", encoders / "data" / "e5" / "config.json"):
        assert how_to_fetch(path) == f"; fetch it with: bash {encoders / 'run.sh'} e5"


def test_a_path_below_the_working_directory_is_told_from_there(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert from_here(tmp_path / "a b" / "c") == Path("a b/c")
    for path in (tmp_path, tmp_path.parent / "other", Path("near")):
        assert from_here(path) == path
