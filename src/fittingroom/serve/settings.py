"""What the service allows: every limit with a default that is safe."""

import math
from dataclasses import dataclass

from fittingroom.errors import UsageError


@dataclass(frozen=True)
class Settings:
    """Limits and the token; each limit is there so that no request can use up the machine.

    Attributes:
        body_bytes: the most bytes of a request's body; more is answered with 413.
        megapixels: the most pixels of one picture in millions, counted before it is decoded; more
            is answered with 413.
        pictures: the most pictures in one request to ``/v1/classify``; more are answered with 413.
        detailed_pictures: likewise where details are asked for, which take far longer.
        queue: the most requests that are accepted and not yet answered; further ones are
            answered with 429 at once.
        seconds: how long a request may take from its first byte to its answer; after that it
            is answered with 503. An idle connection is closed after as long.
        connections: the most open connections.
        batch: the most pictures that go through a model together.
        threads: processor threads of a model.
        token: what a request must prove to know, as a bearer token or as a password; None asks
            for nothing.
    """

    body_bytes: int = 5_000_000
    megapixels: float = 16.0
    pictures: int = 64
    detailed_pictures: int = 8
    queue: int = 64
    seconds: float = 10.0
    connections: int = 1_000
    batch: int = 256
    threads: int = 1
    token: str | None = None

    def __post_init__(self) -> None:
        limits = (
            "body_bytes",
            "megapixels",
            "pictures",
            "detailed_pictures",
            "queue",
            "seconds",
            "connections",
            "batch",
            "threads",
        )
        for name in limits:
            if not 0 < getattr(self, name) < math.inf:
                raise UsageError(
                    "Expected a limit above 0, and a finite one. Received "
                    f"{name} = {getattr(self, name)}."
                )
        if self.token is not None and (len(self.token) < 16 or not self.token.isascii()):
            raise UsageError(
                f"Expected a token of at least 16 ASCII characters. Received {len(self.token)} "
                "characters. `openssl rand -hex 16` makes one."
            )
