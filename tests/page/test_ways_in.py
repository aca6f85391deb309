"""Pasting and photographing, on the exported page in a real browser."""

import base64
from collections.abc import Iterator
from typing import Any

import pytest
from PIL import Image

from fittingroom.photos import read_photo
from fittingroom.predict import Model
from tests.page.conftest import drop, open_tab, photo_of, settle
from tests.photos.corpus import encoded

pytestmark = pytest.mark.browser

CLIPBOARD = ["clipboard-read", "clipboard-write"]
BYTES = "const bytes = Uint8Array.from(atob(content), (each) => each.charCodeAt(0));"


@pytest.fixture(scope="module")
def tab(browser, address) -> Iterator[Any]:
    opened = open_tab(browser, address, permissions=CLIPBOARD)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def photos(sample) -> list[bytes]:
    """Three photos; PNG, since that is what a browser's clipboard holds."""
    return [encoded(photo_of(image)) for image in sample.training().images[3:6]]


def said(run: Any, photo: bytes) -> str:
    return Model(run.model_path).answers(read_photo(photo).image[None])[0].sentence


def paste(tab: Any, content: bytes, kind: str, name: str) -> bool:
    """Paste a file as the browser tells the page of it; whether the page took it."""
    taken: bool = tab.evaluate(
        f"""([content, kind, name]) => {{
            {BYTES}
            const clipboardData = new DataTransfer();
            if (name) clipboardData.items.add(new File([bytes], name, {{ type: kind }}));
            else clipboardData.setData(kind, content);
            const told = {{ clipboardData, bubbles: true, cancelable: true }};
            return !document.body.dispatchEvent(new ClipboardEvent("paste", told));
        }}""",
        [base64.b64encode(content).decode(), kind, name],
    )
    settle(tab)
    return taken


def test_a_pasted_image_is_named_as_python_names_it_and_a_pdf_is_refused(tab, trained, photos):
    assert paste(tab, photos[0], "image/png", "image.png")
    assert tab.locator("#status").inner_text() == said(trained, photos[0])
    assert tab.locator("#stages li").count() == len(read_photo(photos[0]).stages)
    assert tab.locator("#shown").get_attribute("alt") == "Your photo, image.png"
    assert paste(tab, b"%PDF-1.7", "application/pdf", "receipt.pdf")
    assert (
        "isn't a PNG, JPEG, GIF, BMP, WebP or AVIF image" in tab.get_by_role("alert").inner_text()
    )


def test_the_systems_clipboard_is_pasted_by_keys(tab, trained, photos):
    tab.bring_to_front()
    tab.evaluate(
        f"""async (content) => {{
            {BYTES}
            const blob = new Blob([bytes], {{ type: "image/png" }});
            await navigator.clipboard.write([new ClipboardItem({{ "image/png": blob }})]);
        }}""",
        base64.b64encode(photos[1]).decode(),
    )
    tab.evaluate("document.getElementById('status').textContent = ''")
    tab.keyboard.press("Control+V")
    tab.locator("#status:not(:empty)").wait_for(state="attached")
    settle(tab)
    assert tab.locator("#status").inner_text() == said(trained, photos[1])


def test_only_what_is_in_a_box_is_answered(tab, trained, sample):
    left, right = (photo_of(image) for image in sample.training().images[[3, 8]])
    both = Image.new("RGB", (2 * left.width, left.height))
    both.paste(left)
    both.paste(right, (left.width, 0))
    drop(tab, encoded(both), "two.png")
    first = tab.locator("#status").inner_text()
    tab.get_by_label("Only what is in a box").check()
    place = tab.locator("#shown").bounding_box()
    for corner, x, y in (("Top left", 0.4, -0.1), ("Bottom right", 0.1, 0.1)):
        handle = tab.get_by_role("button", name=f"{corner} corner").bounding_box()
        start = handle["x"] + handle["width"] / 2, handle["y"] + handle["height"] / 2
        tab.mouse.move(*start)
        tab.mouse.down()
        tab.mouse.move(start[0] + x * place["width"], start[1] + y * place["height"], steps=3)
        tab.mouse.up()
    box = tab.locator("#crop").bounding_box()
    assert box["x"] - place["x"] == pytest.approx(place["width"] / 2, abs=2)
    assert box["height"] == pytest.approx(place["height"], abs=2)
    settle(tab)
    assert tab.locator("#status").inner_text().split(" (")[0] in said(trained, encoded(right))
    assert "What is in the box." in tab.locator("#stages li").first.inner_text()
    tab.get_by_role("button", name="Top right corner").press("ArrowLeft")
    moved = tab.locator("#crop").bounding_box()
    assert box["width"] - moved["width"] == pytest.approx(0.02 * place["width"], abs=1)
    tab.get_by_label("Only what is in a box").uncheck()
    tab.locator("#crop").wait_for(state="hidden")
    settle(tab)
    assert tab.locator("#status").inner_text() == first
    assert "The photo, upright." in tab.locator("#stages li").first.inner_text()


