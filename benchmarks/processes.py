"""One measurement in a process of its own: its memory and its imports are nobody else's.

The process is :mod:`benchmarks.worker`. It is given its work as JSON, leaves its answer in a file,
and ends when the one that started it does, however that happens.
"""

import contextlib
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
TENSORFLOW = ROOT / ".venv-tensorflow" / "bin" / "python"

# What holds each library to AVX2. TensorFlow computes products and convolutions with oneDNN, and
# what it compiles with XLA; its other kernels were built for AVX, and know nothing wider. ONNX
# Runtime's products cannot be held.
_AVX2 = {
    "ATEN_CPU_CAPABILITY": "avx2",
    "MKL_ENABLE_INSTRUCTIONS": "AVX2",
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "OPENBLAS_CORETYPE": "Haswell",
    "XLA_FLAGS": "--xla_cpu_max_isa=AVX2",
}


class MeasurementError(Exception):
    """A measuring process ended without an answer; says what it wrote last."""


def settings(*, avx2: bool = False, backend: str | None = None) -> dict[str, str]:
    """Environment variables of a measuring process.

    Args:
        avx2: hold every library that can be held to AVX2 instructions.
        backend: what Keras computes with.
    """
    variables = dict(_AVX2) if avx2 else {}
    if backend is not None:
        variables["KERAS_BACKEND"] = backend
    return variables


def instructions(avx2: bool) -> str:
    """What the settings allow, in words."""
    return "AVX2" if avx2 else "all that the processor has"


def environment(variables: Mapping[str, str]) -> dict[str, str]:
    """This process' environment with the variables added, and the code beside the benchmarks."""
    before = os.environ.get("PYTHONPATH")
    places = [str(ROOT / "src"), str(ROOT), *([before] if before else [])]
    return {**os.environ, **variables, "PYTHONPATH": os.pathsep.join(places)}


def measure(
    what: str,
    work: Mapping[str, Any],
    *,
    variables: Mapping[str, str],
    python: Path | str = sys.executable,
) -> dict[str, Any]:
    """Have a worker do one piece of work, and wait for it asleep.

    Args:
        what: a function of :mod:`benchmarks.worker`.
        work: its arguments, as JSON values.
        variables: what :func:`settings` gave.
        python: the interpreter, with what the work needs installed.

    Returns:
        The function's answer; ``wall_seconds``, from the start of the process to its end; and
        ``others_share``, what :func:`others_share` says of that time.

    Raises:
        MeasurementError: the process failed.
    """
    with tempfile.TemporaryDirectory() as folder:
        answer, words = Path(folder) / "answer.json", Path(folder) / "words.txt"
        command = [str(python), "-P", "-m", "benchmarks.worker", what, str(answer)]
        began, before = time.time(), _processor_seconds()
        # What it says goes to a file: a pipe would be held open by whatever a library leaves behind.
        with words.open("wb") as said:
            process = subprocess.Popen(
                command,
                env=environment(variables),
                stdin=subprocess.PIPE,
                stdout=said,
                stderr=said,
                start_new_session=True,
            )
        try:
            # This pipe stays open: where it ends, so does the worker.
            assert process.stdin is not None
            process.stdin.write((json.dumps({"began": began, **work}) + "\n").encode())
            process.stdin.flush()
            process.wait()
        finally:
            # The worker, where this was interrupted, and what its libraries left behind.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            if process.stdin is not None:
                with contextlib.suppress(OSError):  # the worker may be gone already
                    process.stdin.close()
        wall = time.time() - began
        if process.returncode or not answer.exists():
            last = words.read_text(errors="replace")[-2000:]
            raise MeasurementError(
                f"Expected an answer from {' '.join(command[:5])}. Received exit code "
                f"{process.returncode} and these last words:\n{last}"
            )
        return {
            **json.loads(answer.read_text()),
            "wall_seconds": wall,
            "others_share": others_share(before, _processor_seconds(), wall),
        }


def others_share(
    before: tuple[float, float] | None, after: tuple[float, float] | None, seconds: float
) -> float | None:
    """The share of the machine's processors that others took, from 0 to 1; None where unknown.

    Args:
        before: seconds that all processes, and this one's children, had computed for.
        after: the same some time later.
        seconds: how much later.
    """
    if before is None or after is None:
        return None
    everybody, ours = (late - early for early, late in zip(before, after, strict=True))
    return max(0.0, everybody - ours) / (seconds * (os.cpu_count() or 1))


def _processor_seconds() -> tuple[float, float] | None:
    """Seconds that all processes have computed for, and those of this one's ended children."""
    path = Path("/proc/stat")
    if not path.exists():
        return None
    # user, nice, system, idle, waiting, two kinds of interrupts; then what other machines took
    ticks = [int(each) for each in path.read_text().splitlines()[0].split()[1:8]]
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    busy = sum(ticks) - ticks[3] - ticks[4]
    return busy / os.sysconf("SC_CLK_TCK"), children.ru_utime + children.ru_stime
