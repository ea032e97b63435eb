"""What datasets/fetch.sh downloads, from 127.0.0.1: verified, resumed, repeated, refused."""

import hashlib
import http.server
import subprocess
import threading

import pytest
from harness.fetched import DATASETS, run_script, times_and_content, written_files

CONTENT = b"".join(b"line %d\n" % i for i in range(50_000))


class FileServer(http.server.ThreadingHTTPServer):
    """Serve ``files`` (path -> bytes); ``troubles`` (path -> list) go wrong first, in order.

    A trouble is ``"503"``, ``"cut"`` (the connection ends after half of the bytes),
    ``"html"`` or ``"ignore range"``. ``requests`` records (path, Range header).
    """

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), FileHandler)
        self.files, self.troubles, self.requests = {}, {}, []

    @property
    def address(self):
        return f"http://127.0.0.1:{self.server_port}"


class FileHandler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        """Answer with the file, the part of it that Range asks for, or the next trouble."""
        wanted = self.headers.get("Range")
        self.server.requests.append((self.path, wanted))
        troubles = self.server.troubles.get(self.path, [])
        trouble = troubles.pop(0) if troubles else None
        if trouble == "503":
            self.answer(503, b"busy")
        elif trouble == "html":
            self.answer(200, b"<!DOCTYPE html><html>Please log in</html>", "text/html")
        elif self.path not in self.server.files:
            self.answer(404, b"nothing here")
        else:
            self.answer_with_file(self.server.files[self.path], wanted, trouble)

    def answer_with_file(self, content, wanted, trouble):
        first = int(wanted[len("bytes=") :].rstrip("-")) if wanted else 0
        if trouble == "ignore range" or not wanted:
            self.answer(200, content, cut=trouble == "cut")
        elif first >= len(content):
            self.answer(416, b"")
        else:
            extent = f"bytes {first}-{len(content) - 1}/{len(content)}"
            self.answer(206, content[first:], extent=extent, cut=trouble == "cut")

    def answer(self, status, body, kind="text/plain", extent=None, cut=False):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        if extent:
            self.send_header("Content-Range", extent)
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if cut else body)

    def log_message(self, *arguments):
        """Keep the test output quiet."""


@pytest.fixture
def server():
    with FileServer() as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


COPY = """import argparse, pathlib
parser = argparse.ArgumentParser()
parser.add_argument("--source", type=pathlib.Path)
parser.add_argument("--output", type=pathlib.Path)
arguments = parser.parse_args()
(arguments.output / "lines.tsv").write_bytes((arguments.source / "lines.txt").read_bytes())
"""


@pytest.fixture
def made_up(tmp_path):
    """Return a function that writes a data set of one small file and returns its run.sh."""

    def write(*addresses, checksum=None, converter=COPY):
        checksum = checksum or "sha256:" + hashlib.sha256(CONTENT).hexdigest()
        folder = tmp_path / "made_up"
        folder.mkdir(exist_ok=True)
        (folder / "convert.py").write_text(converter)
        script = folder / "run.sh"
        script.write_text(
            "set -euo pipefail\n"
            f"HERE='{folder.as_posix()}'\n. '{(DATASETS / 'fetch.sh').as_posix()}'\n"
            "DATASET=made_up TITLE='Made up' TERMS='Terms: none' MANUAL_ADDRESS=http://by.hand\n"
            f"declare_file lines.txt {checksum} {' '.join(addresses)}\n"
            'declare_output text lines.tsv\nprepare_dataset "$@"\n'
        )
        return script

    # No proxy of the machine that runs the tests may stand between curl and 127.0.0.1.
    with pytest.MonkeyPatch.context() as environment:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY", "TEXTZOO_MIRROR"):
            environment.delenv(name, raising=False)
        yield write


def produced(script):
    return (script.parent / "data" / "lines.tsv").read_bytes()


