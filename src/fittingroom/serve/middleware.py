"""The limits that every request meets: token, size of the body, queue, and time."""

import asyncio
import base64
import binascii
import contextlib
import hmac
import logging
import time
import traceback

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fittingroom.serve.monitoring import Monitor
from fittingroom.serve.settings import Settings

_log = logging.getLogger("fittingroom.serve")

HEALTH = ("/healthz", "/readyz")  # need no token: orchestrators have none

# The page loads nothing from other hosts, only allowed ones may frame it, and browsers store none.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors "
)
_SECURITY = (
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
_CHALLENGE = 'Basic realm="fittingroom", charset="UTF-8", Bearer realm="fittingroom"'
_RETRY = {"retry-after": "1"}
_ALWAYS = 8  # requests that may be in work, however slow the models are
_SMOOTHING = 32  # requests
_CLIENT_LEFT = 499  # in the metrics, as nginx counts it


class LimitsMiddleware:
    """ASGI middleware that keeps the limits of the service.

    Only a request with a body (POST) takes time, so only those are counted and timed.
    """

    def __init__(self, app: ASGIApp, settings: Settings, monitor: Monitor) -> None:
        self._app = app
        self._settings = settings
        self._monitor = monitor
        policy = _POLICY + (" ".join(settings.frames) or "'none'")
        self._security = ((b"content-security-policy", policy.encode()), *_SECURITY)
        self._token = None if settings.token is None else settings.token.encode()
        self._accepted = 0  # requests that have no answer yet
        self._in_work = 0  # those of them whose body is complete
        self._seconds_each = 0.0  # recent time from one answer to the next while requests wait
        self._last_answer = 0.0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer an HTTP request; pass anything else on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        status = None

        async def secured(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), *self._security]
            try:
                await send(message)
            except Exception as error:  # the server's own: the connection is closed
                raise ClientDisconnect from error

        try:
            self._check_token(scope)
            if scope["method"] == "POST":
                await self._limited(scope, receive, secured)
            else:
                await self._app(scope, receive, secured)
        except ClientDisconnect:
            pass
        except Exception as error:  # noqa: BLE001 - answered and logged, whatever it is
            refused = error if isinstance(error, HTTPException) else _unforeseen(error)
            answer = JSONResponse({"detail": refused.detail}, refused.status_code, refused.headers)
            if status is None:  # otherwise it is too late for another answer
                with contextlib.suppress(ClientDisconnect):
                    await answer(scope, receive, secured)
        route = getattr(scope.get("route"), "path", None) or "other"
        self._monitor.answered(route, status or _CLIENT_LEFT, time.perf_counter() - began)

    async def _limited(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request within the limits on the queue, the size of the body, and the time."""
        settings = self._settings
        if self._accepted >= settings.queue:
            raise _busy()
        self._check_wait()
        headers = dict(scope["headers"])
        if headers.get(b"content-encoding", b"identity") != b"identity":
            raise HTTPException(415, "The body is compressed. Send it uncompressed.")
        size = int(headers.get(b"content-length", b"0"))  # digits: the server has checked it
        if size > settings.body_bytes:
            raise _too_large(settings.body_bytes)
        received, complete_at = 0, None

        async def limited_receive() -> Message:
            nonlocal received, complete_at
            message = await receive()
            received += len(message.get("body", b""))
            if received > settings.body_bytes:
                raise _too_large(settings.body_bytes)
            if message["type"] == "http.request" and not message.get("more_body", False):
                self._check_wait()  # again: the body may have taken its time
                self._in_work += 1
                complete_at = time.perf_counter()
            return message

        self._accepted += 1
        self._monitor.queue.inc()
        try:
            async with asyncio.timeout(settings.seconds):
                await self._app(scope, limited_receive, send)
        except TimeoutError as error:
            raise HTTPException(
                503,
                f"The request took longer than {settings.seconds:g} s. Send less at once, or try "
                "again later.",
                _RETRY | {"connection": "close"},  # its body may still be on the way
            ) from error
        finally:
            self._accepted -= 1
            self._monitor.queue.dec()
            if complete_at is not None:
                self._in_work -= 1
                now = time.perf_counter()
                took = now - max(complete_at, self._last_answer)
                self._seconds_each += (took - self._seconds_each) / _SMOOTHING
                self._last_answer = now

    def _check_wait(self) -> None:
        """Refuse a request that would wait too long, by the time that recent ones took."""
        wait = self._in_work * self._seconds_each
        if self._in_work >= _ALWAYS and wait >= self._settings.waiting_seconds:
            raise _busy()

    def _check_token(self, scope: Scope) -> None:
        """Refuse a request without the token, as a bearer token or as a password for any name."""
        if self._token is None or scope["path"] in HEALTH:
            return
        scheme, _, given = dict(scope["headers"]).get(b"authorization", b"").partition(b" ")
        given = given.strip()
        if scheme.lower() == b"basic":
            try:
                given = base64.b64decode(given, validate=True).partition(b":")[2]
            except binascii.Error:
                given = b""
        elif scheme.lower() != b"bearer":
            given = b""
        if not hmac.compare_digest(given, self._token):
            detail = "The token is missing or wrong. Send it as 'Authorization: Bearer TOKEN'."
            raise HTTPException(401, detail, {"www-authenticate": _CHALLENGE})


def _unforeseen(error: Exception) -> HTTPException:
    """The answer to an error that nobody foresaw, which is logged in one line."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    what = f"{type(error).__name__}: {str(error)[:200]!a}"
    _log.error("Status 500. %s (%s, line %s)", what, place.filename, place.lineno)
    return HTTPException(500, "Something went wrong in the server. Its log says what.")


def _busy() -> HTTPException:
    return HTTPException(429, "The service is busy. Try again in a moment.", _RETRY)


def _too_large(most: int) -> HTTPException:
    return HTTPException(413, f"The body is larger than {most:,} bytes. Send less at once.")
