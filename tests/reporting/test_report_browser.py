"""The page as a person sees it: in Chromium, on a phone, in the dark, on paper."""

from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.browser


def test_nothing_leaves_the_page_and_nothing_complains(browser: Any, page: Path) -> None:
    tab = browser.new_page()
    requests: list[str] = []
    complaints: list[str] = []
    tab.on("request", lambda request: requests.append(request.url))
    tab.on("console", lambda message: complaints.append(message.text))
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    tab.goto(page.as_uri())
    tab.locator("summary").first.click()
    tab.wait_for_load_state("networkidle")
    assert [url for url in requests if not url.startswith("data:")] == [page.as_uri()]
    assert complaints == []
    broken = "[...document.images].filter(image => !image.naturalWidth).length"
    assert tab.evaluate(broken) == 0
    tab.close()


@pytest.mark.parametrize(
    ("name", "width"), [("page", 320), ("odd_page", 320), ("many_page", 320), ("many_page", 768)]
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


def test_no_column_of_four_models_is_hidden_on_a_desktop(browser: Any, many_page: Path) -> None:
    tab = browser.new_page(viewport={"width": 1280, "height": 900})
    tab.goto(many_page.as_uri())
    tables = "[...document.querySelectorAll('#results > .scroll')]"
    hidden = f"{tables}.map(each => each.scrollWidth - each.clientWidth)"
    assert tab.evaluate(hidden) == [0, 0]
    tab.close()


@pytest.mark.parametrize("width", [500, 1280])
def test_bars_of_mistakes_have_one_scale(browser: Any, many_page: Path, width: int) -> None:
    tab = browser.new_page(viewport={"width": width, "height": 900})
    tab.goto(many_page.as_uri())
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
    assert tab.pdf(format="A4")[:4] == b"%PDF"
    tab.close()
