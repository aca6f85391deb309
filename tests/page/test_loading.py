"""The exported page while it loads, without a network, and with files that cannot be used."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.page.conftest import PATIENCE, export, open_tab, serve, settle

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    return export([], tmp_path_factory.mktemp("loading") / "site")


@pytest.fixture(scope="module")
def address(site) -> Iterator[str]:
    server, address = serve(site)
    yield address
    server.shutdown()
    server.server_close()


def opened(browser: Any, address: str, held: str, answer: dict[str, Any] | None = None) -> Any:
    """The page with one file that is held back or answered otherwise."""
    tab = browser.new_page(service_workers="block")
    tab.set_default_timeout(PATIENCE / 10)
    tab.held = []
    hold = tab.held.append
    tab.route(f"**/{held}", lambda each: each.fulfill(**answer) if answer else hold(each))
    tab.goto(address)
    tab.locator("#rail button").first.wait_for()
    return tab


def test_a_garment_is_answered_before_the_model_of_photos_has_come(browser, address, site):
    tab = opened(browser, address, "model.onnx")
    tab.locator("#rail button").first.click()
    tab.locator(".answer").wait_for()
    size = f"of {(site / 'model.onnx').stat().st_size / 1e6:.1f} MB"
    tab.get_by_text("Loading the model of photos: 0.0").wait_for()
    assert size in tab.locator("#loading").inner_text()
    assert tab.locator(".nearest").count() == 0  # what it is compared with has not come
    tab.get_by_role("button", name="A dress on a floor").click()
    tab.locator("body.busy").wait_for()
    tab.held[0].continue_()
    tab.get_by_text("a model made for photos").wait_for()
    tab.wait_for_selector("body[data-ready]")
    settle(tab)
    assert tab.locator("#loading").is_hidden()
    assert tab.locator("#status").inner_text().startswith("Dress")
    assert tab.locator("#seen .nearest li").count() == 5
    tab.close()


def test_the_models_run_in_a_worker_that_reaches_no_other_host(browser, address):
    tab = open_tab(browser, address, service_workers="block")
    (worker,) = tab.workers
    tab.locator("#rail button").first.click()
    tab.locator(".looked").wait_for()
    assert tab.locator(".nearest li").count() == 5
    asked = "performance.getEntriesByType('resource').map(({ name }) => name.split('/').at(-1))"
    assert "ort.wasm.bundle.min.js" in worker.evaluate(asked)
    assert "ort.wasm.bundle.min.js" not in tab.evaluate(asked)
    assert [each for each in tab.complaints if "Service Worker" not in each] == []
    stopped = """() => new Promise((resolve) => {
        addEventListener("securitypolicyviolation", ({ blockedURI }) => resolve(blockedURI));
        fetch("https://example.org/").catch(() => {});
    })"""
    assert "example.org" in worker.evaluate(stopped)
    tab.close()


def test_it_works_without_a_network_once_it_was_loaded(browser, site):
    server, address = serve(site)
    tab = open_tab(browser, address)
    tab.evaluate("navigator.serviceWorker.ready.then(() => true)")
    server.shutdown()
    server.server_close()
    tab.reload()
    tab.wait_for_selector("body[data-ready]")
    tab.get_by_role("button", name="A dress on a floor").click()
    tab.get_by_text("a model made for photos").wait_for()
    assert tab.locator("#status").inner_text().startswith("Dress")
    tab.close()


@pytest.mark.parametrize(
    ("file", "answer", "words"),
    [
        ("model-small.onnx", {"status": 404}, "The model could not be loaded. Check your conn"),
        ("model.onnx", {"body": "no model"}, "The model does not start here. Reload the page"),
        ("garments.png", {"body": "no image"}, "Something went wrong on this page. Reload it"),
        ("worker.js", {"status": 404}, "This page doesn't run here. Reload it"),
    ],
)
def test_a_model_that_is_missing_or_damaged_is_told_of_in_words(
    browser, address, file, answer, words
):
    tab = opened(browser, address, file, answer)
    alert = tab.get_by_role("alert")
    alert.wait_for()
    assert alert.inner_text().startswith(words)
    tab.close()
