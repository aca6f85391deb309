"""How every benchmark measures, and how it writes its page.

A benchmark is a module, run as ``python -m benchmarks.NAME``. It has a generator that measures and
yields JSON values, and a page in ``benchmarks/pages`` that shows them; :func:`run` writes both to
``docs/results/NAME.json`` and ``NAME.md``. What must not share memory, imports or threads with
anything else is measured by :func:`in_process`, which calls a function in a process of its own;
this module imports nothing at its top that would weigh on such a process.
"""

import argparse
import contextlib
import importlib
import json
import os
import re
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

Measured = dict[str, Any]

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "docs" / "results"
TENSORFLOW = ROOT / ".venv-tensorflow" / "bin" / "python"

# A time counts as measured on a quiet machine if others took no more than this share of it.
QUIET = 0.05

# Holds each library to AVX2. TensorFlow computes products and convolutions with oneDNN, and what it
# compiles with XLA; its other kernels were built for AVX. ONNX Runtime cannot be held.
AVX2 = {
    "ATEN_CPU_CAPABILITY": "avx2",
    "MKL_ENABLE_INSTRUCTIONS": "AVX2",
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "OPENBLAS_CORETYPE": "Haswell",
    "XLA_FLAGS": "--xla_cpu_max_isa=AVX2",
}


class MeasurementError(Exception):
    """A measuring process ended without an answer; holds the last words that it wrote."""


def parser(description: str | None) -> argparse.ArgumentParser:
    """The options that all benchmarks have; each adds its own."""
    from fittingroom.runs import available_processors

    made = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawTextHelpFormatter
    )
    made.add_argument("--out", type=Path, default=RESULTS, help="the folder to write to")
    made.add_argument("--page", action="store_true", help="only write the page again from the JSON")
    made.add_argument("--threads", type=int, default=min(2, available_processors()))
    made.add_argument("--data", help="for a trial: another data set, such as sample; needs --out")
    return made


def parse(
    options: argparse.ArgumentParser, arguments: Sequence[str] | None, trial: Sequence[str] = ()
) -> argparse.Namespace:
    """Read the command line. With ``--data``, or an option named in ``trial``, results are a trial,
    which may not replace the committed ones."""
    parsed = options.parse_args(arguments)
    for name in ("data", *trial):
        if getattr(parsed, name) != options.get_default(name) and parsed.out == RESULTS:
            options.error(f"--{name} makes this a trial. Choose another folder with --out.")
    return parsed


def run(
    name: str,
    options: argparse.Namespace,
    measure: Callable[[argparse.Namespace, Measured], Iterator[Measured]],
    page: Callable[[Measured], str],
    again: Callable[[Measured], Measured] = lambda stored: stored,
) -> Measured:
    """Measure, and write JSON and page after each yielded value, so that little is lost if stopped.

    Args:
        name: of the two files.
        options: of the command line.
        measure: is given the options and what the JSON file holds so far.
        page: the results in Markdown.
        again: with ``--page``, what is computed anew of the stored measurements.
    """
    from fittingroom.runs import write_file

    path = options.out / f"{name}.json"
    stored = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    measured = stored
    options.out.mkdir(parents=True, exist_ok=True)
    for measured in [again(stored)] if options.page else measure(options, stored):
        text = json.dumps(measured, indent=1, ensure_ascii=False) + "\n"
        write_file(path, text.encode())
        write_file(path.with_suffix(".md"), page(measured).encode())
    say(f"Wrote {path} and {path.stem}.md.")
    return measured


def say(sentence: str) -> None:
    print(sentence, flush=True)


def share(successes: int, trials: int) -> Measured:
    """A share with Wilson's 95% interval, as JSON values."""
    from fittingroom.metrics import wilson

    return wilson(successes, trials).as_dict()


def share_of(holds: Any) -> Measured:
    """The share of a bool array in which it holds, with Wilson's 95% interval, as JSON values."""
    return share(int(holds.sum()), len(holds))


