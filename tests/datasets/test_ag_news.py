"""datasets/*/run.sh: what is fetched, what is refused, what is written and what is left alone.

Nothing here reaches further than 127.0.0.1. With TEXTZOO_TEST_DATA naming a folder that
holds ag_news/ and weibo_hashtags/, the counts on the real files are checked as well.
"""

import hashlib
import importlib.util
import os
from pathlib import Path

import pytest
from harness.fetched import DATASETS, run_script, times_and_content, written_files

AG_NEWS_TRAIN = r""""3","Fears for T N pension","Unions at Turner   Newall say they are 'sad'."
"4","Private Team Sets Launch","A second\team competes for the  #36;10 million ""X"" Prize."
"2","Giddy Phelps","He isn #39;t done,  quot;no way quot;, at AT amp;amp;T."
"1","Oil","Crude&lt;br /&gt;up at &lt;A HREF=""http://x/?a=b""&gt;XOM.N&lt;/A&gt; (&lt;BP.L&gt;)"
"""
AG_NEWS_TEST = """"1","Crude","up at unseen"
"2","...","!?"
"""


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
