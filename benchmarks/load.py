"""Load for a server, from a process of its own: requests at times that do not wait for answers.

    python -m benchmarks.load < work.json > measured.json

In *open loop* requests are due at random times of a given rate, whether or not the server keeps up,
and a request's latency counts from when it was due. In *closed loop* each connection sends its next
request when it has its answer, or a moment after it was refused. HTTP/1.1 by hand over raw sockets,
so that the load generator takes little of the machine that it measures.
"""

import asyncio
import json
import sys
import time
from collections import Counter, deque
from typing import Any

import numpy as np
import uvloop

_TICK_SECONDS = 0.001
_LAST_ANSWERS_SECONDS = 15.0
_PAUSE_SECONDS = 0.1  # after a refusal, in a closed loop


class Connection(asyncio.Protocol):
    """One connection, one request at a time."""

    def __init__(self, load: "Load") -> None:
        self._load = load
        self._received = b""
        self._due: float | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport to write to."""
        self._transport: Any = transport

    def send(self, due: float) -> None:
        """Send the request, which was due at a time."""
        self._due = due
        self._transport.write(self._load.request)

    def data_received(self, data: bytes) -> None:
        """Wait for a whole answer, then report it."""
        data = self._received + data
        head = data.find(b"\r\n\r\n")
        at = data.find(b"content-length: ", 0, head)
        if head < 0 or len(data) < head + 4 + int(data[at + 16 : data.find(b"\r\n", at)]):
            self._received = data
            return
        self._received = b""
        due, self._due = self._due, None
        assert due is not None
        self._load.answered(self, int(data[9:12]), due)

    def connection_lost(self, error: Exception | None) -> None:
        """Count a request that was not answered; the server closes what is idle for long."""
        self._load.lost += self._due is not None
        if self in self._load.idle:
            self._load.idle.remove(self)


class Load:
    """Requests to one address, and when their answers came.

    Args:
        request: the bytes of one, header and body.

    Attributes: ``lost``, connections that ended with an unanswered request; ``idle`` ones.
    """

    def __init__(self, request: bytes) -> None:
        self.request = request
        self.lost = 0
        self.idle: deque[Connection] = deque()
        self._overdue: deque[float] = deque()
        self._answers: list[tuple[int, float, float]] = []  # status, when due, seconds
        self._closed_until = 0.0  # the end of a closed loop

    async def connect(self, port: int, connections: int) -> None:
        """Open so many connections."""
        loop = asyncio.get_running_loop()
        for _ in range(connections):
            _, connection = await loop.create_connection(
                lambda: Connection(self), "127.0.0.1", port
            )
            self.idle.append(connection)

    def answered(self, connection: Connection, status: int, due: float) -> None:
        """Note an answer, and use its connection for the next request."""
        now = time.perf_counter()
        self._answers.append((status, due, now - due))
        if self._closed_until:
            pause = 0.0 if status == 200 else _PAUSE_SECONDS
            if now + pause < self._closed_until:
                asyncio.get_running_loop().call_later(pause, connection.send, now + pause)
        elif self._overdue:
            connection.send(self._overdue.popleft())
        else:
            self.idle.append(connection)

    async def closed_loop(self, seconds: float) -> dict[str, Any]:
        """Each connection sends when it has its answer."""
        began = time.perf_counter()
        self._closed_until = began + seconds
        for connection in self.idle:
            connection.send(began)
        await asyncio.sleep(seconds)
        answers = [each for each in self._answers if each[1] + each[2] <= self._closed_until]
        await asyncio.sleep(0.5)
        return {**_summary(answers, seconds), "lost": self.lost}

    async def open_loop(self, rate: float, seconds: float, seed: int) -> dict[str, Any]:
        """Requests are due at random times, so many a second, whatever the answers do."""
        count = round(rate * seconds)
        gaps = np.random.default_rng(seed).exponential(1 / rate, count)
        began = time.perf_counter() + 0.05
        due = deque((began + gaps.cumsum()).tolist())
        while due:
            now = time.perf_counter()
            while due and due[0] <= now:
                if self.idle:
                    self.idle.pop().send(due.popleft())
                else:  # all connections wait for an answer; the request's clock runs all the same
                    self._overdue.append(due.popleft())
            await asyncio.sleep(_TICK_SECONDS)
        last = time.perf_counter() + _LAST_ANSWERS_SECONDS
        while len(self._answers) < count and time.perf_counter() < last:
            await asyncio.sleep(0.01)
        unanswered = count - len(self._answers)
        measured = _summary(self._answers, seconds)
        return {**measured, "offered": rate, "unanswered": unanswered, "lost": self.lost}


def _summary(answers: list[tuple[int, float, float]], seconds: float) -> dict[str, Any]:
    """Rates and latencies, of answered and of refused requests."""
    statuses = Counter(str(status) for status, _, _ in answers)
    result: dict[str, Any] = {"seconds": seconds, "statuses": dict(statuses)}
    for name, wanted in (("answered", True), ("refused", False)):
        times = np.array([each[2] for each in answers if (each[0] == 200) == wanted])
        result[name] = {"count": len(times), "a_second": len(times) / seconds}
        if len(times):
            p50, p99 = np.percentile(times, (50, 99))
            result[name] |= {"p50": float(p50), "p99": float(p99)}
    return result


async def _measure(work: dict[str, Any]) -> dict[str, Any]:
    load = Load(bytes.fromhex(work["request"]))
    await load.connect(work["port"], work["connections"])
    if work["rate"] is None:
        return await load.closed_loop(work["seconds"])
    return await load.open_loop(work["rate"], work["seconds"], work["seed"])


if __name__ == "__main__":
    print(json.dumps(uvloop.run(_measure(json.load(sys.stdin)))))
