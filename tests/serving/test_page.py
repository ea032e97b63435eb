import pytest
from harness.exports import LINEAR

pytest.importorskip("fastapi")
pytest.importorskip("uvicorn")
playwright = pytest.importorskip("playwright.sync_api")


@pytest.fixture
def open_page(browser):
    """A function that opens a client's page, which may neither fail nor ask other hosts."""
    contexts, problems = [], []

    def opened(client, width=900, height=800, **settings):
        context = browser.new_context(viewport={"width": width, "height": height}, **settings)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: problems.append(str(error)))
        home = f"http://127.0.0.1:{client.port}/"
        page.on("request", lambda r: r.url.startswith((home, "data:")) or problems.append(r.url))
        page.goto(home)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert not problems


def lines(page):
    page.wait_for_selector("#results li")
    names = page.locator("#results .name").all_inner_texts()
    return list(zip(names, page.locator("#results .number").all_inner_texts()))


def percent(share):
    if share >= 0.9995:
        return "> 99.9%"
    return "< 0.1%" if share < 0.0005 else f"{100 * share:.1f}%"


def bars(page):
    return [
        float(w.rstrip("%"))
        for w in page.locator(".bar").evaluate_all("b => b.map(x => x.style.width)")
    ]


def test_tags_of_a_typed_text(serving, open_page):
    client = serving("tagspace")
    page = open_page(client)
    page.wait_for_selector("#examples li")
    assert page.title() == "TextZoo: tagspace"
    assert not page.is_visible("#models")
    page.keyboard.type("a sharp knife in <b>soft</b> drinks")  # the field has the focus
    page.keyboard.press("Control+Enter")
    found = lines(page)
    _, answer, _ = client.post("/predict", texts=["a sharp knife in <b>soft</b> drinks"], top_k=5)
    expected = answer["predictions"][0]["top"]
    assert found == [(row["tag"], percent(row["probability"])) for row in expected]
    assert bars(page) == pytest.approx([100 * row["probability"] for row in expected], abs=0.1)
    assert "Each percentage is the probability that" in page.inner_text("#note")
    assert "adds to its score" not in page.inner_text("#note")  # no n-grams are listed
    assert page.inner_text("#latency").endswith(" ms")
    assert not page.is_visible("#facts")
    page.focus("summary")
    page.keyboard.press("Enter")
    facts = page.inner_text("#facts")
    checkpoint = client.facts["checkpoint"]
    metrics = checkpoint["validation_metrics"]
    assert f"On {metrics['rows']:.0f} texts that it was not trained on:" in facts
    assert f"accuracy {metrics['accuracy']:.3f} share of texts whose first label is right" in facts
    page.select_option("#count", "3")
    page.click("#ask")
    playwright.expect(page.locator("#results li")).to_have_count(3)


def test_words_are_counted_and_what_is_not_read_or_known_is_said(serving, open_page):
    client = serving("multilabel", characters=500)
    page = open_page(client)
    page.wait_for_selector("#examples li")
    assert page.get_attribute("#first", "placeholder") == "Type or paste a text"
    text = "今天 天气" + "好" * 200
    page.fill("#first", text)
    _, answer, _ = client.post("/coverage", texts=[text])
    (coverage,) = answer["coverage"]
    limit = client.facts["reads"]["limit"]
    cut = f"{coverage['total']} tokens, of which only the first {limit} are read"
    playwright.expect(page.locator("#first-count")).to_have_text(cut)
    page.click("#ask")
    lines(page)
    assert cut in page.inner_text("#warnings")
    page.fill("#first", "x" * 501)
    assert "too long" in page.inner_text("#first-count")
    page.click("#ask")  # which the browser refuses, with this sentence
    assert page.locator("#first:invalid").count() == 1
    page.fill("#first", "ꔀ")
    page.click("#ask")
    playwright.expect(page.locator("#warnings")).to_contain_text("knows none of these tokens")


def test_what_the_net_does_not_know_is_not_unknown_to_the_n_grams_beside_it(serving, open_page):
    page = open_page(serving(LINEAR))
    page.wait_for_selector("#examples li")
    page.fill("#first", "ꔀ")
    page.click("#ask")
    told = "The net knows none of these tokens: the n-grams beside it decide."
    playwright.expect(page.locator("#warnings")).to_contain_text(told)


def test_an_example_is_one_click_away(serving, open_page):
    client = serving("tagspace")
    page = open_page(client)
    for text in client.facts["examples"][:2]:
        page.click("#example")
        assert page.input_value("#first") == text
        lines(page)
    assert page.get_attribute("#first", "maxlength") is None


