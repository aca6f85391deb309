"""A service around the model inside the package, and what is sent to it."""

import io
import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from fittingroom.predictions import UInt8
from fittingroom.serve.application import create_application
from fittingroom.serve.models import Loaded, load_models
from fittingroom.serve.settings import Settings


@pytest.fixture(scope="session")
def loaded() -> list[Loaded]:
    return load_models([])


@pytest.fixture(scope="session")
def name(loaded: list[Loaded]) -> str:
    return loaded[0].name


@pytest.fixture
def served(loaded: list[Loaded]) -> Iterator[Any]:
    """Starts a service with the settings asked for, and gives its client."""
    clients = []

    def start(models: list[Loaded] | None = None, **settings: Any) -> TestClient:
        client = TestClient(
            create_application(models or loaded, Settings(**settings)),
            raise_server_exceptions=False,
        )
        client.__enter__()
        clients.append(client)
        return client

    yield start
    for client in clients:
        client.__exit__(None, None, None)


@pytest.fixture
def client(served: Any) -> TestClient:
    return served()


@pytest.fixture(scope="session")
def garments(sample: Any) -> UInt8:
    return sample.training().images[:8]


def png(picture: UInt8) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "PNG")
    return buffer.getvalue()


def forms(*pictures: bytes) -> list[tuple[str, tuple[str, bytes]]]:
    """Pictures as a form, named a.png, b.png and so on."""
    return [("pictures", (f"{chr(97 + at)}.png", each)) for at, each in enumerate(pictures)]


def binary(images: UInt8, **more: Any) -> tuple[bytes, dict[str, str]]:
    """A request with binary data: its body and header."""
    tensor = {
        "name": "pictures",
        "shape": list(images.shape),
        "datatype": "UINT8",
        "parameters": {"binary_data_size": images.size},
    }
    header = json.dumps({"inputs": [tensor], **more}).encode()
    length = {"inference-header-content-length": str(len(header))}
    return header + np.ascontiguousarray(images).tobytes(), length


def read_binary(content: bytes, length: str) -> dict[str, Any]:
    """The tensors of a binary answer, by name."""
    kinds = {"FP32": np.float32, "UINT8": np.uint8}
    at = int(length)
    tensors = {}
    for output in json.loads(content[:at])["outputs"]:
        size = output["parameters"]["binary_data_size"]
        values = np.frombuffer(content[at : at + size], kinds[output["datatype"]])
        tensors[output["name"]] = values.reshape(output["shape"])
        at += size
    assert at == len(content)
    return tensors
