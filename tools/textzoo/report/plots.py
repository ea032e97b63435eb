"""Curves as inline SVG in the colours of the page, drawn by Matplotlib."""

import io
import re
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple, Optional, Union
from xml.etree.ElementTree import Element, fromstring

import numpy as np

from textzoo.errors import UserError
from textzoo.report.markup import attributes_of
from textzoo.report.wording import Said

try:
    from matplotlib import rc_context
    from matplotlib.figure import Figure
    from matplotlib.ticker import LogLocator, NullLocator
except ImportError:
    raise UserError("a report needs Matplotlib: pip install 'textzoo[report]'") from None

MOST_POINTS = 300
# The page has no Matplotlib colours but its own, light or dark: these stand for its variables.
_VARIABLES = {
    "#000100": "--soft",
    "#000101": "--line",
    **{f"#00020{i}": f"--line-{i}" for i in range(8)},
}
_SOFT, _LINE, *_COLOURS = _VARIABLES
_SHARES = (-0.02, 1.02)
_DASHES = ("-", "--", ":")
_SETTINGS = {
    "svg.fonttype": "none",  # the browser writes the texts
    "axes.edgecolor": _LINE,
    "axes.labelcolor": _SOFT,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "grid.color": _LINE,
    "grid.linewidth": 0.6,
    "lines.linewidth": 1.6,
    "xtick.color": _SOFT,
    "ytick.color": _SOFT,
    "font.size": 8,
}


class Line(NamedTuple):
    """A curve.

    Attributes:
        x: `[points]`.
        y: `[points]`.
        number: which colour, and from the ninth on which dashes, it has.
        marked: a point `(x, y)` to mark, if any.
        is_joined: whether a line joins the points; else they are marked each.
    """

    x: np.ndarray
    y: np.ndarray
    number: int = 0
    marked: Optional[tuple[float, float]] = None
    is_joined: bool = True


def thinned(x: Sequence[float], y: Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
    """A curve of no more than `MOST_POINTS`: each the mean of as many neighbours as it takes."""
    starts = np.arange(0, len(x), -(-len(x) // MOST_POINTS) or 1)
    counts = np.diff(np.append(starts, len(x)))
    means_x, means_y = (
        np.add.reduceat(np.asarray(part, float), starts) / counts for part in (x, y)
    )
    return means_x, means_y


def colour_and_dash(number: int) -> tuple[int, int]:
    """Which of the page's colours a line has, and which of three kinds of dashes."""
    return number % len(_COLOURS), number // len(_COLOURS) % len(_DASHES)


def plot(
    name: str,
    lines: Sequence[Line],
    x_label: Union[Said, Literal[""]],
    shares: str = "",
    from_zero: bool = False,
    shade_below: Optional[float] = None,
    rule_at: Optional[float] = None,
    diagonal: bool = False,
    width: float = 3.5,
    log_x: bool = False,
    x_names: Sequence[str] = (),
) -> Element:
    """A small plot.

    Args:
        name: what it shows, for those who cannot see it; differs from plot to plot.
        lines: the curves.
        x_label: what is along the horizontal axis; the empty text: its values say it.
        shares: which axes show shares from 0 to 1, such as `xy`; others are as the curves need.
        from_zero: whether the vertical axis begins at 0.
        shade_below: a value up to which the horizontal axis is shaded.
        rule_at: where a vertical rule stands.
        diagonal: whether a dotted rule shows where both axes are equal.
        width: in inches; the height is 2.2.
        log_x: whether equal distances along the horizontal axis are equal factors.
        x_names: what stands at 0, 1, 2, ... in place of numbers.
    """
    settings: dict[Any, Any] = {**_SETTINGS, "svg.hashsalt": str(name)}
    with rc_context(settings):
        figure = Figure(figsize=(width, 2.2), layout="constrained")
        figure.patch.set_visible(False)
        axes = figure.add_subplot()
        axes.patch.set_visible(False)
        axes.grid(axis="y")
        axes.set_axisbelow(True)
        axes.tick_params(length=0)
        for line in lines:
            place, dash = colour_and_dash(line.number)
            style = {"color": _COLOURS[place], "markersize": 4}
            dashes = _DASHES[dash] if line.is_joined else "none"
            marker = "o" if diagonal or not line.is_joined else ""
            axes.plot(line.x, line.y, linestyle=dashes, marker=marker, **style)
            if line.marked or len(line.x) == 1:
                axes.plot(*(line.marked or (line.x[0], line.y[0])), "o", **style)
        axes.set_xlabel(str(x_label))
        if log_x:
            axes.set_xscale("log")
            axes.xaxis.set_major_locator(LogLocator(subs=(1, 3)))
            axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")  # no powers, as texts
            axes.xaxis.set_minor_locator(NullLocator())
        elif not lines[0].is_joined:
            axes.locator_params(axis="x", nbins=6)
        if x_names:
            axes.set_xticks(range(len(x_names)), x_names)
            axes.set_xlim(-0.5, len(x_names) - 0.5)
        if "x" in shares:
            axes.set_xlim(_SHARES)
        if "y" in shares:
            axes.set_ylim(_SHARES)
        elif from_zero:
            axes.set_ylim(0, 1.1 * max(line.y.max() for line in lines) or 1)
        if rule_at is not None:
            axes.axvline(rule_at, color=_SOFT, linewidth=1, linestyle=":")
        if diagonal:
            axes.plot((0, 1), (0, 1), ":", color=_SOFT, linewidth=1)
        if shade_below is not None:
            left = axes.get_xlim()[0]
            axes.axvspan(left, max(left, shade_below), color=_LINE, alpha=0.5, linewidth=0)
            axes.set_xlim(left=left)
        written = io.BytesIO()
        figure.savefig(written, format="svg", metadata={"Date": None})
    drawn = _inline(fromstring(written.getvalue()), name)
    for text in drawn.iter("text"):
        if isinstance(x_label, Said) and text.text == x_label:
            text.set("data-zh", x_label.chinese)
    return drawn


def _inline(svg: Element, name: str) -> Element:
    """An SVG for the middle of a page: no names of namespaces, no size, the page's fonts."""
    values = (value for element in svg.iter() for value in element.attrib.values())
    referred = set(re.findall(r"#(\w+)", " ".join(values)))
    for parent in svg.iter():
        for child in list(parent):
            if child.tag.rpartition("}")[2] in ("metadata", "style"):
                parent.remove(child)
    for element in svg.iter():
        element.tag = element.tag.rpartition("}")[2]
        element.tail = None
        if element.tag != "text":
            element.text = None
        attributes = {
            key.rpartition("}")[2]: re.sub(r"(\.\d\d)\d+", r"\1", value)  # hundredths will do
            for key, value in element.items()
        }
        if attributes.get("id") not in referred:
            attributes.pop("id", None)
        if "style" in attributes:
            attributes["style"] = _themed(attributes["style"])
        element.attrib = attributes
    svg.attrib = attributes_of(viewBox=svg.get("viewBox", ""), role="img", aria_label=name)
    return svg


def _themed(style: str) -> str:
    """A style in the page's colours and in its font."""
    style = re.sub(r"font[^;]*;?\s*", "", style)
    return re.sub(r"#[0-9a-f]{6}", lambda c: f"var({_VARIABLES.get(c[0], '--text')})", style)