def test_a_weak_match_is_said_to_be_one(serving, open_page):
    client = serving("batchneg")
    page = open_page(client)
    page.wait_for_selector("#examples li")
    weak_below = client.facts["weak_below"]
    text = "xkcd 42 zqv !!"
    page.fill("#first", text)
    page.click("#ask")
    _, answer, _ = client.post("/search", texts=[text], k=5)
    assert answer["results"][0][0]["score"] < weak_below
    lines(page)
    assert page.locator("#results.weak").count() == 1
    assert "A weak match" in page.inner_text("#warnings")
    page.click("#example")
    playwright.expect(page.locator("#warnings")).to_be_empty()
    lines(page)
    assert not page.locator("#results.weak").count()


def test_what_was_asked_before_is_given_up(serving, open_page):
    client, held = serving("tagspace"), []
    page = open_page(client)
    page.wait_for_selector("#examples li")
    page.route("**/predict", lambda route: route.continue_() if held else held.append(route))
    page.fill("#first", "the first text")
    with page.expect_request("**/predict"):
        page.click("#ask")
    page.fill("#first", "the second text")
    with page.expect_event("requestfailed") as given_up:
        page.click("#ask")
    assert given_up.value.post_data_json["texts"] == ["the first text"]
    _, answer, _ = client.post("/predict", texts=["the second text"], top_k=5)
    assert [name for name, _ in lines(page)] == [
        best["tag"] for best in answer["predictions"][0]["top"]
    ]
    assert not page.is_visible("#problem")
    page.wait_for_selector("#ask:not([aria-busy])")


def test_labels_above_their_threshold_are_marked(serving, open_page):
    client = serving("per_label")
    page = open_page(client)
    page.locator("#examples button").nth(1).click()
    found = lines(page)
    _, answer, _ = client.post("/predict", texts=[page.input_value("#first")], top_k=5)
    (row,) = answer["predictions"]
    assert [name for name, _ in found] == [best["tag"] for best in row["top"]]
    marked = page.locator("#results .chosen").all_inner_texts()
    assert set(marked) == set(row["predicted"]) & {name for name, _ in found}


def test_levels_are_named(serving, open_page):
    client = serving("levels")
    page = open_page(client)
    page.locator("#examples button").first.click()
    _, answer, _ = client.post("/predict", texts=[page.input_value("#first")], top_k=50)
    names = dict(name.split(": level ") for name, _ in lines(page))
    assert names == {k: str(v) for k, v in answer["predictions"][0]["predicted"].items()}


def test_nearest_texts_and_two_texts_by_keyboard(serving, open_page):
    client = serving("batchneg")
    page = open_page(client)
    page.wait_for_selector("#examples li")
    page.keyboard.type("why is my cooker so noisy")
    page.keyboard.press("Control+Enter")
    _, answer, _ = client.post("/search", texts=["why is my cooker so noisy"], k=5)
    assert [name for name, _ in lines(page)] == [found["text"] for found in answer["results"][0]]
    assert not page.is_visible("#second")
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("ArrowRight")
    assert page.get_attribute("#tab-similarity", "aria-selected") == "true"
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.type("my cooker rattles")
    page.keyboard.press("Control+Enter")
    texts = [["why is my cooker so noisy"], ["my cooker rattles"]]
    _, answer, _ = client.post("/similarity", first=texts[0], second=texts[1])
    assert lines(page) == [("cosine", f"{answer['similarities'][0]:.3f}")]
    assert "The numbers are cosines" in page.inner_text("#note")


@pytest.mark.parametrize("name", ["tagspace", "batchneg"])
def test_a_phone_s_width_needs_no_sideways_scrolling(serving, open_page, name):
    page = open_page(serving(name), width=320, height=640)
    page.locator("#examples button").first.click()
    lines(page)
    assert page.evaluate("document.documentElement.scrollWidth") == 320


def luminance(rgb):
    """The relative luminance of a colour, as WCAG 2 defines it."""
    shares = [channel / 255 for channel in rgb]
    red, green, blue = (c / 12.92 if c <= 0.04 else ((c + 0.055) / 1.055) ** 2.4 for c in shares)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_dark_and_light_differ_and_text_is_readable_in_both(serving, open_page):
    client = serving("tagspace")

    def luminances(scheme):
        page = open_page(client, color_scheme=scheme)
        colours = page.evaluate(
            "(s => [s.color, s.backgroundColor])(getComputedStyle(document.body))"
        )
        return [luminance([int(part) for part in colour[4:-1].split(",")]) for colour in colours]

    text, back = luminances("light")
    assert (back + 0.05) / (text + 0.05) > 7  # contrast of WCAG 2, level AAA
    text, back = luminances("dark")
    assert (text + 0.05) / (back + 0.05) > 7


def test_labels_are_english_or_chinese(serving, open_page):
    client = serving("tagspace")
    page = open_page(client, locale="zh-CN")
    assert page.inner_text("#ask") == "提问"
    page.click("#language")
    assert (page.inner_text("#ask"), page.get_attribute("html", "lang")) == ("Ask", "en")
    page.reload()
    assert page.inner_text("#ask") == "Ask"
    empty = page.locator("[data-say]").evaluate_all("e => e.filter(x => !x.textContent).length")
    assert empty == 0


