"""What the service allows."""

import re
from dataclasses import dataclass

from fittingroom.errors import UsageError

_ORIGIN = re.compile(r"https?://[\w.:*\[\]-]+", re.ASCII)


@dataclass(frozen=True)
class Settings:
    """Limits and the token. The limits keep any one client from using up the machine."""

    body_bytes: int = 16_000_000  # of a request, such as a phone's photo; above it, 413
    queue: int = 64  # requests accepted and not yet answered; further ones get 429
    # If a request would wait longer for earlier ones, by the time of recent requests, it gets 429.
    # Eight requests may always wait.
    waiting_seconds: float = 5.0
    seconds: float = 10.0  # from a request's header to its answer; after that it gets 503
    threads: int = 2  # of the processor, that share each batch of a model
    token: str | None = None  # that every request has to bring, as bearer token or password
    frames: tuple[str, ...] = ()  # origins whose pages may frame this one, as https://example.org
    origins: tuple[str, ...] = ()  # origins whose pages may ask from the browser (CORS)

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
