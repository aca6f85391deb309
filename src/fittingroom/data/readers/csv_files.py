"""Read CSV files as Kaggle has them: a row for each image, with its label and its pixels."""

import gzip
import io
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import numpy as np

from fittingroom.data.content import Content, FileInvalidError, Part, labels_of
from fittingroom.data.readers.idx import emnist_classes
from fittingroom.errors import DataInvalidError, missing_extra
from fittingroom.numbers import some
from fittingroom.photos.arrays import side_of, to_levels, with_edges
from fittingroom.safe_io import MEBIBYTE, open_plain

if TYPE_CHECKING:
    import pandas as pd

NEEDS = "A_train.csv, A_test.csv, or one file: a label and a column for each pixel; also .csv.gz"

_LARGEST = 16384 * MEBIBYTE
_LONGEST_LINE = 4 * MEBIBYTE
_ROWS = 2000  # that are read at a time
_LABELS, _NUMBERS = ("label", "labels", "class", "target"), ("", "id", "imageid", "unnamed: 0")
_PART = re.compile(r"(?<![a-z])(train(ing)?|test(ing)?|val(id(ation)?)?)(?![a-z])")
_PARTS = {"tr": "training", "te": "test", "va": "validation"}


def recognises(path: Path) -> bool:
    """Whether a file has the name, or a file in a folder the columns, of images as CSV."""
    return _is_csv(path) if path.is_file() else bool(_sets(path))


def read(path: Path) -> Content:
    """The images in a folder of CSV files, or in the named one and those that belong to it.

    Files belong together if their names differ in "train", "test" and "val" alone. A named file
    that isn't the training part of such files is read by itself.

    Raises:
        DataInvalidError: a file is not what it should be, or there are several sets.
    """
    notes: list[str] = []
    files = _files(path)
    parts = {}
    for part, file in files.items():
        layout = _layout(file)
        if layout.label != _NONE:
            parts[part] = _read(file, layout, notes)
        elif part == "training":
            reason = f"has no labels: its {len(layout.cells):,} columns are pixels"
            raise FileInvalidError(file, reason, "Name data with a column 'label' with --data.")
        else:
            notes.append(f"{file.name} has no labels, so it is not used.")
    classes: tuple[str, ...] = ()
    first = files["training"]
    if first.name.lower().startswith("emnist"):
        name = _PART.split(first.name.lower())[0]
        classes = emnist_classes(first.parent / f"{name}mapping.txt")
        notes.append("EMNIST's images are stored transposed; they were transposed back.")
        parts = {
            part: Part(np.ascontiguousarray(np.swapaxes(each.images, 1, 2)), each.labels)
            for part, each in parts.items()
        }
    return Content(
        parts["training"],
        parts.get("test"),
        parts.get("validation"),
        classes,
        tuple(dict.fromkeys(notes)),
    )


def _is_csv(path: Path) -> bool:
    return path.name.lower().endswith((".csv", ".csv.gz"))


def _named(path: Path) -> tuple[str, str]:
    """A file's name without the word for its part, and the part, "" if there is no such word."""
    stem = path.name.lower().partition(".csv")[0]
    found = _PART.search(stem)
    return (_PART.sub("", stem, count=1), _PARTS[found[1][:2]]) if found else (stem, "")


def _sets(path: Path) -> dict[str, dict[str, Path]]:
    """Files that belong together: what their names share → part → file."""
    sets: dict[str, dict[str, Path]] = {}
    for file in sorted(path.iterdir()):  # plain files come before .gz
        if _is_csv(file) and file.is_file() and _layout(file).fits:
            name, part = _named(file)
            sets.setdefault(name, {}).setdefault(part, file)
    return sets


def _files(path: Path) -> dict[str, Path]:
    if path.is_file():
        name, part = _named(path)
        others = _sets(path.parent).get(name, {}) if part == "training" else {}
        return {**others, "training": path}
    sets = _sets(path)
    sets = {name: files for name, files in sets.items() if "training" in files} or sets
    files = next(iter(sets.values()))
    if len(sets) > 1 or len(files.keys() - {"test", "validation"}) != 1:
        names = ", ".join(file.name for files in sets.values() for file in files.values())
        raise DataInvalidError(
            f"{path} holds {names}, and no name says which to train on. Name one with --data."
        )
    return {part or "training": file for part, file in files.items()}


_ENDS, _NONE = -1, -2  # in place of a label's column: one of the two ends, or there is none


@dataclass(frozen=True)
class _Layout:
    """What the first line of a file tells.

    Attributes:
        cells: its cells.
        separator: what is between them.
        encoding: of the file.
        header: whether they are names.
        label: the label's column, or one of the two constants above.
        numbers: columns with the numbers of rows.
    """

    cells: list[str]
    separator: str
    encoding: str
    header: bool
    label: int
    numbers: list[int]

    @property
    def fits(self) -> bool:
        """Whether so many columns can be the pixels of an image, and a label."""
        others = len(self.numbers) + (self.label != _NONE)
        return bool(side_of(len(self.cells) - others))

    def name(self, column: int) -> str:
        return self.cells[column] if self.header else str(column + 1)


