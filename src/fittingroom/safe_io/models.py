"""The door for ONNX models: an unknown file is checked before this process runs it.

A graph is a program: it may ask for other files, for gigabytes, or never end. So an unknown file is
checked, and run once, in a process of its own (:mod:`fittingroom.safe_io.inspection`). A model that
passed is remembered by its SHA-256, in this process and in the user's cache folder. Whoever can
write to that folder can let another model in.
"""

import hashlib
import importlib.util
import json
import os
import subprocess
import sys
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import NamedTuple

import onnxruntime

from fittingroom.classes import check_class_names
from fittingroom.errors import DataError, MissingExtraError, missing_extra
from fittingroom.safe_io.files import (
    MEBIBYTE,
    Refusal,
    cache_folder,
    parse_json,
    read_whole,
    refuse_model_file,
)

_MOST_BYTES = 256 * MEBIBYTE
_LARGE = 2 * MEBIBYTE  # a network for photos, whose layers take long
# A check takes a second or two; this is for machines that are slow or busy.
_MOST_SECONDS = 300
# Of the arrays of all untrusted models together, while they run.
_MOST_MEMORY = 1024 * MEBIBYTE
# A model has to pass again when the rules here change, or ONNX Runtime does.
_RULES = f"2-{onnxruntime.__version__}"

# The models that this process trusts: how many images each takes at once, by its SHA-256.
_trusted: dict[str, int] = {}


class CheckedModel(NamedTuple):
    """A model that may be run, on so many images at once; whether it was made here or packaged."""

    content: bytes
    at_once: int
    trusted: bool


def check_model(model: Path | bytes) -> CheckedModel:
    """Check a file, unless it is known; bytes, which this process built, need no other process.

    Raises:
        Refusal: it isn't allowed; the message says why.
        MissingExtraError: the file has to be checked, and the package ``onnx`` isn't installed.
        OSError: the file isn't there or can't be read.
    """
    if isinstance(model, bytes):
        return CheckedModel(model, _inspect(model), trusted=True)
    refuse_model_file(model)
    content = read_whole(model, _MOST_BYTES)
    digest = hashlib.sha256(content).hexdigest()
    if digest in _trusted:
        return CheckedModel(content, _trusted[digest], trusted=True)
    at_once = _remembered(digest)
    if at_once is None:
        refuse_model_file(model, content)
        at_once = _try_out(content)
        _remember(digest, at_once)
    return CheckedModel(content, at_once, trusted=False)


def trust_model(content: bytes) -> None:
    """Let a model that was trained here be used without a check, now and by later processes."""
    digest, at_once = hashlib.sha256(content).hexdigest(), _inspect(content)
    trust_known(digest, at_once)
    _remember(digest, at_once)


def trust_known(digest: str, at_once: int) -> None:
    """Let this process use a model that is known by its SHA-256."""
    _trusted[digest] = at_once


def start_session(
    content: bytes, threads: int | None, *, limited: bool
) -> onnxruntime.InferenceSession:
    """A model that ONNX Runtime runs on the processor; None leaves the threads to it.

    The arrays of all models that are ``limited`` share 1 GiB in a process.
    """
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # errors come as exceptions, which are printed with care
    if threads is not None:
        options.intra_op_num_threads = threads
    # Threads that spin while they wait are worth it between short layers only.
    if len(content) > _LARGE:
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # Without this, ONNX Runtime would take some files for another format, which isn't checked.
    options.add_session_config_entry("session.load_model_format", "ONNX")
    if limited:
        _limited_allocator()
        options.add_session_config_entry("session.use_env_allocators", "1")
    # Without its own second try, of which it would tell on standard output.
    return onnxruntime.InferenceSession(
        content, options, providers=["CPUExecutionProvider"], enable_fallback=0
    )


@cache
def _limited_allocator() -> None:
    kind = onnxruntime.OrtAllocatorType.ORT_ARENA_ALLOCATOR
    memory = onnxruntime.OrtMemoryInfo("Cpu", kind, 0, onnxruntime.OrtMemType.DEFAULT)
    # The other three: grow by what is asked for, in pieces of the usual sizes.
    limits = onnxruntime.OrtArenaCfg(_MOST_MEMORY, 1, -1, -1)
    onnxruntime.create_and_register_allocator(memory, limits)


def class_names(stored: str | None, otherwise: tuple[str, ...]) -> tuple[str, ...]:
    """The names of the classes stored beside a graph, as JSON; ``otherwise`` if there are none."""
    if stored is None:
        return otherwise
    names = parse_json(stored, "the model's class names")
    if not isinstance(names, list):
        raise Refusal(f"The model's class names must be a list, not {ascii(names)[:60]}.")
    try:
        return check_class_names(names)
    except DataError as error:
        raise Refusal(f"In the model: {error}") from error


def _inspect(content: bytes) -> int:
    """How many images a model that was built here takes at once."""
    from fittingroom.safe_io.inspection import images_at_once, parse

    return images_at_once(parse(content))


def _try_out(content: bytes) -> int:
    """Check a model in a process of its own; how many images it takes at once."""
    if importlib.util.find_spec("onnx") is None:
        raise missing_extra(ModuleNotFoundError(name="onnx"), "onnx")
    # It finds its packages where this process does, and never in the current folder (-P).
    found = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "fittingroom.safe_io.inspection"],
            input=content,
            capture_output=True,
            env={**os.environ, **found},
            timeout=_MOST_SECONDS,
            check=False,
        )
        answer = json.loads(done.stdout.splitlines()[-1])
    except subprocess.TimeoutExpired as error:
        raise Refusal(f"Checking the ONNX model took more than {_MOST_SECONDS} s.") from error
    except (IndexError, ValueError) as error:
        raise Refusal(
            "The ONNX model ended the process in which it was tried out: it takes too long or too "
            f"much memory, or makes ONNX Runtime crash (exit code {done.returncode})."
        ) from error
    if "refused" in answer:
        raise Refusal(answer["refused"])
    return int(answer["at_once"])


def _mark(digest: str) -> Path:
    """The file in the user's cache folder that exists if a model passed."""
    return cache_folder("checked-models") / f"{digest}-{_RULES}"


def _remembered(digest: str) -> int | None:
    """How many images a model takes at once, if it passed before."""
    with suppress(MissingExtraError, OSError, ValueError):
        return int(_mark(digest).read_text("ascii"))
    return None


def _remember(digest: str, at_once: int) -> None:
    """Remember that a model passed; if that fails, it is checked again next time."""
    with suppress(MissingExtraError, OSError):
        mark = _mark(digest)
        mark.parent.mkdir(parents=True, exist_ok=True)
        mark.write_text(str(at_once), "ascii")
