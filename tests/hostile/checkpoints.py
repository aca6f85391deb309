"""Hostile checkpoints."""

import json
import os
import struct

import numpy as np
import safetensors.numpy

from fittingroom.runs import Epoch
from fittingroom.runs.checkpoints import CHECKPOINT, _digest
from tests.hostile.reading import Hostile

LINE = Epoch(1, 0.5, 0.5, 0.5, 0.5, 0.5, 0.1).to_line()
AFTER = 32 + len(LINE)
GIBIBYTE = 2**30


def entry(dtype, shape, begin, end):
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


def checkpoint(history=None, arrays=None, data=b"", size=None):
    """A run's folder with a checkpoint in it; ``size`` makes it so long with holes."""
    text = LINE.encode() if history is None else history
    digest = _digest({"history": np.frombuffer(text, np.uint8)}).tobytes()

    def make(path):
        path.mkdir()
        header = {
            "digest": entry("U8", [32], 0, 32),
            "history": entry("U8", [len(text)], 32, 32 + len(text)),
            **(arrays or {}),
        }
        packed = json.dumps(header).encode()
        content = struct.pack("<Q", len(packed)) + packed + digest + text + data
        (path / CHECKPOINT).write_bytes(content)
        if size is not None:
            os.truncate(path / CHECKPOINT, len(content) + size)

    return make


def changed():
    """A checkpoint of which a disk changed one bit of a weight."""
    arrays = {"digest": np.zeros(32, np.uint8), "state.a": np.ones(3, np.float32)}
    arrays["history"] = np.frombuffer(LINE.encode(), np.uint8)
    return safetensors.numpy.save(arrays)


def written(content):
    def make(path):
        path.mkdir()
        (path / CHECKPOINT).write_bytes(content)

    return make


def piped(path):
    path.mkdir()
    os.mkfifo(path / CHECKPOINT)


CHECKPOINTS = [
    Hostile("nothing", written(b"")),
    Hostile("a pickle", written(b"\x80\x04\x95" + bytes(40))),
    Hostile("nothing in it", written(struct.pack("<Q", 2) + b"{}"), "digest"),
    Hostile("another's hash", written(changed()), "its hash"),
    Hostile("an empty history", checkpoint(b""), "epochs must be 1, 2"),
    Hostile("a history from its middle", checkpoint(LINE.replace("1,", "7,", 1).encode()), "1, 2"),
    Hostile("an endless loss", checkpoint(LINE.replace("0.5", "1e999", 1).encode()), "not finite"),
    Hostile("lists in lists", checkpoint(b"[" * 10**6), "one epoch a line"),
    Hostile("three gibibytes of holes", checkpoint(arrays={"state.a": entry("U8", [3 * GIBIBYTE], AFTER, AFTER + 3 * GIBIBYTE)}, size=3 * GIBIBYTE), "holes"),
    Hostile("terabytes of holes", checkpoint(size=2**40), "at most"),
    Hostile("a pipe", piped, "a plain file"),
]  # fmt: skip
