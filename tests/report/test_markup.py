from xml.etree.ElementTree import tostring

import pytest

from textzoo.report.markup import (
    Column,
    document,
    note,
    number,
    section,
    shortened,
    table,
    tag,
)
from textzoo.report.wording import joined, say


def html(element):
    return tostring(element, encoding="unicode", method="html")


def test_texts_and_attributes_come_out_escaped():
    made = tag("p", "<b> & ", tag("i", "x"), " </p>", title='"&', aria_hidden="true")
    assert html(made) == (
        '<p title="&quot;&amp;" aria-hidden="true">&lt;b&gt; &amp; <i>x</i> &lt;/p&gt;</p>'
    )


def test_texts_and_elements_stay_in_their_order():
    assert html(tag("p", "a", "b", tag("i"), "c", "d")) == "<p>ab<i></i>cd</p>"


def test_what_was_said_has_its_chinese_beside_it():
    run = say("run")
    assert html(tag("p", run, tag("i"), title=run)) == (
        '<p title="run" data-zh-title="训练" data-zh="训练">run<i></i></p>'
    )
    span = '<span data-zh="训练">run</span>'
    assert html(tag("p", "a", run)) == f"<p>a{span}</p>"
    assert html(tag("p", run, "a")) == f"<p>{span}a</p>"
    assert html(tag("p", joined(["f1"]))) == html(tag("p", joined([]), "f1")) == "<p>f1</p>"


def test_a_page_is_a_whole_document():
    page = document([tag("title", "T")], [note("N")])
    assert page.startswith("<!doctype html>\n<html lang=")
    assert "<title>T</title>" in page and '<p class="note">N</p>' in page
    assert page.endswith("</html>\n")


@pytest.mark.parametrize(
    ("value", "shown"), [(None, ""), (1234567, "1,234,567"), (0.5, "0.5000"), (2 / 3, "0.6667")]
)
def test_a_number_is_shown(value, shown):
    assert number(value) == shown


def test_a_table_has_its_cells_in_columns_of_numbers_or_texts():
    columns = [Column("label", is_number=False), Column("f1")]
    made = table("Labels", columns, [["a", 0.5], [tag("em", "b"), None]], [["mean", 0.5]], True)
    cells = [(cell.get("class"), "".join(cell.itertext())) for cell in made.iter("td")]
    assert cells == [
        *(("text", "a"), ("number", "0.5000"), ("text", "b"), ("number", "")),
        *(("text", "mean"), ("number", "0.5000")),
    ]
    assert made.get("aria-label") == "Labels" and made.find("table").get("data-sortable") == ""
    assert len(made.find("table/tfoot")) == 1 and len(list(made.iter("button"))) == 2
    plain = table("Labels", columns, [])
    assert plain.find("table").get("data-sortable") is None and not list(plain.iter("button"))


def test_a_section_can_be_linked_to():
    assert section("Precision and recall").get("id") == "precision-and-recall"


def test_a_long_text_is_cut_off():
    assert shortened("a" * 300) == "a" * 300
    assert shortened("a" * 301) == "a" * 299 + "…"
    assert shortened("ab cd", 4) == "ab…"
