"""Fuzz the project's own readers with atheris (https://github.com/google/atheris).

    python fuzz/run.py [--minutes 15] [--targets idx run predictions]

Each target runs in a process of its own, from a corpus in ``fuzz/corpus`` that begins with a few
seeds. An input that makes a target crash is left in ``fuzz/crashes``, with what was printed.
``pip install 'fittingroom[fuzz]'`` brings atheris.
"""

import argparse
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent
_NAMES = ["idx", "run", "predictions"]
# An input may take so many seconds of the processor; and the process so much memory, in MB, of
# which Python, its imports and the fuzzer take more than half.
_SLOWEST, _MEMORY = 2.0, 600
_LONGEST_INPUT = 65536


def main() -> None:
    """Fuzz what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=15)
    parser.add_argument("--targets", nargs="+", default=_NAMES, choices=_NAMES)
    parser.add_argument("--inside", help=argparse.SUPPRESS)
    options, rest = parser.parse_known_args()
    if options.inside:
        _fuzz(options.inside, rest)
        return
    crashed = [name for name in options.targets if not _run(name, options.minutes)]
    sys.exit(f"crashed: {', '.join(crashed)}; see {HERE / 'crashes'}" if crashed else 0)


def _run(name: str, minutes: float) -> bool:
    """Fuzz one target; whether it came through."""
    from targets import seeds

    corpus, crashes = HERE / "corpus" / name, HERE / "crashes"
    for folder in (corpus, crashes):
        folder.mkdir(parents=True, exist_ok=True)
    for number, content in enumerate(seeds(name)):
        (corpus / f"seed-{number}").write_bytes(content)
    command = [
        *(sys.executable, str(Path(__file__)), "--inside", name),
        *(f"-max_total_time={minutes * 60:.0f}", f"-rss_limit_mb={_MEMORY}"),
        *(f"-max_len={_LONGEST_INPUT}", f"-artifact_prefix={crashes}/{name}-"),
        *("-print_final_stats=1", str(corpus)),
    ]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    (crashes / f"{name}.log").write_text(done.stdout + done.stderr, encoding="utf-8")
    counts = [line for line in done.stderr.splitlines() if line.startswith("stat::")]
    print(name, "came through" if done.returncode == 0 else "CRASHED", *counts, sep="\n  ")
    return done.returncode == 0


def _fuzz(name: str, arguments: list[str]) -> None:
    """Inside the process: the project's own code is what coverage guides the fuzzer through."""
    import atheris

    with atheris.instrument_imports(include=["fittingroom", "targets"]):
        from targets import TARGETS

    def timed(data: bytes) -> None:
        began = time.process_time()
        TARGETS[name](data)
        taken = time.process_time() - began
        if taken > _SLOWEST:
            raise TimeoutError(f"{taken:.1f} s of processor time")

    atheris.Setup([sys.argv[0], *arguments], timed)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
