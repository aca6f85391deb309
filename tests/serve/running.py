"""A real server in a process of its own, as a person starts it."""

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

START_SECONDS = 300


class Running:
    """A started server: its address, port and process, and what it has said so far."""

    def __init__(self, process: subprocess.Popen[bytes], address: str, words: Path) -> None:
        self.process = process
        self.address = address
        self.port = int(address.rsplit(":", 1)[1].strip("/"))
        self._words = words

    def said(self) -> str:
        return self._words.read_text()

    def stop(self) -> int:
        """SIGTERM, and the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(START_SECONDS)


@contextmanager
def running(*arguments: str) -> Iterator[Running]:
    with tempfile.TemporaryDirectory() as folder:
        words = Path(folder) / "words.txt"
        with words.open("wb") as stream:
            process = subprocess.Popen(
                [sys.executable, "-m", "fittingroom", "serve", "--port", "0", *arguments],
                stdout=stream,
                stderr=stream,
                env={**os.environ, "PYTHONWARNINGS": "default"},
            )
        try:
            last = time.monotonic() + START_SECONDS
            while not (found := re.search(r"answers at (\S+)", words.read_text())):
                assert process.poll() is None, words.read_text()
                assert time.monotonic() < last, words.read_text()
                time.sleep(0.05)
            yield Running(process, found[1], words)
        finally:
            process.kill()
            process.wait()
