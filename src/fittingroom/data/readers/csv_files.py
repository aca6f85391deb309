"""Read CSV files as Kaggle has them: a row for each image, with its label and its pixels."""

import re
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from fittingroom.data.content import Content, FileInvalidError, Part, labels_of, opened
from fittingroom.errors import DataInvalidError, missing_extra
from fittingroom.numbers import some
from fittingroom.photos.arrays import side_of
from fittingroom.predictions import UInt8
from fittingroom.safe_io import MEBIBYTE

NEEDS = "A_train.csv, A_test.csv, or one file: a label and a column for each pixel; also .csv.gz"

_LARGEST = 16384 * MEBIBYTE
_LONGEST_LINE = 4 * MEBIBYTE
_ROWS = 2000  # that are read at a time
_LABELS = {"label", "labels", "class", "target"}
_PART = re.compile(r"(?<![a-z])(train|test|val)(?:ing|id|idation)?(?![a-z])")


class _Layout(NamedTuple):
    """What the first line of a file tells: its cells, whether they are names, and so on."""

    cells: list[str]
    separator: str
    header: bool
    labelled: bool


def recognises(path: Path) -> bool:
    """Whether a file has the name, or a file in a folder the columns, of images as CSV."""
    return _is_csv(path) if path.is_file() else bool(_inside(path))


def read(path: Path) -> Content:
    """The images in a folder of CSV files, or in the named one and those that belong to it.

    Files belong together if their names differ in "train", "test" and "val" alone. A named file
    that isn't the training part of such files is read by itself.

    Raises:
        DataInvalidError: a file is not what it should be, or there are several sets.
    """
    if path.is_dir():
        files = _inside(path)
        training = [file for file in files if _named(file)[1] == "train"]
        if len(training) != 1:
            names = ", ".join(file.name for file in files)
            raise DataInvalidError(
                f"{path} holds {names}, and no name says which to train on. Name one with --data."
            )
        (path,) = training
    parts, notes = {"train": _read(path, _layout(path))}, []
    name, part = _named(path)
    files = _inside(path.parent) if part == "train" else []
    for file in files:
        other, part = _named(file)
        if other == name and part != "train":
            layout = _layout(file)
            if layout.labelled:
                parts[part] = _read(file, layout)
            else:
                notes.append(f"{file.name} has no labels, so it is not used.")
    return Content(parts["train"], parts.get("test"), parts.get("val"), notes=tuple(notes))


def _is_csv(path: Path) -> bool:
    return path.name.lower().endswith((".csv", ".csv.gz")) and path.is_file()


def _inside(folder: Path) -> list[Path]:
    """The CSV files with as many columns as an image has pixels, with or without a label."""
    columns = {file: len(_layout(file).cells) for file in sorted(folder.iterdir()) if _is_csv(file)}
    return [file for file, count in columns.items() if side_of(count) or side_of(count - 1)]


def _named(path: Path) -> tuple[str, str]:
    """A file's name without the word for its part, and the part."""
    stem = path.name.lower().partition(".csv")[0]
    found = _PART.search(stem)
    return _PART.sub("", stem, count=1), found[1] if found else "train"


def _layout(path: Path) -> _Layout:
    with opened(path, _LARGEST) as (stream, _):
        line = stream.readline(_LONGEST_LINE)
    text = line.decode("utf-8-sig", errors="ignore").rstrip("\r\n")
    separator = max(",;\t", key=text.count)
    cells = [cell.strip(' "').lower() for cell in text.split(separator)]
    labelled = not _LABELS.isdisjoint(cells)
    header = labelled or any(letter.isalpha() for letter in "".join(cells[1:-1]))
    return _Layout(cells, separator, header, labelled or not (header or side_of(len(cells))))


def _read(path: Path, layout: _Layout) -> Part:
    try:
        import pandas as pd
    except ModuleNotFoundError as error:
        raise missing_extra(error, "train") from error
    cells, separator, header, labelled = layout
    side = side_of(len(cells) - 1)
    if not (side and labelled):
        reason = f"has {some(len(cells), 'column')}, the first {cells[0]!r:.40}"
        advice = "Give UTF-8 text with a column 'label' and one for each pixel of a square image."
        raise FileInvalidError(path, reason, advice)
    label = next((at for at, cell in enumerate(cells) if cell in _LABELS), None)
    levels, labels = bytearray(), []  # joining pieces would take twice the memory
    with (
        opened(path, _LARGEST) as (stream, _),
        pd.read_csv(
            stream,
            sep=separator,
            header=None,
            skiprows=int(header),
            chunksize=_ROWS,
            na_filter=False,  # what is missing is empty text
            low_memory=False,
        ) as tables,
    ):
        for table in tables:
            table.index += 1 + header  # rows as a person counts them
            if table.shape[1] != len(cells):
                reason = f"has {some(table.shape[1], 'column')} in row {table.index[0]:,}"
                raise FileInvalidError(path, f"{reason}, not {len(cells)}")
            label = _label_of(table) if label is None else label
            labels.append(table[label].to_numpy())
            if (empty := labels[-1] == "").any():
                raise FileInvalidError(path, f"has no label in row {table.index[empty.argmax()]:,}")
            del table[label]
            levels += _pixels(path, cells if header else range(1, len(cells) + 1), table).data
    images = np.frombuffer(levels, np.uint8).reshape(-1, side, side)
    return Part(images, labels_of(np.concatenate(labels), path))


def _label_of(table: Any) -> int:
    """Which end has the labels: text, or what differs more from the pixel beside it."""
    from pandas import to_numeric

    last = table.shape[1] - 1
    ends = table[[0, 1, last - 1, last]].apply(to_numeric, errors="coerce").fillna(np.inf)
    apart = ends.diff(axis=1).abs().mean()
    return 0 if apart[1] > apart[last] else last


def _pixels(path: Path, names: Any, table: Any) -> UInt8:
    """Grey levels, uint8 ``(N, K)``; an error names the first cell that is none."""
    from pandas import to_numeric

    values = table.to_numpy()
    if values.dtype.kind in "iu" and values.min() >= 0 and values.max() <= 255:
        return np.ascontiguousarray(values, np.uint8)
    numbers = to_numeric(values.ravel(), errors="coerce").reshape(values.shape)
    good = (numbers >= 0) & (numbers <= 255) & (numbers % 1 == 0)
    if not good.all():
        row, at = divmod(int(good.argmin()), good.shape[1])
        found = repr(str(values[row, at])[:40]) if values[row, at] != "" else "nothing"
        reason = f"has {found} in row {table.index[row]:,}, column {names[table.columns[at]]}"
        raise FileInvalidError(path, f"{reason}, not a whole number from 0 to 255")
    return numbers.astype(np.uint8)
