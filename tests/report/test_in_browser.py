"""The page of report.py in a browser."""

import pytest

pytest.importorskip("matplotlib")

from harness.reported import make_run, page_of, random_rows, row

HOSTILE = "<script>window.hacked = 1</script>\"'&amp;"


@pytest.fixture
def open_report(browser, tmp_path):
    """A function that opens a report in Chromium, which may neither complain nor ask for more."""
    contexts, problems = [], []

    def opened(*folders, width=900, **settings):
        file = tmp_path / "page.html"
        file.write_text(page_of(*folders), encoding="utf-8")
        contexts.append(browser.new_context(viewport={"width": width, "height": 800}, **settings))
        page = contexts[-1].new_page()
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", lambda message: problems.append(message.text))
        page.on("request", lambda r: r.url in (file.as_uri(), "data:,") or problems.append(r.url))
        page.goto(file.as_uri())
        return page

    opened.problems = problems
    yield opened
    for context in contexts:
        context.close()
    assert not problems


def column(page, number):
    cells = page.locator(f"#labels tbody tr:visible td:nth-child({number})")
    return cells.all_inner_texts()


def test_tables_sort_by_mouse_and_by_keyboard(open_report, tmp_path):
    evenly = [row([tag], {"b": 0.9, "a": 0.1, "c": 0.05}) for tag in "abbc" * 3]
    page = open_report(make_run(tmp_path / "run", [*evenly, row(["a"], {"a": 1.0})]))
    headings = page.locator("#labels th")
    assert column(page, 1) == ["b", "a", "c"]  # by support
    headings.nth(0).locator("button").click()
    assert column(page, 1) == ["a", "b", "c"]
    assert headings.nth(0).get_attribute("aria-sort") == "ascending"
    page.keyboard.press("Enter")
    assert column(page, 1) == ["c", "b", "a"]
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    values = list(map(float, column(page, 2)))
    assert values == sorted(values, reverse=True) and values[0] > values[-1]
    assert [h.get_attribute("aria-sort") for h in headings.all()[:2]] == [None, "descending"]
    page.fill("#labels input", "B")
    assert column(page, 1) == ["b"]


def test_numbers_among_labels_are_sorted_as_numbers(open_report, tmp_path):
    names = ["10", "9", "level 10", "level 9", "-1"]
    page = open_report(make_run(tmp_path / "run", [row([tag], {tag: 0.9}) for tag in names]))
    page.locator("#labels th button").first.click()
    assert column(page, 1) == ["-1", "9", "10", "level 9", "level 10"]


def test_on_a_phone_the_rest_is_shown_when_asked_for(open_report, tmp_path):
    run = make_run(tmp_path / "run", random_rows()[2])
    wide = open_report(run)
    n_mistakes = wide.locator("#surest-mistakes li:visible").count()
    assert n_mistakes == 20 and not wide.locator(".more").count()
    page = open_report(run, width=400)
    assert page.locator("#surest-mistakes li:visible").count() == 3
    button = page.locator("#surest-mistakes button")
    assert button.inner_text() == "Show 17 more"
    button.focus()
    page.keyboard.press("Enter")
    assert page.locator("#surest-mistakes li:visible").count() == n_mistakes
    assert page.evaluate("document.activeElement.matches('#surest-mistakes li:nth-child(4)')")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert (
        not page.locator(".more").count() and page.locator("[data-shown] > [hidden]").count() == 0
    )


def test_labels_and_texts_are_shown_as_they_are(open_report, tmp_path):
    rows = [row([HOSTILE], {"标签": 0.9, HOSTILE: 0.8}, f"{HOSTILE} 中文 {i}") for i in range(3)]
    page = open_report(make_run(tmp_path / HOSTILE.replace("/", ""), rows))
    assert page.evaluate("window.hacked") is None
    assert set(column(page, 1)) == {HOSTILE, "标签"}
    assert page.locator("#surest-mistakes .text").first.inner_text() == f"{HOSTILE} 中文 0"
    assert page.locator("script").count() == 1


