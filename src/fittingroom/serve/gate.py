"""The gate that every request passes: who asks, how much, how many at once, for how long."""

import asyncio
import base64
import binascii
import hmac
import time
from collections.abc import Awaitable, Callable, Mapping

from fittingroom.errors import RequestError
from fittingroom.serve.batching import Pace
from fittingroom.serve.monitoring import Monitor
from fittingroom.serve.replies import SECURITY, Message, Receive, Reply, Scope, Send, refusal
from fittingroom.serve.settings import Settings

Application = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = Mapping[bytes, bytes]
Direct = Callable[[Headers, bytes], Awaitable[Reply]]

# What an orchestrator asks, which has no token.
_OPEN = frozenset({"/healthz", "/readyz", "/v2/health/live", "/v2/health/ready"})
_CHALLENGE = (
    (b"www-authenticate", b'Basic realm="fittingroom", charset="UTF-8"'),
    (b"www-authenticate", b'Bearer realm="fittingroom"'),
)
_CLOSE = (b"connection", b"close")
_DRAIN_SECONDS = 1.0
_ALWAYS = 8  # requests that may be in work, however slow the models are


class _Gone(Exception):
    """The client went away before its request was whole."""


class Gate:
    """An ASGI application around another one.

    A body is read here, whole and in memory, so that whatever is behind has no limits to keep.

    Args:
        application: what answers.
        direct: path → what answers a POST there at once, past the application's routing: the
            paths where every microsecond counts. Each goes by a pattern in the counts.
        settings: the limits.
        monitor: told of every answer.
        pace: how long a request takes among others, as the models tell.
    """

    def __init__(
        self,
        application: Application,
        direct: Mapping[str, tuple[str, Direct]],
        settings: Settings,
        monitor: Monitor,
        pace: Pace,
    ) -> None:
        self._application = application
        self._direct = direct
        self._settings = settings
        self._monitor = monitor
        self._pace = pace
        self._token = None if settings.token is None else settings.token.encode()
        self._accepted = 0
        self._in_work = 0  # of the accepted, those that are whole
        full = (
            f"Expected at most {settings.queue} requests at once, and no more than are answered "
            "soon. Received one more. Send it again in a moment."
        )
        self._full = [refusal(path, 429, full) for path in ("/", "/v2")]
        self._full_bytes = [reply.to_bytes() for reply in self._full]

    @property
    def is_full(self) -> bool:
        """Whether a further request will be refused: there is no place for it, or a long wait."""
        return self._accepted >= self._settings.queue or self._is_behind

    @property
    def _is_behind(self) -> bool:
        """Whether what is in work will take longer than a further request may wait."""
        expected = self._in_work * self._pace.seconds
        return self._in_work >= _ALWAYS and expected >= self._settings.waiting_seconds

    def full_answer(self, target: bytes) -> bytes:
        """The whole answer of HTTP to a request that finds the queue full; it is counted."""
        self._monitor.answered("refused", 429, 0.0)
        return self._full_bytes[target.startswith(b"/v2")]

    def count_invalid(self) -> None:
        """Something came that is no HTTP."""
        self._monitor.answered("invalid", 400, 0.0)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or hand on what is none."""
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        began = time.perf_counter()
        headers = dict(scope["headers"])
        if self._token is not None and scope["path"] not in _OPEN and not self._knows(headers):
            reply = refusal(
                scope["path"], 401, "Expected the token. Received none, or another.", _CHALLENGE
            )
            route, status = "refused", await _close(reply, receive, send)
        elif scope["method"] == "POST":
            route, status = await self._post(scope, headers, receive, send)
        else:
            route, status = await self._pass_on(scope, receive, send)
        self._monitor.answered(route, status, time.perf_counter() - began)

    async def _post(
        self, scope: Scope, headers: Headers, receive: Receive, send: Send
    ) -> tuple[str, int]:
        """Answer a request that has a body: what takes time, and is therefore counted."""
        path = scope["path"]
        route, direct = self._direct.get(path, ("refused", None))
        settings = self._settings
        if self.is_full:
            await self._full[path.startswith("/v2")].send(send)
            return "refused", 429
        self._accepted += 1
        self._monitor.queue.inc()
        too_large = False
        try:
            async with asyncio.timeout(settings.seconds):
                body = await self._read(headers, receive)
                if self._is_behind:  # since its header came
                    route, reply = "refused", self._full[path.startswith("/v2")]
                else:
                    self._in_work += 1
                    try:
                        if direct is None:
                            return await self._pass_on(scope, _again(body, receive), send)
                        reply = await direct(headers, body)
                    finally:
                        self._in_work -= 1
        except RequestError as error:
            reply = refusal(path, error.status, str(error))
            too_large = error.status == 413
        except TimeoutError:
            reply = refusal(
                path,
                503,
                f"Expected to answer within {settings.seconds:g} s. Received more work than that. "
                "Send less at once, or later.",
                (_CLOSE,),
            )
        except _Gone:
            return route, 499  # as others count it: nobody is there to be told
        finally:
            self._accepted -= 1
            self._monitor.queue.dec()
        if too_large:
            return route, await _close(reply, receive, send)
        await reply.send(send)
        return route, reply.status

    async def _read(self, headers: Headers, receive: Receive) -> bytes:
        """The whole body, unless it is too large."""
        most = self._settings.body_bytes
        if headers.get(b"content-encoding", b"identity") != b"identity":
            raise RequestError(415, "Expected a body that is not compressed. Received one that is.")
        declared = headers.get(b"content-length", b"0")
        if not declared.isdigit() or len(declared) > 18 or int(declared) > most:
            raise _too_large(most)
        parts: list[bytes] = []
        size = 0
        while True:
            message = await receive()
            if message["type"] != "http.request":
                raise _Gone
            part: bytes = message.get("body", b"")
            size += len(part)
            if size > most:
                raise _too_large(most)
            if not message.get("more_body", False):
                return part if not parts else b"".join([*parts, part])
            parts.append(part)

    async def _pass_on(self, scope: Scope, receive: Receive, send: Send) -> tuple[str, int]:
        """Have the application answer: the pattern of its route, and the status."""
        status, started = 500, False
        without_body = scope["method"] == "HEAD"
        if without_body:  # as GET, which is all that the application's routes know
            scope = {**scope, "method": "GET"}

        async def secured(message: Message) -> None:
            nonlocal status, started
            if message["type"] == "http.response.start":
                status, started = message["status"], True
                message["headers"] = [*message.get("headers", ()), *SECURITY]
            elif without_body:
                message["body"] = b""
            await send(message)

        try:
            await self._application(scope, receive, secured)
        except asyncio.CancelledError:
            if started:  # too late for another answer
                raise _Gone from None
            raise
        return getattr(scope.get("route"), "path", None) or "other", status

    def _knows(self, headers: Headers) -> bool:
        """Whether a request brings the token: as a bearer's, or as a password beside any name."""
        assert self._token is not None
        scheme, _, given = headers.get(b"authorization", b"").partition(b" ")
        given = given.strip()
        if scheme.lower() == b"basic":
            try:
                given = base64.b64decode(given, validate=True).partition(b":")[2]
            except binascii.Error:
                return False
        elif scheme.lower() != b"bearer":
            return False
        return hmac.compare_digest(given, self._token)


def _too_large(most: int) -> RequestError:
    return RequestError(413, f"Expected at most {most:,} bytes. Received more.")


def _again(body: bytes, receive: Receive) -> Receive:
    """A body that was read already, for an application that reads it itself."""
    read = False

    async def replay() -> Message:
        nonlocal read
        if read:
            return await receive()
        read = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay


async def _close(reply: Reply, receive: Receive, send: Send) -> int:
    """Answer before the request is whole, and end the connection: the status.

    What still comes is read and dropped for a moment: a client that is cut off while it sends never
    sees why.
    """
    closing = Reply(reply.status, reply.body, reply.content_type, (*reply.headers, _CLOSE))

    async def keep_open(message: Message) -> None:
        if message["type"] == "http.response.body":
            message["more_body"] = True
        await send(message)

    await closing.send(keep_open)
    try:
        async with asyncio.timeout(_DRAIN_SECONDS):
            message = await receive()
            while message["type"] == "http.request" and message.get("more_body", False):
                message = await receive()
    except TimeoutError:
        pass
    await send({"type": "http.response.body", "body": b""})
    return reply.status