def test_one_of_several_models_is_chosen(serving, open_page):
    client = serving({"news": "tagspace", "faq": "batchneg"})
    page = open_page(client)
    page.wait_for_selector("#examples li")
    assert page.title() == "TextZoo: news"
    assert page.locator("#models option").all_inner_texts() == ["news", "faq"]
    page.select_option("#models", "faq")
    playwright.expect(page.locator("#tabs")).to_be_visible()
    page.fill("#first", "why is my cooker so noisy")
    page.click("#ask")
    _, answer, _ = client.post("/models/faq/search", texts=["why is my cooker so noisy"], k=5)
    assert [name for name, _ in lines(page)] == [found["text"] for found in answer["results"][0]]
    page.select_option("#models", "news")
    playwright.expect(page.locator("#tabs")).to_be_hidden()
    playwright.expect(page.locator("#answer")).to_be_hidden()
    page.click("#ask")
    _, answer, _ = client.post("/models/news/predict", texts=["why is my cooker so noisy"], top_k=5)
    best = answer["predictions"][0]["top"]
    assert [name for name, _ in lines(page)] == [row["tag"] for row in best]


def test_a_token_is_asked_for_once(serving, open_page):
    page = open_page(serving("tagspace", token="s3cret"))
    page.wait_for_selector("#token")
    assert page.inner_text("#problem") == "This server asks for a token."
    page.fill("#token", "wrong")
    page.keyboard.press("Enter")
    page.fill("#token", "s3cret")
    page.keyboard.press("Enter")
    page.wait_for_selector("#examples li")
    assert not page.is_visible("#problem") and not page.is_visible("#token")
    page.reload()
    page.wait_for_selector("#examples li")


def test_problems_are_told(serving, open_page):
    page = open_page(serving("batchneg"))
    page.wait_for_selector("#examples li")
    page.fill("#first", "   ")
    page.click("#ask")
    page.wait_for_selector("#problem:not([hidden])")
    assert page.inner_text("#problem") == "422: texts[0]: received an empty text"
    page.context.set_offline(True)
    page.fill("#first", "a")
    page.click("#ask")
    playwright.expect(page.locator("#problem")).to_have_text("The server cannot be reached.")


@pytest.mark.parametrize("name", ["tagspace", LINEAR])
def test_words_are_shaded_for_the_label_that_is_clicked(serving, open_page, name):
    client = serving(name)
    page = open_page(client)
    text = "a 😀 sharp knife on" if name == "tagspace" else client.facts["examples"][0]
    page.fill("#first", text)
    page.click("#ask")
    page.wait_for_selector("#shaded mark")
    _, answer, _ = client.post("/predict", texts=[text], top_k=5, explain=100)
    top = answer["predictions"][0]["top"]

    def shaded():
        marks = page.locator("#shaded mark").evaluate_all(
            "marks => marks.map(m => [m.textContent, m.className, m.title])"
        )
        return [(word, kind == "against", float(share)) for word, kind, share in marks]

    def expected(place):
        words = sorted(top[place]["words"], key=lambda word: word["start"])
        shares = [word["share"] for word in words]
        return [
            (word["word"], share < 0, pytest.approx(share, abs=6e-4))
            for word, share in zip(words, shares)
        ]

    assert shaded() == expected(0)
    assert page.locator("#shaded").inner_text() == text
    names = page.locator("#results .name")
    assert names.nth(0).get_attribute("aria-pressed") == "true"
    place = next(n for n in (1, 2, 3, 4) if top[n]["words"])
    names.nth(place).click()
    assert shaded() == expected(place)
    assert names.nth(0).get_attribute("aria-pressed") == "false"
    names.nth(place).press("Enter")  # the focus stays: once more, and nothing is shaded
    assert not page.is_visible("#explained")
    with page.expect_request("**/predict") as asked:
        page.uncheck("#explain")
    assert "explain" not in asked.value.post_data_json
    playwright.expect(page.locator("#ask:not([aria-busy])")).to_have_count(1)
    assert page.locator("#shaded mark").count() == 0 and lines(page)


def test_ngrams_that_speak_for_a_label_stand_below_it(serving, open_page):
    client = serving(LINEAR)
    page = open_page(client)
    page.click("#examples li:first-child button")
    page.wait_for_selector(".why li")
    texts = client.facts["examples"][:1]
    _, answer, _ = client.post("/predict", texts=texts, top_k=5, explain=8)
    why = answer["predictions"][0]["top"][0]["why"]
    shown = page.locator("#results > li").first.locator(".why li").all_inner_texts()
    assert [text.split(" +")[0].replace("␣", " ") for text in shown] == [w["ngram"] for w in why]
    assert "with what each adds to its score" in page.inner_text("#note")
