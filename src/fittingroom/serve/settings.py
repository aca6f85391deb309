"""What the service allows."""

from dataclasses import dataclass

from fittingroom.errors import UsageError


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
    """

    body_bytes: int = 5_000_000
    queue: int = 64
    waiting_seconds: float = 0.015
    seconds: float = 10.0
    threads: int = 2
    token: str | None = None

    def __post_init__(self) -> None:
        token = self.token
        if token is not None and (len(token) < 16 or not (token.isascii() and token.isprintable())):
            raise UsageError(
                "The token must be one line of at least 16 printable ASCII characters; this one "
                f"has {len(token)}. `openssl rand -hex 16` makes one."
            )
