"""What every request passes: the token, the limits, and the headers that every answer has."""

import asyncio
import base64
import threading
import time
from dataclasses import fields

import pytest

from fittingroom.errors import UsageError
from fittingroom.serve.batching import Pace
from fittingroom.serve.gate import Gate
from fittingroom.serve.monitoring import Monitor
from fittingroom.serve.replies import Reply
from fittingroom.serve.settings import Settings
from tests.serve.conftest import binary, forms, png

TOKEN = "0123456789abcdef"


def test_every_answer_has_the_security_headers_and_none_lets_others_in(client, garments):
    answers = [
        client.get("/"),
        client.get("/nothing"),
        client.get("/v2"),
        client.get("/metrics"),
        client.post("/v1/classify", content=b"x", headers={"content-type": "text/plain"}),
        client.post("/v1/classify", files=forms(png(garments[0]))),
        client.request("PUT", "/v1/classify"),
        client.get("/v1/models", headers={"origin": "https://elsewhere.example"}),
    ]
    for answer in answers:
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'")
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "access-control-allow-origin" not in answer.headers


def test_a_body_over_the_limit_is_refused_whether_or_not_it_says_so(served):
    client = served(body_bytes=1000)

    def parts():
        yield b"x" * 600
        yield b"x" * 600

    announced = client.post(
        "/v1/classify", content=b"x" * 1001, headers={"content-type": "image/png"}
    )
    grown = client.post("/v1/classify", content=parts(), headers={"content-type": "image/png"})
    for answer in (announced, grown):
        assert answer.status_code == 413
        assert "1,000 bytes" in answer.json()["detail"]
    assert client.post("/v2/models/x/infer", content=b"x" * 1001).json()["error"]
    fitting = client.post(
        "/v1/classify", content=b"x" * 1000, headers={"content-type": "image/png"}
    )
    assert fitting.status_code == 415


def test_a_compressed_body_is_refused(client):
    answer = client.post("/v1/classify", content=b"x", headers={"content-encoding": "gzip"})
    assert answer.status_code == 415


def test_the_token_is_asked_for_and_taken_in_either_form(served, garments, name):
    client = served(token=TOKEN)
    basic = base64.b64encode(f"anybody:{TOKEN}".encode()).decode()
    for right in (f"Bearer {TOKEN}", f"bearer {TOKEN}", f"Basic {basic}"):
        assert client.get("/v1/models", headers={"authorization": right}).status_code == 200
    wrong = ("", TOKEN, f"Bearer {TOKEN[:-1]}", f"Bearer {TOKEN}0", "Basic !", f"Digest {TOKEN}")
    content, header = binary(garments)
    for given in wrong:
        for answer in (
            client.get("/", headers={"authorization": given}),
            client.get("/metrics", headers={"authorization": given}),
            client.post(
                f"/v2/models/{name}/infer",
                content=content,
                headers={"authorization": given, **header},
            ),
        ):
            assert answer.status_code == 401
            assert "Basic" in answer.headers["www-authenticate"]
    for path in ("/healthz", "/readyz", "/v2/health/live", "/v2/health/ready"):
        assert client.get(path).status_code == 200


def test_a_token_that_can_be_guessed_is_not_taken():
    with pytest.raises(UsageError, match="at least 16"):
        Settings(token="secret")


@pytest.mark.parametrize(
    "name", [field.name for field in fields(Settings) if field.name != "token"]
)
def test_no_limit_can_be_switched_off(name):
    for value in (0, -1, float("nan"), float("inf"), 10**10):
        with pytest.raises(UsageError, match=f"Expected {name} .* Received {name} = "):
            Settings(**{name: value})  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["body_bytes", "queue", "threads", "batch"])
def test_what_is_counted_is_a_whole_number(name):
    with pytest.raises(UsageError, match=f"Expected {name} as a whole number"):
        Settings(**{name: 2.5})  # type: ignore[arg-type]


class Slow:
    """A gate before what answers only once it is let go."""

    def __init__(self, **settings):
        self.go = asyncio.Event()
        self.monitor = Monitor()
        self.pace = Pace()
        self.gate = Gate(
            self._application,
            {"/slow": ("/slow", self._answer)},
            Settings(**settings),
            self.monitor,
            self.pace,
        )

    async def _answer(self, headers, body):
        await self.go.wait()
        return Reply(200, body)

    async def _application(self, scope, receive, send):
        await Reply(404, b"{}").send(send)

    async def ask(self, *messages, path="/slow", hang=False, after=None):
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

        scope = {"type": "http", "method": "POST", "path": path, "headers": []}
        await self.gate(scope, receive, send)
        if not sent:
            return None, {}
        return sent[0]["status"], dict(sent[0]["headers"])


def test_the_request_after_a_full_queue_is_told_when_to_come_back():
    async def main():
        slow = Slow(queue=3)
        accepted = [asyncio.create_task(slow.ask()) for _ in range(3)]
        await asyncio.sleep(0.01)
        assert b"fittingroom_queue 3.0" in slow.monitor.page()[0]
        status, headers = await slow.ask()
        assert status == 429
        assert int(headers[b"retry-after"]) >= 1
        slow.go.set()
        assert [status for status, _ in await asyncio.gather(*accepted)] == [200] * 3
        assert (await slow.ask())[0] == 200
        counts = slow.monitor.page()[0]
        assert b'fittingroom_requests_total{route="refused",status="429"} 1.0' in counts
        assert b'fittingroom_requests_total{route="/slow",status="200"} 4.0' in counts
        assert b"fittingroom_queue 0.0" in counts

    asyncio.run(main())


