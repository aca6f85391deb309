"""Fuzz the readers with atheris, and write what came of it into ``docs/results/fuzz.md``.

    python fuzz/run.py [--minutes 15] [--targets idx run checkpoint predictions photo model]

Each target runs in processes of its own, one after the other, from a corpus in ``fuzz/corpus``,
which is made of a few seeds and afterwards cut down to what reaches as much. What makes a target
crash is left in ``fuzz/crashes``. ``pip install 'fittingroom[fuzz]'`` brings atheris.
"""

import argparse
import json
import math
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent
RESULTS = HERE / "results.json"
PAGE = HERE.parent / "docs" / "results" / "fuzz.md"
_ALL = ["idx", "run", "checkpoint", "predictions", "photo", "model"]
# An input takes no more seconds of the processor, and no more memory, in MB of the whole process.
_SLOWEST, _LONGEST_INPUT = 2.0, 65536
# Above the 256 MB that a reader may take: Python, what is imported and the fuzzer's own. Pictures
# within the limit of megapixels are large once they are unpacked.
_MEMORY = {"photo": 768}
_MEMORY_OTHERWISE = 400
# The C library keeps large blocks for later otherwise; so the memory is that of one input.
_GIVEN_BACK = {"MALLOC_MMAP_THRESHOLD_": "65536"}
# Seconds of one process: the fuzzer's own memory grows with each input, though not the readers'.
_ROUND = 300
# By the wall's clock, which other work on the machine slows down.
_STUCK = 300


def main() -> None:
    """Fuzz what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=15)
    parser.add_argument("--targets", nargs="+", default=_ALL)
    parser.add_argument("--inside", help=argparse.SUPPRESS)
    options, rest = parser.parse_known_args()
    if options.inside:
        _fuzz(options.inside, rest)
        return
    found = [_run(name, options.minutes) for name in options.targets]
    _note(found)
    PAGE.write_text(_page(), encoding="utf-8")
    sys.exit(1 if any(each["crash"] for each in found) else 0)


def _run(name: str, minutes: float) -> dict[str, object]:
    """Fuzz one target, in processes of its own that follow each other from the same corpus."""
    sys.path.insert(0, str(HERE))
    from targets import seeds

    corpus, crashes = HERE / "corpus" / name, HERE / "crashes"
    for folder in (corpus, crashes):
        folder.mkdir(parents=True, exist_ok=True)
    for number, content in enumerate(seeds(name)):
        (corpus / f"seed-{number}").write_bytes(content)
    total = {"seconds": 0, "executions": 0, "coverage": 0, "memory": 0}
    crash, words = False, ""
    while total["seconds"] < 60 * minutes and not crash:
        left = 60 * minutes - total["seconds"]
        command = [
            *(sys.executable, str(Path(__file__)), "--inside", name),
            f"-max_total_time={math.ceil(min(left, _ROUND))}",
            f"-timeout={_STUCK}",
            f"-rss_limit_mb={_MEMORY.get(name, _MEMORY_OTHERWISE)}",
            f"-max_len={_LONGEST_INPUT}",
            f"-artifact_prefix={crashes}/{name}-",
            "-print_final_stats=1",
            "-use_value_profile=1",
            str(corpus),
        ]
        began = time.monotonic()
        done = subprocess.run(
            command,
            env={**os.environ, **_GIVEN_BACK},
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
        crash, words = done.returncode != 0, words + done.stdout + done.stderr
        total["seconds"] += math.ceil(time.monotonic() - began)
        total["executions"] += _last(r"stat::number_of_executed_units:\s*(\d+)", done.stderr)
        total["coverage"] = max(total["coverage"], _last(r"cov: (\d+)", done.stderr))
        total["memory"] = max(total["memory"], _last(r"stat::peak_rss_mb:\s*(\d+)", done.stderr))
    (crashes / f"{name}.log").write_text(words, encoding="utf-8")
    if not crash:
        _cut_down(name, corpus)
    return {"target": name, **total, "crash": crash}


def _last(pattern: str, words: str) -> int:
    values = re.findall(pattern, words)
    return int(values[-1]) if values else 0


def _cut_down(name: str, corpus: Path) -> None:
    """Keep those inputs of a corpus that together reach as much as all of it."""
    kept = corpus.with_name(f"{name}-kept")
    shutil.rmtree(kept, ignore_errors=True)
    kept.mkdir()
    command = [sys.executable, str(Path(__file__)), "--inside", name, "-merge=1", kept, corpus]
    done = subprocess.run([str(each) for each in command], capture_output=True, check=False)
    if done.returncode == 0:
        shutil.rmtree(corpus)
        kept.rename(corpus)


def _fuzz(name: str, arguments: list[str]) -> None:
    """Inside the process: the project's own code is what coverage guides the fuzzer through."""
    import atheris

    sys.path.insert(0, str(HERE))
    with atheris.instrument_imports(include=["fittingroom", "zipfile", "csv", "targets"]):
        from targets import TARGETS

        if name == "photo":
            import fittingroom.photos
        if name == "model":
            import fittingroom.predict  # noqa: F401

    def timed(data: bytes) -> None:
        began = time.process_time()
        TARGETS[name](data)
        taken = time.process_time() - began
        if taken > _SLOWEST:
            raise TimeoutError(f"{taken:.1f} s of processor time")

    atheris.Setup([sys.argv[0], *arguments], timed)
    atheris.Fuzz()


def _note(found: list[dict[str, object]]) -> None:
    """Keep the newest result of each target."""
    kept = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    kept |= {str(each["target"]): each for each in found}
    RESULTS.write_text(json.dumps(kept, indent=2) + "\n")


def _page() -> str:
    kept = json.loads(RESULTS.read_text())
    rows = "".join(
        f"| `{name}` | {each['seconds']:,} | {each['executions']:,} | {each['coverage']:,} | "
        f"{each['memory']:,} | {'one' if each['crash'] else 'none'} |\n"
        for name, each in kept.items()
    )
    text = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
    written = text.partition("<!-- by hand -->")[2]
    return (
        "# Fuzzing\n\n"
        "`make fuzz` (atheris, coverage-guided; `MINUTES=15` for each target). A crash is an "
        "exception that is\nno typed error, an input that takes more than "
        f"{_SLOWEST:g} s of the processor, or more than {_MEMORY_OTHERWISE} MB of memory, of which "
        f"the\nimports take a part ({_MEMORY['photo']} of photos).\n\n"
        "| target | seconds | executions | edges reached | peak memory, MB | "
        "crashes |\n|---|---|---|---|---|---|\n"
        f"{rows}\n<!-- by hand -->{written}"
    )


if __name__ == "__main__":
    main()
