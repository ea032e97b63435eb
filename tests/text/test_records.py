"""The same rows in five formats are the same to every model; what does not decide is refused."""

import csv
import json
import random

import numpy as np
import pytest
from harness.workspace import MODELS

from textzoo.config.loading import build_reader, load_config
from textzoo.data import encoding
from textzoo.data.cache import Cache, encoded_rows, fitted_vocabulary
from textzoo.data.input_files import input_files
from textzoo.errors import UserError
from textzoo.text.records import all_texts, layout_of, read_rows, text_field, text_layout

WORDS = ["music", "the", '"quoted"', "a,b", "标签", "new;", "{x}", "'s", "song", "record"]


def texts(n, seed=0):
    chance = random.Random(seed)
    return [" ".join(chance.choices(WORDS, k=chance.randrange(1, 9))) for _ in range(n)]


@pytest.fixture
def reader_of():
    def made(model, **settings):
        overrides = [f"reader.{key}={json.dumps(value)}" for key, value in settings.items()]
        config, folder = load_config(MODELS[model].config, overrides)
        return build_reader(config, folder)

    return made


def write(path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def write_csv(path, rows, **options):
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, **options).writerows(rows)
    return path


def write_objects(path, rows):
    lines = (json.dumps(row, ensure_ascii=False) for row in rows)
    return write(path, "".join(f"{line}\n" for line in lines))


def rows_of(path, reader, **options):
    layout = layout_of(path, reader)
    return layout.described, [
        (line.number, line.text) for line in read_rows(layout, path, **options)
    ]


# ------------------------------------------------------------------------- equal encoded rows


def in_formats(folder, rows, fields):
    """The same rows in each format: `rows` of cells, whose labels are lists, and their names."""
    joined = [[",".join(c) if isinstance(c, list) else c for c in row] for row in rows]
    objects = [dict(zip(fields, row)) for row in rows]
    plain = "".join("\t".join(filter(None, row)) + "\n" for row in joined)
    found = {
        "lines": write(folder / "rows.txt", plain),
        "TSV": write(folder / "rows.tsv", "\t".join(fields) + "\n" + "".join(
            "\t".join(row) + "\n" for row in joined)),
        "CSV": write_csv(folder / "rows.csv", [[*fields, "more"], *[[*r, "x"] for r in joined]]),
        "JSON Lines": write_objects(folder / "rows.jsonl", objects),
    }  # fmt: skip
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    parquet.write_table(pyarrow.Table.from_pylist(objects), folder / "rows.parquet")
    found["Parquet"] = folder / "rows.parquet"
    if "labels" in fields:
        found["fastText's form"] = write(folder / "rows.ft", "".join(
            " ".join([*(f"__label__{label}" for label in labels), text]) + "\n"
            for labels, text in rows))  # fmt: skip
    return found


@pytest.mark.parametrize("model", ["tagspace", "xmlcnn", "multilabel", "batchneg", "hardestneg"])
def test_the_same_rows_in_each_format_have_the_same_ids(model, tmp_path, reader_of, monkeypatch):
    monkeypatch.setattr(encoding, "_CHUNK_BYTES", 1000)  # several chunks
    given = texts(200)
    if model.endswith("neg"):
        fields = ("query", "title", "negative")
        rows = list(
            zip(given, texts(200, 1), [text * (n % 2) for n, text in enumerate(texts(200, 2))])
        )
    else:
        fields = ("labels", "text")
        rows = [([f"l{n % 5}", f"m{n % 3}"][: 1 + n % 2], text) for n, text in enumerate(given)]
    found = {}
    for kind, path in in_formats(tmp_path, rows, fields).items():
        cache = Cache(tmp_path / f"cache {kind}", "error")
        files = input_files(path, "key", cache)
        vocabulary = fitted_vocabulary(files, reader_of(model), {}, "identity", cache)
        reader = reader_of(model)
        reader.load(vocabulary)
        encoded = encoded_rows(files, reader, True, "identity", cache)
        described = layout_of(files[0], reader).described
        assert kind == "lines" if not described else described.startswith(f"reads {kind}: ")
        shown = [reader.describe(encoded.line(row).text) for row in range(0, len(encoded), 17)]
        tags = [
            (row["text"], reader.parse(encoded.line(n * 17).text)) for n, row in enumerate(shown)
        ]
        found[kind] = (
            tags,
            {
                name: (column.values.tolist(), np.asarray(column.offsets).tolist())
                for name, column in encoded.columns.items()
            },
        )
    assert len(found) >= 5
    for kind, same in found.items():
        assert same == found["lines"], kind


# ------------------------------------------------------------------------------- what is found


