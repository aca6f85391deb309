"""Where a run was made: versions, processor, code revision; and what differs between two places."""

import contextlib
import importlib.metadata
import os
import platform
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

# Packages that results depend on; the installed ones are recorded.
_PACKAGES = (
    *("fittingroom", "numpy", "scipy", "torch", "keras", "tensorflow", "tensorflow-cpu"),
    *("scikit-learn", "onnx", "onnxscript", "skl2onnx", "onnxruntime", "openvino"),
)
# Variables that make a library compute in another way.
_VARIABLES = (
    *("ATEN_CPU_CAPABILITY", "DNNL_MAX_CPU_ISA", "ONEDNN_MAX_CPU_ISA", "OPENBLAS_CORETYPE"),
    *("MKL_CBWR", "MKL_ENABLE_INSTRUCTIONS", "TF_ENABLE_ONEDNN_OPTS", "XLA_FLAGS"),
    *("CUBLAS_WORKSPACE_CONFIG", "NVIDIA_TF32_OVERRIDE"),
)
# What names of vector instructions begin with, as Linux lists them for Intel, AMD and ARM.
_VECTORS = ("amx", "avx", "f16c", "fma", "asimd", "bf16", "i8mm", "sve", "sme")

# What results depend on beside versions: its key in environment.json, its name in a sentence.
NAMES = {
    "revision": "code",
    "python": "Python",
    "processor": "processor",
    "instructions": "instructions of the processor",
    "device": "device",
    "device_description": "device and its libraries",
    "threads": "threads",
    "backend": "Keras backend",
    "half_precision": "training in bfloat16",
    "variables": "settings of libraries",
}
_LONGEST = 200  # characters of a value


def describe_environment() -> dict[str, Any]:
    """Versions, platform, processor, code revision and the time, as plain JSON values.

    Processors of the same name may compute differently; their instructions tell them apart.
    """
    return {
        "time": now(),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processor": processor(),
        "instructions": _instructions(),
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
    """Processors that this process may use; joblib, if there, knows of a container's quota."""
    with contextlib.suppress(ImportError):
        from joblib import cpu_count

        return int(cpu_count())
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def processor() -> str:
    """The processor's model name, or the best that the platform tells."""
    return _cpuinfo("model name") or platform.processor() or platform.machine()


def _instructions() -> list[str]:
    """The processor's vector instructions, sorted; empty if Linux does not tell.

    Libraries choose by them how sums are arranged, and so their last digits.
    """
    names = (_cpuinfo("flags") or _cpuinfo("Features")).split()
    return sorted({name for name in names if name.startswith(_VECTORS)})


def _cpuinfo(field: str) -> str:
    """A field of the first processor in ``/proc/cpuinfo``; empty if there is none."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(errors="replace").splitlines() if cpuinfo.exists() else []
    pairs = (line.partition(":") for line in lines)
    return next((value.strip() for name, _, value in pairs if name.strip() == field), "")


def code_revision() -> str | None:
    """Git's name for this code, ``+`` appended if files differ; None outside a checkout."""
    # In a hook, say, they name another repository.
    others = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(Path(__file__).parent), *arguments]
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=10, check=True, env=others
        )
        return done.stdout.strip()

    try:
        # A repository around the environment that this is installed in holds other code.
        git("ls-files", "--error-unmatch", Path(__file__).name)
        commit = git("rev-parse", "--short=12", "HEAD")
        return commit + ("+" if git("status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.SubprocessError):
        return None


def differences(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[dict[str, str]]:
    """What differs between two ``environment.json``, of all that could change results.

    The time and the number of processors can't. A revision with ``+`` stands for code with
    uncommitted changes, so two equal ones still count as a difference. Each difference has its
    name, ``what``, and the values ``then`` and ``now``, in words.
    """
    before, after = _in_words(then), _in_words(now)
    pairs = ((what, before.get(what, "none"), after.get(what, "none")) for what in before | after)
    return [
        {"what": what, "then": one, "now": other}
        for what, one, other in pairs
        if one != other or (what == NAMES["revision"] and one.endswith("+"))
    ]


def _in_words(environment: Mapping[str, Any]) -> dict[str, str]:
    """What could change results: names and values, in words for a terminal."""
    values = dict(environment["versions"])
    values |= {name: environment[key] for key, name in NAMES.items() if key in environment}
    values["training and validation images"] = str(environment["data"].get("split_hash"))[:8]
    resumed = [entry for entry in environment.get("resumed", []) if set(entry) & set(NAMES)]
    if resumed:
        values["changes when the training was resumed"] = "; ".join(
            f"from epoch {entry.get('after_epoch')}: "
            + ", ".join(NAMES[name] for name in NAMES if name in entry)
            for entry in resumed
        )
    return {_plain(name): _plain(value) for name, value in values.items()}


def _plain(value: object) -> str:
    """A value of a run folder, which may be untrusted, as words for a terminal."""
    if isinstance(value, bool):
        value = "yes" if value else "no"
    elif isinstance(value, list):
        value = " ".join(map(str, value))
    elif isinstance(value, Mapping):
        value = " ".join(f"{name}={each}" for name, each in value.items()) or "none"
    return "".join(each if each.isprintable() else "�" for each in str(value)[:_LONGEST])
