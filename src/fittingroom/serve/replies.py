"""What goes back to whoever asked: one whole answer, with the headers that every answer has."""

import json
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Header = tuple[bytes, bytes]

JSON = b"application/json"

# Nothing comes from elsewhere, nothing is framed, nothing is guessed from content.
SECURITY: tuple[Header, ...] = (
    (
        b"content-security-policy",
        b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
        b"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
_RETRY_AFTER_SECONDS = b"1"


@dataclass(frozen=True)
class Reply:
    """A whole answer.

    Attributes:
        status: of HTTP.
        body: its bytes.
        content_type: what they are.
        headers: others, beside those that every answer has.
    """

    status: int
    body: bytes
    content_type: bytes = JSON
    headers: tuple[Header, ...] = ()

    def all_headers(self) -> list[Header]:
        """Those of this answer and those of every answer."""
        length = (b"content-length", b"%d" % len(self.body))
        return [(b"content-type", self.content_type), length, *self.headers, *SECURITY]

    async def send(self, send: Send) -> None:
        """Hand it to the server."""
        headers = self.all_headers()
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": self.body})

    def to_bytes(self) -> bytes:
        """The whole answer as HTTP/1.1 has it."""
        status = f"HTTP/1.1 {self.status} {HTTPStatus(self.status).phrase}\r\n".encode()
        lines = (b"%s: %s\r\n" % header for header in self.all_headers())
        return b"".join([status, *lines, b"\r\n", self.body])


def refusal(path: str, status: int, message: str, headers: tuple[Header, ...] = ()) -> Reply:
    """Why a request is not answered, and with 429 and 503, when to come back.

    The reason stands under ``error`` where the Open Inference Protocol is spoken, elsewhere under
    ``detail``.
    """
    if status in (429, 503):
        headers = (*headers, (b"retry-after", _RETRY_AFTER_SECONDS))
    name = "error" if path.startswith("/v2") else "detail"
    return Reply(status, json.dumps({name: message}, ensure_ascii=False).encode(), JSON, headers)
