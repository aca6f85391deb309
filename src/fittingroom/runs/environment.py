"""Where a run was made: versions, processor, code revision."""

import importlib.metadata
import os
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

# Packages that results depend on; the installed ones are recorded.
_PACKAGES = (
    "fittingroom",
    "numpy",
    "scipy",
    "torch",
    "keras",
    "tensorflow",
    "tensorflow-cpu",
    "scikit-learn",
    "onnx",
    "onnxscript",
    "skl2onnx",
    "onnxruntime",
    "openvino",
)

# Variables that make a library compute in another way.
_VARIABLES = (
    *("ATEN_CPU_CAPABILITY", "DNNL_MAX_CPU_ISA", "ONEDNN_MAX_CPU_ISA", "OPENBLAS_CORETYPE"),
    *("MKL_CBWR", "MKL_ENABLE_INSTRUCTIONS", "TF_ENABLE_ONEDNN_OPTS", "XLA_FLAGS"),
    *("CUBLAS_WORKSPACE_CONFIG", "NVIDIA_TF32_OVERRIDE"),
)
# What names of vector instructions begin with, as Linux lists them for Intel, AMD and ARM.
_VECTORS = ("amx", "avx", "f16c", "fma", "asimd", "bf16", "i8mm", "sve", "sme")


def describe_environment() -> dict[str, Any]:
    """Versions, platform, processor, code revision and the time, as plain JSON values.

    Processors of the same name may compute differently; their instructions tell them apart.
    """
    return {
        "time": now(),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processor": processor(),
        "instructions": instructions(),
        "processors": available_processors(),
        "versions": installed_versions(),
        "variables": {name: os.environ[name] for name in _VARIABLES if name in os.environ},
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
    return _cpuinfo("model name") or platform.processor() or platform.machine()


def instructions() -> list[str]:
    """The processor's vector instructions by their names, sorted; empty if Linux does not tell.

    Libraries choose by them how sums are arranged, and so their last digits.
    """
    names = (_cpuinfo("flags") or _cpuinfo("Features")).split()
    return sorted({name for name in names if name.startswith(_VECTORS)})


def _cpuinfo(field: str) -> str:
    """A field of the first processor in ``/proc/cpuinfo``; empty if there is none."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text(errors="replace").splitlines():
            if line.partition(":")[0].strip() == field:
                return line.partition(":")[2].strip()
    return ""


def code_revision() -> str | None:
    """Git's name for this code, ``+`` appended if files differ; None outside a checkout."""
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
