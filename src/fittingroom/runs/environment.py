"""Where a run was made: versions, processor, code revision."""

import importlib.metadata
import os
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

# What results depend on; only those that are installed are recorded.
_PACKAGES = (
    "fittingroom",
    "numpy",
    "scipy",
    "torch",
    "keras",
    "tensorflow",
    "tensorflow-cpu",
    "jax",
    "scikit-learn",
    "onnx",
    "onnxscript",
    "skl2onnx",
    "onnxruntime",
    "openvino",
)


def describe_environment() -> dict[str, Any]:
    """Versions, platform, processor, code revision and the time, as plain JSON values."""
    return {
        "time": now(),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processor": processor(),
        "processors": available_processors(),
        "versions": installed_versions(),
        "revision": code_revision(),
    }


def now() -> str:
    """The time in UTC, to the second, in ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def installed_versions() -> dict[str, str]:
    """Versions of the installed packages that results depend on."""
    versions = {}
    for name in _PACKAGES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions


def available_processors() -> int:
    """Processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def processor() -> str:
    """The processor's model name, or the best that the platform tells."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text(errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def code_revision() -> str | None:
    """Git's name for this code, ``+`` appended where files differ; None outside a checkout."""
    here = Path(__file__).parent
    try:
        commit = _git(here, "rev-parse", "--short=12", "HEAD")
        changed = _git(here, "status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.SubprocessError):
        return None
    return commit + ("+" if changed else "")


def _git(folder: Path, *arguments: str) -> str:
    """What git prints when run in ``folder``."""
    done = subprocess.run(
        ["git", *arguments], cwd=folder, capture_output=True, text=True, timeout=10, check=True
    )
    return done.stdout.strip()
