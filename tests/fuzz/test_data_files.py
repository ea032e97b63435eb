"""Data files that were changed at random: refused in words, or read as they stand.

TEXTZOO_FUZZ is how many there are.
"""

import csv
import functools
import io
import json
import os
import random
import re
import shutil
import signal
import traceback
import zlib
from collections import Counter
from contextlib import contextmanager, redirect_stdout

import pytest
from harness.malformed_files import malformed
from harness.workspace import MODELS

from textzoo.commands.check_data import check_data
from textzoo.commands.evaluate import evaluate
from textzoo.config.loading import build_reader, load_config
from textzoo.data import encoding
from textzoo.data.cache import Cache, encoded_rows, fitted_vocabulary
from textzoo.data.corpus import read_entries
from textzoo.data.encoding import Refusals
from textzoo.data.input_files import input_files, read_texts
from textzoo.errors import UserError
from textzoo.text.fields import LABELS, TEXT
from textzoo.text.lines import MAX_LINE_BYTES
from textzoo.text.reader import Reader
from textzoo.text.records import layout_of
from textzoo.text.streams import open_stream

N_FILES = int(os.environ.get("TEXTZOO_FUZZ", "2500"))
_SECONDS = 60  # a file that takes longer is one that nothing comes to an end with

TAGS = "".join(
    f"{tags}\t{text}\n"
    for tags, text in [
        ("music", "the new song"),
        ("cooking", "a sharp knife, and salt"),
        ("music,film", "the song of the film"),
        ("体育", "昨天 的 比赛"),
        ("film", "a long night"),
        ("cooking，体育", "bread and games"),
    ]
    * 3
)
IDS = "".join(f"{n % 4},{n} {n * 7 % 40} {n * 3 % 40} \n" for n in range(20))
LEVELS = "".join(
    f"{n % 3},{n % 2}\t{text}\n" for n, text in enumerate(["好", "坏 天", "a day"] * 5)
)
CSV = "id,text,label\r\n" + "".join(
    f'{n},"text {n}, with ""quotes""\nand a line",{"a|b" if n % 2 else "c"}\r\n' for n in range(9)
)
PAIRS = "".join(f"how to {n}\tthe way of {n}{'	not so' * (n % 2)}\n" for n in range(20))
CORPUS = "".join(f"a text of {n}\n" for n in range(20))
JSONL = "".join(
    json.dumps({"id": n, "text": f"文本 {n}", "year": n}, ensure_ascii=n % 2 == 0) + "\n"
    for n in range(20)
)
QRELS = "".join(f"q{n // 3} 0 d{n} {n % 3}\n" for n in range(20))
RUN = "".join(f"q{n // 4} Q0 d{n % 9} 1 {0.1 * n:.2f} tag\n" for n in range(28))
RESULT = "".join(f"how to {n // 3}\tthe way of {n % 7}\t{1 / (1 + n):.4f}\n" for n in range(40))

_SIZES = ("reader.vocab_size=300",)
_IDS = ("hyper_parameters.vocab_text_size=40", "hyper_parameters.vocab_tag_size=4")
_OF_LEVELS = (
    *("reader.labels=[x, y]", "reader.n_levels=3", "hyper_parameters.loss=softmax"),
    "hyper_parameters.linear.features=none",
)
# Of each kind of rows: the model, what its config is to say, a good file.
ROWS = {
    "tags": ("tagspace", ("reader.format=text",), TAGS),
    "ids": ("tagspace", _IDS, IDS),
    "labels": ("xmlcnn", ("reader.stop_words=english",), TAGS),
    "sets": ("multilabel", _SIZES, TAGS),
    "csv": ("multilabel", (*_SIZES, "reader.format=csv"), CSV),
    "levels": ("multilabel", (*_SIZES, *_OF_LEVELS), LEVELS),
    "pairs": ("batchneg", ("reader.ngram_buckets=500",), PAIRS),
}
GOOD = [text.encode() for text in (TAGS, IDS, CSV, PAIRS, CORPUS, JSONL, QRELS, RUN)]


class Nonsense(AssertionError):
    """A file was read as what it is not."""


def require(holds, *what):
    if not holds:
        raise Nonsense(*what)


@functools.cache
def configured(kind):
    model, overrides, _ = ROWS[kind]
    return load_config(MODELS[model].config, list(overrides))


# ------------------------------------------------------- what a file holds, read in another way


def content_of(path):
    with open_stream(path) as file:
        return file.read()


def raw_lines(content):
    """Each line that is not blank by its number; None for one that is no text."""
    lines = {}
    for number, raw in enumerate(content.split(b"\n"), start=1):
        try:
            text = raw.removeprefix(b"\xef\xbb\xbf").decode("utf-8").rstrip("\r")
        except UnicodeDecodeError:
            text = None
        if len(raw) >= MAX_LINE_BYTES or (text is not None and "\0" in text):
            text = None
        if text is None or text.strip():
            lines[number] = text
    return lines