def render(name: str, measured: Mapping[str, Any], **more: Any) -> str:
    """A page of ``benchmarks/pages``, in Markdown.

    Args:
        name: of the template, without endings.
        measured: the JSON values that it shows.
        more: other values and functions for it.
    """
    import jinja2

    templates = jinja2.Environment(
        loader=jinja2.FileSystemLoader(ROOT / "benchmarks" / "pages"),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    templates.filters |= {"f": format, "percent": percent, "machine": machine}
    words = templates.get_template(f"{name}.md.jinja").render(**measured, **more)
    # Parts that a template left out leave empty lines.
    return re.sub(r"\n{3,}", "\n\n", words)


def machine(environment: Mapping[str, Any], *packages: str) -> str:
    """The processor and the versions of these packages, or of all, in words."""
    versions = environment["versions"]
    named = [f"Python {environment['python']}"]
    named += [f"{name} {versions[name]}" for name in packages or versions if name in versions]
    return f"{environment['processor']}; {', '.join(named)}"


def percent(estimate: Mapping[str, float], digits: int = 1) -> str:
    """A share with its 95% interval: ``97.1% (95.6%–98.1%)``."""
    value, low, high = (f"{estimate[name]:.{digits}%}" for name in ("value", "low", "high"))
    return f"{value} ({low}–{high})"


def in_process(
    function: str,
    *,
    variables: Mapping[str, str] | None = None,
    python: Path | str = sys.executable,
    limit: float | None = None,
    **work: Any,
) -> Measured:
    """Call a function in a process of its own, and wait for it asleep.

    Args:
        function: ``"module:name"``; its module should import little, as that is measured too.
        variables: added to the environment.
        python: the interpreter, with what the work needs installed.
        limit: seconds after which the process is ended.
        work: its arguments, as JSON values.

    Returns:
        The function's JSON values; ``wall_seconds``, from the start of the process to its end; and
        ``others_share``, the share of the processors that other processes took meanwhile.

    Raises:
        MeasurementError: the process failed, or took too long.
    """
    with tempfile.TemporaryDirectory() as folder:
        answer, words = Path(folder) / "answer.json", Path(folder) / "words.txt"
        command = [str(python), "-P", "-m", "benchmarks.measure", function, str(answer)]
        began, before = time.time(), _processor_seconds()
        # Output goes to a file: a pipe would be held open by whatever a library leaves behind.
        with words.open("wb") as said:
            process = subprocess.Popen(
                command,
                env=environment(variables or {}),
                stdin=subprocess.PIPE,
                stdout=said,
                stderr=said,
                start_new_session=True,
            )
        assert process.stdin is not None
        try:
            # This pipe stays open: when it ends, so does the child.
            process.stdin.write((json.dumps(work) + "\n").encode())
            process.stdin.flush()
            process.wait(limit)
        except subprocess.TimeoutExpired as late:
            raise MeasurementError(f"It did not finish within {limit:.0f} seconds.") from late
        finally:
            # The child, if this was interrupted, and what its libraries left behind.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            with contextlib.suppress(OSError):
                process.stdin.close()
        wall = time.time() - began
        if process.returncode or not answer.exists():
            last = words.read_text(errors="replace")[-2000:]
            raise MeasurementError(f"{function} ended with {process.returncode}:\n{last}")
        return {
            **json.loads(answer.read_text()),
            "wall_seconds": wall,
            "others_share": others_share(before, _processor_seconds(), wall),
        }


def environment(variables: Mapping[str, str]) -> dict[str, str]:
    """This process' environment with the variables added, and the code beside the benchmarks."""
    before = os.environ.get("PYTHONPATH")
    places = [str(ROOT / "src"), str(ROOT), *([before] if before else [])]
    return {**os.environ, **variables, "PYTHONPATH": os.pathsep.join(places)}


def others_share(before: tuple[float, float], after: tuple[float, float], seconds: float) -> float:
    """The share of the processors that other processes took, from 0 to 1.

    Args:
        before: processor seconds of all processes, and of this one's children.
        after: the same some time later.
        seconds: how much later.
    """
    everybody, ours = (late - early for early, late in zip(before, after, strict=True))
    return max(0.0, everybody - ours) / (seconds * (os.cpu_count() or 1))


def _processor_seconds() -> tuple[float, float]:
    """Processor seconds of all processes so far, and of this one's ended children."""
    import psutil

    times, children = psutil.cpu_times(), resource.getrusage(resource.RUSAGE_CHILDREN)
    return times.user + times.nice + times.system, children.ru_utime + children.ru_stime


def peak_memory_mb() -> float:
    """The most memory that this process has held so far, in MB of 10^6 bytes."""
    status = Path("/proc/self/status")
    if status.exists():
        # The other figure would count what the process that started this one held.
        (line,) = (each for each in status.read_text().splitlines() if each.startswith("VmHWM"))
        return int(line.split()[1]) * 1024 / 1e6
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def _end_with_parent() -> None:
    """Leave at once when the process that started this one is gone."""

    def watch() -> None:
        sys.stdin.read()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _child() -> None:
    function, answer = sys.argv[1:]
    work = json.loads(sys.stdin.readline())
    _end_with_parent()
    module, _, name = function.partition(":")
    measured = getattr(importlib.import_module(module), name)(**work)
    Path(answer).write_text(json.dumps(measured))
    # Frameworks take their time to tidy up what the system tidies up anyway.
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    _child()