def test_a_request_that_would_wait_too_long_is_refused_at_once():
    async def main():
        slow = Slow(waiting_seconds=0.5)
        slow.pace.seconds = 0.05  # ten of them take as long as one may wait
        accepted = [asyncio.create_task(slow.ask()) for _ in range(10)]
        await asyncio.sleep(0.01)
        assert slow.gate.is_full
        status, headers = await slow.ask()
        assert status == 429
        assert int(headers[b"retry-after"]) >= 1
        slow.pace.seconds = 0.04  # it has become faster
        assert not slow.gate.is_full
        slow.pace.seconds = 60.0
        slow.go.set()
        assert [status for status, _ in await asyncio.gather(*accepted)] == [200] * 10
        slow.go.clear()
        # However slow it is, a few may wait.
        accepted = [asyncio.create_task(slow.ask()) for _ in range(9)]
        await asyncio.sleep(0.01)
        slow.go.set()
        assert [status for status, _ in await asyncio.gather(*accepted)] == [200] * 8 + [429]

    asyncio.run(main())


def test_bodies_that_do_not_come_keep_nobody_waiting():
    async def main():
        slow = Slow(waiting_seconds=0.5)
        slow.pace.seconds = 60.0
        whole = asyncio.Event()
        pending = [asyncio.create_task(slow.ask(after=whole)) for _ in range(20)]
        await asyncio.sleep(0.01)
        slow.go.set()
        assert not slow.gate.is_full
        assert (await slow.ask())[0] == 200
        slow.go.clear()
        # All at once they are too many, and what was not to be seen from their headers is now.
        whole.set()
        await asyncio.sleep(0.01)
        slow.go.set()
        answers = await asyncio.gather(*pending)
        assert sorted(status for status, _ in answers) == [200] * 8 + [429] * 12
        assert all(b"retry-after" in headers for status, headers in answers if status == 429)
        counts = slow.monitor.page()[0]
        assert b'fittingroom_requests_total{route="refused",status="429"} 12.0' in counts

    asyncio.run(main())


def test_a_request_that_takes_too_long_is_given_up():
    async def main():
        slow = Slow(seconds=0.05, queue=1)
        status, headers = await slow.ask()
        assert status == 503
        assert b"retry-after" in headers
        status, _ = await slow.ask(
            {"type": "http.request", "body": b"x", "more_body": True}, hang=True
        )
        assert status == 503  # a body that does not come
        slow.go.set()
        assert (await slow.ask())[0] == 200  # their places are free again

    asyncio.run(main())


def test_a_client_that_goes_away_leaves_its_place():
    async def main():
        slow = Slow(queue=1)
        slow.go.set()
        assert await slow.ask({"type": "http.disconnect"}) == (None, {})
        assert (await slow.ask())[0] == 200

    asyncio.run(main())


def test_requests_beyond_the_queue_are_refused_by_the_whole_service(served, loaded, garments, name):
    client = served(queue=2)
    content, header = binary(garments)
    held, go = threading.Event(), threading.Event()
    arrays = loaded[0].model.arrays

    def hold(images):
        held.set()
        go.wait(20)
        return arrays(images)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loaded[0].model, "arrays", hold)
        statuses = []

        def ask():
            answer = client.post(f"/v2/models/{name}/infer", content=content, headers=header)
            statuses.append(answer.status_code)

        threads = [threading.Thread(target=ask) for _ in range(2)]
        for thread in threads:
            thread.start()
        held.wait(20)
        while b"fittingroom_queue 2.0" not in client.get("/metrics").content:
            pass
        refused = client.post("/v1/classify", files=forms(png(garments[0])))
        assert refused.status_code == 429
        assert refused.headers["retry-after"]
        go.set()
        for thread in threads:
            thread.join()
    assert statuses == [200, 200]


@pytest.mark.parametrize("path", ["/", "/v1/models", "/v1/samples", "/v2", "/readyz", "/metrics"])
def test_head_is_answered_as_get_is_without_the_body(client, path):
    while client.get("/readyz").status_code != 200:
        time.sleep(0.05)
    got, head = client.get(path), client.head(path)
    assert head.status_code == got.status_code == 200
    assert head.content == b""
    assert head.headers["content-type"] == got.headers["content-type"]
    if path != "/metrics":  # which has counted one more
        assert head.headers["content-length"] == str(len(got.content))


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/v1/classify", "POST"),
        ("HEAD", "/v1/classify", "POST"),
        ("GET", "/v2/models/nobody/infer", "POST"),
        ("PUT", "/v1/models", "GET"),
        ("POST", "/metrics", "GET"),
    ],
)
def test_another_method_is_told_which_ones_there_are(client, method, path, allowed):
    answer = client.request(method, path)
    assert answer.status_code == 405
    assert answer.headers["allow"] == allowed