def records(content):
    """As `raw_lines`, of the cells of a file of CSV; None if it is no such file."""
    text = content.replace(b"\n\xef\xbb\xbf", b"\n").removeprefix(b"\xef\xbb\xbf")
    lines = io.StringIO(text.decode("utf-8", "surrogateescape"), newline="\n")
    found, header, at, reader = {}, None, [], csv.reader(lines, strict=True)
    number = 1
    try:
        for cells in reader:
            is_blank = len(cells) < 2 and not "".join(cells).strip()
            if header is None and not is_blank:
                header = cells
                names = [cell.strip().lower() for cell in cells]
                at = [i for known in (LABELS, TEXT) for i, n in enumerate(names) if n in known]
                if [names[i] in known for i, known in zip(at, (LABELS, TEXT))] != [True, True]:
                    return None
            elif not is_blank:
                no_text = re.search("[\0\udc80-\udcff]", "".join(cells))
                is_good = len(cells) == len(header) and not no_text
                found[number] = (
                    "\t".join(" ".join(cells[i].split()) for i in at) if is_good else None
                )
            number = reader.line_num + 1
    except csv.Error:
        return None
    return found


def one_line(text):
    return " ".join(text.split())


def labels_of(kind, text):
    """The labels that a line of two columns names."""
    separators = {"tags": "[,，]", "labels": ","}.get(kind, "[,，|]")
    return {one_line(label) for label in re.split(separators, text.partition("\t")[0])} - {""}


# ------------------------------------------------------------------------- each kind of file


def read_rows(kind, path, content):
    """Encode a file as the trainer does, and compare the rows with its lines."""
    config, folder = configured(kind)
    place = path.with_suffix("")
    model = MODELS[ROWS[kind][0]]
    found = {}
    for bad_lines in ("skip", "error"):
        cache = Cache(place / bad_lines, bad_lines, 1)
        try:
            files = input_files(path, "runner.train_data_dir", cache)
            fresh = build_reader(config, folder)
            declared = {k: v for k, v in config.hyper_parameters.items() if k in fresh.supplies}
            vocabulary = fitted_vocabulary(files, fresh, declared, kind, cache)
            reader = build_reader(config, folder, vocabulary)
            rows = encoded_rows(files, reader, True, kind, cache)
        except UserError as problem:
            found[bad_lines] = problem
            continue
        lines = [rows.line(row) for row in range(len(rows))]
        found[bad_lines] = [(line.number, line.text) for line in lines], rows.skipped
        layout = layout_of(files[0], reader).kind
        if kind == "csv" or layout in ("CSV", "lines"):  # it may be another format by now
            is_csv = kind == "csv" or layout == "CSV"
            compare(kind, is_csv, content_of(files[0]), reader, rows, lines)
    skipped, stopped = found["skip"], found["error"]
    if isinstance(skipped, tuple):
        same = stopped == skipped if not skipped[1] else isinstance(stopped, UserError)
        require(same, "skip and error differ", skipped[1], stopped)
        if isinstance(stopped, UserError):
            require(re.search(r":\d+: ", str(stopped)), "no line is named", str(stopped))
    else:
        require(isinstance(stopped, UserError), "stops only where lines are skipped", skipped)
    if zlib.crc32(content) % 10 == 0:  # it looks at the same, and takes longer
        settings = [f"runner.train_data_dir={path}", f"runner.cache_dir={place}/check"]
        check_data(model.config, [*ROWS[kind][1], *settings, "runner.test_data_dir=null"], 3)
    if isinstance(skipped, UserError):
        raise skipped


def compare(kind, is_csv, content, reader, rows, lines):
    """Compare rows with what the file holds."""
    expected = records(content) if is_csv else raw_lines(content)
    require(expected is not None, "rows of what is no CSV")
    require(len(rows) + rows.skipped == len(expected), len(rows), rows.skipped, len(expected))
    numbers = [line.number for line in lines]
    require(numbers == sorted(set(numbers)), "rows in another order, or twice", numbers)
    texts, labels = {line.number: one_line(line.text) for line in lines}, set()
    for number, text in expected.items():
        if text is None:
            require(number not in texts, "a row of what is no text", number)
            continue
        require(texts.get(number, one_line(text)) == one_line(text), "another text", number)
        if kind not in ("ids", "levels", "pairs"):
            n_columns, own = text.count("\t") + 1, labels_of(kind, text)
            is_good = n_columns == 2 and own and text.partition("\t")[2].strip()
            require(number not in texts or n_columns == 2, "a row of other columns", number)
            require(
                number in texts or kind == "tags" or not is_good, "no row of a good line", number
            )
            labels |= own if n_columns == 2 else set()
    if kind not in ("ids", "levels", "pairs"):
        require(set(map(one_line, reader.label_names)) <= labels, "other labels than the file's")


