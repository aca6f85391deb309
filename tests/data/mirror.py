"""A mirror on this machine that behaves as it is told to."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from .files import idx_bytes, small_arrays, zipped


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is no news."""


class Mirror:
    """Serves a folder's files on 127.0.0.1.

    Behaviours: "good"; "missing" (404); "truncated" (the connection ends early); "portal" (a web
    page in place of every file); "other" (well-formed files of other data).
    """

    def __init__(self, folder: Path, behaviour: str) -> None:
        self.folder = folder
        self.behaviour = behaviour
        self.requests: list[str] = []
        self._server = _Server(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.01}
        )
        self._thread.start()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/data/"

    @property
    def requested(self) -> list[str]:
        """The names of the files that were asked for."""
        return [path.rpartition("/")[2] for path in self.requests]

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        mirror = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                mirror.requests.append(self.path)
                name = self.path.rpartition("/")[2]
                content = (mirror.folder / name).read_bytes()
                if mirror.behaviour == "missing":
                    self.send_error(404)
                    return
                if mirror.behaviour == "portal":
                    content = b"<!DOCTYPE html><title>Please log in</title>"
                elif mirror.behaviour == "other":
                    arrays = small_arrays([0, 1], [0, 1])
                    content = zipped(idx_bytes(arrays[name.removesuffix(".gz")]))
                self.send_response(200)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                cut = len(content) // 2 if mirror.behaviour == "truncated" else None
                self.wfile.write(content[:cut])

            def log_message(self, format: str, *args: object) -> None:
                """Tests are quiet."""

        return Handler