def test_what_csv_writes_is_found_with_the_lines_of_the_file(tmp_path, reader_of):
    chance = random.Random(3)
    cells = ["", "a", 'q"', "x,y", "1\n2", "1\r\n\n3", "tab\tbed", " 标签 ", "\u2028"]
    rows = [[n, f"{chance.choice(cells)}{n}", chance.choice("abc")] for n in range(300)]
    path = write_csv(tmp_path / "rows.csv", [["id", "Content", "Tags"], *rows])
    described, found = rows_of(path, reader_of("tagspace"))
    assert described == "reads CSV: text from `Content`, labels from `Tags`"
    with path.open(newline="", encoding="utf-8") as file:
        read = csv.reader(file)
        ends = [read.line_num for _ in read]
    assert [number for number, _ in found] == [end + 1 for end in ends[:-1]]
    for (_, text), row in zip(found, rows):
        assert [" ".join(cell.split()) for cell in text.split("\t")] == [
            row[2], " ".join(row[1].split())
        ]  # fmt: skip


def test_the_number_of_a_record_is_that_of_its_first_line(tmp_path, reader_of):
    path = write(tmp_path / "rows.csv", '\ufefftext,label\r\n"a\r\nb",x\r\n\r\n"c",y\r\n"d\n\ne",z')
    _, found = rows_of(path, reader_of("xmlcnn"))
    assert found == [(2, "x\ta b"), (5, "y\tc"), (6, "z\td e")]


@pytest.mark.parametrize(
    ("name", "content", "settings", "described", "rows"),
    [
        ("a.csv", "3,T,D\n4,U,E\n", {"label_column": 1, "text_column": [2, 3]},
         "text from column 2, column 3, labels from column 1", ["3\tT D", "4\tU E"]),
        ("a.csv", "class,T\n3,D\n", {"label_column": 1, "text_column": 2},
         "text from `T`, labels from `class`", ["3\tD"]),
        ("a.csv", "body;cat\n\"a;b\";c\n", {"label_column": "CAT", "text_column": "body"},
         "text from `body`, labels from `cat`", ["c\ta;b"]),
        ("a.txt", "3,T\n4,U\n", {"label_column": 1, "text_column": 2},
         "text from column 2, labels from column 1", ["3\tT", "4\tU"]),
        ("a.txt", "text,tag\na,b\n", {}, "text from `text`, labels from `tag`", ["b\ta"]),
        ("a.txt", "id\ttext\tlabel\n1\ta\tb\n", {}, "text from `text`, labels from `label`",
         ["b\ta"]),
        ("a.txt", "1\ta\tb\n", {"label_column": 3, "text_column": 2},
         "text from column 2, labels from column 3", ["b\ta"]),
        ("a.csv", "text,x,y\na,1,0\nb,0.0,true\nc,,0\n", {"label_column": ["x", "y"]},
         "text from `text`, labels from `x`, `y`", ["\x1fx\ta", "\x1fy\tb", "\tc"]),
        ("a.jsonl", '{"text":"a","x":1,"y":true}\n{"text":null,"x":false,"y":0}\n',
         {"label_column": ["x", "y"]}, "text from `text`, labels from `x`, `y`",
         ["\x1fx\x1fy\ta", "\t"]),
        ("a.json", '{"body":"a","label":3}\n{"label":["x, y", 7],"body":"b\\nc"}\n',
         {"text_column": "body"}, "text from `body`, labels from `label`",
         ["3\ta", "\x1fx, y\x1f7\tb c"]),
        ("a.txt", '{"text":"a","tags":[]}\n', {}, "text from `text`, labels from `tags`", ["\ta"]),
        ("a.csv", 'tag\tid\ttext\nx\t1\t"a ""b"""\n', {}, "text from `text`, labels from `tag`",
         ['x\ta "b"']),
        ("a.csv", "text,text,tag\na,b,c\n", {"text_column": 2},
         "text from `text`, labels from `tag`", ["c\tb"]),
        ("a.jsonl", '{"text":NaN,"label":["c",NaN]}\n{"text":"a","label":NaN}\n', {},
         "text from `text`, labels from `label`", ["\x1fc\x1f\t", "\ta"]),
        ("a.txt", "__label__a __label__b c, d\n__label__e f __label__g", {},
         "labels behind __label__, text from the rest", ["\x1fa\x1fb\tc, d", "\x1fe\x1fg\tf"]),
    ],
)  # fmt: skip
def test_columns_are_found_by_name_or_number(
    tmp_path, reader_of, name, content, settings, described, rows
):
    found, lines = rows_of(write(tmp_path / name, content), reader_of("xmlcnn", **settings))
    assert found.endswith(described)
    assert [text for _, text in lines] == rows


