"""What the service allows."""

import re
from dataclasses import dataclass

from fittingroom.errors import UsageError

_ORIGIN = re.compile(r"https?://[\w.:*\[\]-]+", re.ASCII)


@dataclass(frozen=True)
class Settings:
    """Limits and the token. The limits keep any one client from using up the machine.

    Attributes:
        body_bytes: the largest body of a request; a larger one is answered with 413.
        queue: the most requests accepted and not yet answered; further ones are answered with 429.
        waiting_seconds: the longest time that a request should wait for earlier ones, estimated
            from recent requests. If the wait would be longer, the request is answered with 429.
            Eight requests may always wait.
        seconds: the longest time for one request, from its header to its answer; after that it is
            answered with 503.
        threads: processor threads that share each batch of a model.
        token: what every request has to bring, as a bearer token or as a password. None asks for
            nothing.
        frames: origins whose pages may frame this one, as ``https://course.example.org``.
        origins: origins whose pages may ask the service from the browser (CORS).
    """

    body_bytes: int = 5_000_000
    queue: int = 64
    waiting_seconds: float = 5.0
    seconds: float = 10.0
    threads: int = 2
    token: str | None = None
    frames: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for origin in (*self.frames, *self.origins):
            if not _ORIGIN.fullmatch(origin):
                raise UsageError(
                    f"{origin!r} is not an origin. Write it as https://course.example.org or "
                    "http://localhost:8888, without a path."
                )
        token = self.token
        if token is not None and (len(token) < 16 or not (token.isascii() and token.isprintable())):
            raise UsageError(
                "The token must be one line of at least 16 printable ASCII characters; this one "
                f"has {len(token)}. `openssl rand -hex 16` makes one."
            )
