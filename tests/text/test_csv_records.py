import csv
import io
import random

import pytest

from textzoo.errors import UserError
from textzoo.text import csv_records, lines
from textzoo.text.fields import label_fields
from textzoo.text.reader import Reader
from textzoo.text.records import layout_of, read_rows


class Labelled(Reader):
    fields = label_fields(None, None)
    is_csv = True


def read_records(path, *place, **options):
    return read_rows(layout_of(path, Labelled()), path, *place, **options)


@pytest.fixture
def write(tmp_path):
    def write(content):
        path = tmp_path / "rows.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def records(path, **options):
    return [(line.number, line.text) for line in read_records(path, **options)]


def test_columns_are_found_by_their_names(write):
    path = write('\ufeffid, Content ,LABEL\r\n1,one text,a|b\r\n\r\n2,"",c\n')
    assert records(path) == [(2, "a|b\tone text"), (4, "c\t")]


@pytest.mark.parametrize(
    "header",
    ["a,b", "label,b", "text,text,label", "text,label,tags", "text|label", "label\ttags\ttext"],
)
def test_a_header_that_does_not_name_one_column_of_each_is_refused(write, header):
    skipped = []
    with pytest.raises(UserError, match=r"rows\.csv:1: CSV with the columns .*: set reader\."):
        records(write(f"{header}\nx,y\n"), refused=skipped.append)
    assert skipped == []


@pytest.mark.parametrize("content", ["", "\n \n", b"\xef\xbb\xbf", "text,label\n", "text,label"])
def test_a_file_without_records_has_none(write, content):
    assert records(write(content)) == []


def test_what_the_module_csv_writes_is_read_from_any_record_on(write):
    chance = random.Random(1)
    cells = [
        "",
        "a",
        " b ",
        'q"',
        "x,y",
        "1\n2",
        "1\r\n\n3",
        "tab\tbed",
        "标签",
        "\u2028",
        '""',
        "#",
    ]
    table = [[chance.choice(cells), f"{chance.choice(cells)}{n}"] for n in range(200)]
    file = io.StringIO()
    csv.writer(file, lineterminator="\n").writerows([["label", "text"], *table])
    path = write(file.getvalue())
    found = list(read_records(path))
    plain = [[" ".join(cell.replace("\r", "\n").split("\n")) for cell in row] for row in table]
    for line, row in zip(found, plain):
        ours, theirs = ([" ".join(cell.split()) for cell in cells] for cells in (
            line.text.split("\t"), row))  # fmt: skip
        assert ours == theirs
    assert len(found) == len(table)
    raw = path.read_bytes()
    for place in chance.sample(range(200), 20):
        line = found[place]
        assert raw[: line.start].count(b"\n") == line.number - 1
        again = read_records(path, line.start, number=line.number)
        assert next(again) == line


@pytest.mark.parametrize(
    ("record", "complaint"),
    [
        (b"a,b,c", "received 3 cell(s), expected 2: label,text"),
        (b"a", "received 1 cell(s), expected 2"),
        (b"a,caf\xe9", "byte 6 is not UTF-8"),
        (b'"one\n\xff",b', "rows.csv:4: byte 1 is not UTF-8"),
        (b"a,b\x00", "byte 4 is NUL"),
    ],
)
def test_a_malformed_record_is_named_or_skipped(write, record, complaint):
    path = write(b"label,text\nx,y\n" + record + b"\nz,w\n")
    with pytest.raises(UserError) as failure:
        records(path)
    assert str(failure.value).startswith(f"{path}:{4 if b'one' in record else 3}: ")
    assert complaint in str(failure.value)
    skipped = []
    assert [text for _, text in records(path, refused=skipped.append)] == ["x\ty", "z\tw"]
    assert list(map(str, skipped)) == [str(failure.value)]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ('a,"no end\nb,c\n', ":3: is not CSV (unexpected end of data)"),
        ('a,"b"c\nd,e\n', ":3: is not CSV ("),
        ("a,b\rc,d\n", ":3: is not CSV ("),
        ("a," + 50 * "b" + "\n", ":3: the line is longer than"),
        ('a,"' + 9 * "b1234\n" + '"\n', ":3: is not CSV (field larger than field limit"),
    ],
)
def test_where_the_next_record_starts_nobody_knows_and_nothing_is_skipped(
    write, monkeypatch, content, complaint
):
    for module in (csv_records, lines):
        monkeypatch.setattr(module, "MAX_LINE_BYTES", 40)
    before = csv.field_size_limit(40)
    try:
        path, skipped = write(f"label,text\nx,y\n{content}"), []
        with pytest.raises(UserError) as failure:
            records(path, refused=skipped.append)
    finally:
        csv.field_size_limit(before)
    assert f"{path}{complaint}" in str(failure.value)
    assert skipped == []


def test_a_cell_may_be_longer_than_the_module_csv_allows(write):
    long = "word " * 50_000
    assert records(write(f'label,text\na,"{long}"\n')) == [(2, f"a\t{long.strip()}")]
