"""Folders of results with a mark of ours, so that nobody's own files are overwritten or removed."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from fittingroom.errors import RunError, UsageError
from fittingroom.runs.files import (
    as_json,
    make_folder,
    remove_file,
    resolved,
    write_file,
    write_files,
)
from fittingroom.safe_io import Refusal, is_inside, read_json

MARK = ".fittingroom.json"


def open_output(folder: Path | str, what: str) -> Path:
    """Make a folder for results, or take one that we made, and check that it can be written to.

    Call this before the work whose results go there.

    Args:
        folder: where it is to be; ``~`` and ``..`` are resolved.
        what: it holds, such as ``"a report"``; its mark says so.

    Raises:
        UsageError: it holds somebody's own files, or other results.
        RunError: it cannot be written to.
    """
    path = resolved(folder)
    held = _mark(path)[0]
    if held not in ("", what) or (not held and path.is_dir() and _shown(path)):
        raise UsageError(
            f"{folder} holds {held or 'files that were not made here'}, which {what} could "
            "overwrite. Name a new or empty folder with --out."
        )
    make_folder(path)
    _write_mark(path, what, _mark(path)[1])
    return path


def replace_output(folder: Path, what: str, content: Mapping[str, bytes]) -> None:
    """Write all files, then put them in place in their order, and remove what an earlier call left
    and this one doesn't write.

    Args:
        folder: as :func:`open_output` gives it.
        what: it holds.
        content: by the names of the files within the folder.
    """
    before = _mark(folder)[1]
    # Listed before they are there, so that a crash leaves no file that nobody knows.
    _write_mark(folder, what, before | set(content))
    for name in content:
        make_folder((folder / name).parent)
    write_files({folder / name: data for name, data in content.items()})
    for name in before - set(content):
        if is_inside(folder / name, folder):  # the mark may come from somebody else
            remove_file(folder / name)
    _write_mark(folder, what, content)


def add_to_output(folder: Path, names: Iterable[str]) -> None:
    """List more files as ours before they are written."""
    what, files = _mark(folder)
    _write_mark(folder, what, files | set(names))


def check_free(path: Path, *, force: bool) -> None:
    """Check that a file is not there yet, or may be overwritten.

    Raises:
        UsageError: it is there, and `force` is False.
    """
    if not force and path.exists():
        raise UsageError(f"{path} exists. Name another file, or overwrite it with --force.")


def _mark(folder: Path) -> tuple[str, set[str]]:
    """What a folder holds and the names of its files, by its mark; nothing if it has none."""
    try:
        values = read_json(folder / MARK)
        return str(values["holds"]), {str(name) for name in values["files"]}
    except (FileNotFoundError, NotADirectoryError):
        return "", set()
    except (OSError, Refusal, TypeError, KeyError) as error:
        raise RunError(f"{folder / MARK} can't be read: {error}. Name another folder.") from error


def _write_mark(folder: Path, what: str, files: Iterable[str]) -> None:
    values = {"made_by": "fittingroom", "holds": what, "files": sorted(files)}
    write_file(folder / MARK, as_json(values))


def _shown(folder: Path) -> bool:
    """Whether a folder has files that are not hidden, as some systems leave by themselves."""
    return any(not path.name.startswith(".") for path in folder.iterdir())
