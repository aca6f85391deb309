"""Folders of results with a mark of ours, so that nobody's own files are overwritten or removed."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from fittingroom.errors import UsageError
from fittingroom.runs import files
from fittingroom.safe_io import is_inside, read_json

MARK = ".fittingroom.json"


def open_output(folder: Path | str, what: str) -> Path:
    """Make a folder for results before they are, or take one that we made, if we may write to it.

    Args:
        folder: where it is to be; ``~`` and ``..`` are resolved.
        what: it holds, such as ``"a report"``; its mark says so.

    Raises:
        UsageError: it holds somebody's own files, or other results.
        RunError: it cannot be written to.
    """
    path = files.resolved(folder)
    held, ours = _mark(path)
    # Some systems leave hidden files by themselves.
    others = path.is_dir() and any(not each.name.startswith(".") for each in path.iterdir())
    if held not in ("", what) or (others and not held):
        raise UsageError(
            f"{folder} holds {held or 'files that were not made here'}, which {what} could "
            "overwrite. Name a new or empty folder with --out."
        )
    files.make_folder(path)
    _write_mark(path, what, ours)
    return path


def replace_output(folder: Path, content: Mapping[str, bytes]) -> None:
    """Write all files, then put them in place in their order, and remove what an earlier call left
    and this one doesn't write.

    The folder is as :func:`open_output` gives it; `content` is by the names of files within it.
    """
    what, before = _mark(folder)
    # Listed before they are there, so that a crash leaves no file that nobody knows.
    add_to_output(folder, content)
    for name in content:
        files.make_folder((folder / name).parent)
    files.write_files({folder / name: data for name, data in content.items()})
    for name in before - set(content):
        if is_inside(folder / name, folder):  # the mark may come from somebody else
            files.remove_file(folder / name)
    _write_mark(folder, what, content)


def add_to_output(folder: Path, names: Iterable[str]) -> None:
    """List more files as ours before they are written."""
    what, ours = _mark(folder)
    _write_mark(folder, what, ours | set(names))


def _mark(folder: Path) -> tuple[str, set[str]]:
    """What a folder holds and the names of its files, by its mark; nothing if it has none."""
    if not (folder / MARK).is_file():
        return "", set()
    values = read_json(folder / MARK)
    return values["holds"], set(values["files"])


def _write_mark(folder: Path, what: str, names: Iterable[str]) -> None:
    values = {"made_by": "fittingroom", "holds": what, "files": sorted(names)}
    files.write_file(folder / MARK, files.as_json(values))