def test_a_phone_photographs_and_a_desk_does_not(browser, tab, address, trained, photos):
    assert tab.locator("#camera").is_hidden()
    assert tab.get_by_role("button", name="Use the camera").is_visible()
    phone = open_tab(
        browser, address, viewport={"width": 390, "height": 800}, has_touch=True, is_mobile=True
    )
    assert phone.locator("#camera").is_visible()
    assert phone.locator("#open-live").is_hidden()
    # The attribute asks for the camera at the back; what it took comes as a file.
    assert phone.locator("#photograph").get_attribute("capture") == "environment"
    for photo in (photos[2], photos[0]):
        phone.evaluate("document.getElementById('status').textContent = ''")
        file = {"name": "1700000000000.jpg", "mimeType": "image/png", "buffer": photo}
        phone.locator("#photograph").set_input_files([file])
        phone.locator("#status:not(:empty)").wait_for(state="attached")
        settle(phone)
        assert phone.locator("#status").inner_text() == said(trained, photo)
    phone.close()


# A camera of Chromium's own: a small shape that moves before green.
COLOUR = """async () => {
    const canvas = new OffscreenCanvas(1, 1);
    const picture = document.getElementById("shown");
    await picture.decode();
    canvas.getContext("2d").drawImage(picture, 0, 0, 1, 1);
    return [...canvas.getContext("2d").getImageData(0, 0, 1, 1).data];
}"""


def test_a_photo_is_taken_of_what_the_mirror_shows_and_the_camera_is_let_go(browser, address):
    tab = open_tab(browser, address, permissions=["camera"])
    tab.evaluate("document.getElementById('status').textContent = ''")
    tab.get_by_role("button", name="Use the camera").press("Enter")
    take = tab.get_by_role("button", name="Take the photo")
    take.wait_for()
    assert take.evaluate("button => document.activeElement === button")
    live = tab.locator("#live").bounding_box()
    track = tab.evaluate_handle("document.getElementById('live').srcObject.getTracks()[0]")
    assert track.get_property("readyState").json_value() == "live"
    take.press("Enter")
    tab.locator("#status:not(:empty)").wait_for(state="attached")
    settle(tab)
    assert track.get_property("readyState").json_value() == "ended"
    assert tab.locator("#live").is_hidden()
    width, height = tab.evaluate("[shown.naturalWidth, shown.naturalHeight]")
    assert width / height == pytest.approx(live["width"] / live["height"], abs=0.01)
    red, green, blue, _ = tab.evaluate(COLOUR)
    assert green > max(red, blue) + 50
    assert tab.locator("#stages li").count() > 1  # it went the way of every photo
    # Closed without a photo, or left for the easel, it is let go, too.
    for leave in (tab.get_by_role("button", name="Close"), tab.get_by_label("Drawing", exact=True)):
        tab.get_by_role("button", name="Use the camera").click()
        take.wait_for()
        track = tab.evaluate_handle("document.getElementById('live').srcObject.getTracks()[0]")
        leave.click()
        assert track.get_property("readyState").json_value() == "ended"
        assert take.is_hidden()
    tab.close()


def test_a_camera_that_is_refused_or_missing_is_told_of_in_words(browser, address):
    tab = open_tab(browser, address)  # without the permission
    tab.get_by_role("button", name="Use the camera").click()
    tab.get_by_text("This page may not use the camera.").wait_for()
    tab.evaluate(
        "() => { navigator.mediaDevices.getUserMedia = async () => {"
        "throw new DOMException('no', 'NotFoundError'); }; }"
    )
    tab.get_by_role("button", name="Use the camera").click()
    tab.get_by_text("No camera is free.").wait_for()
    assert tab.complaints == []
    tab.close()
