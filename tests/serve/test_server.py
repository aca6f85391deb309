"""The running server: its start, its end, and clients that misbehave."""

import signal
import socket
import time
from contextlib import closing
from pathlib import Path

import httpx2
import pytest

import fittingroom
from fittingroom.cli import run
from fittingroom.predict.packaged import (
    ON_PHOTOS,
    ON_TEST_IMAGES,
    packaged_model,
    packaged_numbers,
)
from tests.photos.corpus import garment_photo
from tests.serve.running import START_SECONDS, running

PIXELS = "application/octet-stream"


def connect(server):
    connection = socket.create_connection(("127.0.0.1", server.port), timeout=START_SECONDS)
    return closing(connection)


def read_all(connection):
    """Everything until the server closes."""
    parts = []
    while part := connection.recv(65536):
        parts.append(part)
    return b"".join(parts)


def post(body, **headers):
    lines = ["POST /v1/classify HTTP/1.1", "host: x", f"content-length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def get(server, path):
    return httpx2.get(f"{server.address}{path}", timeout=START_SECONDS)


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_a_signal_finishes_what_was_accepted_and_prints_nothing(garments, name):
    if signal.getsignal(getattr(signal, name)) == signal.SIG_IGN:
        pytest.skip("the tests run under nohup, and so does the server")
    whole = post(garments.tobytes(), content_type=PIXELS)
    with running() as server:
        with connect(server) as connection, connect(server) as idle:
            connection.sendall(whole[:-100])
            while "fittingroom_queue 1.0" not in get(server, "metrics").text:
                time.sleep(0.01)
            server.process.send_signal(getattr(signal, name))
            assert read_all(idle) == b""  # an idle connection is closed
            connection.sendall(whole[-100:])
            answer = read_all(connection)
        assert answer.startswith(b"HTTP/1.1 200")
        assert server.process.wait(START_SECONDS) == 0
        assert server.output().count("\n") == 1  # the address


def test_a_body_that_does_not_come_is_answered_503(server):
    with connect(server) as connection:
        connection.sendall(post(b"x" * 784, content_type=PIXELS)[:-50])
        answer = read_all(connection)
    assert answer.startswith(b"HTTP/1.1 503")
    assert b"retry-after" in answer


def test_a_client_that_sends_too_much_is_told_so_while_it_sends(server):
    with connect(server) as connection:
        header = b"POST /v1/classify HTTP/1.1\r\nhost: x\r\ncontent-length: 900000000\r\n\r\n"
        connection.sendall(header + b"x" * 200_000)
        assert connection.recv(65536).startswith(b"HTTP/1.1 413")


def test_clients_that_speak_no_http_or_send_broken_forms_fill_no_log(server):
    for nonsense in (b"\x16\x03\x01\x02\x00\x01\n\n", b"GET / HTTP/9.9\r\n\r\n"):
        with connect(server) as connection:
            connection.sendall(nonsense)
            assert read_all(connection).startswith(b"HTTP/1.1 400")
    for _ in range(5):  # two requests at once, and gone before the answers
        with connect(server) as connection:
            connection.sendall(2 * b"GET /page.js HTTP/1.1\r\nhost: x\r\n\r\n")
    form = {"content_type": "multipart/form-data; boundary=b", "connection": "close"}
    with connect(server) as connection:
        connection.sendall(post(b"no form", **form))
        assert read_all(connection).startswith(b"HTTP/1.1 422")
    assert server.output().count("\n") == 1  # the address


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--model", "nowhere.onnx"], 1, "nowhere.onnx"),
        (["--model", "{model}", "--model", "{model}"], 2, "the same name"),
        (["--threads", "0"], 2, "--threads"),
        (["--body-mb", "0"], 2, "--body-mb"),
        (["--token-file", "{short}"], 2, "at least 16"),
        (["--port", "{taken}"], 1, "--port"),
        (["--host", "no.such.host.invalid"], 1, "no.such.host.invalid"),
        (["--host", "a" * 80], 1, "--host"),
    ],
)
def test_what_cannot_be_served_is_said_once(tmp_path, capsys, arguments, code, words):
    short = tmp_path / "short.txt"
    short.write_text("secret\n")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        places = {
            "model": packaged_model("cnn-tiny"),
            "short": short,
            "taken": taken.getsockname()[1],
        }
        assert run(["serve", *(each.format(**places) for each in arguments)]) == code
    printed = capsys.readouterr().err
    assert words in printed
    assert "Traceback" not in printed


def test_a_run_is_served_under_its_name_with_what_is_known_of_it(trained):
    from fittingroom.serve.models import load_models

    (served,) = load_models([trained.folder])
    assert served.model.name == trained.name
    assert served.parameters == trained.summary.parameters
    assert served.learning == trained.learning
    assert served.accuracy is None  # it was never scored on the real test set


def test_a_model_of_the_package_is_served_by_its_name_as_predict_loads_it():
    from fittingroom.serve.models import load_models

    numbers = packaged_numbers("cnn-tiny")
    tiny, photo = load_models([Path("cnn-tiny"), Path("photo")])
    assert tiny.accuracy == numbers["test_accuracy"]
    assert (tiny.parameters, tiny.measured_on) == (numbers["parameters"], ON_TEST_IMAGES)
    assert (photo.measured_on, photo.model.small) == (ON_PHOTOS, None)
    for served in (tiny, photo):
        name = served.model.name
        (answer,), (expected,) = (
            each.predict(garment_photo()) for each in (served.model, fittingroom.load(name))
        )
        assert answer.to_json() == expected.to_json()
