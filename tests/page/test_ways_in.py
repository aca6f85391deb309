"""Pasting and photographing, on the exported page in a real browser."""

import base64
from collections.abc import Iterator
from typing import Any

import pytest

from fittingroom.photos import read_photo
from fittingroom.predict import Model
from tests.page.conftest import open_tab, photo_of, settle
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


def test_a_phone_photographs_and_a_desk_does_not(browser, tab, address, trained, photos):
    assert tab.locator("#camera").is_hidden()
    phone = open_tab(
        browser, address, viewport={"width": 390, "height": 800}, has_touch=True, is_mobile=True
    )
    assert phone.locator("#camera").is_visible()
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
