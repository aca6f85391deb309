"""A connection whose client is not trusted to be short, quick, or one of few."""

import asyncio
import logging
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_LONGEST_HEADER = 64_000  # bytes of the target and all header fields of a request together
_FULL = (
    b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: text/plain; charset=utf-8\r\n"
    b"content-length: 21\r\nretry-after: 1\r\nconnection: close\r\n\r\nToo many connections."
)


class _Answered:
    """A request that nothing is left to do for, as uvicorn looks at it; its body is dropped."""

    response_complete = True
    message_event = asyncio.Event()


_ANSWERED: Any = _Answered()

# uvicorn warns of every request that is no HTTP: anybody could fill the log with it. It is counted.
_LOGGER = logging.getLogger("uvicorn.error.connections")
# (By a filter, since uvicorn sets the levels of all loggers below its own.)
_LOGGER.addFilter(lambda record: record.levelno >= logging.ERROR)


class Connection(HttpToolsProtocol):
    """uvicorn's connection, with bounds that it leaves open.

    A header is at most 64 kB long, and has the time of an idle connection to be whole. A connection
    beyond ``limit_concurrency`` is told so and closed. Where the gate's queue is full, a request is
    refused here: under more load than can be answered, most of the time goes into refusing.
    What is no HTTP is counted and not logged.
    """

    _header_is_whole = False
    _header_bytes = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start the clock: nothing need ever come."""
        self.logger = _LOGGER
        super().connection_made(transport)  # type: ignore[arg-type]
        if self.limit_concurrency is not None and len(self.connections) >= self.limit_concurrency:
            self.transport.write(_FULL)
            self.transport.close()
            return
        self.timeout_keep_alive_task = self.loop.call_later(
            self.timeout_keep_alive, self.timeout_keep_alive_handler
        )

    def _unset_keepalive_if_required(self) -> None:
        # Called at every byte that comes; only a whole header stops the clock.
        if self._header_is_whole:
            super()._unset_keepalive_if_required()

    def on_message_begin(self) -> None:
        """A request begins."""
        self._header_bytes = 0
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """A part of the target."""
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header field."""
        self._count(len(name) + len(value))
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """From here on, the application keeps the time."""
        self._header_is_whole = True
        self._unset_keepalive_if_required()
        nothing_before = self.cycle is None or self.cycle.response_complete
        gate: Any = self.app
        if nothing_before and gate.is_full and self.parser.get_method() == b"POST":
            self._refuse(gate)
        else:
            super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP, and close."""
        gate: Any = self.app
        gate.count_invalid()
        super().send_400_response(msg)

    def on_response_complete(self) -> None:
        """uvicorn starts the clock for the next header."""
        super().on_response_complete()
        self._header_is_whole = False

    def _refuse(self, gate: Any) -> None:
        self.cycle = _ANSWERED
        self.transport.write(gate.full_answer(self.url))
        if not self.parser.should_keep_alive():
            self.transport.close()
        self.on_response_complete()

    def _count(self, length: int) -> None:
        self._header_bytes += length
        if self._header_bytes > _LONGEST_HEADER:
            transport: Any = self.transport
            transport.abort()