@pytest.mark.parametrize(
    ("model", "name", "content"),
    [
        ("tagspace", "a.csv", "3,19 4\n1,2 3\n"),  # PaddleRec's form
        ("tagspace", "a.csv", "music\ta song\n"),  # TSV by another name
        ("tagspace", "a.csv", 'music\t"Song", by B\n'),
        ("xmlcnn", "a.tsv", '"x"\t"a text"\n'),
        ("xmlcnn", "a.txt", "__label__a\ta song\n"),
        ("xmlcnn", "a.tsv", "x\t{}\n"),
        ("batchneg", "a.txt", "how to\tlike this\n"),
        ("xmlcnn", "a.txt", 'no tab, "and a quote\n'),
        ("xmlcnn", "a.csv", "\n \n"),
    ],
)
def test_files_that_were_lines_before_stay_lines(tmp_path, reader_of, model, name, content):
    described, lines = rows_of(write(tmp_path / name, content), reader_of(model))
    assert described == "" and [text for _, text in lines] == content.split("\n")[:-1] * bool(lines)


@pytest.mark.parametrize(
    ("model", "name", "content", "settings", "complaint"),
    [
        ("tagspace", "a.csv", "id,body,cat\n1,2,3\n", {}, ":1: CSV with the columns id, body, cat: "
         "none is known for the labels: set reader.label_column"),
        ("tagspace", "a.csv", "title,content,tag\n", {},
         "'title' and 'content' may both be the text: set reader.text_column"),
        ("xmlcnn", "a.csv", "\n\ntext,tag\n", {"label_column": "tags"},
         ":3: CSV with the columns text, tag: reader.label_column: received 'tags', which is none"),
        ("xmlcnn", "a.csv", "a,b\n", {"label_column": 3, "text_column": 1},
         "reader.label_column: received 3, expected a number from 1 to 2"),
        ("xmlcnn", "a.csv", "a,b\n", {"label_column": 1, "text_column": 1}, "asked for twice"),
        ("xmlcnn", "a.tsv", "a\tb\n", {"text_column": "b"}, "TSV with the columns a, b: none is"),
        ("xmlcnn", "a.jsonl", '{"a":1}\n', {}, "JSON Lines with the columns a: none is known"),
        ("xmlcnn", "a.jsonl", '{"a":1,"label":2}', {"text_column": 1}, "expected a name"),
        ("xmlcnn", "a.json", '[{"a":1}]\n', {}, ":1: expected a JSON object"),
        ("xmlcnn", "a.jsonl", "a\tb\n", {}, ":1: is not JSON"),
        ("batchneg", "a.csv", "sentence1,sentence2,label\na,b,0\n", {},
         "'label' may tell that not all rows are pairs of the same meaning"),
        ("batchneg", "a.txt", "sentence1\tsentence2\tlabel\na\tb\t0\n", {},
         ":1: TSV with the columns sentence1, sentence2, label: 'label' may tell"),
        ("xmlcnn", "a.tsv", "title\ttext\ttag\na\tb\tc\n", {}, "'title' and 'text' may both be"),
        ("batchneg", "a.csv", "q,a\nx,y\n", {}, "none is known for the query: set reader."),
        ("xmlcnn", "a.csv", "y;n;t\na;1;b\n", {}, "CSV with the columns y, n, t: none is known"),
        ("xmlcnn", "a.csv", "x\ty\n", {"text_column": "a", "label_column": "x"},
         "CSV with the columns x, y: reader.text_column: received 'a', which is none"),
        ("xmlcnn", "a.csv", "text,text,tag\n", {}, "set reader.text_column to a number, from 1"),
        ("xmlcnn", "a.csv", "text,text,tag\n", {"text_column": "text"},
         "received 'text', which is several of them: set it to a number, from 1"),
        ("xmlcnn", "a.tsv", '"id"\t"text"\t"tag"\n', {}, ":1: names in quotes, which in TSV are"),
        ("tagspace", "a.csv", '"a song",x\n', {}, "with the columns a song, x: none is known"),
    ],
)  # fmt: skip
def test_what_does_not_decide_is_refused_with_the_keys_that_do(
    tmp_path, reader_of, model, name, content, settings, complaint
):
    path = write(tmp_path / name, content)
    with pytest.raises(UserError) as refusal:
        rows_of(path, reader_of(model, **settings))
    assert str(refusal.value).startswith(f"{path}:")
    assert complaint in str(refusal.value)


