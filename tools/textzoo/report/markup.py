"""HTML as a tree: whatever text is put in comes out escaped."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, Optional, Union
from xml.etree.ElementTree import Element, tostring

from textzoo.report.wording import Said

Child = Union[str, Element]


def tag(name: str, /, *children: Child, **attributes: object) -> Element:
    """An element; of an attribute's name, a trailing `_` is dropped and others become `-`.

    The Chinese of what was said is in `data-zh`: that of the text which the element begins with.
    What was said elsewhere in it has a span of its own. Of an attribute such as `title` it is in
    `data-zh-title`.
    """
    element = Element(name, attributes_of(**attributes))
    for child, following in zip(children, [*children[1:], None]):
        if isinstance(child, Said) and child.chinese != child:
            is_first = not len(element) and element.text is None
            if is_first and not isinstance(following, str):
                element.text = child
                element.set("data-zh", child.chinese)
            else:
                element.append(tag("span", child))
        elif isinstance(child, str):
            _append_text(element, child)
        else:
            element.append(child)
    return element


def attributes_of(**values: object) -> dict[str, str]:
    """Attributes by their names in HTML, with the Chinese of those that were said."""
    named = {key.rstrip("_").replace("_", "-"): value for key, value in values.items()}
    said = {key: value for key, value in named.items() if isinstance(value, Said)}
    chinese = {f"data-zh-{key}": value.chinese for key, value in said.items()}
    return {key: str(value) for key, value in named.items()} | chinese


def document(head: Iterable[Element], body: Iterable[Element]) -> str:
    """A whole page."""
    page = tag("html", tag("head", *head), tag("body", *body), lang="en")
    return "<!doctype html>\n" + tostring(page, encoding="unicode", method="html") + "\n"


class Column(NamedTuple):
    """A column of a table.

    Attributes:
        title: its heading.
        is_number: whether its cells are numbers, or empty.
    """

    title: str
    is_number: bool = True


def table(
    name: str,
    columns: Sequence[Column],
    rows: Iterable[Sequence[Any]],
    footer: Iterable[Sequence[Any]] = (),
    sortable: bool = False,
) -> Element:
    """A table that scrolls sideways where it is wider than the page.

    A cell is an element, a text or a number; None leaves it empty. `name` is for those who cannot
    see where the table stands.
    """
    headings = [
        tag(
            "th",
            tag("button", column.title, type="button") if sortable else column.title,
            scope="col",
            class_="number" if column.is_number else "text",
        )
        for column in columns
    ]
    made = tag("table", tag("thead", tag("tr", *headings)))
    if sortable:
        made.set("data-sortable", "")
    made.append(tag("tbody", *(_row(columns, cells) for cells in rows)))
    if last := [_row(columns, cells) for cells in footer]:
        made.append(tag("tfoot", *last))
    return wide(name, made)


def wide(name: str, made: Element) -> Element:
    """What may be wider than the page, and scrolls then."""
    return tag("div", made, class_="wide", tabindex=0, role="region", aria_label=name)


def _row(columns: Sequence[Column], cells: Sequence[Any]) -> Element:
    row = tag("tr")
    for column, cell in zip(columns, cells):
        child = cell if isinstance(cell, (str, Element)) else number(cell)
        row.append(tag("td", child, class_="number" if column.is_number else "text"))
    return row


def number(value: Optional[float]) -> str:
    """A number with four decimals, or thousands set apart if it is whole; nothing for None."""
    if value is None:
        return ""
    return f"{value:,}" if isinstance(value, int) else f"{value:.4f}"


def percent(share: float) -> str:
    """A share between 0 and 1, which is shown as neither unless it is."""
    if 0 < share < 0.0005:
        return "< 0.1 %"
    return "> 99.9 %" if 0.9995 <= share < 1 else f"{100 * share:.1f} %"


def section(title: str, *children: Child) -> Element:
    """A section with its heading, and an id to link to."""
    return tag("section", tag("h2", title), *children, id=title.lower().replace(" ", "-"))


def folded(made: Element, n_shown: int = 0) -> Element:
    """Have the page hide the children of this but for the first ones on a phone, until asked."""
    made.set("data-shown", str(n_shown))
    return made


def note(text: str) -> Element:
    """A remark."""
    return tag("p", text, class_="note")


def shortened(text: str, length: int = 300) -> str:
    """A text, or as much of it as a page has room for."""
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"


def _append_text(element: Element, text: str) -> None:
    if len(element):
        element[-1].tail = (element[-1].tail or "") + text
    else:
        element.text = (element.text or "") + text
