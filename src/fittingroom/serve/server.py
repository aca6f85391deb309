"""The running server: uvicorn in one process, which ends without dropping accepted requests."""

import math
import signal
import socket
from collections.abc import Callable, Sequence
from pathlib import Path

import uvicorn

from fittingroom.errors import FittingRoomError
from fittingroom.serve.application import create_application
from fittingroom.serve.models import load_models
from fittingroom.serve.settings import Settings

_CONNECTIONS = 1_000  # open at once; requests beyond them are answered with 503
_GRACE_SECONDS = 1  # beyond the time limit of a request, when the server ends


def serve(
    sources: Sequence[Path] = (),
    *,
    settings: Settings | None = None,
    host: str = "127.0.0.1",
    port: int = 8000,
    on_start: Callable[[str], None] = lambda address: None,
) -> None:
    """Answer requests until SIGTERM or SIGINT, then finish those that were accepted.

    Args:
        sources: run folders, ONNX files or names of models inside the package; none for these
            together.
        settings: the limits and the token; None for the defaults.
        host: the address to listen on; by default only this machine reaches it.
        port: 0 for any that is free.
        on_start: called with the address, as a URL, once connections are accepted.

    Raises:
        FittingRoomError: a model cannot be loaded, or the server cannot listen on this address.
    """
    settings = settings or Settings()
    application = create_application(load_models(sources), settings)
    listening = _listen(host, port)
    # uvicorn stops at a signal, then raises it again for earlier handlers: these do nothing.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, frame: None)
    # A closed terminal ends the server like SIGTERM, unless `nohup` started it.
    hangup = getattr(signal, "SIGHUP", None)  # Windows has none
    if hangup is not None and signal.getsignal(hangup) == signal.SIG_DFL:
        signal.signal(hangup, lambda number, frame: signal.raise_signal(signal.SIGTERM))
    on_start(_address(listening))
    config = uvicorn.Config(
        application,
        ws="none",
        lifespan="on",
        access_log=False,  # it would record who asked, and for what
        log_level="critical",  # below it, any client could fill the log
        server_header=False,
        proxy_headers=False,
        limit_concurrency=_CONNECTIONS,
        timeout_keep_alive=math.ceil(settings.seconds),
        timeout_graceful_shutdown=math.ceil(settings.seconds) + _GRACE_SECONDS,
    )
    server = uvicorn.Server(config)
    server.run([listening])
    if not server.started:
        raise FittingRoomError("The server could not start: a model failed at its first image.")


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except (OSError, UnicodeError) as error:  # the latter for a name longer than names can be
        reason = (getattr(error, "strerror", None) or str(error)).partition(" (while")[0]
        raise FittingRoomError(
            f"The server can't listen on {host}, port {port}: {reason}. Choose another --host or "
            "--port; port 0 takes any that is free."
        ) from error


def _address(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}/"
