"""Teaching in the exported page: what is learned there, and that it is what Python learns."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

from fittingroom.jobs.site import _teaching
from fittingroom.metrics.temperature import COLDEST, HOTTEST, fit_temperature
from fittingroom.metrics.thresholds import choose_thresholds
from fittingroom.predict.packaged import packaged_model
from fittingroom.teaching import fit_head, read_kept, unit
from tests.page.conftest import drop, export, open_tab, serve, settle
from tests.page.test_static import AXE
from tests.photos.corpus import encoded

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def address(tmp_path_factory) -> Iterator[str]:
    server, address = serve(export([], tmp_path_factory.mktemp("teach") / "site"))
    yield address
    server.shutdown()
    server.server_close()


def shape(kind: str, number: int) -> bytes:
    """A photo of a square or a circle."""
    image = Image.new("RGB", (90, 120), (180 + 9 * number, 200, 230 - 9 * number))
    box = (8 + 3 * number, 20, 60 + 3 * number, 72)
    paint = ImageDraw.Draw(image)
    if kind == "square":
        paint.rectangle(box, fill=(30, 10 * number, 60))
    else:
        paint.ellipse(box, outline=(90, 10, 10 * number), width=4)
    return encoded(image)


def files(kind: str, count: int = 4) -> list[dict[str, Any]]:
    return [
        {"name": f"{kind}-{number}.png", "mimeType": "image/png", "buffer": shape(kind, number)}
        for number in range(count)
    ]


def finish(tab: Any) -> None:
    """Wait until the panel has nothing more to do; it begins at once with what it was given."""
    tab.wait_for_timeout(100)
    tab.wait_for_selector("#teach:not([aria-busy])")


def add(tab: Any, place: int, kind: str) -> None:
    lesson = tab.locator(".lesson").nth(place)
    lesson.get_by_label("Name").fill(kind)
    lesson.locator("input[type=file]").first.set_input_files(files(kind))
    finish(tab)


def test_classes_are_taught_answer_and_come_back_from_a_file(browser, address, tmp_path):
    tab = open_tab(browser, address)
    tab.wait_for_load_state("networkidle")
    asked: list[str] = []
    tab.on("request", lambda request: asked.append(request.url))
    tab.get_by_role("button", name="Teach").click()
    finish(tab)
    assert "3 photos or more" in tab.locator("#teach-trouble").inner_text()
    add(tab, 0, "square")
    add(tab, 1, "circle")
    broken = {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"words"}
    tab.locator(".lesson input[type=file]").first.set_input_files([broken])
    finish(tab)
    assert "notes.txt: The file isn't" in tab.locator("#teach-trouble").inner_text()
    tab.get_by_role("button", name="Remove photo 4").first.click()
    assert tab.locator(".shots li").count() == 7
    drop(tab, shape("circle", 5), "circle.png")
    before = tab.locator("#status").inner_text()
    tab.get_by_role("button", name="Teach").click()
    tab.locator("#who").wait_for()
    finish(tab)
    settle(tab)
    assert "Learned from 7 photos." in tab.locator("#learned").inner_text()
    assert tab.locator(".bars li").first.inner_text().startswith("circle")
    assert "2 classes and no others" in tab.locator("#models").inner_text()
    taught = tab.locator("#status").inner_text()
    with tab.expect_download() as download:
        tab.get_by_role("button", name="Save as a file").click()
    download.value.save_as(tmp_path / "mine.json")
    tab.get_by_label("The model's own").check(force=True)
    # Which model answers is changed in the worker first, and then it answers.
    tab.wait_for_function(
        "words => document.querySelector('#status').innerText === words", arg=before
    )
    assert [url for url in asked if not url.startswith(("data:", "blob:"))] == []
    assert tab.complaints == []
    tab.close()

    tab = open_tab(browser, address)
    (tmp_path / "other.json").write_text('{"model": "another", "classes": []}')
    for name, words in (("other.json", "another version"), ("mine.json", "")):
        tab.locator("#load").set_input_files(tmp_path / name)
        finish(tab)
        assert words in (tab.locator("#teach-trouble").text_content() or "")
    assert tab.locator(".shots li").count() == 7
    drop(tab, shape("circle", 5), "circle.png")
    assert tab.locator("#status").inner_text() == taught
    tab.close()


@pytest.mark.parametrize("count", [2, 3])
def test_a_head_is_that_of_python_for_the_same_features(browser, address, count):
    kept = read_kept()
    rows = np.flatnonzero(kept.labels < count)[::3]
    features, labels = kept.features[rows], kept.labels[rows]
    labels[labels == 0] = np.where(np.arange((labels == 0).sum()) < 5, 0, 1)  # not balanced
    tab = browser.new_page()
    tab.goto(f"{address}style.css")  # no model is needed
    logits, distances = tab.evaluate(
        """async ([features, labels, count, teaching]) => {
            const { fitHead, unit } = await import("./head.js");
            const photos = features.map(unit);
            const head = fitHead(photos, labels, count, teaching.strength);
            return [photos.map(head.logits), photos.map(head.distance)];
        }""",
        [features.tolist(), labels.tolist(), count, _teaching(packaged_model("photo"))],
    )
    scaled = unit(features)
    head = fit_head(scaled, labels)
    np.testing.assert_allclose(distances, head.distances(scaled), atol=1e-5)
    np.testing.assert_allclose(logits, head.logits(scaled), atol=0.05)  # both stop early
    tab.close()


def test_temperature_and_thresholds_are_those_of_python(browser, address):
    random = np.random.default_rng(0)
    logits, labels = random.normal(0, 3, (40, 3)), random.integers(0, 3, 40)
    logits[np.arange(40), labels] += 3
    sure, distances = np.linspace(0.99, 0.55, 45).round(2), np.linspace(0, 1, 45) ** 2
    wrong = np.isin(np.arange(45), [20, 35])  # the second is too many, until 40 are answered
    tab = browser.new_page()
    tab.goto(f"{address}style.css")
    temperature, found = tab.evaluate(
        """async ([logits, labels, temperatures, ...given]) => {
            const { chooseThresholds, fitTemperature } = await import("./head.js");
            return [fitTemperature(logits, labels, temperatures), chooseThresholds(...given)];
        }""",
        [
            *(logits.tolist(), labels.tolist(), (COLDEST, HOTTEST)),
            *(sure.tolist(), (~wrong).tolist(), distances.tolist(), 0.05, 0.98),
        ],
    )
    assert temperature == pytest.approx(fit_temperature(logits, labels), rel=0.01)
    two = np.stack([sure, 1 - sure], axis=1)
    thresholds = choose_thresholds(
        two, distances, wrong.astype(np.uint8), risk=0.05, accepted=0.98, promised=False
    )
    assert found == pytest.approx(vars(thresholds))
    tab.close()


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_violation_in_what_is_taught(browser, address, scheme):
    from fittingroom.export.npm import read_package

    axe = read_package(*AXE, ["axe.min.js"])["axe.min.js"].decode()
    tab = open_tab(browser, address, color_scheme=scheme, reduced_motion="reduce")
    add(tab, 0, "square")
    add(tab, 1, "circle")
    tab.get_by_role("button", name="Teach").click()
    tab.locator("#who").wait_for()
    drop(tab, shape("circle", 5), "circle.png")
    tab.evaluate(axe)
    found = tab.evaluate("axe.run()")["violations"]
    assert [(each["id"], each["nodes"][0]["html"]) for each in found] == []
    tab.close()
