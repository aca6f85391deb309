"""The exported page, served from this machine, in a real browser."""

import base64
import functools
import http.server
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from fittingroom.data import Dataset
from fittingroom.errors import ExportError
from fittingroom.jobs.session import Session
from fittingroom.jobs.site import export_site
from fittingroom.jobs.train import train
from fittingroom.predictions import UInt8
from fittingroom.runs import Run
from tests.conftest import TINY

PATIENCE = 600_000  # milliseconds, on a machine that does other things too


class Handler(http.server.SimpleHTTPRequestHandler):
    """Files of a folder, without a log."""

    extensions_map: dict[str, str] = {  # noqa: RUF012, as the base class has it
        **http.server.SimpleHTTPRequestHandler.extensions_map,
        ".js": "text/javascript",
        ".wasm": "application/wasm",
    }

    def log_message(self, format: str, *args: object) -> None:
        pass


class Quiet(http.server.ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        pass  # the browser hangs up where it has no more use for a file


def serve(folder: Path) -> tuple[Quiet, str]:
    server = Quiet(("127.0.0.1", 0), functools.partial(Handler, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server, f"http://127.0.0.1:{server.server_port}/"


def export(runs: Sequence[Run | Path], out: Path) -> Path:
    try:
        export_site(runs, out=out)
        return out
    except ExportError as error:
        if "npm" in str(error):
            pytest.skip(str(error))
        raise


@pytest.fixture(scope="session")
def other(sample: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A second run, whose answers are not those of the first."""
    return train(
        TINY, session=Session(data=sample, runs=tmp_path_factory.mktemp("other"), threads=1), seed=1
    )


@pytest.fixture(scope="session")
def address(trained: Run, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where the page with one model is."""
    # Below the host's root, as on many static hosts.
    folder = tmp_path_factory.mktemp("host")
    export([trained], folder / "some" / "where")
    server, address = serve(folder)
    yield f"{address}some/where/"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="session")
def address_of_two(
    trained: Run, other: Run, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """Where the page with two models is."""
    server, address = serve(export([trained, other], tmp_path_factory.mktemp("two") / "site"))
    yield address
    server.shutdown()
    server.server_close()


def open_tab(browser: Any, address: str, **options: Any) -> Any:
    tab = browser.new_page(**options)
    tab.set_default_timeout(PATIENCE)
    tab.complaints = []
    tab.on("console", lambda message: tab.complaints.append(message.text))
    tab.on("pageerror", lambda error: tab.complaints.append(str(error)))
    tab.goto(address)
    tab.wait_for_selector("body[data-ready]")
    return tab


@pytest.fixture(scope="module")
def page(browser: Any, address: str) -> Iterator[Any]:
    """The page with one model, opened once: starting the runtime takes seconds."""
    tab = open_tab(browser, address)
    yield tab
    tab.close()


def drop(tab: Any, content: bytes, name: str) -> None:
    """Drop a file on the page, and wait until it was dealt with."""
    transfer = tab.evaluate_handle(
        """([content, name]) => {
            const bytes = Uint8Array.from(atob(content), (each) => each.charCodeAt(0));
            const transfer = new DataTransfer();
            transfer.items.add(new File([bytes], name));
            return transfer;
        }""",
        [base64.b64encode(content).decode(), name],
    )
    tab.dispatch_event("body", "drop", {"dataTransfer": transfer})
    settle(tab)


def settle(tab: Any) -> None:
    """Wait until nothing is being tried on."""
    tab.wait_for_selector("body:not(.busy)")


def photo_of(image: UInt8, side: int = 200, colour: tuple[int, ...] = (200, 60, 40)) -> Any:
    """A garment of the data set as a photo: enlarged, coloured, on near-white with room around."""
    garment = Image.fromarray(image).resize((side, side), Image.Resampling.BICUBIC)
    photo = Image.new("RGB", (side * 3 // 2, side * 4 // 3), (250, 249, 246))
    photo.paste(colour, (side // 4, side // 6), garment)
    return photo
