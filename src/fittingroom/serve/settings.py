"""What the service allows: every limit with a default that is safe."""

from dataclasses import dataclass, fields

from fittingroom.errors import UsageError

# What nobody means: the largest value of each limit, which keeps a slip from taking the machine.
_MOST = {
    "body_bytes": 1_000_000_000,
    "megapixels": 1_000,
    "pictures": 1_000,
    "detailed_pictures": 1_000,
    "queue": 10_000,
    "waiting_seconds": 3_600,
    "seconds": 3_600,
    "connections": 100_000,
    "batch": 4_096,
    "threads": 64,
}


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
        waiting_seconds: how long a request may wait for those before it, as far as the last ones
            tell; where more wait, further ones are answered with 429 at once. Eight may always.
        seconds: how long a request may take from its first byte to its answer; after that it
            is answered with 503. An idle connection is closed after as long.
        connections: the most open connections.
        batch: the most pictures that go through a model together.
        threads: processor threads of a model, which share each batch.
        token: what a request must prove to know, as a bearer token or as a password; None asks
            for nothing.
    """

    body_bytes: int = 5_000_000
    megapixels: float = 16.0
    pictures: int = 64
    detailed_pictures: int = 8
    queue: int = 64
    waiting_seconds: float = 0.015
    seconds: float = 10.0
    connections: int = 1_000
    batch: int = 64
    threads: int = 2
    token: str | None = None

    def __post_init__(self) -> None:
        for field in fields(self):
            if field.name not in _MOST:
                continue
            value, most = getattr(self, field.name), _MOST[field.name]
            whole = isinstance(field.default, int)
            if not 0 < value <= most or (whole and type(value) is not int):
                raise UsageError(
                    f"Expected {field.name} as a {'whole number' if whole else 'number'} above 0 "
                    f"and at most {most:,}. Received {field.name} = {value}."
                )
        if self.token is not None and (len(self.token) < 16 or not self.token.isascii()):
            raise UsageError(
                f"Expected a token of at least 16 ASCII characters. Received {len(self.token)} "
                "characters. `openssl rand -hex 16` makes one."
            )
        if self.token is not None and not self.token.isprintable():
            raise UsageError(
                "Expected a token on one line, as a header carries it. Received one with a line "
                "break, or another character that is not printed. `openssl rand -hex 16` makes one."
            )
