"""The page as a person sees it: in Chromium, on a phone, in the dark, on paper."""

import re
from pathlib import Path
from typing import Any

import pytest

from fittingroom.evaluation import ModelReport, evaluate_predictions
from fittingroom.reporting import Facts
from tests.reporting.conftest import predictions, write

pytestmark = pytest.mark.browser


def test_nothing_leaves_the_page_and_nothing_complains(browser: Any, page: Path) -> None:
    tab = browser.new_page()
    requests: list[str] = []
    complaints: list[str] = []
    tab.on("request", lambda request: requests.append(request.url))
    tab.on("console", lambda message: complaints.append(message.text))
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    tab.goto(page.as_uri())
    tab.locator("main summary").first.click()
    tab.wait_for_load_state("networkidle")
    assert [url for url in requests if not url.startswith("data:")] == [page.as_uri()]
    assert complaints == []
    broken = "[...document.images].filter(image => !image.naturalWidth).length"
    assert tab.evaluate(broken) == 0
    tab.close()


@pytest.mark.parametrize(
    ("name", "width"),
    [
        *(("page", width) for width in (320, 390, 768, 1100, 1280, 1920)),
        *(("odd_page", 320), ("many_page", 320), ("many_page", 768), ("many_page", 1280)),
    ],
)
def test_no_page_scrolls_sideways(
    browser: Any, name: str, width: int, request: pytest.FixtureRequest
) -> None:
    tab = browser.new_page(viewport={"width": width, "height": 800})
    tab.goto(request.getfixturevalue(name).as_uri())
    # With all tables open: they scroll in their own boxes.
    tab.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    tab.close()


def test_the_first_screen_says_it_and_the_page_is_short(browser: Any, page: Path) -> None:
    tab = browser.new_page(viewport={"width": 1280, "height": 800})
    tab.goto(page.as_uri())
    told = tab.locator(".verdict, .numbers > div, .foremost > div")
    assert told.count() == 1 + 3 + 3
    few = tab.locator(".foremost > div", has_text="too-few-seeds").locator("dd").all_inner_texts()
    assert [text.split()[0] for text in few[:2]] == ["ann", "cnn"]
    ends = [box.bounding_box() for box in told.all()]
    assert max(box["y"] + box["height"] for box in ends) <= 800
    assert tab.evaluate("document.documentElement.scrollHeight") <= 6000
    # The contents stay at the side; a figure that is folded opens by its own address.
    tab.goto(f"{page.as_uri()}#flipped")
    assert tab.locator("#flipped .tiles img").first.is_visible()
    assert tab.locator("nav a").first.bounding_box()["y"] < 100
    tab.set_viewport_size({"width": 390, "height": 844})
    assert not tab.locator("nav a").first.is_visible()
    tab.locator("nav summary").click()
    assert tab.locator("nav a").last.is_visible()
    tab.close()


@pytest.mark.parametrize("name", ["page", "many_page"])
def test_text_in_charts_is_legible_on_a_phone(
    browser: Any, name: str, request: pytest.FixtureRequest
) -> None:
    tab = browser.new_page(viewport={"width": 390, "height": 844})
    tab.goto(request.getfixturevalue(name).as_uri())
    tab.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    sizes = tab.evaluate(
        "[...document.querySelectorAll('svg text')].map(text => [text, text.getScreenCTM()])"
        ".map(([text, at]) => parseFloat(getComputedStyle(text).fontSize) * Math.hypot(at.a, at.b))"
    )
    assert len(sizes) > 100
    assert min(sizes) >= 10.95
    tab.close()


def test_no_column_of_four_models_is_hidden_on_a_desktop(browser: Any, many_page: Path) -> None:
    tab = browser.new_page(viewport={"width": 1280, "height": 900})
    tab.goto(many_page.as_uri())
    tables = "[...document.querySelectorAll('#results .scroll:not(details *)')]"
    hidden = f"{tables}.map(each => each.scrollWidth - each.clientWidth)"
    assert tab.evaluate(hidden) == [0, 0]
    tab.close()