def test_what_slips_in_cannot_run(open_report, tmp_path):
    """The page's own policy lets no script run but its own."""
    page = open_report(make_run(tmp_path / "run", random_rows()[2]))
    page.evaluate(
        "document.body.append(Object.assign(document.createElement('script'),"
        " {textContent: 'window.hacked = 1'}))"
    )
    assert page.evaluate("window.hacked") is None
    (complaint,) = open_report.problems
    assert "Content Security Policy" in complaint
    open_report.problems.clear()


def read(page):
    """What can be read of a page: its texts, and its attributes that are read out."""
    return page.evaluate(
        """() => {
          const walker = document.createTreeWalker(document.documentElement, NodeFilter.SHOW_TEXT);
          const found = [];
          while (walker.nextNode()) {
            if (walker.currentNode.parentElement.localName !== "script") {
              found.push(walker.currentNode.data);
            }
          }
          for (const each of document.querySelectorAll("*")) {
            for (const name of ["aria-label", "placeholder", "title"]) {
              found.push(each.getAttribute(name));
            }
          }
          return found;
        }"""
    )


@pytest.mark.parametrize(("width", "more"), [(900, None), (400, "再显示 17 个")])
def test_the_button_switches_all_that_is_said_and_back(open_report, tmp_path, width, more):
    told = [{"step": 5 * i, "micro_f1": i / 10} for i in range(1, 4)]
    run = make_run(tmp_path / "run", random_rows()[2], {"micro_f1": 0.5}, evaluations=told)
    page = open_report(run, width=width, locale="en-GB")
    english = read(page)
    assert page.inner_text("#language") == "中文"
    page.click("#language")
    assert (page.inner_text("#language"), page.get_attribute("html", "lang")) == (
        *("English", "zh-CN"),
    )
    assert page.title().startswith("TextZoo：")
    assert page.locator("h2").first.inner_text() == "指标"
    assert page.locator("#training figcaption").first.inner_text().startswith("损失")
    assert page.locator("#training svg [data-zh]").first.text_content() == "步数"
    assert page.get_attribute("#training svg >> nth=0", "aria-label") == "按步：损失"
    assert page.get_attribute("#labels input", "placeholder") == "筛选标签"
    assert page.locator("#labels th").first.inner_text().startswith("标签")
    assert page.locator("#surest-mistakes .more").all_inner_texts() == [more] * bool(more)
    page.click("#language")
    assert read(page) == english


def test_the_language_is_the_browser_s_until_one_is_chosen(open_report, tmp_path):
    page = open_report(make_run(tmp_path / "run", random_rows()[2]), locale="zh-TW")
    heading = page.locator("#training h2")
    assert heading.inner_text() == "训练"
    page.click("#language")
    assert heading.inner_text() == "Training"
    page.reload()
    assert heading.inner_text() == "Training"


def test_without_javascript_a_report_is_in_english_and_has_no_button(open_report, tmp_path):
    run = make_run(tmp_path / "run", random_rows()[2])
    page = open_report(run, locale="zh-CN", java_script_enabled=False)
    assert page.locator("#training h2").inner_text() == "Training"
    assert not page.is_visible("#language")


@pytest.mark.parametrize("name", ["tagspace", "multilabel", "batchneg"])
def test_a_phone_s_width_needs_no_sideways_scrolling(exported, open_report, name):
    page = open_report(exported(name).run, width=320)
    assert page.evaluate("document.documentElement.scrollWidth") == 320


def test_nor_do_long_names_of_runs(open_report, tmp_path):
    runs = [make_run(tmp_path / (letter * 200), random_rows()[2]) for letter in "ab"]
    for folders in ([runs[0]], runs):
        page = open_report(*folders, width=320)
        assert page.evaluate("document.documentElement.scrollWidth") == 320


def test_curves_have_the_page_s_colours_in_light_and_dark(exported, open_report):
    folder = exported("multilabel").run

    def colours(scheme):
        page = open_report(folder, color_scheme=scheme)
        curve = "getComputedStyle(document.querySelector('[style*=\"--line-0\"]')).stroke"
        text = "getComputedStyle(document.querySelector('svg text')).fill"
        return page.evaluate(f"[{curve}, {text}, getComputedStyle(document.body).backgroundColor]")

    light, dark = colours("light"), colours("dark")
    assert not set(light) & set(dark)
    assert len({*light, *dark}) == 6