@pytest.mark.parametrize(
    ("name", "head", "row", "settings", "complaint"),
    [
        ("a.tsv", "text\tlabel\n", "a\tb\tc", {}, "received 3 column(s) between tabs, expected 2"),
        ("a.csv", "text,label\n", "a", {}, "received 1 cell(s), expected 2: text,label"),
        ("a.csv", "text,x\n", "a,2", {"label_column": ["x"]}, "received '2' in 'x', expected 1 or"),
        ("a.csv", "text,label\n", b"a,\xff", {}, "byte 3 is not UTF-8"),
        ("a.csv", "text,label\n", "a,b\0", {}, "is NUL"),
        ("a.jsonl", '{"text":"a","label":"b"}\n', '{"text":"a"}', {}, "expected 'label' too"),
        ("a.jsonl", '{"text":"a","label":"b"}\n', '{"text":1,"label":"b"}', {}, "received 1 as"),
        ("a.jsonl", '{"text":"a","label":"b"}\n', '{"text":"a","label":{}}', {}, "received {} as"),
        ("a.jsonl", '{"text":"a","label":"b"}\n', '{"text":"a","label":["x\\u001fy"]}', {}, "x1f"),
        ("a.jsonl", '{"text":"a","label":"b"}\n', "{", {}, "is not JSON"),
    ],
)  # fmt: skip
def test_a_malformed_row_is_named_or_skipped(
    tmp_path, reader_of, name, head, row, settings, complaint
):
    row = row if isinstance(row, bytes) else row.encode()
    good = {"a.tsv": "x\ty", "a.csv": "x,1", "a.jsonl": '{"text":"x","label":"y"}'}[name].encode()
    path = write(tmp_path / name, b"\r\n".join([head.encode().strip(), good, b"", row, good, b""]))
    reader = reader_of("xmlcnn", **settings)
    with pytest.raises(UserError) as refusal:
        rows_of(path, reader)
    assert str(refusal.value).startswith(f"{path}:4: ")
    assert complaint in str(refusal.value)
    skipped = []
    _, lines = rows_of(path, reader, refused=skipped.append)
    assert [number for number, _ in lines] == ([1] if name == "a.jsonl" else []) + [2, 5]
    assert list(map(str, skipped)) == [str(refusal.value)]
    # As it is in the way of many lines at a time.
    parts = list(encoding.counted_parts([path], reader, "skip", 1))
    assert sum(part[2] for part in parts) == len(lines)


def test_levels_may_stand_in_columns_of_their_own(tmp_path, reader_of):
    settings = {"labels": ["p", "n"], "n_levels": 3, "label_column": ["n", "p"][::-1]}
    config, folder = load_config(
        MODELS["multilabel"].config,
        [
            *(f"reader.{key}={json.dumps(value)}" for key, value in settings.items()),
            *("hyper_parameters.loss=softmax", "hyper_parameters.linear.features=none"),
        ],
    )
    reader = build_reader(config, folder)
    path = write(tmp_path / "a.csv", "p,text,n\n0,a,2\n1,b,0\n")
    _, lines = rows_of(path, reader)
    assert [reader.parse(text).levels for _, text in lines] == [[0, 2], [1, 0]]


def test_a_text_warm_up_reads_one_column(tmp_path, reader_of):
    reader = reader_of("batchneg", unlabelled=True)
    assert rows_of(write(tmp_path / "a.csv", "id,text\n1,a\n"), reader) == (
        "reads CSV: text from `text`", [(2, "a")]
    )  # fmt: skip
    assert rows_of(write(tmp_path / "a.txt", "text\nlabel\n"), reader) == (
        "", [(1, "text"), (2, "label")]
    )  # fmt: skip


@pytest.mark.parametrize("side", ["query", "title"])
def test_texts_alone_are_lines_unless_their_name_says_otherwise(tmp_path, reader_of, side):
    field = text_field(reader_of("batchneg"), side)
    rows = {"query": "a", "title": "b"}
    for name, content in (("a.csv", "query,title\na,b\n"), ("a.jsonl", f"{json.dumps(rows)}\n")):
        if side == "title" or name == "a.csv":
            path = write(
                tmp_path / name, content.replace("title" if side == "query" else "query", "x")
            )
            (line,) = read_rows(text_layout(path, field), path)
            assert line.text == rows[side]
    assert text_layout(write(tmp_path / "a.txt", "text\n"), field).kind == "lines"
    with pytest.raises(UserError, match="none is known for the text"):
        text_layout(write(tmp_path / "b.csv", "x,y\n"), field)


def test_all_texts_of_a_file_are_those_of_its_cells_and_values(tmp_path):
    assert list(all_texts(write(tmp_path / "a.csv", 'a,"b\nc"\n'))) == ["a\tb c"]
    assert list(all_texts(write(tmp_path / "b.csv", "a;b, c\nd;e\n"))) == ["a\tb, c", "d\te"]
    # Either may be meant.
    both = ["a;b\tc", "d;e\tf", "a\tb,c", "d\te,f"]
    assert list(all_texts(write(tmp_path / "c.csv", "a;b,c\nd;e,f\n"))) == both
    path = write(tmp_path / "a.jsonl", '{"a": "x", "b": ["y", {"c": "z"}], "n": 3}\n')
    assert list(all_texts(path)) == ["x", "y", "z"]
    assert list(all_texts(write(tmp_path / "a.txt", "__label__a b\nc\td\n"))) == ["b", "c\td"]