@pytest.mark.parametrize("width", [500, 1280])
def test_bars_of_mistakes_have_one_scale(browser: Any, many_page: Path, width: int) -> None:
    tab = browser.new_page(viewport={"width": width, "height": 900})
    tab.goto(many_page.as_uri())
    tab.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    # Rows that show fewer examples than others are among them: the last ones.
    tab.evaluate(
        "document.querySelectorAll('.confused li:last-child .examples')"
        ".forEach(each => each.replaceChildren())"
    )
    scales = tab.evaluate(
        "[...document.querySelectorAll('.confused')].map(list => new Set("
        "[...list.querySelectorAll('.bar')].map(bar => bar.offsetWidth)).size)"
    )
    assert set(scales) == {1}
    tab.close()


@pytest.mark.parametrize(("scheme", "dark"), [("light", False), ("dark", True)])
def test_page_follows_the_colour_scheme(browser: Any, page: Path, scheme: str, dark: bool) -> None:
    tab = browser.new_page(color_scheme=scheme)
    tab.goto(page.as_uri())
    brightness = (
        "element => getComputedStyle(element)[{}].match(/\\d+/g).slice(0, 3).map(Number)"
        ".reduce((sum, part) => sum + part) / 3"
    )
    background = tab.locator("body").evaluate(brightness.format("'backgroundColor'"))
    chart_text = tab.locator("svg text").first.evaluate(brightness.format("'fill'"))
    assert (background < 60) is dark
    assert (chart_text > 128) is dark
    tab.close()


def test_paper_is_white_and_no_figure_wider_than_it(browser: Any, page: Path) -> None:
    tab = browser.new_page(color_scheme="dark", viewport={"width": 680, "height": 960})
    tab.emulate_media(media="print")
    tab.goto(page.as_uri())
    colour = tab.locator("body").evaluate("body => getComputedStyle(body).backgroundColor")
    assert colour == "rgb(255, 255, 255)"
    wide = "[...document.querySelectorAll('svg, img')]" + (
        ".filter(each => each.getBoundingClientRect().right > innerWidth + 1).length"
    )
    assert tab.evaluate(wide) == 0
    pages = re.findall(rb"/Type ?/Page\b", tab.pdf(format="A4"))
    assert 4 <= len(pages) <= 8
    # Folded parts that are worth paper are opened, others left out.
    shown = [
        key for key in ("sample_predictions", "flipped") if tab.locator(f"#{key}").is_visible()
    ]
    assert shown == ["sample_predictions"]
    tab.close()


