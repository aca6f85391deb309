"""A service around the model inside the package, and what is sent to it."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from starlette.testclient import TestClient

from fittingroom.predictions import UInt8
from fittingroom.serve.application import create_application
from fittingroom.serve.models import ServedModel, load_models
from fittingroom.serve.settings import Settings
from tests.serve.running import Running, running

PIXELS = {"content-type": "application/octet-stream"}


@pytest.fixture(scope="session")
def loaded() -> list[ServedModel]:
    return load_models([])


@pytest.fixture
def served(loaded: list[ServedModel]) -> Iterator[Callable[..., TestClient]]:
    """Starts a service with other settings or models, and gives its client."""
    with ExitStack() as stack:

        def start(models: list[ServedModel] | None = None, **settings: Any) -> TestClient:
            application = create_application(
                models or loaded, Settings(**{"seconds": 600} | settings)
            )
            client = TestClient(application, raise_server_exceptions=False)
            return stack.enter_context(client)

        yield start


@pytest.fixture(scope="session")
def client(loaded: list[ServedModel]) -> Iterator[TestClient]:
    """The client of a service that takes its time on a busy machine, shared."""
    application = create_application(loaded, Settings(seconds=600))
    with TestClient(application, raise_server_exceptions=False) as client:
        yield client


@pytest.fixture(scope="session")
def server() -> Iterator[Running]:
    """A server in a process of its own, shared; a request may take 1 s."""
    with running(seconds=1.0) as started:
        yield started


@pytest.fixture(scope="session")
def garments(sample: Any) -> UInt8:
    return sample.training().images[:8]


def asynchronous(test: Callable[[], Coroutine[Any, Any, None]]) -> Callable[[], None]:
    """A test that is a coroutine."""

    def run() -> None:
        asyncio.run(test())

    return run


def forms(*images: bytes) -> list[tuple[str, tuple[str, bytes]]]:
    """Images as a form, named a.png, b.png and so on."""
    return [("images", (f"{chr(97 + at)}.png", each)) for at, each in enumerate(images)]