def test_a_download_is_verified_converted_and_not_repeated(server, made_up):
    server.files["/lines.txt"] = CONTENT
    script = made_up(f"{server.address}/lines.txt")
    done = run_script(script)
    assert done.returncode == 0, done.stderr
    assert produced(script) == CONTENT
    data = script.parent / "data"
    assert written_files(data) == [".stamp-text", "download/lines.txt", "lines.tsv"]
    before = times_and_content(data)
    assert "up to date" in run_script(script).stdout
    assert times_and_content(data) == before
    assert len(server.requests) == 1


def test_a_download_can_be_verified_by_md5(server, made_up):
    server.files["/lines.txt"] = CONTENT
    address = f"{server.address}/lines.txt"
    script = made_up(address, checksum="md5:" + hashlib.md5(CONTENT).hexdigest())
    assert run_script(script).returncode == 0
    assert produced(script) == CONTENT


def test_a_lost_output_is_written_again_without_another_download(server, made_up):
    server.files["/lines.txt"] = CONTENT
    script = made_up(f"{server.address}/lines.txt")
    assert run_script(script).returncode == 0
    (script.parent / "data/lines.tsv").unlink()
    assert run_script(script).returncode == 0
    assert produced(script) == CONTENT
    assert len(server.requests) == 1


def test_a_busy_server_is_asked_again(server, made_up):
    server.files["/lines.txt"] = CONTENT
    server.troubles["/lines.txt"] = ["503", "503"]
    script = made_up(f"{server.address}/lines.txt")
    done = run_script(script)
    assert done.returncode == 0, done.stderr
    assert "HTTP 503" in done.stdout
    assert len(server.requests) == 3


def test_a_broken_connection_is_resumed_where_it_broke(server, made_up):
    server.files["/lines.txt"] = CONTENT
    server.troubles["/lines.txt"] = ["cut"]
    script = made_up(f"{server.address}/lines.txt")
    done = run_script(script)
    assert done.returncode == 0, done.stderr
    assert produced(script) == CONTENT
    assert [wanted for _, wanted in server.requests] == [None, f"bytes={len(CONTENT) // 2}-"]


def test_a_later_run_continues_what_an_earlier_one_had_to_leave(server, made_up):
    server.files["/lines.txt"] = CONTENT
    server.troubles["/lines.txt"] = ["cut", "503", "503", "503"]
    script = made_up(f"{server.address}/lines.txt")
    assert run_script(script).returncode == 1
    assert written_files(script.parent / "data") == ["download/lines.txt.part"]
    assert run_script(script).returncode == 0
    assert produced(script) == CONTENT
    assert server.requests[-1][1] == f"bytes={len(CONTENT) // 2}-"


def test_a_server_without_ranges_is_asked_for_the_whole_file(server, made_up):
    server.files["/lines.txt"] = CONTENT
    server.troubles["/lines.txt"] = ["cut", "ignore range"]
    script = made_up(f"{server.address}/lines.txt")
    assert run_script(script).returncode == 0
    assert produced(script) == CONTENT


@pytest.mark.parametrize("left_behind", [b"something else\n", b"x" * (len(CONTENT) + 9)])
def test_a_wrong_partial_file_is_dropped_and_fetched_afresh(server, made_up, left_behind):
    server.files["/lines.txt"] = CONTENT
    script = made_up(f"{server.address}/lines.txt")
    part = script.parent / "data/download/lines.txt.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(left_behind)
    done = run_script(script)
    assert done.returncode == 0, done.stderr
    assert produced(script) == CONTENT


def test_a_checksum_mismatch_names_address_expected_received_and_way_out(server, made_up):
    server.files["/lines.txt"] = b"line 1\n"
    script = made_up(f"{server.address}/lines.txt")
    done = run_script(script)
    assert done.returncode == 1
    for part in (
        f"{server.address}/lines.txt",
        "expected sha256:" + hashlib.sha256(CONTENT).hexdigest(),
        "received sha256:" + hashlib.sha256(b"line 1\n").hexdigest(),
        "http://by.hand",
        "--from",
    ):
        assert part in done.stderr
    assert written_files(script.parent / "data") == []


