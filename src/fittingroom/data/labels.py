"""Labels as a source has them → class numbers from 0, and a name for each class."""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fittingroom.classes import GARMENTS, check_class_names, in_short
from fittingroom.data.content import Content, FileInvalidError
from fittingroom.errors import DataError, DataInvalidError
from fittingroom.predictions import Labels, as_labels
from fittingroom.safe_io import MEBIBYTE, read_whole


def number_labels(content: Content, given: Sequence[str] | None) -> Content:
    """What a reader found, with class numbers for labels and a name for each class.

    Numbers go by the order of the labels in the training set. Classes whose names are the ten
    garments', however they are spelled, get their order. Names that are ``given`` take the place
    of the source's. What was done is among the notes.

    Raises:
        DataInvalidError: too few or too many classes, a class with a single image, a class that
            only validation or test has, or names that don't fit.
    """
    found, counts = np.unique(content.training.labels, return_counts=True)
    names, notes = _names(found, content.classes), content.notes
    if counts.min() < 2:
        raise DataInvalidError(
            f"The class {names[counts.argmin()]} has one training image. Each class needs at least "
            "two: add images, or leave the class out."
        )
    order = _garment_order(names)
    if order is not None:
        found, names = found[order], list(GARMENTS)
    if found.dtype.kind == "i" and found.tolist() != list(range(len(found))):
        notes += (
            f"The labels {in_short([*map(str, found)])} were renumbered 0 to {len(found) - 1}, in "
            "this order.",
        )
    if given is not None:
        if len(given) != len(found):
            raise DataInvalidError(
                f"There are {len(given):,} class names for {len(found):,} classes. Give one name "
                "for each class that has images."
            )
        names = list(given)
    parts = {
        name: replace(part, labels=_numbers(part.labels, found))
        for name in ("training", "validation", "test")
        if (part := getattr(content, name)) is not None
    }
    return replace(content, **parts, classes=check_class_names(names), notes=notes)


def read_names(path: Path) -> tuple[str, ...]:
    """Class names from a text file, one a line; empty lines don't count.

    Raises:
        DataInvalidError: the file can't be read, or holds something else.
    """
    advice = "Write one class name a line, in the order of the labels, as UTF-8 text."
    try:
        content = read_whole(path.resolve(), MEBIBYTE)  # it may be a link, but no pipe
        lines = content.decode("utf-8-sig").splitlines()
        return check_class_names([line for line in lines if line.strip()])
    except DataError as error:
        raise DataInvalidError(f"{path}: {error}") from error
    except (OSError, RuntimeError, ValueError) as error:
        raise FileInvalidError(path, f"can't be read: {str(error).rstrip('.')}", advice) from error


def _names(found: npt.NDArray[Any], classes: tuple[str, ...]) -> list[str]:
    if found.dtype.kind == "U":
        return found.tolist()
    known = dict(enumerate(classes))
    if known and found.max() >= len(known):
        raise DataInvalidError(
            f"The source names {len(known):,} classes and has the label {found.max()}. Give a name "
            "for each class with --classes."
        )
    return [known.get(label) or f"class {label}" for label in found.tolist()]


def _garment_order(names: list[str]) -> list[int] | None:
    """Where each of the ten garments is among the names, if they are these."""
    plain = [re.sub(r"[\W_]", "", name).lower() for name in names]
    garments = [re.sub(r"[\W_]", "", name).lower() for name in GARMENTS]
    return [plain.index(each) for each in garments] if sorted(plain) == sorted(garments) else None


def _numbers(labels: npt.NDArray[Any], found: npt.NDArray[Any]) -> Labels:
    strange = np.setdiff1d(labels, found)
    if len(strange):
        raise DataInvalidError(
            f"The training set lacks the classes {in_short([*map(str, strange)])}, which another "
            "part of the data has. Training and test set need the same classes."
        )
    order = np.argsort(found)
    return as_labels(order[np.searchsorted(found, labels, sorter=order)], len(found))
