"""Hostile archives and tables of predictions."""

import io
import os
import zipfile

import numpy as np

from fittingroom.predictions import Predictions
from tests.hostile.reading import Hostile, stored

LABELS = np.arange(10, dtype=np.uint8)


def array(header: str, data: bytes = b"", version: bytes = b"\1\0", length: int = -1) -> bytes:
    """One array in NumPy's format, with any header."""
    text = header.encode("latin-1") + b"\n"
    size = len(text) if length < 0 else length
    return (
        b"\x93NUMPY"
        + version
        + size.to_bytes(2 if version == b"\1\0" else 4, "little")
        + text
        + data
    )


def described(kind: str, shape: str) -> str:
    return f"{{'descr': {kind!r}, 'fortran_order': False, 'shape': {shape}, }}"


def packed(**members: bytes):
    """An archive of these files, packed."""

    def make(path):
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            for name, content in members.items():
                archive.writestr(f"{name}.npy", content)

    return make


def honest() -> bytes:
    logs = np.log(np.full((10, 10), 0.1, np.float32))
    return Predictions(LABELS, LABELS, logs, np.arange(10), tuple("abcdefghij")).to_bytes()


def labelled(content: bytes):
    """What this project writes, with hostile bytes for labels."""
    with zipfile.ZipFile(io.BytesIO(honest())) as archive:
        rest = {name[:-4]: archive.read(name) for name in archive.namelist()}
    return packed(**{**rest, "labels": content})


def bomb(start, filling):
    """Labels that begin so, with 140 MiB behind, which pack to little."""

    def make(path):
        labelled(b"")(path)
        with zipfile.ZipFile(path) as archive:
            rest = {name: archive.read(name) for name in archive.namelist()}
        rest["labels.npy"] = start + filling * (140 * 2**20)
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            for name, content in rest.items():
                archive.writestr(name, content)

    return make


def changed(**arrays):
    """What this project writes, with some arrays exchanged."""

    def make(path):
        kept = dict(np.load(io.BytesIO(honest())))
        np.savez(path.with_suffix(".npz"), **{**kept, **arrays})
        return path.with_suffix(".npz")

    return make


def many_members(path):
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(2000):
            archive.writestr(f"{number}", b"")


def linked(path):
    """A link to what this project writes."""
    path.with_name("honest").write_bytes(honest())
    path.symlink_to(path.with_name("honest"))


def many_rows(path):
    """Eight million images of two classes: each array is within its bounds, and all are not."""
    count, half = 2**23, np.float32(np.log(0.5)).tobytes()
    packed(
        classes=array(described("<U1", "(2,)"), "ab".encode("utf-32-le")),
        labels=array(described("|u1", f"({count},)"), bytes(count)),
        predicted=array(described("|u1", f"({count},)"), bytes(count)),
        log_probabilities=array(described("<f4", f"({count}, 2)"), half * 2 * count),
        indices=array(described("<i8", f"({count},)"), bytes(8 * count)),
    )(path)


WITNESS = f"/tmp/fittingroom-code-was-executed-{os.getpid()}"
CODE = f"{{'descr': __import__('os').system('touch {WITNESS}'), 'shape': (1,)}}"
ARCHIVES = [
    Hostile("no archive", stored(b"PK\3\4" + bytes(200))),
    Hostile("cut off", stored(honest()[:-30])),
    Hostile("a pickle inside", changed(labels=np.array([1, "x", os.getpid], object))),
    Hostile("code in a header", labelled(array(CODE))),
    Hostile("a trillion labels", labelled(array(described("|u1", f"({10**12},)")))),
    Hostile("sides that multiply", labelled(array(described("<f8", "(2**20,)")))),
    Hostile("a header without end", labelled(array("(" * 60_000))),
    Hostile("a header of four gigabytes", bomb(b"\x93NUMPY\2\0\xff\xff\xff\xff", b" ")),
    Hostile("objects", labelled(array(described("|O", "(10,)"), bytes(80)))),
    Hostile("texts of gigabytes", labelled(array(described("<U999999", "(9999,)")))),
    Hostile("two thousand members", many_members),
    Hostile("a bomb of two gigabytes", bomb(array(described("|u1", f"({2**31},)")), b"\0")),
]  # fmt: skip
OURS = [
    Hostile("many rows", many_rows, "at most"),
    Hostile("logarithms that are none", changed(log_probabilities=np.full((10, 10), np.nan, "f4")), "sum"),
    Hostile("another hash", changed(labels_hash=np.array("0" * 64)), "were changed"),
    Hostile("labels beyond the classes", changed(labels=np.full(10, 200, np.uint8)), "between 0 and" ),
]  # fmt: skip
TABLES = [
    Hostile("four million classes", changed(classes=np.full(10**6, "x")), "classes"),
    Hostile("numbers without end", stored(b"label,predicted,index\n" + b"1" * 3900 + b"x,1,1\n"), ""),
    Hostile("commas alone", stored(b"index,label,predicted" + b"," * (2**24 - 30)), "The first line"),
    Hostile("lines alone", stored(b"label\n" + b"\n" * (2**24 - 10)), "The first line"),
    Hostile("quotes never closed", stored(b"index,label,predicted\n" + b'"a\n,' * 240_000)),
    Hostile("a formula", stored(b"index,label,predicted\n=cmd|'/c calc'!A1,0,0\n"), ""),
    Hostile("half a character", stored(b"\xff\xfe\x00"), ""),
    Hostile("codes of a terminal", stored(b"\x1b]0;gotcha\x07\x1b[2J,label,predicted\n"), "index"),
    Hostile("a link", linked, "symbolic link"),
    Hostile("many honest rows", stored(b"index,label,predicted\n" + b"0,0,0\n" * 999_998), "10 images"),
]  # fmt: skip
