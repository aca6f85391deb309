"""The running server: its end, its workers, and connections that mean no good."""

import json
import re
import socket
import time
from contextlib import closing
from typing import Any

import httpx2
import pytest

from fittingroom.cli import run
from fittingroom.predict.packaged import packaged_model
from fittingroom.serve import is_loopback
from tests.serve.conftest import binary, forms, png
from tests.serve.running import START_SECONDS, running

pytestmark = pytest.mark.slow


def connect(server):
    connection = socket.create_connection(("127.0.0.1", server.port), timeout=START_SECONDS)
    return closing(connection)


def read_all(connection):
    """What comes until the server closes."""
    parts = []
    try:
        while part := connection.recv(65536):
            parts.append(part)
    except ConnectionResetError:
        pass
    return b"".join(parts)


def post(path, body, **headers):
    lines = [f"POST {path} HTTP/1.1", "host: x", f"content-length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def get(server, path):
    return httpx2.get(f"{server.address}{path}", timeout=START_SECONDS)


def when_ready(server):
    last = time.monotonic() + START_SECONDS
    while get(server, "readyz").status_code != 200:
        assert time.monotonic() < last
        time.sleep(0.05)


@pytest.fixture(scope="module")
def server():
    with running("--seconds", "3") as started:
        when_ready(started)
        yield started


def test_sigterm_finishes_what_was_accepted_and_says_nothing(garments, name):
    with running("--seconds", "120") as server:
        when_ready(server)
        content, header = binary(garments, parameters={"binary_data_output": True})
        whole = post(
            f"/v2/models/{name}/infer",
            content,
            inference_header_content_length=header["inference-header-content-length"],
        )
        with connect(server) as connection, connect(server) as idle:
            connection.sendall(whole[:-100])
            while "fittingroom_queue 1.0" not in get(server, "metrics").text:
                time.sleep(0.01)
            server.process.terminate()
            assert read_all(idle) == b""  # it is ending: who asks nothing is sent away
            connection.sendall(whole[-100:])
            answer = read_all(connection)
        assert answer.startswith(b"HTTP/1.1 200")
        assert server.process.wait(START_SECONDS) == 0
        assert server.said().count("\n") == 1  # the address, and nothing of anybody's picture


def test_two_workers_share_the_port_and_add_up_their_counts(garments):
    with running("--workers", "2") as server:
        when_ready(server)
        for _ in range(20):  # each a connection of its own
            answer = httpx2.post(
                f"{server.address}v1/classify",
                files=forms(png(garments[0])),
                timeout=START_SECONDS,
            )
            assert answer.status_code == 200
        text = get(server, "metrics").text
        assert 'fittingroom_requests_total{route="/v1/classify",status="200"} 20.0' in text
        assert server.stop() == 0


def test_workers_do_not_outlive_a_parent_that_was_killed():
    with running("--workers", "2") as server:
        when_ready(server)
        with connect(server) as idle:
            idle.sendall(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n")
            answer = idle.recv(65536)
            while not answer.endswith(b"}"):  # the body may come after the header
                answer += idle.recv(65536)
            assert answer.startswith(b"HTTP/1.1 200")
            server.process.kill()
            assert read_all(idle) == b""  # its worker ends, and with it the connection
        last = time.monotonic() + START_SECONDS
        while True:
            try:
                with connect(server):
                    pass
            except ConnectionRefusedError:
                break
            assert time.monotonic() < last
            time.sleep(0.05)


def test_a_header_without_end_is_cut_off(server):
    with connect(server) as connection:
        endless = b"GET / HTTP/1.1\r\n" + b"x: yyyyyyyyyyyyyyyyyyyyyyyy\r\n" * 1_000_000
        with pytest.raises((ConnectionResetError, BrokenPipeError)):
            connection.sendall(endless)
    assert get(server, "healthz").status_code == 200


def test_a_header_that_does_not_come_is_not_waited_for(server):
    with connect(server) as silent, connect(server) as slow:
        slow.sendall(b"GET /healthz HTTP/1.1\r\nhost:")
        assert read_all(silent) == b""
        assert read_all(slow) == b""


def test_a_body_that_does_not_come_is_answered_503(server):
    with connect(server) as connection:
        connection.sendall(post("/v1/classify", b"x" * 100, content_type="image/png")[:-50])
        answer = read_all(connection)
    assert answer.startswith(b"HTTP/1.1 503")
    assert b"retry-after" in answer


def test_a_client_that_sends_too_much_is_told_so_while_it_sends(server):
    with connect(server) as connection:
        header = b"POST /v1/classify HTTP/1.1\r\nhost: x\r\ncontent-length: 900000000\r\n\r\n"
        connection.sendall(header + b"x" * 200_000)
        assert read_all(connection).startswith(b"HTTP/1.1 413")


def test_what_is_no_http_is_counted_and_fills_no_log(server):
    for nonsense in (b"\x16\x03\x01\x02\x00\x01\n\n", b"GET / HTTP/9.9\r\n\r\n"):
        with connect(server) as connection:
            connection.sendall(nonsense)
            assert read_all(connection).startswith(b"HTTP/1.1 400")
    upgrade = b"connection: upgrade\r\nupgrade: websocket\r\n\r\n"
    with connect(server) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nhost: x\r\n" + upgrade)
        assert connection.recv(65536).startswith(b"HTTP/1.1 200")
    form = {"content_type": "multipart/form-data; boundary=b", "connection": "close"}
    with connect(server) as connection:
        connection.sendall(post("/v1/classify", b"no form", **form))
        assert read_all(connection).startswith(b"HTTP/1.1 422")
    text = get(server, "metrics").text
    assert 'fittingroom_requests_total{route="invalid",status="400"} 2.0' in text
    assert server.said().count("\n") == 1  # the address


def test_several_requests_on_one_connection_are_answered_in_order(server, garments, name):
    content, header = binary(garments[:1])
    one = post(
        f"/v2/models/{name}/infer",
        content,
        inference_header_content_length=header["inference-header-content-length"],
    )
    last = one.replace(b"host: x", b"connection: close")
    with connect(server) as connection:
        connection.sendall(one + one + last)
        answers = read_all(connection)
    assert answers.count(b"HTTP/1.1 200") == 3
    bodies = re.findall(rb"\r\n\r\n(\{.*?\})(?=HTTP|$)", answers, re.DOTALL)
    assert len({json.dumps(json.loads(body)) for body in bodies}) == 1


def test_a_full_queue_refuses_at_once_and_keeps_the_connection(garments, name):
    content, header = binary(garments[:1])
    length = header["inference-header-content-length"]
    one = post(f"/v2/models/{name}/infer", content, inference_header_content_length=length)
    with running("--queue", "1", "--seconds", "120") as server:
        when_ready(server)
        with connect(server) as first, connect(server) as second:
            first.sendall(one[:-100])
            while "fittingroom_queue 1.0" not in get(server, "metrics").text:
                time.sleep(0.01)
            second.sendall(one)
            refused = second.recv(65536)
            assert refused.startswith(b"HTTP/1.1 429 Too Many Requests\r\n")
            assert b"retry-after: 1\r\n" in refused
            assert b"content-security-policy" in refused
            head, body = refused.split(b"\r\n\r\n")
            assert b"content-length: %d\r\n" % len(body) in head
            assert json.loads(body)["error"].startswith("Expected at most 1 requests")
            first.sendall(one[-100:])
            assert first.recv(65536).startswith(b"HTTP/1.1 200")
            second.sendall(one)
            assert second.recv(65536).startswith(b"HTTP/1.1 200")
        text = get(server, "metrics").text
        assert 'fittingroom_requests_total{route="refused",status="429"} 1.0' in text


def test_more_connections_than_allowed_are_told_so(monkeypatch):
    from fittingroom.serve.connection import Connection

    sent = []

    class Transport:
        def get_extra_info(self, name):
            return None

        def write(self, data):
            sent.append(data)

        def close(self):
            sent.append("closed")

    class Config:
        loaded = True
        loaded_app = None
        ws_protocol_class = None
        root_path = ""
        asgi_version = "3.0"
        limit_concurrency = 2
        timeout_keep_alive = 5

    class State:
        connections = {1}  # noqa: RUF012
        tasks = set()  # noqa: RUF012
        default_headers = []  # noqa: RUF012

    stand_ins: Any = (Config(), State(), {}, None)
    transport: Any = Transport()
    monkeypatch.setattr("asyncio.get_event_loop", object)
    Connection(*stand_ins).connection_made(transport)
    assert sent[0].startswith(b"HTTP/1.1 503")
    head, body = sent[0].split(b"\r\n\r\n")
    assert b"content-length: %d\r\n" % len(body) in head
    assert b"retry-after: 1" in head
    assert sent[1] == "closed"


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--model", "nowhere.onnx"], 1, "nowhere.onnx"),
        (["--model", "{model}", "--model", "{model}"], 2, "different names"),
        (["--model", "{model}", "--workers", "0"], 2, "workers"),
        (["--model", "{model}", "--seconds", "0"], 2, "above 0"),
        (["--model", "{model}", "--seconds", "inf"], 2, "at most 3,600"),
        (["--model", "{model}", "--waiting-seconds", "nan"], 2, "waiting_seconds = nan"),
        (["--model", "{model}", "--queue", "0"], 2, "queue = 0"),
        (["--model", "{model}", "--queue", "1000000"], 2, "at most 10,000"),
        (["--model", "{model}", "--threads", "1000"], 2, "at most 64"),
        (["--model", "{model}", "--body-mb", "nan"], 2, "--body-mb"),
        (["--model", "{model}", "--body-mb", "inf"], 2, "--body-mb"),
        (["--model", "{model}", "--token-file", "{short}"], 2, "at least 16"),
        (["--model", "{model}", "--port", "{taken}"], 1, "--port"),
        (["--model", "{model}", "--host", "no.such.host.invalid"], 1, "no.such.host.invalid"),
        (["--model", "{model}", "--host", "a" * 80], 1, "--host"),
        (["--model", "{model}", "--token-file", "{lines}"], 2, "on one line"),
    ],
)
def test_what_cannot_be_served_is_said_once(tmp_path, capsys, arguments, code, words):
    short = tmp_path / "short.txt"
    short.write_text("secret\n")
    lines = tmp_path / "lines.txt"
    lines.write_text("first-of-two-tokens\nsecond-of-two-tokens\n")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        places = {"model": packaged_model(), "short": short, "lines": lines}
        places["taken"] = taken.getsockname()[1]
        assert run(["serve", *(each.format(**places) for each in arguments)]) == code
    said = capsys.readouterr().err
    assert words in said
    assert "Traceback" not in said


def test_a_run_is_served_under_its_name_with_what_is_known_of_it(trained):
    with running("--model", str(trained.folder)) as server:
        when_ready(server)
        (model,) = get(server, "v1/models").json()["models"]
    assert model["name"] == trained.name
    assert model["parameters"] == trained.summary.parameters
    assert model["accuracy"] is None  # it was never scored on the real test half


def test_loopback_is_known_from_other_addresses():
    assert all(map(is_loopback, ("127.0.0.1", "127.1.2.3", "::1", "localhost")))
    assert not any(map(is_loopback, ("0.0.0.0", "::", "192.168.1.7", "example.org", "")))
