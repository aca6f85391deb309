"""A CSV file of predictions, as programs and spreadsheets write them."""

import csv
import re
from array import array
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from fittingroom.external_predictions.said import Said, quoted, refusal, some

_NEEDED = ("index", "label", "predicted")
# Spreadsheets in countries with a decimal comma separate cells by semicolons.
_SEPARATORS = (",", ";", "\t")
_NUMBER = re.compile(r"[+-]?((\d+\.?\d*|\.\d+)(e[+-]?\d{1,3})?|nan|inf)", re.ASCII | re.IGNORECASE)
# What lines, cells and numbers take in memory is many times what they take in the file.
_LINE_ENDS = "\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"
_MOST_LINES, _LONGEST_LINE, _LONGEST_NUMBER = 1_000_000, 4000, 60
_WHOLE = "Predict the whole test half, each picture once, in the order of its file."
_ADVICE = "It needs a first line such as index,label,predicted or index,label,predicted,p0,…,p9."


def read_spreadsheet(path: Path, content: bytes, kinds: int, most: int) -> Said:
    """The columns ``index``, ``label``, ``predicted`` and, all or none, ``p0`` to ``p9``.

    A byte order mark, any line ends, quotes, blank lines, empty columns, tabs or semicolons for
    commas, and a comma for the decimal point between semicolons are taken as they come.

    Args:
        path: for messages.
        content: the file.
        kinds: how many classes there are.
        most: so many rows at most.

    Raises:
        PredictionsError: it is no such file.
    """
    text = _text(path, content)
    if sum(text.count(end) for end in _LINE_ENDS) > _MOST_LINES:
        raise refusal(path, f"at most {_MOST_LINES:,} lines", "more")
    lines = text.splitlines()
    longest = max(map(len, lines), default=0)
    if longest > _LONGEST_LINE:
        raise refusal(path, f"lines of at most {_LONGEST_LINE:,} characters", f"one of {longest:,}")
    try:
        return _said(path, lines, kinds, most)
    except csv.Error as error:
        raise refusal(path, "a CSV file", str(error)) from error


def _said(path: Path, lines: list[str], kinds: int, most: int) -> Said:
    separator, names, body = _header(path, lines, kinds)
    wanted = [*_NEEDED, *(f"p{k}" for k in range(kinds) if "p0" in names)]
    places = [names.index(name) for name in wanted]
    numbers = array("d")
    for row, line in enumerate(body, start=1):
        # Line by line, since no number has a line's end in it, and a quote may never be closed.
        for cells in csv.reader([line], delimiter=separator):
            if any(cell.strip() for cell in cells):
                if len(numbers) == most * len(wanted):
                    raise refusal(path, f"{most:,} rows, one for each test picture", "more", _WHOLE)
                numbers.extend(_row(path, row, cells, names, places, separator))
    table = np.array(numbers).reshape(-1, len(wanted))  # (M, 3 or 3 + K)
    return Said(
        index=table[:, 0],
        label=table[:, 1],
        predicted=table[:, 2],
        probabilities=table[:, 3:] if "p0" in names else None,
    )


def _text(path: Path, content: bytes) -> str:
    wide = content.startswith((b"\xff\xfe", b"\xfe\xff"))
    try:
        return content.decode("utf-16" if wide else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise refusal(
            path, "a CSV file in UTF-8, or an .npz archive", "bytes that are no text"
        ) from error


def _header(path: Path, lines: list[str], kinds: int) -> tuple[str, list[str], list[str]]:
    """What separates the cells, the columns' names, and the lines below."""
    start = 0
    while start < len(lines) and (
        not lines[start].strip() or re.fullmatch("sep=.", lines[start].strip())
    ):
        start += 1
    first = lines[start] if start < len(lines) else ""
    for separator in _SEPARATORS:
        names = [
            cell.strip().lower() for cell in next(csv.reader([first], delimiter=separator), [])
        ]
        if "label" in names or "predicted" in names:
            break
    else:
        raise refusal(path, "a first line of column names", quoted(first), _ADVICE)
    _check_names(path, names, kinds)
    return separator, names, lines[start + 1 :]


def _check_names(path: Path, names: list[str], kinds: int) -> None:
    shares = [f"p{k}" for k in range(kinds)]
    missing = [name for name in _NEEDED if name not in names]
    if missing:
        raise refusal(path, f"a column {missing[0]!r}", f"the columns {some(names)}", _ADVICE)
    twice = [name for name in names if name and names.count(name) > 1]
    if twice:
        raise refusal(path, "each column once", f"{quoted(twice[0])} twice")
    unknown = [name for name in names if name and name not in (*_NEEDED, *shares)]
    if unknown:
        raise refusal(
            path,
            f"no columns but index, label, predicted and p0 to {shares[-1]}",
            f"also {some(unknown)}",
            "Rename or remove them.",
        )
    given = [name for name in shares if name in names]
    if given and len(given) < kinds:
        lack = next(name for name in shares if name not in names)
        raise refusal(
            path,
            f"a probability for each of {kinds} classes, p0 to {shares[-1]}, or none at all",
            f"{len(given)} of them, without {lack}",
        )


def _row(
    path: Path,
    row: int,
    cells: Sequence[str],
    names: Sequence[str],
    places: Sequence[int],
    separator: str,
) -> list[float]:
    if any(cell.strip() for cell in cells[len(names) :]):
        raise refusal(
            path,
            f"{len(names)} cells in row {row} below the names",
            f"{len(cells)}",
            "A comma for the decimal point needs semicolons between the cells.",
        )
    numbers = []
    for place in places:
        word = cells[place].strip() if place < len(cells) else ""
        if separator != ",":
            word = word.replace(",", ".")
        # Its length first: the pattern takes time as the square of it.
        if len(word) > _LONGEST_NUMBER or not _NUMBER.fullmatch(word):
            raise refusal(
                path,
                f"a number as {names[place]!r} in row {row} below the names",
                quoted(cells[place]) if word else "an empty cell",
            )
        numbers.append(float(word))
    return numbers
