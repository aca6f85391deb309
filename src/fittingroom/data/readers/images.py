"""Read a folder of images: a folder for each class, with or without a division into parts."""

import os
from pathlib import Path

from fittingroom.data.content import PARTS, Content, Decoded, FileInvalidError, Part, labelled
from fittingroom.photos.opening import SUFFIXES

NEEDS = "CLASS/*.png, or train/CLASS/*.png and test/CLASS/*.png; JPEG, WebP, TIFF and so on, too"


def recognises(path: Path) -> bool:
    """Whether there are images in a folder, or one or two levels below."""
    levels = ("*", "*/*", "*/*/*")
    return path.is_dir() and any(_is_image(each) for level in levels for each in path.glob(level))


def read(path: Path) -> Content:
    """The images in a folder, by class; in parts if it holds ``train`` with folders in it.

    Hidden files are ignored, and links to folders are not followed.
    """
    folders = {PARTS.get(each.name.lower(), ""): each for each in _folders(path)}
    if "training" not in folders or not _folders(folders["training"]):
        folders = {"training": path}
    if len(within := _folders(path)) == 1 and _folders(within[0]):
        advice = f"If its folders are the classes, name {within[0]}."
        raise FileInvalidError(path, f"has one class folder, {within[0].name}", advice)
    parts = {part: _read(folder) for part, folder in folders.items() if part}
    left_out = len(_files(path)) - sum(map(len, parts.values()))
    notes = (f"Files left out, since they are no images in a class folder: {left_out:,}.",)
    return Content(
        parts["training"], parts.get("test"), parts.get("validation"), notes=notes[: left_out > 0]
    )


def _read(folder: Path) -> Part:
    """The images of each class."""
    images: list[Path] = []
    labels: list[str] = []
    for each in _folders(folder):
        inside = [file for file in _files(each) if _is_image(file)]
        if not inside:
            raise FileInvalidError(
                each,
                "holds no images",
                "Put images of this class there (links are not followed), or remove the folder.",
            )
        images += inside
        labels += [each.name] * len(inside)
    if not images:
        raise FileInvalidError(
            folder, "has no class folders", "Put the images of each class in a folder."
        )
    return labelled(Decoded(list(map(str, images)), images.__getitem__), labels, folder)


def _folders(path: Path) -> list[Path]:
    """The folders in a folder that are not hidden, sorted."""
    inside = (each for each in path.iterdir() if not (_hidden(each.name) or each.is_symlink()))
    return sorted(each for each in inside if each.is_dir())


def _files(path: Path) -> list[Path]:
    """All files in a folder and below it that are not hidden, sorted."""
    files: list[Path] = []
    for root, inner, names in os.walk(path):
        inner[:] = [name for name in inner if not _hidden(name)]
        files += [Path(root, name) for name in names if not _hidden(name)]
    return sorted(files)


def _hidden(name: str) -> bool:
    return name.startswith((".", "__MACOSX"))


def _is_image(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES and not _hidden(path.name)
