"""What is special about EMNIST: its images are stored transposed, and a file names its classes."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from fittingroom.data.content import Content, Part

_NOTE = "EMNIST's images are stored transposed; they were transposed back."


def upright(content: Content, mapping: Path) -> Content:
    """EMNIST's content with its images transposed back.

    Args:
        content: what a reader found, its images uint8 ``(N, H, W)``.
        mapping: the file of class names, ``emnist-letters-mapping.txt`` for instance; it may be
            missing.
    """
    return replace(
        content,
        training=_transposed(content.training),
        test=content.test and _transposed(content.test),
        classes=_classes(mapping),
        notes=(*content.notes, _NOTE),
    )


def _transposed(part: Part) -> Part:
    return Part(np.asarray(part.images).transpose(0, 2, 1).copy(), part.labels)


def _classes(path: Path) -> tuple[str, ...]:
    """The characters of each class; a line of the file holds a label and its characters' codes."""
    if not path.is_file():
        return ()
    lines = [line.split() for line in path.read_text(encoding="ascii").splitlines() if line]
    names = {int(label): "/".join(chr(int(code)) for code in codes) for label, *codes in lines}
    return tuple(names.get(label, "") for label in range(max(names) + 1))
