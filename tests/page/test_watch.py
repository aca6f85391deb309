"""The panel that plays a training, on the exported page in a real browser."""

import base64
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from scipy.signal import correlate2d

from tests.page.conftest import open_tab

pytestmark = pytest.mark.browser

FILES = "performance.getEntriesByType('resource').map(({ name }) => name.split('/').at(-1))"
IMAGE = "(document.querySelector('#tried-on img')?.src ?? null)"
COLOURS = """(canvases) => canvases.map((canvas) =>
    [...canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data])"""


@pytest.fixture(scope="module")
def tab(browser, address) -> Iterator[Any]:
    opened = open_tab(browser, address, service_workers="block")
    yield opened
    opened.close()


def assert_drawn(tab: Any, selector: str, expected: list[np.ndarray]) -> None:
    """Each canvas is as strong as its numbers, and warm where they are positive."""
    drawn = tab.locator(f"[data-layer=convolution] {selector}").evaluate_all(COLOURS)
    assert len(drawn) == len(expected)
    for colours, values in zip(drawn, expected, strict=True):
        red, _, blue, strength = np.array(colours).reshape(-1, 4).T
        values = values.ravel().astype(float)
        strengths = 225 * (np.abs(values) / np.abs(values).max()) ** 1.2
        np.testing.assert_allclose(strength, strengths, atol=3)
        strong = strengths > 40
        assert ((red > blue) == (values > 0))[strong].all()


def test_the_panel_shows_each_epoch_as_the_run_kept_it(tab, trained, sample):
    assert not {"watch.js", "learning.json"} & set(tab.evaluate(FILES))
    tab.locator("#watch summary").click()
    tab.locator(".kernels canvas").first.wait_for()
    assert tab.locator(".kernels canvas").count() == 8  # nothing was tried on yet
    learning = trained.learning
    content = base64.b64decode(learning["convolution"]["kernels"])
    kernels = np.frombuffer(content, np.int8).reshape(3, 8, 4, 4)
    test = sample.open_test()
    for epoch in range(3):
        before = tab.evaluate(IMAGE)
        tab.locator("#rail button").nth(epoch).click()
        tab.wait_for_function(f"(before) => {IMAGE} !== before", arg=before)
        confusion = tab.locator("#matrix td").all_inner_texts()
        counts = np.ravel(learning["confusion"][epoch]).tolist()
        assert [int(each or 0) for each in confusion] == counts
        words = f"After epoch {epoch + 1} of 3, {trained.history[epoch].val_accuracy:.1%} of the"
        assert tab.locator("#said").inner_text().startswith(words)
        lines = tab.locator(".curve polyline").evaluate_all(
            "(lines) => lines.map((line) => line.points.numberOfItems - 1)"
        )
        assert lines == [epoch + 1] * 4
        image = test.images[test.labels == epoch][0].astype(float)
        maps = [correlate2d(image, kernel, mode="valid") for kernel in kernels[epoch]]
        assert_drawn(tab, "canvas:first-child", list(kernels[epoch]))
        assert_drawn(tab, "canvas + canvas", maps)
        tab.locator("#epoch").press("ArrowRight")


def test_it_plays_to_the_last_epoch_and_a_cell_is_read_by_keys(tab, trained):
    play = tab.locator("#play")
    play.click()  # from the last epoch it begins again
    assert (play.inner_text(), tab.locator("#epoch").input_value()) == ("Pause", "1")
    tab.wait_for_function("() => document.getElementById('epoch').value === '3'")
    assert play.inner_text() == "Play"
    tab.locator("#matrix").press("ArrowDown")
    counts = trained.learning["confusion"][2][1]
    told = f"Of {sum(counts)} images of Trouser, {counts[0]} are taken for T-shirt/top."
    assert tab.locator("#cell").inner_text() == told