def test_a_moved_file_and_an_html_page_are_called_what_they_are(server, made_up):
    server.troubles["/page"] = ["html"]
    script = made_up(f"{server.address}/gone", f"{server.address}/page")
    done = run_script(script)
    assert done.returncode == 1
    assert "HTTP 404: the file has moved or was removed" in done.stderr
    assert "an HTML page came in place of the file" in done.stderr
    assert [path for path, _ in server.requests] == ["/gone", "/page"]


def test_the_next_address_is_tried_and_the_mirror_comes_first(server, made_up):
    server.files["/second/lines.txt"] = CONTENT
    script = made_up(f"{server.address}/first/lines.txt", f"{server.address}/second/lines.txt")
    done = run_script(script, TEXTZOO_MIRROR=f"{server.address}/mirror/")
    assert done.returncode == 0, done.stderr
    asked = [path for path, _ in server.requests]
    assert asked == ["/mirror/made_up/lines.txt", "/first/lines.txt", "/second/lines.txt"]


def test_a_file_is_taken_out_of_an_archive(server, made_up, tmp_path):
    (tmp_path / "inside").mkdir()
    (tmp_path / "inside/lines.txt").write_bytes(CONTENT)
    subprocess.run(["tar", "-czf", "all.tgz", "inside"], cwd=tmp_path, check=True)
    server.files["/all.tgz"] = (tmp_path / "all.tgz").read_bytes()
    server.troubles["/all.tgz"] = ["cut"]
    script = made_up(f"{server.address}/gone.txt", f"{server.address}/all.tgz#inside/lines.txt")
    done = run_script(script)
    assert done.returncode == 0, done.stderr
    assert produced(script) == CONTENT
    assert written_files(script.parent / "data/download") == ["lines.txt"]


def test_a_damaged_earlier_download_is_fetched_again(server, made_up):
    server.files["/lines.txt"] = CONTENT
    script = made_up(f"{server.address}/lines.txt")
    assert run_script(script).returncode == 0
    (script.parent / "data/download/lines.txt").write_bytes(b"damaged")
    (script.parent / "data/lines.tsv").unlink()
    done = run_script(script)
    assert done.returncode == 0
    assert "no longer has its checksum" in done.stdout
    assert produced(script) == CONTENT


KILLED = COPY + "import os, signal\nos.kill(os.getppid(), signal.SIGKILL)\n"


def test_a_run_killed_while_converting_leaves_nothing_under_the_final_name(server, made_up):
    server.files["/lines.txt"] = CONTENT
    address = f"{server.address}/lines.txt"
    assert run_script(made_up(address, converter=KILLED)).returncode != 0
    script = made_up(address)
    data = script.parent / "data"
    assert not (data / "lines.tsv").exists()
    assert run_script(script).returncode == 0
    assert written_files(data) == [".stamp-text", "download/lines.txt", "lines.tsv"]


def test_no_file_of_the_user_s_is_replaced_or_removed(server, made_up, tmp_path):
    server.files["/lines.txt"] = CONTENT
    script = made_up(f"{server.address}/lines.txt")
    output = tmp_path / "mine"
    others = {"lines.tsv": b"mine", ".partial/thesis.txt": b"mine", "download/film.part": b"mine"}
    for name, content in others.items():
        (output / name).parent.mkdir(parents=True, exist_ok=True)
        (output / name).write_bytes(content)
    done = run_script(script, "--output", output)
    assert done.returncode == 2
    assert f"--output: {output}/lines.tsv is there already, and was not made by" in done.stderr
    assert server.requests == []
    assert written_files(output) == sorted(others)
    (output / "lines.tsv").unlink()
    assert run_script(script, "--output", output).returncode == 0
    del others["lines.tsv"]
    assert {name: (output / name).read_bytes() for name in others} == others
    assert (output / "lines.tsv").read_bytes() == CONTENT


def test_what_a_killed_run_has_half_replaced_is_made_anew(server, made_up):
    server.files["/lines.txt"] = CONTENT
    script = made_up(f"{server.address}/lines.txt")
    assert run_script(script).returncode == 0
    (script.parent / "data" / ".stamp-text").write_text("being replaced\n")
    (script.parent / "data" / "lines.tsv").unlink()
    assert run_script(script).returncode == 0
    assert produced(script) == CONTENT
