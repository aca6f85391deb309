"""The exported page in Chromium: what a person does with it, and what it never does."""

from typing import Any

import numpy as np
import pytest

from fittingroom.classes import GARMENTS
from fittingroom.data import find_dataset
from fittingroom.errors import ExportError
from fittingroom.export.npm import read_package
from fittingroom.jobs.export import export_run
from fittingroom.page import FOLDER
from fittingroom.photos import read_photo
from fittingroom.predict import Model
from tests.page.conftest import drop, export, open_tab, photo_of, serve, settle
from tests.photos.corpus import encoded

pytestmark = pytest.mark.browser

AXE = (
    "axe-core",
    "4.14.1",
    "sha512-FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ==",
)

# What is drawn, as 784 grey levels.
PIXELS = (
    "[...document.getElementById('drawing').getContext('2d').getImageData(0, 0, 28, 28).data]"
    ".filter((_, index) => index % 4 === 0)"
)


@pytest.fixture(scope="module")
def photo() -> bytes:
    return encoded(photo_of(find_dataset("sample").training().images[3]), "JPEG", quality=92)


def words(tab: Any, selector: str) -> str:
    return tab.locator(selector).first.inner_text()


def test_a_dropped_photo_is_named_as_python_names_it(page, trained, photo):
    drop(page, photo, "shirt.jpg")
    answer = Model(trained.model_path, name=trained.name).answers(read_photo(photo).image[None])[0]
    assert page.locator("#status").inner_text() == answer.sentence
    shares = page.locator(".bars li").all_inner_texts()
    assert len(shares) == 10
    assert shares[0].startswith(answer.class_name)
    assert page.locator("#stages li").count() == len(read_photo(photo).stages)
    page.locator(".looked").wait_for()  # it comes after the answer
    model = Model(trained.model_path)
    image = read_photo(photo).image
    nearest = page.locator(".nearest li").all_inner_texts()
    assert nearest == [GARMENTS[label] for label in model.nearest(image).labels]
    # The map's colours are as strong as Python's values, and warm where those are positive.
    values = model.explain(image).ravel()
    colours = np.array(
        page.evaluate(
            "[...document.querySelector('.looked canvas').getContext('2d')"
            ".getImageData(0, 0, 28, 28).data]"
        )
    ).reshape(-1, 4)
    strengths = 225 * (np.abs(values) / np.abs(values).max()) ** 1.2
    np.testing.assert_allclose(colours[:, 3], strengths, atol=3)
    strong = strengths > 40
    assert ((colours[:, 0] > colours[:, 2]) == (values > 0))[strong].all()
    assert page.locator("#shown").is_visible()


def test_a_model_of_other_classes_has_a_page_without_garments(browser, of_26, tmp_path, sample):
    server, address = serve(export([of_26], tmp_path / "site"))
    tab = open_tab(browser, address)
    assert tab.locator(".rail").is_hidden()
    assert "26 classes and no others" in tab.locator("footer").inner_text()
    assert "garment" not in tab.locator("body").inner_text().lower()
    image = sample.training().images[3]
    drop(tab, encoded(photo_of(image)), "shirt.png")
    read = read_photo(encoded(photo_of(image))).image
    assert words(tab, "#status") == Model(of_26.model_path).answers(read[None])[0].sentence
    assert "garment" not in words(tab, ".verdict").lower()
    bars = tab.locator(".bars li").all_inner_texts()
    assert len(bars) == 11
    assert bars[-1].startswith("16 others")
    assert tab.locator(".nearest").count() == 0
    assert tab.complaints == []
    tab.close()
    server.shutdown()
    server.server_close()


def test_an_int8_model_answers_as_it_does_in_python(browser, trained, tmp_path, photo):
    model = tmp_path / "small.onnx"
    export_run(trained, to="onnx", quantize="int8", out=model)
    server, address = serve(export([model], tmp_path / "site"))
    tab = open_tab(browser, address)
    drop(tab, photo, "shirt.jpg")
    answer = Model(model).answers(read_photo(photo).image[None])[0]
    assert words(tab, ".bars li").split("\n") == [answer.class_name, f"{answer.probability:.1%}"]
    assert tab.complaints == []
    tab.close()
    server.shutdown()
    server.server_close()


def test_a_bad_file_is_refused_in_words_and_the_page_goes_on(page, photo):
    drop(page, b"%PDF-1.7 nothing to wear", "receipt.png")
    alert = page.get_by_role("alert")
    assert alert.is_visible()
    assert "receipt.png" in alert.inner_text()
    assert "isn't a PNG, JPEG, GIF, BMP, WebP or AVIF image" in alert.inner_text()
    assert page.locator(".answer").count() == 0
    drop(page, photo, "shirt.jpg")
    assert not alert.is_visible()
    assert page.locator(".answer").count() == 1


