"""The running server: uvicorn in one process or several, which ends without dropping requests."""

import ipaddress
import math
import multiprocessing
import os
import signal
import socket
import tempfile
import threading
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import uvicorn
from uvicorn.supervisors import Multiprocess

from fittingroom.errors import ServiceError, UsageError
from fittingroom.serve.connection import Connection
from fittingroom.serve.gate import Gate
from fittingroom.serve.models import load_models
from fittingroom.serve.settings import Settings

_BACKLOG = 256
_START_SECONDS = 60  # for a worker to answer its parent, which it first does when all is imported
_GRACE_SECONDS = 5  # beyond a request's own time, when the server ends


def serve(
    sources: Sequence[Path],
    *,
    settings: Settings,
    host: str = "127.0.0.1",
    port: int = 8000,
    workers: int = 1,
    on_start: Callable[[str], None] = lambda address: None,
) -> None:
    """Answer requests until SIGTERM or SIGINT, then finish those that were accepted.

    Args:
        sources: run folders or ONNX files; none for the model inside the package.
        settings: the limits and the token; the limits hold for each worker.
        host: the address to listen at, loopback unless another one is asked for.
        port: 0 for any that is free.
        workers: processes that share the port.
        on_start: told the address, as a URL, once connections are accepted.

    Raises:
        FittingRoomError: a model that cannot be loaded.
        ServiceError: an address that cannot be had.
    """
    if not 1 <= workers <= 64:
        raise UsageError(f"Expected 1 to 64 workers. Received {workers}.")
    # Before anything is started, so that what is wrong with a model is said once and at once.
    models = load_models(sources)
    listening = _listen(host, port)
    # uvicorn raises again what ended it, for the handlers of before; nothing is left to do.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, frame: None)
    on_start(_address(listening))
    if workers == 1:
        from fittingroom.serve.application import create_application

        uvicorn.Server(_config(create_application(models, settings), settings)).run([listening])
        return
    del models
    with tempfile.TemporaryDirectory(prefix="fittingroom-") as folder:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder  # the workers' counts, added up
        config = _config(partial(_application, tuple(sources), settings), settings, workers)
        Multiprocess(config, [listening]).run()


def is_loopback(host: str) -> bool:
    """Whether an address is reached from this machine alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _application(sources: Sequence[Path], settings: Settings) -> Gate:
    """What each worker makes for itself."""
    from fittingroom.serve.application import create_application

    threading.Thread(target=_end_with_parent, daemon=True).start()
    return create_application(load_models(sources), settings)


def _end_with_parent() -> None:
    """End this worker once the process that started it is gone, however that ended."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)


def _config(
    application: "Gate | Callable[[], Gate]", settings: Settings, workers: int = 1
) -> uvicorn.Config:
    return uvicorn.Config(
        application,
        factory=workers > 1,
        workers=workers,
        http=Connection,
        ws="none",
        lifespan="on",
        access_log=False,  # it would keep who asked, and what for
        log_level="warning",
        server_header=False,
        proxy_headers=False,
        limit_concurrency=settings.connections,
        backlog=_BACKLOG,
        timeout_keep_alive=math.ceil(settings.seconds),
        timeout_worker_healthcheck=_START_SECONDS,
        timeout_graceful_shutdown=math.ceil(settings.seconds) + _GRACE_SECONDS,
    )


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, _, _, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listening = socket.create_server(address[:2], family=family, backlog=_BACKLOG)
    except (OSError, UnicodeError) as error:  # of a name that is longer than names can be
        reason = (getattr(error, "strerror", None) or str(error)).partition(" (while")[0]
        raise ServiceError(
            f"Expected an address to listen at. Received {host}, port {port}. The system says: "
            f"{reason}. Name another --host or --port; port 0 takes any that is free."
        ) from error
    listening.set_inheritable(True)
    return listening


def _address(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}/"
