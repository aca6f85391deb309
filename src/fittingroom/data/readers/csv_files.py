"""Read CSV files as Kaggle has them: a row for each image, with its label and its pixels."""

import csv
import re
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from fittingroom.data.content import PARTS, Content, FileInvalidError, Part, labels_of, opened
from fittingroom.data.readers.emnist import upright
from fittingroom.errors import DataInvalidError
from fittingroom.numbers import some
from fittingroom.photos.arrays import side_of
from fittingroom.predictions import UInt8
from fittingroom.safe_io import MEBIBYTE

NEEDS = "A_train.csv, A_test.csv, or one file: a label and a column for each pixel; also .csv.gz"

_LARGEST = 16384 * MEBIBYTE
_LONGEST_LINE = 4 * MEBIBYTE
_BLOCK = 2**19  # bytes that are read at a time, and fit into a processor's cache
_LABELS = {"label", "labels", "class", "target"}
_PART = re.compile(rf"(?<![a-z])({'|'.join(PARTS)})(?![a-z])")

_Table = npt.NDArray[Any]  # of cells: uint16, or object with text


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

    Files belong together if their names differ in the word for the part alone. A named file that
    isn't the training part of such files is read by itself.

    Raises:
        DataInvalidError: a file is not what it should be, or there are several sets.
    """
    named = path.is_file()
    if not named:
        files = _inside(path)
        training = [file for file in files if _named(file)[1] == "training"]
        if len(training) != 1:
            names = ", ".join(file.name for file in files)
            raise DataInvalidError(
                f"{path} holds {names}, and no name says which to train on. Name one with --data."
            )
        (path,) = training
    layout = _layout(path)
    first, label = _read(path, layout)
    parts = {"training": first}
    notes: list[str] = []
    if _LABELS.isdisjoint(layout.cells):
        end = "last" if label else "first"
        notes.append(f"No column is called label, so the {end} was taken for it.")
    name, part = _named(path)
    for file in _inside(path.parent) if part == "training" else ():
        other, part = _named(file)
        if other != name or part == "training":
            continue
        layout = _layout(file)
        if not layout.labelled:
            notes.append(f"{file.name} has no labels, so it is not used.")
            continue
        parts[part], _ = _read(file, layout)
        if named:
            notes.append(f"The {part} set beside it is {file.name}.")
    content = Content(
        parts["training"], parts.get("test"), parts.get("validation"), notes=tuple(notes)
    )
    if name.startswith("emnist"):
        return upright(content, path.parent / f"{name}mapping.txt")
    return content


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
    return _PART.sub("", stem, count=1), PARTS[found[1]] if found else "training"


def _layout(path: Path) -> _Layout:
    with opened(path, _LARGEST) as (stream, _):
        line = stream.readline(_LONGEST_LINE)
    text = line.decode("utf-8-sig", errors="ignore").rstrip("\r\n")
    separator = max(",;\t", key=text.count)
    cells = [cell.strip(' "').lower() for cell in text.split(separator)]
    labelled = not _LABELS.isdisjoint(cells)
    # Columns may be named by words, or by their numbers as pandas does it.
    numbered = cells == [str(number) for number in range(len(cells))]
    header = labelled or numbered or any(letter.isalpha() for letter in "".join(cells[1:-1]))
    unnamed = numbered or not header
    return _Layout(cells, separator, header, labelled or (unnamed and not side_of(len(cells))))


def _read(path: Path, layout: _Layout) -> tuple[Part, int]:
    """The images of a file, and which column has their labels."""
    cells, separator, header, labelled = layout
    side = side_of(len(cells) - 1)
    if not (side and labelled):
        reason = f"has {some(len(cells), 'column')}, the first {cells[0]!r:.40}"
        advice = "Give UTF-8 text with a column 'label' and one for each pixel of a square image."
        raise FileInvalidError(path, reason, advice)
    label = next((at for at, cell in enumerate(cells) if cell in _LABELS), -1)
    names = cells if header else [str(number) for number in range(1, len(cells) + 1)]
    levels, labels = bytearray(), []  # joining pieces would take twice the memory
    row = 1 + header  # as a person counts them
    with opened(path, _LARGEST) as (stream, _):
        if header:
            stream.readline(_LONGEST_LINE)
        while block := stream.read(_BLOCK) + stream.readline(_LONGEST_LINE):
            table = _whole_numbers(block, separator, len(cells))
            if table is None:
                table = _any_cells(path, block, separator, len(cells), row)
            label = _label_of(table) if label < 0 else label
            labels.append(table[:, label])
            if (empty := labels[-1] == "").any():
                raise FileInvalidError(path, f"has no label in row {row + empty.argmax():,}")
            pixels = np.delete(table, label, axis=1)
            levels += _pixels(path, pixels, np.delete(names, label), row).data
            row += len(table)
    if not levels:
        raise FileInvalidError(path, "has no rows below its header")
    images = np.frombuffer(levels, np.uint8).reshape(-1, side, side)
    return Part(images, labels_of(np.concatenate(labels), path)), label


def _whole_numbers(block: bytes, separator: str, columns: int) -> npt.NDArray[np.uint16] | None:
    """The cells of whole lines, ``(N, K)``; None if some are not plain numbers of 1 to 3 digits.

    Nearly all files are of such cells alone, and this is eight times as fast as :mod:`csv`.
    """
    text = np.frombuffer(block.replace(b"\r", b""), np.uint8)
    digits = text - ord("0")
    ends = np.flatnonzero(digits > 9).astype(np.int32)
    widths = np.diff(ends, prepend=np.int32(-1)) - 1
    line = np.frombuffer((separator * (columns - 1) + "\n").encode(), np.uint8)
    if len(ends) % columns or (text[ends].reshape(-1, columns) != line).any():
        return None
    if widths.min() < 1 or widths.max() > 3:
        return None
    numbers = digits[ends - 1].astype(np.uint16)
    numbers += digits[ends - 2] * (widths > 1) * np.uint8(10)
    numbers += digits[ends - 3] * (widths > 2) * np.uint16(100)
    return numbers.reshape(-1, columns)


def _any_cells(path: Path, block: bytes, separator: str, columns: int, row: int) -> _Table:
    """The cells of whole lines as text, ``(N, K)``, quoted or not; blank lines are skipped."""
    try:
        lines = block.decode("utf-8-sig").splitlines()
        rows = [cells for cells in csv.reader(lines, delimiter=separator) if cells]
    except csv.Error as error:
        raise FileInvalidError(path, f"can't be read near row {row:,}: {error}") from error
    for number, cells in enumerate(rows, row):
        if len(cells) != columns:
            reason = f"has {some(len(cells), 'column')} in row {number:,}, not {columns}"
            raise FileInvalidError(path, reason)
    return np.array(rows, object).reshape(-1, columns)


def _label_of(table: _Table) -> int:
    """Which end has the labels: text, or what differs more from the pixel beside it."""
    first, second, before, last = _numbers(table[:, [0, 1, -2, -1]]).T
    ends = np.abs(first - second).mean(), np.abs(last - before).mean()
    return 0 if ends[0] > ends[1] else table.shape[1] - 1


def _pixels(path: Path, cells: _Table, names: npt.NDArray[Any], row: int) -> UInt8:
    """Grey levels, uint8 ``(N, K)``; an error names the first cell that is none."""
    if cells.dtype == np.uint16 and cells.max() <= 255:
        return cells.astype(np.uint8)
    numbers = _numbers(cells)
    good = (numbers >= 0) & (numbers <= 255) & (numbers == np.floor(numbers))
    if not good.all():
        at, column = divmod(int(good.argmin()), good.shape[1])
        found = repr(str(cells[at, column])[:40]) if cells[at, column] != "" else "nothing"
        reason = f"has {found} in row {row + at:,}, column {names[column]}"
        raise FileInvalidError(path, f"{reason}, not a whole number from 0 to 255")
    return numbers.astype(np.uint8)


def _numbers(cells: _Table) -> npt.NDArray[np.float64]:
    """Cells as numbers; what is none becomes infinite."""

    def number(cell: Any) -> float:
        try:
            return float(cell)
        except ValueError:
            return np.inf

    try:
        return cells.astype(np.float64)
    except ValueError:
        return np.vectorize(number, otypes=[float])(cells)
