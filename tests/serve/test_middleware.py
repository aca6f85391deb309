"""What every request meets: the token, the limits, and the headers of every answer."""

import asyncio
import base64
from typing import Any

import pytest
from starlette.responses import Response

from fittingroom.errors import UsageError
from fittingroom.serve import uploads
from fittingroom.serve.middleware import LimitsMiddleware
from fittingroom.serve.monitoring import Monitor
from fittingroom.serve.settings import Settings
from tests.photos.corpus import encoded
from tests.serve.conftest import PIXELS, asynchronous, forms

TOKEN = "0123456789abcdef"


def test_every_answer_has_the_security_headers_and_none_lets_others_in(client, garments):
    answers = [
        client.get("/"),
        client.get("/nothing"),
        client.get("/metrics"),
        client.post("/v1/classify", content=b"x", headers={"content-type": "text/plain"}),
        client.post("/v1/classify", content=b"x", headers={"content-encoding": "gzip"}),
        client.post("/v1/classify", files=forms(encoded(garments[0]))),
        client.request("PUT", "/v1/classify"),
        client.get("/v1/models", headers={"origin": "https://other.example"}),
    ]
    assert [answer.status_code for answer in answers] == [200, 404, 200, 415, 415, 200, 405, 200]
    for answer in answers:
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'")
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"
        assert "access-control-allow-origin" not in answer.headers


def test_pages_of_the_allowed_origins_may_frame_and_ask_it_and_no_others(served):
    course, other = "https://course.example.org", "https://other.example"
    client = served(frames=(course, "http://localhost:*"), origins=(course,), token=TOKEN)
    asked = {
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization, content-type",
    }
    for origin, allowed in ((course, course), (other, None)):
        before = client.options("/v1/classify", headers={"origin": origin, **asked})
        refused = client.post("/v1/classify", headers={"origin": origin})  # without the token
        assert (before.status_code, refused.status_code) == (200 if allowed else 400, 401)
        for answer in (before, refused):
            assert answer.headers.get("access-control-allow-origin") == allowed
    policy = refused.headers["content-security-policy"]
    assert policy.endswith(f"frame-ancestors {course} http://localhost:*")
    for wrong in ("*", "course.example.org", f"{course}/", f"{course}; script-src *", "null"):
        for name in ("frames", "origins"):
            with pytest.raises(UsageError, match="is not an origin"):
                Settings(**{name: (wrong,)})  # type: ignore[arg-type]


def test_an_unforeseen_error_is_one_plain_500_counted_and_logged_in_one_line(
    served, monkeypatch, caplog
):
    def fail(*arguments):
        raise ValueError("broken\n\ud800\x1b[2J")

    monkeypatch.setattr(uploads, "read_pixels", fail)
    client = served()
    answer = client.post("/v1/classify", content=b"x" * 784, headers=PIXELS)
    assert answer.status_code == 500
    assert answer.json() == {"detail": "Something went wrong in the server. Its log says what."}
    assert answer.headers["content-security-policy"]
    (line,) = (each.getMessage() for each in caplog.records if each.levelname == "ERROR")
    assert "ValueError: 'broken" in line
    assert line.isprintable()
    assert 'route="/v1/classify",status="500"} 1.0' in client.get("/metrics").text


def test_a_body_over_the_limit_is_refused_with_and_without_its_length(served):
    client = served(body_bytes=784)

    def parts():
        yield b"x" * 600
        yield b"x" * 600

    for content in (b"x" * 785, parts()):
        answer = client.post("/v1/classify", content=content, headers=PIXELS)
        assert answer.status_code == 413
        assert "784 bytes" in answer.json()["detail"]
    fitting = client.post("/v1/classify", content=b"x" * 784, headers=PIXELS)
    assert fitting.status_code == 200


def test_the_token_may_come_as_bearer_or_as_password(served, garments):
    client = served(token=TOKEN)
    basic = base64.b64encode(f"anybody:{TOKEN}".encode()).decode()
    for right in (f"Bearer {TOKEN}", f"bearer {TOKEN}", f"Basic {basic}"):
        assert client.get("/v1/models", headers={"authorization": right}).status_code == 200
    content = garments.tobytes()
    for wrong in ("", TOKEN, f"Bearer {TOKEN[:-1]}", f"Bearer {TOKEN}0", "Basic !", "Digest x"):
        given = {"authorization": wrong}
        for answer in (
            client.get("/", headers=given),
            client.get("/metrics", headers=given),
            client.post("/v1/classify", content=content, headers=given | PIXELS),
        ):
            assert answer.status_code == 401
            assert "Basic" in answer.headers["www-authenticate"]
    for path in ("/healthz", "/readyz"):
        assert client.get(path).json() == {"ready": True}


