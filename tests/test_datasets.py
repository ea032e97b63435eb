"""datasets/*/run.sh: what is fetched, what is refused, what is written and what is left alone.

Nothing here reaches further than 127.0.0.1. With TEXTZOO_TEST_DATA naming a folder that
holds ag_news/ and weibo_hashtags/, the counts on the real files are checked as well.
"""

import hashlib
import http.server
import importlib.util
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

DATASETS = Path(__file__).resolve().parents[1] / "datasets"

AG_NEWS_TRAIN = r""""3","Fears for T N pension","Unions at Turner   Newall say they are 'sad'."
"4","Private Team Sets Launch","A second\team competes for the  #36;10 million ""X"" Prize."
"2","Giddy Phelps","He isn #39;t done,  quot;no way quot;, at AT amp;amp;T."
"1","Oil","Crude&lt;br /&gt;up at &lt;A HREF=""http://x/?a=b""&gt;XOM.N&lt;/A&gt; (&lt;BP.L&gt;)"
"""
AG_NEWS_TEST = """"1","Crude","up at unseen"
"2","...","!?"
"""


def run_script(script, *arguments, shell="bash", **environment):
    """Run a run.sh and return the finished process, its output as text."""
    return subprocess.run(
        [shell, str(script), *map(str, arguments)],
        env={**os.environ, "PYTHON": sys.executable, "TEXTZOO_RETRY_WAIT": "0", **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=60,
    )


def written_files(folder):
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


def times_and_content(folder):
    return {
        p: (p.stat().st_mtime_ns, p.read_bytes()) for p in Path(folder).rglob("*") if p.is_file()
    }


# ------------------------------------------------------------------ AG News


@pytest.fixture
def ag_news_source(tmp_path):
    source = tmp_path / "ag news source"  # a space: every path in the scripts must be quoted
    source.mkdir()
    (source / "train.csv").write_text(AG_NEWS_TRAIN, encoding="utf-8")
    (source / "test.csv").write_text(AG_NEWS_TEST, encoding="utf-8")
    return source


@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_ag_news_text_is_one_clean_tagged_line_per_row(ag_news_source, tmp_path, shell):
    output = tmp_path / "the output"
    arguments = ("--from", ag_news_source, "--output", output)
    done = run_script(DATASETS / "ag_news/run.sh", *arguments, shell=shell)
    assert done.returncode == 0, done.stderr
    assert (output / "train/train.tsv").read_text(encoding="utf-8").split("\n") == [
        "Business\tFears for T N pension Unions at Turner Newall say they are 'sad'.",
        'Sci/Tech\tPrivate Team Sets Launch A second team competes for the $10 million "X" Prize.',
        'Sports\tGiddy Phelps He isn\'t done, "no way", at AT&T.',
        "World\tOil Crude up at XOM.N (<BP.L>)",
        "",
    ]
    assert (output / "test/test.tsv").read_text(encoding="utf-8") == (
        "World\tCrude up at unseen\nSports\t... !?\n"
    )
    assert "train: 4 rows" in done.stdout
    assert "non-commercial" in done.stdout
    assert "Please cite" in done.stdout


def test_ag_news_ids_are_paddlerec_rows_over_the_training_words(ag_news_source, tmp_path):
    (ag_news_source / "train.csv").write_text('"4","b a","a c"\n"1","a","B-b"\n', encoding="utf-8")
    (ag_news_source / "test.csv").write_text('"2","c","new a"\n"3","...","!"\n', encoding="utf-8")
    output = tmp_path / "output"
    arguments = ("--from", ag_news_source, "--output", output, "--format", "ids")
    done = run_script(DATASETS / "ag_news/run.sh", *arguments)
    assert done.returncode == 0, done.stderr
    # <unk>, a 3, b 2, then B and c once each in alphabetical (code point) order.
    assert (output / "ids/words.txt").read_text() == "<unk>\na\nb\nB\nc\n"
    assert (output / "ids/train/train.txt").read_text() == "3,2 1 1 4 \n0,1 3 2 \n"
    assert (output / "ids/test/test.txt").read_text() == "1,4 0 1 \n2,0 \n"


def test_each_format_is_kept_up_to_date_by_itself(ag_news_source, tmp_path):
    output = tmp_path / "output"
    script, arguments = DATASETS / "ag_news/run.sh", ("--from", ag_news_source, "--output", output)
    for chosen in ("text", "ids"):
        assert run_script(script, *arguments, "--format", chosen).returncode == 0
    before = times_and_content(output)
    for chosen in ("text", "ids"):
        again = run_script(script, *arguments, "--format", chosen)
        assert again.returncode == 0
        assert "up to date" in again.stdout
    assert times_and_content(output) == before


def test_a_changed_output_and_a_changed_source_are_converted_again(ag_news_source, tmp_path):
    output = tmp_path / "output"
    script, arguments = DATASETS / "ag_news/run.sh", ("--from", ag_news_source, "--output", output)
    assert run_script(script, *arguments).returncode == 0
    produced = output / "test/test.tsv"
    right = produced.read_bytes()
    produced.write_bytes(right[:-5])
    assert run_script(script, *arguments).returncode == 0
    assert produced.read_bytes() == right
    (ag_news_source / "test.csv").write_text('"1","only","one"\n', encoding="utf-8")
    assert run_script(script, *arguments).returncode == 0
    assert produced.read_text() == "World\tonly one\n"


def test_a_local_file_that_is_not_the_published_one_is_used_with_a_notice(ag_news_source, tmp_path):
    done = run_script(
        DATASETS / "ag_news/run.sh", "--from", ag_news_source, "--output", tmp_path / "output"
    )
    assert done.returncode == 0
    received = hashlib.sha256((ag_news_source / "test.csv").read_bytes()).hexdigest()
    assert "notice:" in done.stdout
    assert f"received sha256:{received}" in done.stdout


GOOD_ROW = b'"1","a","b"\n'
BAD_ROWS = {
    "two columns": (b'"1","a"\n', 2, ["received 2 columns", "class,title,description"]),
    "a class out of range": (b'"5","a","b"\n', 2, ["received class '5'", "1, 2, 3 or 4"]),
    "a header": (b'"class","title","description"\n', 2, ["received class 'class'"]),
    "a stray quote": (b'"1","a "b" c","d"\n', 2, ["not valid CSV"]),
    "an open quote": (b'"1","a","b\n' + GOOD_ROW + b'"1","x', 2, ["not valid CSV"]),
    "no text": (b'"1"," ","&lt;p&gt;"\n', 2, ["received no text"]),
    "another encoding": (b'"1","caf\xe9","b"\n', 2, ["0xe9 is not UTF-8"]),
}


@pytest.mark.parametrize("name", BAD_ROWS)
def test_a_malformed_ag_news_row_stops_the_run_and_changes_nothing(ag_news_source, tmp_path, name):
    bad, line, expected = BAD_ROWS[name]
    output = tmp_path / "output"
    script, arguments = DATASETS / "ag_news/run.sh", ("--from", ag_news_source, "--output", output)
    assert run_script(script, *arguments).returncode == 0
    before = times_and_content(output)
    (ag_news_source / "test.csv").write_bytes(GOOD_ROW + bad)
    done = run_script(script, *arguments)
    assert done.returncode == 2
    assert f"{ag_news_source / 'test.csv'}:{line}: " in done.stderr
    assert all(part in done.stderr for part in expected), done.stderr
    assert times_and_content(output) == before


def test_a_row_after_a_line_break_in_quotes_is_named_by_its_first_line(ag_news_source, tmp_path):
    (ag_news_source / "test.csv").write_bytes(b'"1","a","two\nlines"\n"9","a","b"\n')
    done = run_script(
        DATASETS / "ag_news/run.sh", "--from", ag_news_source, "--output", tmp_path / "output"
    )
    assert done.returncode == 2
    assert "test.csv:3: received class '9'" in done.stderr


def test_an_empty_source_file_is_named(ag_news_source, tmp_path):
    (ag_news_source / "train.csv").write_bytes(b"")
    done = run_script(
        DATASETS / "ag_news/run.sh", "--from", ag_news_source, "--output", tmp_path / "output"
    )
    assert done.returncode == 2
    assert "train.csv: the file is empty" in done.stderr


def test_windows_line_ends_and_a_byte_order_mark_change_nothing(ag_news_source, tmp_path):
    script = DATASETS / "ag_news/run.sh"
    assert run_script(script, "--from", ag_news_source, "--output", tmp_path / "a").returncode == 0
    for path in ag_news_source.iterdir():
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    assert run_script(script, "--from", ag_news_source, "--output", tmp_path / "b").returncode == 0
    for file in ("train/train.tsv", "test/test.tsv"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


def load_converter(name):
    spec = importlib.util.spec_from_file_location(f"convert_{name}", DATASETS / name / "convert.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("received", "expected"),
    [
        ("women #39;s  quot;big quot; day", 'women\'s "big" day'),
        ("up  #36;5 and US #36;7", "up $5 and US $7"),
        ("M amp;T, M amp;amp;T, M&amp;T", "M&T, M&T, M&T"),
        ("women amp;apos;s", "women's"),
        ("now  #151; then #133;  hellip;", "now \u2014 then\u2026 \u2026"),
        ("an  nbsp;odd\tspace\\here", "an odd space here"),
        ("ranked #1; cap; it; #39", "ranked #1; cap; it; #39"),
        (
            "&lt;b&gt;...&lt;/b&gt; at &lt;A.N&gt; &lt;FONT face='a,b'\\ size=2&gt;x",
            "... at <A.N> x",
        ),
        ("caf #233; caf eacute;", "caf\u00e9 caf\u00e9"),
    ],
)
def test_clean_repairs_what_occurs_in_ag_news_and_leaves_other_text_alone(received, expected):
    assert load_converter("ag_news").clean(received) == expected


# ----------------------------------------------------------- Weibo hashtags


@pytest.fixture
def weibo_source(tmp_path):
    source = tmp_path / "weibo"
    source.mkdir()
    for name, posts, tags in [
        ("valid", "今天 的 比赛\n很  好\t看\n", "世界杯\n电影;周 一;电影\n"),
        ("test", "第一 条\n", "a,b;\n"),
    ]:
        (source / f"{name}_src.txt").write_text(posts, encoding="utf-8")
        (source / f"{name}_trg.txt").write_text(tags, encoding="utf-8")
    return source


def test_weibo_rows_join_posts_and_hashtags(weibo_source, tmp_path):
    output = tmp_path / "output"
    arguments = ("--from", weibo_source, "--output", output)
    done = run_script(DATASETS / "weibo_hashtags/run.sh", *arguments, shell="sh")
    assert done.returncode == 0, done.stderr
    assert (output / "train/train.tsv").read_text(encoding="utf-8") == (
        "世界杯\t今天 的 比赛\n电影,周 一\t很 好 看\n"
    )
    # The comma would split the hashtag in two: it becomes a full-width one.
    assert (output / "test/test.tsv").read_text(encoding="utf-8") == "a\uff0cb\t第一 条\n"
    before = times_and_content(output)
    assert "up to date" in run_script(DATASETS / "weibo_hashtags/run.sh", *arguments).stdout
    assert times_and_content(output) == before


@pytest.mark.parametrize(
    ("file", "content", "expected"),
    [
        ("valid_trg.txt", "一\n", "has 2 lines and"),
        ("valid_trg.txt", "一\n;\n", "valid_trg.txt:2: received ';', expected hashtags"),
        ("valid_src.txt", "一\n \n", "valid_src.txt:2: received an empty line"),
        ("test_src.txt", "", "test_src.txt: the file is empty"),
    ],
)
def test_a_malformed_weibo_line_is_named(weibo_source, tmp_path, file, content, expected):
    (weibo_source / file).write_text(content, encoding="utf-8")
    output = tmp_path / "output"
    done = run_script(
        DATASETS / "weibo_hashtags/run.sh", "--from", weibo_source, "--output", output
    )
    assert done.returncode == 2
    assert expected in done.stderr
    assert written_files(output) == []


# ---------------------------------------------------------------- arguments


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--form", "x"], ["unknown argument: --form", "usage:"]),
        (["--from"], ["--from needs a value"]),
        (["--from", "no/such/folder"], ["no such folder: no/such/folder"]),
        (["--format", "csv"], ["received 'csv'", "expected one of: text ids"]),
        (["--output", __file__], ["is a file, expected a folder"]),
    ],
)
def test_a_mistake_in_the_arguments_is_answered_with_status_2(arguments, expected):
    done = run_script(DATASETS / "ag_news/run.sh", *arguments)
    assert done.returncode == 2
    assert all(part in done.stderr for part in expected), done.stderr


