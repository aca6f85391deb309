"""The page with the model of photos, exported and served: what it says, shows and takes."""

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from fittingroom.page import FOLDER
from fittingroom.photos import open_photo
from fittingroom.predict import Model
from fittingroom.predict.packaged import packaged
from tests.page.conftest import drop, export, open_tab, serve, settle
from tests.photos.corpus import encoded, garment_photo

pytest.importorskip("fastapi", reason="the extra `serve` is not installed")
running = pytest.importorskip("tests.serve.running").running

pytestmark = pytest.mark.browser

DRESS = FOLDER / "examples" / "dress.jpg"
REAL = Path(__file__).parents[3] / "shared" / "photos" / "images"


@pytest.fixture(scope="module")
def model() -> Model:
    return packaged(threads=1)


@pytest.fixture(scope="module", params=["exported", "served"])
def tab(browser, request, tmp_path_factory) -> Iterator[Any]:
    if request.param == "exported":
        server, address = serve(export([], tmp_path_factory.mktemp("photo") / "site"))
        yield open_tab(browser, address)
        server.shutdown()
        server.server_close()
    else:
        with running() as server:
            yield open_tab(browser, server.address)


def classified(tab: Any, photo: bytes) -> dict[str, Any]:
    """The answer for a file, and the features if the model runs in the browser."""
    answer: dict[str, Any] = tab.evaluate(
        """async (content) => {
            window.backend ??= await (await import("./backend.js")).connect(() => {});
            const bytes = Uint8Array.from(atob(content), (each) => each.charCodeAt(0));
            const blob = new Blob([bytes]);
            const [answer] = await window.backend.classify(blob, "a", false);
            const features = await window.backend.features?.(blob);
            return { ...answer, features: features && [...features] };
        }""",
        base64.b64encode(photo).decode(),
    )
    return answer


def looked(tab: Any) -> list[list[float]]:
    """Left, top, width and height of the photo with the parts that decided, and of its colours."""
    boxes: list[list[float]] = tab.evaluate(
        """async () => {
            const parts = [...document.querySelectorAll(".looked.photo > *")];
            await parts[0].decode();
            return parts.map((part) => part.getBoundingClientRect()).map(
                ({ left, top, width, height }) => [left, top, width, height]);
        }"""
    )
    return boxes


def from_a_phone(photo: Image.Image, size: tuple[int, int]) -> bytes:
    """The photo enlarged, with noise, and lying on its side until EXIF turns it."""
    large = np.asarray(photo.resize(size, Image.Resampling.BILINEAR).rotate(90, expand=True))
    noise = np.random.default_rng(0).integers(0, 60, (*large.shape[:2], 1), np.uint8)
    exif = Image.Exif()
    exif[0x0112] = 6
    return encoded(Image.fromarray(large // 4 * 3 + noise), "JPEG", quality=90, exif=exif)


def test_it_answers_as_python_does(tab, model):
    files = [DRESS, FOLDER / "examples" / "hat.jpg", *sorted(REAL.glob("*.jpg"))[::1500]]
    for content in (*(file.read_bytes() for file in files), encoded(garment_photo(500, 333))):
        (expected,) = model.predict(content)
        received = classified(tab, content)
        assert received["model"] == "photo"
        assert received["class"] == expected.class_name
        assert received["abstain"] == expected.abstain
        np.testing.assert_allclose(received["probabilities"], expected.probabilities, atol=0.05)
        heat = model.explain(content)
        np.testing.assert_allclose(received["explanation"], heat, atol=0.05 * np.abs(heat).max())
        photo = open_photo(content)
        small = model.small.answers(photo.converted().image[None])[0]
        assert received["small"]["sentence"] == small.sentence
        if received["features"]:
            features = model.features(photo.resized(*model.shape[:2])[None])[0]
            assert np.corrcoef(received["features"], features)[0, 1] > 0.99
    received = classified(tab, encoded(Image.new("RGB", (60, 90), (10, 200, 30))))
    assert received["model"] == "photo"
    assert received.get("small") is None  # of one colour, so that it can't be converted


def test_a_photo_to_try_is_shown_with_the_parts_that_decided(tab, model):
    tab.get_by_role("button", name="A dress on a floor").click()
    tab.locator(".answer").wait_for()
    settle(tab)
    assert tab.locator("#status").inner_text() == model.predict(DRESS)[0].sentence
    image, heat = looked(tab)
    assert image[2] / image[3] == pytest.approx(360 / 480, abs=0.02)
    assert heat == pytest.approx(image, abs=1)
    # Nothing claims that this answer is about 28×28; what the small model sees is below.
    assert "28" not in tab.locator("#answer").inner_text().replace(" ", "")
    assert "By photo, a model made for photos." in tab.locator("#answer").inner_text()
    assert tab.locator("#seen h2").inner_text() == "What a model of Fashion-MNIST sees"
    assert "cnn-tiny sees only the last image" in tab.locator("#seen").inner_text()
    assert tab.locator("#seen .nearest li").count() == 5
    assert tab.locator("#answer .nearest").count() == 0
    assert "photos by people it was not trained on" in tab.locator("footer").inner_text()


def test_what_spoils_the_conversion_is_said_of_the_small_model_alone(tab):
    drop(tab, (FOLDER / "examples" / "hat.jpg").read_bytes(), "hat.jpg")
    assert tab.locator("#answer .warnings:visible").count() == 0
    assert "reaches the edges" in tab.locator("#seen .warnings").inner_text()
    # It is none of the ten, so that no share of them is shown.
    assert tab.locator(".verdict").inner_text() == "I can't tell"
    assert set(tab.locator(".bars .share").all_inner_texts()) == {""}
    tab.get_by_role("button", name="Draw a box around it").click()
    assert tab.locator("#crop").is_visible()
    settle(tab)


def test_images_of_the_data_set_go_to_the_model_of_these(tab):
    tab.locator("#rail button").first.click()
    tab.locator("#shown.garment").wait_for()
    settle(tab)
    assert "By cnn-tiny, a model made for images of 28" in tab.locator("#answer").inner_text()
    assert tab.locator("#answer .nearest li").count() == 5
    assert tab.locator("#seen").is_hidden()


@pytest.mark.parametrize(
    ("size", "megabytes"),
    [((1536, 2048), 1), pytest.param((6048, 8064), 15, marks=pytest.mark.slow)],
)
def test_a_phones_photo_is_shrunk_and_turned(tab, size, megabytes):
    content = from_a_phone(Image.open(DRESS), size)
    assert len(content) > megabytes * 1_000_000
    sent: list[int] = []
    tab.on("request", lambda each: sent.append(int(each.headers.get("content-length", 0))))
    drop(tab, content, "dress.jpg")
    assert tab.locator("#status").inner_text().startswith("Dress")
    image, _ = looked(tab)
    assert image[2] / image[3] == pytest.approx(0.75, abs=0.02)
    assert max(sent, default=0) < 1_000_000


@pytest.mark.parametrize("kind", ["AVIF", "GIF", "BMP"])
def test_other_formats_are_taken(tab, kind):
    drop(tab, encoded(Image.open(DRESS), kind), "dress")
    assert "Dress" in tab.locator("#status").inner_text()


def test_heic_is_refused_with_advice(tab):
    drop(tab, b"\0\0\0\x18ftypheic" + bytes(12), "IMG_0001.HEIC")
    assert "is a HEIC image. Convert it to JPEG first" in tab.get_by_role("alert").inner_text()