@pytest.mark.parametrize("token", ["secret", "first-of-two-tokens\nsecond", "schlüssel-schlüssel"])
def test_a_token_that_can_be_guessed_or_not_be_sent_is_refused(token):
    with pytest.raises(UsageError, match="at least 16"):
        Settings(token=token)


class Slow:
    """The middleware around an application that answers only once it is let go."""

    def __init__(self, **settings: Any) -> None:
        self.go = asyncio.Event()
        self.monitor = Monitor()
        self.limits = LimitsMiddleware(self._answer, Settings(**settings), self.monitor)

    async def _answer(self, scope, receive, send):
        while (message := await receive()).get("more_body"):
            pass
        if message["type"] == "http.request":
            await self.go.wait()
            await Response(b"done")(scope, receive, send)

    async def ask(self, *messages, hang=False, after=None):
        """The answer's status and headers to a request whose body comes in these messages."""
        waiting = list(messages) or [{"type": "http.request", "body": b"x"}]
        sent = []

        async def receive():
            if after is not None:
                await after.wait()
            if waiting:
                return waiting.pop(0)
            await asyncio.sleep(60 if hang else 0)
            return {"type": "http.disconnect"}

        async def send(message):
            sent.append(message)

        scope = {"type": "http", "method": "POST", "path": "/slow", "headers": []}
        await self.limits(scope, receive, send)
        if not sent:
            return None, {}
        return sent[0]["status"], dict(sent[0]["headers"])

    def asked(self, count, **options):
        return [asyncio.create_task(self.ask(**options)) for _ in range(count)]


@asynchronous
async def test_a_full_queue_refuses_and_says_when_to_come_back():
    slow = Slow(queue=3)
    accepted = slow.asked(3)
    await asyncio.sleep(0.01)
    assert b"fittingroom_queue 3.0" in slow.monitor.page()[0]
    status, headers = await slow.ask()
    assert status == 429
    assert headers[b"retry-after"] == b"1"
    slow.go.set()
    assert [status for status, _ in await asyncio.gather(*accepted)] == [200] * 3
    assert (await slow.ask())[0] == 200
    counts = slow.monitor.page()[0]
    assert b'fittingroom_requests_total{route="other",status="429"} 1.0' in counts
    assert b'fittingroom_requests_total{route="other",status="200"} 4.0' in counts
    assert b"fittingroom_queue 0.0" in counts


@asynchronous
async def test_a_request_that_would_wait_too_long_is_refused_but_eight_may_always_wait():
    slow = Slow(waiting_seconds=0.02)
    accepted = slow.asked(10)  # nothing is known of their time yet
    await asyncio.sleep(0.2)
    slow.go.set()
    assert [status for status, _ in await asyncio.gather(*accepted)] == [200] * 10
    slow.go.clear()  # recent requests took more than 0.02 s / 8 each
    accepted = slow.asked(9)
    await asyncio.sleep(0.01)
    slow.go.set()
    assert [status for status, _ in await asyncio.gather(*accepted)] == [200] * 8 + [429]
    for _ in range(200):  # and now they take less
        assert (await slow.ask())[0] == 200
    slow.go.clear()
    accepted = slow.asked(9)
    await asyncio.sleep(0.01)
    slow.go.set()
    assert [status for status, _ in await asyncio.gather(*accepted)] == [200] * 9


@asynchronous
async def test_bodies_that_do_not_come_keep_nobody_waiting():
    slow = Slow(waiting_seconds=1e-9)
    slow.go.set()
    assert (await slow.ask())[0] == 200  # which sets the time of recent requests
    complete = asyncio.Event()
    pending = slow.asked(20, after=complete)
    await asyncio.sleep(0.01)
    assert (await slow.ask())[0] == 200
    slow.go.clear()
    complete.set()  # all bodies at once: too many, which their headers did not show
    await asyncio.sleep(0.01)
    slow.go.set()
    answers = await asyncio.gather(*pending)
    assert sorted(status for status, _ in answers) == [200] * 8 + [429] * 12


@asynchronous
async def test_a_request_that_takes_too_long_is_given_up():
    slow = Slow(seconds=0.05, queue=1)
    unfinished = {"type": "http.request", "body": b"x", "more_body": True}
    for messages in ((), (unfinished,)):
        status, headers = await slow.ask(*messages, hang=True)
        assert status == 503
        assert headers[b"retry-after"] == b"1"
        assert headers[b"connection"] == b"close"
    slow.go.set()
    assert (await slow.ask())[0] == 200  # their places are free again


@asynchronous
async def test_a_client_that_leaves_frees_its_place():
    slow = Slow(queue=1)
    slow.go.set()
    assert await slow.ask({"type": "http.disconnect"}) == (None, {})
    assert b'status="499"} 1.0' in slow.monitor.page()[0]
    assert (await slow.ask())[0] == 200