def test_a_cell_opens_its_images_beside_the_other_models(
    browser: Any, page: Path, models: list[ModelReport]
) -> None:
    tab = browser.new_page(viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
    tab.goto(page.as_uri())
    chart = tab.locator('[id="ann_confusion_matrix"] .chart')
    chart.scroll_into_view_if_needed()
    axes = chart.locator("[data-axes]").bounding_box()
    side = axes["width"] / 10
    tab.mouse.click(axes["x"] + 1.5 * side, axes["y"] + 0.5 * side)
    drawer = tab.locator("dialog[open]")
    tab.wait_for_url(f"{page.as_uri()}#ann/T-shirt-top/Trouser")
    assert drawer.locator("h2").inner_text() == "T-shirt/top, predicted as Trouser"
    counts = [int(model.evaluation.confusion[0, 1]) for model in models]
    for column, model, count in zip(drawer.locator("section").all(), models, counts, strict=True):
        assert column.locator("h3").inner_text() == model.name
        assert column.locator(".garment").count() == count
    sure = drawer.locator("section").first.locator(".bars li:first-child").all_inner_texts()
    shares = [int(text.split()[-1].strip("%>")) for text in sure]
    assert shares == sorted(shares, reverse=True)
    tab.go_back()
    assert drawer.count() == 0
    # By keyboard, and back to where it was. An empty cell does not open.
    chart.focus()
    for key in ("ArrowDown", "ArrowDown", "Enter", "ArrowRight", "ArrowRight", "Enter"):
        tab.keyboard.press(key)
    tab.wait_for_url(f"{page.as_uri()}#ann/Pullover/Dress")
    drawer.wait_for()
    tab.keyboard.press("Escape")
    tab.wait_for_url(page.as_uri())
    assert drawer.count() == 0
    assert chart.evaluate("chart => chart === document.activeElement")
    # By its address, with a class that is called as no other file would be.
    tab.goto(f"{page.as_uri()}#cnn/Ankle boot/Ankle boot")
    assert drawer.locator("h2").inner_text() == "Ankle boot, correct"
    # First the images that both have, in the same rows.
    rows = [each.locator("small").all_inner_texts() for each in drawer.locator("section").all()]
    both = len(set(rows[0]) & set(rows[1]))
    assert rows[0][:both] == rows[1][:both] != []
    assert f"; first the {both} that all models have here" in drawer.locator("p").last.inner_text()
    tab.close()


def test_cells_of_a_model_without_probabilities_open_too(browser: Any, odd_page: Path) -> None:
    tab = browser.new_page()
    tab.goto(f"{odd_page.as_uri()}#i-odd/plain/plain")
    drawer = tab.locator("dialog[open]")
    assert drawer.locator(".garment").count() == 100
    assert re.fullmatch(r"1\d\d images, 100 shown", drawer.locator("section p").inner_text())
    assert drawer.locator(".bars li").count() == tab.locator("canvas").count() == 0
    tab.close()


def test_charts_answer_the_pointer_and_the_keys(
    browser: Any, page: Path, models: list[ModelReport]
) -> None:
    tab = browser.new_page(viewport={"width": 1280, "height": 900}, has_touch=True)
    tab.goto(page.as_uri())
    curves = tab.locator("#learning_curves")
    curves.locator(".chart").focus()
    tab.keyboard.press("ArrowRight")
    tab.keyboard.press("ArrowRight")
    reading = curves.locator(".reading").inner_text()
    assert reading.startswith("Epoch 2\n")
    assert f"validation loss {models[1].history[1].val_loss:.4f}" in reading
    curves.scroll_into_view_if_needed()
    axes = curves.locator("[data-axes]").last.bounding_box()
    tab.mouse.move(axes["x"] + axes["width"] - 2, axes["y"] + 5)
    assert curves.locator(".reading").inner_text().startswith("Epoch 4\n")
    tab.touchscreen.tap(axes["x"] + 2, axes["y"] + 5)
    assert curves.locator(".reading").inner_text().startswith("Epoch 1\n")
    # A class under the pointer is lit in every chart that has it.
    tab.locator("#recalls .chart").scroll_into_view_if_needed()
    name = tab.locator("#recalls svg text", has_text="Sandal").bounding_box()
    tab.mouse.move(name["x"] + 200, name["y"] + 4)
    lit = tab.locator("svg:has(.band)")
    assert lit.count() == len(tab.locator("svg:has(text:text-is('Sandal'))").all()) == 5
    tab.close()


def test_the_map_shows_mistakes_and_their_images(browser: Any, page: Path) -> None:
    tab = browser.new_page(viewport={"width": 1280, "height": 900}, has_touch=True)
    tab.goto(page.as_uri())
    tab.get_by_text("A map of the test set").click()
    canvas, figure = tab.locator("canvas"), tab.locator("#map")
    drawn = "canvas => new Set(canvas.getContext('2d').getImageData(0, 0, 500, 500).data).size"
    assert canvas.evaluate(drawn) > 50
    # Around the ends, and by any arrow.
    canvas.focus()
    read = []
    for key in ("ArrowUp", "ArrowDown", "ArrowLeft", "ArrowRight"):
        tab.keyboard.press(key)
        read.append(figure.locator(".reading").inner_text())
    assert "predicted as" in read[0]
    assert read[0] == read[2] != read[1] == read[3]
    assert figure.locator(".reading .garment").count() == 1
    figure.get_by_role("button", name="cnn").click()
    assert "mistakes of cnn" in figure.locator("figcaption").inner_text()
    # A class of the legend stands out by its key, and no longer once it is left.
    shot = canvas.screenshot()
    figure.get_by_role("button", name="Dress").focus()
    lit = canvas.screenshot()
    figure.get_by_role("button", name="cnn").focus()
    assert lit != shot == canvas.screenshot()
    box = canvas.bounding_box()
    tab.keyboard.press("Tab")
    for step in range(40):  # somewhere on the way there is a dot
        tab.mouse.move(box["x"] + box["width"] * step / 40, box["y"] + box["height"] * step / 40)
    figure.locator(".reading", has_text="№").wait_for()
    # By a finger, with no dot chosen before.
    figure.get_by_role("button", name="ann").click()
    away = 0.0
    while not tab.evaluate("location.hash") and away < box["width"]:
        canvas.scroll_into_view_if_needed()
        box = canvas.bounding_box()  # what was read before may have moved it
        tab.touchscreen.tap(box["x"] + away, box["y"] + away)
        away += box["width"] / 80
    tab.wait_for_selector("dialog[open]")
    tab.close()


def test_tables_are_copied_and_charts_saved(browser: Any, page: Path) -> None:
    context = browser.new_context(permissions=["clipboard-read", "clipboard-write"])
    tab = context.new_page()
    tab.goto(page.as_uri())
    table = tab.locator("#results table").first
    table.locator(".copy summary").click()
    copied = {}
    for form in ("Markdown", "CSV", "LaTeX"):
        table.get_by_role("button", name=form).click()
        copied[form] = tab.evaluate("navigator.clipboard.readText()")
    accuracy = table.locator("tbody td").first.inner_text()
    assert f"| Accuracy | {accuracy} |" in copied["Markdown"]
    head, first = (line.split(",") for line in copied["CSV"].splitlines()[:2])
    assert head[1:4] == ['"ann"', '"ann low"', '"ann high"']
    value, low, high = re.findall(r"[\d.]+%?", accuracy)
    assert first[:4] == ['"Accuracy"', f'"{value}"', f'"{low}%"', f'"{high}"']
    assert not re.search(r'\d\S* to |"−', copied["CSV"])  # differences, too
    assert f"Accuracy & {accuracy}".replace("%", "\\%").replace("–", "--") in copied["LaTeX"]
    with tab.expect_download() as saved:
        tab.locator("#recalls").get_by_role("button", name="SVG").click()
    text = saved.value.path().read_text(encoding="utf-8")
    assert "var(" not in text
    assert 'xmlns="http://www.w3.org/2000/svg"' in text
    context.close()


def test_hostile_names_are_told_apart_and_copied_whole(browser: Any, tmp_path: Path) -> None:
    count = evaluate_predictions(predictions(0.9, 3, "abc"), draws=10).confusion[0, 1]
    said = predictions(0.9, 3, ("a/b", "a-b", str(count)))
    model = ModelReport("m~|_", "data", evaluate_predictions(said, draws=10))
    index = write(tmp_path, [model], Facts("data", official=False, description=""))
    tab = browser.new_page(viewport={"width": 1280, "height": 900})
    errors: list[str] = []
    tab.on("pageerror", lambda error: errors.append(str(error)))
    tab.add_init_script(
        "Object.defineProperty(navigator, 'clipboard', {value: undefined});"
        "addEventListener('copy', () => (window.copied = document.activeElement.value))"
    )
    for path, title in {"a%2Fb/a-b": "a/b, predicted as a-b", "a-b/a-b": "a-b, correct"}.items():
        tab.goto(f"{index.as_uri()}#m-_/{path}")
        assert tab.locator("dialog[open] h2").inner_text() == title
    tab.goto(f"{index.as_uri()}#100%")
    assert tab.locator("dialog[open]").count() == 0
    # A class that is called as a number in the charts.
    chart = tab.locator('[id="m-__confusion_matrix"] svg')
    assert chart.locator(f"text:text-is('{count}')").count() > 2
    chart.locator(f"text[style*='anchor: end']:text-is('{count}')").hover()
    assert chart.evaluate("svg => svg.querySelectorAll('.lit').length") == 2
    # Without a clipboard of its own.
    assert tab.locator("table:has(img) .copy").count() == 0
    table = tab.locator("#results table").first
    table.locator(".copy summary").click()
    for form, name in {"Markdown": r"m~\|\_", "LaTeX": r"m\textasciitilde{}$|$\_"}.items():
        table.get_by_role("button", name=form).click()
        assert f" {name} " in tab.evaluate("window.copied").splitlines()[form == "LaTeX"]
    assert errors == []
    tab.close()
