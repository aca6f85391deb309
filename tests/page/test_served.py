"""The page that `fittingroom serve` gives, against the real server."""

import base64
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from PIL import Image

from fittingroom.photos import read_photo
from fittingroom.predict import Model
from tests.page.conftest import drop, open_tab, photo_of, settle
from tests.photos.corpus import encoded, pixels_of

pytest.importorskip("fastapi", reason="the extra `serve` is not installed")
running = pytest.importorskip("tests.serve.running").running

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def tab(browser, trained, other) -> Iterator[Any]:
    """The page of a server with two models."""
    models = ["--model", str(trained.folder), "--model", str(other.folder)]
    with running(*models) as server:
        opened = open_tab(browser, server.address, viewport={"width": 1280, "height": 900})
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def photo(sample) -> bytes:
    return encoded(photo_of(sample.training().images[3]), "JPEG", quality=92)


def test_two_models_answer_side_by_side_as_in_python(tab, trained, other, photo):
    drop(tab, photo, "shirt.jpg")
    read = read_photo(photo)
    assert tab.locator(".by").all_inner_texts() == [trained.name, other.name]
    said = [Model(run.model_path).answers(read.image[None])[0] for run in (trained, other)]
    for run, answer in zip((trained, other), said, strict=True):
        assert f"{run.name}: {answer.sentence}" in tab.locator("#status").inner_text()
    assert tab.locator("#stages li h3").all_inner_texts() == [each.name for each in read.stages]
    assert tab.locator(".answer").first.locator(".nearest li").count() == 5


def test_a_bad_file_is_refused_in_the_servers_words(tab):
    drop(tab, b"%PDF-1.7 and no more", "dance.pdf")
    alert = tab.get_by_role("alert")
    assert alert.is_visible()
    lines = alert.inner_text().split("\n")
    assert lines[0] == "dance.pdf"
    assert lines[-1].startswith("The file isn't a PNG, JPEG, GIF, BMP, WebP or AVIF image.")


def test_what_is_drawn_is_used_as_it_is_by_a_model_of_other_images(browser, of_colours, sample):
    # Its model inverts and resizes what comes in as a file.
    drawn = sample.training().images[3]
    with running("--model", str(of_colours.folder)) as server:
        tab = open_tab(browser, server.address)
        seen = [
            tab.evaluate(
                """async ([content, own]) => {
                    const { connect } = await import("./backend.js");
                    const bytes = Uint8Array.from(atob(content), (each) => each.charCodeAt(0));
                    const blob = new Blob([bytes]);
                    return (await (await connect()).classify(blob, "a", own))[0].image;
                }""",
                [base64.b64encode(encoded(Image.fromarray(drawn))).decode(), own],
            )
            for own in (True, False)
        ]
        tab.close()
    images = [pixels_of(each) for each in seen]
    np.testing.assert_array_equal(images, [drawn, 255 - drawn])


def test_the_rail_and_the_easel_are_answered_too(tab):
    tab.locator("#rail button").nth(1).click()
    settle(tab)
    assert tab.locator(".answer").count() == 2
    assert tab.locator("#seen").is_hidden()  # it is in the data set's own format
    tab.get_by_label("Drawing", exact=True).check()
    tab.locator("#drawing").focus()
    with tab.expect_response("**/v1/classify*"):
        tab.keyboard.press("Space")
    settle(tab)
    assert tab.locator(".answer").count() == 2


def test_how_the_models_learned_can_be_watched(tab, trained, other):
    tab.locator("#watch summary").click()
    tab.locator(".kernels canvas").first.wait_for()
    assert tab.locator("#watched option").all_inner_texts() == [trained.name, other.name]
    tab.locator("#epoch").press("End")
    last = f"After epoch 3 of 3, {trained.history[-1].val_accuracy:.1%} of the validation images"
    assert tab.locator("#said").inner_text().startswith(last)
    counts = np.ravel(trained.learning["confusion"][-1]).tolist()
    assert [int(each or 0) for each in tab.locator("#matrix td").all_inner_texts()] == counts


def test_nothing_but_the_server_was_asked_and_nothing_complained(tab, photo):
    asked: list[str] = []
    tab.on("request", lambda request: asked.append(request.url))
    drop(tab, photo, "shirt.jpg")
    sent = [url for url in asked if not url.startswith(("data:", "blob:"))]
    assert [url.removeprefix(tab.url) for url in sent] == ["v1/classify?details=true"]
    # The refused file of before is the only complaint.
    assert [each for each in tab.complaints if "415" not in each] == []