def test_format_is_unknown_to_a_data_set_that_has_one(tmp_path):
    done = run_script(DATASETS / "weibo_hashtags/run.sh", "--format", "text", "--output", tmp_path)
    assert done.returncode == 2
    assert "unknown argument: --format" in done.stderr


def test_missing_local_files_are_listed_with_the_expected_names(weibo_source, tmp_path):
    (weibo_source / "test_trg.txt").unlink()
    done = run_script(
        DATASETS / "weibo_hashtags/run.sh", "--from", weibo_source, "--output", tmp_path / "output"
    )
    assert done.returncode == 2
    assert f"missing in {weibo_source}: test_trg.txt" in done.stderr
    assert "valid_src.txt valid_trg.txt test_src.txt test_trg.txt" in done.stderr


@pytest.mark.parametrize("name", ["ag_news", "weibo_hashtags"])
def test_help_names_every_option(name):
    done = run_script(DATASETS / name / "run.sh", "--help", shell="sh")
    assert done.returncode == 0
    for option in ("--from", "--output", "TEXTZOO_MIRROR", "Please cite"):
        assert option in done.stdout


# ------------------------------------------------- download, from 127.0.0.1

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


# ---------------------------------------------------------------- real data

if os.environ.get("TEXTZOO_TEST_DATA"):
    REAL_DATA = Path(os.environ["TEXTZOO_TEST_DATA"])

    def tags_and_texts(path):
        rows = path.read_text(encoding="utf-8").split("\n")
        assert rows.pop() == ""
        return [row.split("\t") for row in rows]

    def test_every_real_ag_news_row_arrives_with_its_tag(tmp_path):
        source, output = REAL_DATA / "ag_news", tmp_path / "output"
        for chosen in ("text", "ids"):
            done = run_script(
                *(DATASETS / "ag_news/run.sh", "--from", source, "--output", output),
                *("--format", chosen),
            )
            assert done.returncode == 0, done.stderr
        for split in ("train", "test"):
            # In these files a row is a line, and its second character is its class.
            classes = [int(row[1:2]) for row in (source / f"{split}.csv").open("rb")]
            rows = tags_and_texts(output / split / f"{split}.tsv")
            names = ["World", "Sports", "Business", "Sci/Tech"]
            assert [names.index(tag) + 1 for tag, _ in rows] == classes
            assert not any("\\" in text or "#39;" in text for _, text in rows)
            ids = (output / "ids" / split / f"{split}.txt").read_text().splitlines()
            assert [int(row.split(",")[0]) + 1 for row in ids] == classes
        assert len(classes) == 7600

    def test_every_real_weibo_row_arrives_with_its_hashtags(tmp_path):
        source, output = REAL_DATA / "weibo_hashtags", tmp_path / "output"
        done = run_script(DATASETS / "weibo_hashtags/run.sh", "--from", source, "--output", output)
        assert done.returncode == 0
        assert "notice" not in done.stdout
        for split, name in (("train", "valid"), ("test", "test")):
            rows = tags_and_texts(output / split / f"{split}.tsv")
            assert len(rows) == 4630
            tags = (source / f"{name}_trg.txt").read_text(encoding="utf-8").splitlines()
            assert [tag.split(",") for tag, _ in rows] == [line.split(";") for line in tags]
