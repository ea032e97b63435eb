import re
from xml.etree.ElementTree import tostring

import numpy as np
import pytest

pytest.importorskip("matplotlib")

from textzoo.report.plots import MOST_POINTS, Line, colour_and_dash, plot, thinned
from textzoo.report.wording import say


def svg(*lines, **how):
    return plot(say("{curve} by step", curve="mrr"), lines, say("step"), **how)


def text_of(drawn):
    return tostring(drawn, encoding="unicode")


ONE = Line(np.array([0.0, 1.0]), np.array([0.2, 0.9]))


def test_a_plot_has_a_name_and_only_the_pages_colours():
    drawn = svg(ONE, Line(ONE.x, ONE.y[::-1], 3), rule_at=0.5, shade_below=0.3)
    assert (drawn.tag, drawn.get("role"), drawn.get("aria-label")) == ("svg", "img", "mrr by step")
    text = text_of(drawn)
    assert "var(--line-0)" in text and "var(--line-3)" in text and "var(--soft)" in text
    assert not re.search(r"#[0-9a-f]{6}\b", text)
    assert not re.search(r"font|<style|metadata|xmlns", text)
    (label,) = [element for element in drawn.iter("text") if element.text == "step"]
    assert (label.get("data-zh"), drawn.get("data-zh-aria-label")) == ("步数", "按步：mrr")


def test_the_same_curves_give_the_same_plot_and_names_keep_two_plots_apart():
    assert text_of(svg(ONE)) == text_of(svg(ONE))
    ids = [
        {e.get("id") for e in plot(name, [ONE], "").iter() if e.get("id")} for name in ("a", "b")
    ]
    assert ids[0] and not ids[0] & ids[1]


def test_what_is_referred_to_is_there():
    drawn = svg(ONE)
    ids = {element.get("id") for element in drawn.iter()}
    referred = re.findall(r'(?:href="|url\()#(\w+)', text_of(drawn))
    assert referred and set(referred) <= ids


def test_a_single_value_and_a_best_one_are_marked():
    plain, marked = svg(ONE), svg(ONE._replace(marked=(1.0, 0.9)))
    single = svg(Line(np.array([3.0]), np.array([0.4])))
    marks = [len(list(drawn.iter("use"))) for drawn in (plain, marked, single)]
    assert marks[1] == marks[0] + 1 and marks[2] > 0


def test_a_ninth_line_has_the_first_colour_and_other_dashes():
    assert [colour_and_dash(n) for n in (0, 7, 8, 23, 24)] == [
        *((0, 0), (7, 0), (0, 1), (7, 2), (0, 0)),
    ]


@pytest.mark.parametrize("n", [1, MOST_POINTS, MOST_POINTS + 1, 5 * MOST_POINTS + 7])
def test_a_thinned_curve_has_few_points_and_the_same_mean(n):
    y = np.random.default_rng(0).random(n)
    x, means = thinned(range(n), y)
    assert len(x) == len(means) <= MOST_POINTS
    size = -(-n // MOST_POINTS)
    weights = np.diff([*range(0, n, size), n])
    assert np.average(means, weights=weights) == pytest.approx(y.mean())
    assert (np.diff(x) > 0).all()