def test_a_garment_of_the_rail_is_tried_on_by_keys_alone(browser, address):
    tab = open_tab(browser, address)
    tab.keyboard.press("Tab")
    assert tab.evaluate("document.activeElement.textContent") == "Skip to the mirror"
    for _ in range(10):  # six photos, "Show others", and the third garment
        tab.keyboard.press("Tab")
    name = tab.evaluate("document.activeElement.querySelector('.kind').textContent")
    tab.keyboard.press("Enter")
    tab.wait_for_selector(".answer")
    settle(tab)
    assert tab.locator("#shown").get_attribute("alt") == f"A garment of the data set: {name}"
    # On to the modes, to the easel by an arrow, and to the canvas, to paint by arrows.
    for _ in range(20):
        if tab.evaluate("document.activeElement.name") == "mode":
            break
        tab.keyboard.press("Tab")
    tab.keyboard.press("ArrowRight")
    assert tab.locator("#easel").is_visible()
    tab.keyboard.press("Tab")
    assert tab.evaluate("document.activeElement.id") == "drawing"
    painted = f"{PIXELS}.filter((value) => value > 0).length"
    assert tab.evaluate(painted) == 0
    tab.keyboard.down("Shift")
    for _ in range(6):
        tab.keyboard.press("ArrowDown")
    tab.keyboard.up("Shift")
    settle(tab)
    assert tab.evaluate(painted) > 20
    assert tab.locator(".answer").count() == 1
    tab.keyboard.press("Delete")
    assert tab.evaluate(painted) == 0
    tab.close()


def test_a_drawing_is_answered_after_each_stroke_and_can_be_undone(page):
    page.get_by_label("Drawing", exact=True).check()
    assert page.locator("#undo").is_disabled()
    box = page.locator("#drawing").bounding_box()
    said = page.locator("#status").inner_text()

    def at(x: float, y: float) -> tuple[float, float]:
        return box["x"] + box["width"] * x, box["y"] + box["height"] * y

    page.mouse.move(*at(0.4, 0.1))
    page.mouse.down()
    page.mouse.move(*at(0.3, 0.9), steps=5)
    page.mouse.up()
    settle(page)
    page.wait_for_function(
        "said => document.getElementById('status').textContent !== said", arg=said
    )
    image = page.evaluate(PIXELS)
    rows = [image[28 * row : 28 * row + 28] for row in range(28)]
    assert all(row == row[::-1] for row in rows)  # mirrored, as the box says
    assert max(image) > 150
    page.locator("#undo").click()
    assert page.locator("#undo").is_disabled()
    page.get_by_label("Photo", exact=True).check()


def test_nothing_is_sent_once_the_page_is_there(browser, address, photo):
    tab = open_tab(browser, address)
    tab.wait_for_load_state("networkidle")
    requests: list[str] = []
    tab.on("request", lambda request: requests.append(request.url))
    drop(tab, photo, "shirt.jpg")
    tab.locator("#rail button").nth(2).click()
    settle(tab)
    assert tab.locator(".answer").count() == 1
    assert [url for url in requests if not url.startswith(("data:", "blob:"))] == []
    # And what would leave is stopped by the page's own policy.
    blocked = "fetch('https://example.org/').then(() => false, () => true)"
    assert tab.evaluate(blocked) is True
    assert all("example.org" in each or "Content Security" in each for each in tab.complaints)
    tab.close()


def test_opened_as_a_file_the_page_says_how_to_start_it(browser):
    tab = browser.new_page()
    tab.goto((FOLDER / "index.html").as_uri())
    assert "python -m http.server" in tab.locator("#waiting").inner_text()
    tab.close()


def test_scripts_of_a_wrong_type_are_told_of(browser, address):
    tab = browser.new_page()
    plain = {"status": 200, "content_type": "text/plain", "body": "start();"}
    tab.route("**/page.js", lambda route: route.fulfill(**plain))
    tab.goto(address)
    tab.get_by_text("another type than text/javascript").wait_for()
    tab.close()


def test_two_models_stand_side_by_side(browser, address_of_two, trained, other, photo):
    tab = open_tab(browser, address_of_two, viewport={"width": 1280, "height": 900})
    drop(tab, photo, "shirt.jpg")
    assert tab.locator(".by").all_inner_texts() == [trained.name, other.name]
    image = read_photo(photo).image[None]
    for run, card in zip((trained, other), tab.locator(".answer").all(), strict=True):
        answer = Model(run.model_path).answers(image)[0]
        assert answer.class_name in card.locator(".bars li").first.inner_text()
    left, right = (card.bounding_box() for card in tab.locator(".answer").all())
    assert abs(left["y"] - right["y"]) < 8  # each moves up by less than that as it appears
    assert left["x"] + left["width"] <= right["x"]
    tab.set_viewport_size({"width": 320, "height": 700})
    assert tab.evaluate("document.documentElement.scrollWidth") <= 320
    tab.close()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("scheme", "steps"),
    [
        ("light", ("start", "photo", "learning", "refused", "drawing")),
        ("dark", ("photo", "learning")),
    ],
)
def test_axe_finds_no_violation(browser, address_of_two, photo, scheme, steps):
    try:
        axe = read_package(*AXE, ["axe.min.js"])["axe.min.js"].decode()
    except ExportError as error:
        pytest.skip(str(error))
    tab = open_tab(browser, address_of_two, color_scheme=scheme, reduced_motion="reduce")
    tab.evaluate(axe)
    found = []
    for step in steps:
        if step == "photo":
            drop(tab, photo, "shirt.jpg")
            tab.locator("#rail button").nth(1).click()
            settle(tab)
        elif step == "refused":
            drop(tab, b"nothing", "nothing.txt")
        elif step == "learning":
            tab.locator("#watch summary").click()
            tab.locator(".kernels canvas").first.wait_for()
        elif step == "drawing":
            tab.get_by_label("Drawing", exact=True).check()
        result = tab.evaluate("axe.run()")
        assert len(result["passes"]) > 15
        found += [
            (step, each["id"], [node["html"][:120] for node in each["nodes"]])
            for each in result["violations"]
        ]
    assert found == []
    tab.close()