def read_corpus(kind, path, content):
    """Read a corpus, and compare its texts with its lines."""
    refusals = Refusals("skip")
    entries = read_entries(path, "runner.corpus_file", refused=refusals)
    lines = raw_lines(content_of(path)).values()
    found = {one_line(entry.text) for entry in entries}
    if kind == "corpus":
        require(found == {one_line(text) for text in lines if text}, "other texts than the file's")
        require(refusals.count == sum(text is None for text in lines), refusals.count)
        queries = read_texts(path, "--queries", Reader())
        require(found == set(map(one_line, queries)), "other queries")
    else:
        objects = [json.loads(text) for text in lines if text and is_object(text)]
        require(found <= {one_line(row["text"]) for row in objects}, "other texts than the file's")
        require(len(entries) + refusals.count <= len(lines), len(entries), refusals.count)
    for entry in entries:
        require(not set("\t\n\r\0") & set(entry.text), entry)
        entry.text.encode()


def is_object(text):
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return isinstance(found, dict) and isinstance(found.get("text"), str)


def read_trec(kind, path, content):
    """Evaluate a file against a good one of the other kind."""
    other = path.with_name("other")
    given = {"pairs": None, "result": None, "qrels": None, "run": None}
    partner, text = {
        "qrels": ("run", RUN),
        "run": ("qrels", QRELS),
        "result": ("pairs", PAIRS),
        "gold pairs": ("result", RESULT),
    }[kind]
    other.write_text(text, encoding="utf-8")
    given[partner], given[kind.split()[-1]] = other, path
    printed = io.StringIO()
    with redirect_stdout(printed):
        evaluate(**given, cuts=[1, 5], write_trec=None, keep_own_text=False)
    metrics = json.loads(printed.getvalue().splitlines()[-1].removeprefix("metrics: "))
    require(all(0 <= value <= 1 for name, value in metrics.items() if "@" in name), metrics)
    if kind == "qrels":
        rows = [text.split() for text in raw_lines(content_of(path)).values()]
        queries = {row[0] for row in rows if float(row[3]) > 0}
        require(metrics["queries"] == len(queries), metrics, len(queries))


OTHERS = {
    "corpus": (read_corpus, CORPUS, ".txt"),
    "jsonl": (read_corpus, JSONL, ".jsonl"),
    "qrels": (read_trec, QRELS, ".txt"),
    "run": (read_trec, RUN, ".txt"),
    "result": (read_trec, RESULT, ".txt"),
    "gold pairs": (read_trec, PAIRS, ".tsv"),
}
KINDS = [*ROWS, *OTHERS]


# ---------------------------------------------------------------------------------- all of them


class Hang(BaseException):
    """A file that nothing comes to an end with."""


@contextmanager
def limited_time():
    if not hasattr(signal, "setitimer"):
        yield
        return

    def stop(*_):
        raise Hang(f"after {_SECONDS} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, _SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def outcome(folder, case, seed):
    """What becomes of a file: "read", "refused", or what went wrong."""
    chance = random.Random(f"{seed} {case}")
    kind = KINDS[case % len(KINDS)]
    if kind in ROWS:
        read, good, suffix = read_rows, ROWS[kind][2], ".tsv"
    else:
        read, good, suffix = OTHERS[kind]
    content = malformed(good.encode(), GOOD, chance)
    folder.mkdir()
    path = folder / f"data{suffix}"
    path.write_bytes(content)
    try:
        with limited_time():
            read(kind, path, content)
    except UserError as refusal:
        message = str(refusal)
        return "refused" if "data" in message else f"names no file: {message}"
    except KeyboardInterrupt:
        raise
    except BaseException:  # also panics of the tokenizers, which are written in Rust
        return traceback.format_exc(limit=-4)
    finally:
        shutil.rmtree(folder)
    return "read"


@pytest.mark.slow
def test_changed_data_files_are_refused_in_words_or_read_as_they_stand(
    tmp_path, monkeypatch, seed=1
):
    monkeypatch.setattr(os, "fsync", lambda _: None)  # these caches need not outlive a power cut
    monkeypatch.setattr(encoding, "_CHUNK_BYTES", 200)  # a file has several
    seen, problems = Counter(), []
    for case in range(N_FILES):
        kind, found = KINDS[case % len(KINDS)], outcome(tmp_path / str(case), case, seed)
        seen[kind, found] += found in ("read", "refused")
        if found not in ("read", "refused"):
            problems.append(f"case {case}, {kind}: {found}")
    assert not problems, "\n".join(problems)
    if N_FILES >= 500:
        assert min(seen[kind, found] for kind in KINDS for found in ("read", "refused")) > 0
