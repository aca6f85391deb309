"""A real server in a process of its own."""

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

START_SECONDS = 300

_WITH_SETTINGS = """
from fittingroom.serve import Settings, serve
serve(settings=Settings(**{settings!r}), port=0,
      on_start=lambda address: print("answers at", address, flush=True))
"""


class Running:
    """A started server: its address, port and process, and its output so far."""

    def __init__(self, process: subprocess.Popen[bytes], address: str, output: Path) -> None:
        self.process = process
        self.address = address
        self.port = int(address.rsplit(":", 1)[1].strip("/"))
        self._output = output

    def output(self) -> str:
        return self._output.read_text()

    def stop(self) -> int:
        """SIGTERM, and the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(START_SECONDS)


@contextmanager
def running(*arguments: str, **settings: Any) -> Iterator[Running]:
    """`fittingroom serve` with arguments, or `fittingroom.serve.serve` with settings."""
    command = ["-m", "fittingroom", "serve", "--port", "0", *arguments]
    if settings:
        command = ["-c", _WITH_SETTINGS.format(settings=settings)]
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "output.txt"
        with output.open("wb") as stream:
            process = subprocess.Popen(
                [sys.executable, *command],
                stdout=stream,
                stderr=stream,
                env={**os.environ, "PYTHONWARNINGS": "default"},
            )
        try:
            last = time.monotonic() + START_SECONDS
            while not (found := re.search(r"answers at (\S+)", output.read_text())):
                assert process.poll() is None, output.read_text()
                assert time.monotonic() < last, output.read_text()
                time.sleep(0.05)
            yield Running(process, found[1], output)
        finally:
            process.kill()
            process.wait()