def _layout(path: Path) -> _Layout:
    with _opened(path) as stream:
        line = stream.readline(_LONGEST_LINE)
    encoding = "utf-16" if line[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    text = line.decode(encoding, errors="ignore").rstrip("\r\n")
    separator = max(",;\t", key=text.count)
    cells = [cell.strip(' "').lower() for cell in text.split(separator)]
    inner = np.array([_number(cell) for cell in cells[1:-1]])
    # Names of columns may be numbers, too: 0, 1, 2 and so on.
    header = np.inf in inner or (len(inner) > 1 and bool((np.diff(inner) == 1).all()))
    numbers = [at for at, cell in enumerate(cells) if header and cell in _NUMBERS]
    named = [at for at, cell in enumerate(cells) if header and cell in _LABELS]
    bare = bool(side_of(len(cells) - len(numbers)))
    label = named[0] if named else _NONE if bare else _ENDS
    return _Layout(cells, separator, encoding, header, label, numbers)


def _number(cell: str) -> float:
    try:
        return float(cell or 0)
    except ValueError:
        return np.inf  # text


@contextmanager
def _opened(path: Path) -> Iterator[io.BufferedIOBase]:
    try:
        with open_plain(path.resolve(), _LARGEST) as stored:
            packed = stored.peek(2).startswith(b"\x1f\x8b")
            yield gzip.GzipFile(fileobj=stored) if packed else stored
    except (OSError, EOFError, zlib.error, ValueError) as error:  # ValueError: pandas' and Refusal
        reason = str(getattr(error, "strerror", None) or error).strip().rstrip(".")
        raise FileInvalidError(path, f"can't be read: {reason}") from error


def _read(path: Path, layout: _Layout, notes: list[str]) -> Part:
    try:
        import pandas as pd
    except ModuleNotFoundError as error:
        raise missing_extra(error, "train") from error
    if not layout.fits:
        reason = f"has {some(len(layout.cells), 'column')}, the first {layout.cells[0]!r:.40}"
        advice = "Give a label and the pixels of a square image in each row, 784 for 28×28."
        raise FileInvalidError(path, reason, advice)
    label, factor, row = layout.label, 0, 1 + layout.header
    levels, labels = bytearray(), []  # joining pieces would take twice the memory
    with (
        _opened(path) as stream,
        pd.read_csv(
            stream,
            sep=layout.separator,
            encoding=layout.encoding,
            header=None,
            skiprows=int(layout.header),
            chunksize=_ROWS,
            na_filter=False,  # what is missing is empty text
            low_memory=False,
        ) as tables,
    ):
        for table in tables:
            if table.shape[1] != len(layout.cells):
                found = some(table.shape[1], "column")
                raise FileInvalidError(path, f"has {found} in row {row:,}, not {len(layout.cells)}")
            if label == _ENDS:
                label = _label_of(table)
            labels.append(table[label].to_numpy())
            for at in (label, *layout.numbers):
                del table[at]
            values = table.to_numpy()
            numbers = values.dtype.kind in "iuf"
            factor = factor or (255 if values.dtype.kind == "f" and values.max() <= 1 else 1)
            if not (numbers and values.min() >= 0 and values.max() <= 255 / factor):
                _refuse(path, layout, table, row, 255 // factor)
            levels += to_levels(values, factor).data
            empty = np.flatnonzero(labels[-1] == "")
            if len(empty):
                raise FileInvalidError(path, f"has no label in row {row + empty[0]:,}")
            row += len(table)
    flat = np.frombuffer(levels, np.uint8).reshape(row - 1 - layout.header, -1)
    images = with_edges(flat)
    if factor == 255:
        notes.append("Pixels were from 0 to 1, and multiplied by 255.")
    if images.ndim == 4:
        order = "pixel by pixel" if images.flags.c_contiguous else "all of red first"
        notes.append(f"The columns were taken as three colours, {order}, as neighbours are alike.")
    return Part(np.ascontiguousarray(images), labels_of(np.concatenate(labels), path))


def _label_of(table: "pd.DataFrame") -> int:
    """Which end has the labels: text, or what differs more from the pixel beside it."""
    import pandas as pd

    def apart(at: int, beside: int) -> float:
        values, others = (pd.to_numeric(table[each], errors="coerce") for each in (at, beside))
        return float((values - others).abs().fillna(np.inf).mean())

    last = table.shape[1] - 1
    return 0 if apart(0, 1) > apart(last, last - 1) else last


def _refuse(path: Path, layout: _Layout, table: "pd.DataFrame", row: int, most: int) -> NoReturn:
    """Name the first cell that is no pixel."""
    import pandas as pd

    cells = np.array([str(cell) for cell in table.to_numpy(object).ravel()], object)
    numbers = pd.to_numeric(cells, errors="coerce")
    place = int(np.flatnonzero(~((numbers >= 0) & (numbers <= most)))[0])
    at, column = divmod(place, table.shape[1])
    found = f"{cells[place][:40]!r}" if cells[place] else "nothing"
    reason = f"has {found} in row {row + at:,}, column {layout.name(int(table.columns[column]))}"
    raise FileInvalidError(path, f"{reason}, not a number from 0 to {most}")
