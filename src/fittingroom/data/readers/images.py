"""Read a folder of images: a folder for each class, with or without a division into parts."""

import os
from collections import defaultdict
from pathlib import Path

from fittingroom.data.content import Content, FileInvalidError, Part, labels_of
from fittingroom.data.readers.encoded import Decoded
from fittingroom.photos.opening import SUFFIXES
from fittingroom.safe_io import is_inside

NEEDS = "CLASS/*.png, or train/CLASS/*.png and test/CLASS/*.png; JPEG, WebP, TIFF and so on, too"

_PARTS = {
    **dict.fromkeys(("train", "training"), "training"),
    **dict.fromkeys(("valid", "val", "validation"), "validation"),
    **dict.fromkeys(("test", "testing"), "test"),
}


def recognises(path: Path) -> bool:
    """Whether there are images in a folder, or one or two levels below."""
    levels = ("*", "*/*", "*/*/*")
    return path.is_dir() and any(_is_image(each) for level in levels for each in path.glob(level))


def read(path: Path) -> Content:
    """The images in a folder, by class.

    It is divided into parts if it holds ``train`` with folders in it. Hidden files are ignored,
    and links to folders are not followed.

    Raises:
        DataInvalidError: there are no class folders, one has no images, or a link leads out.
    """
    folders, files = _walk(path)
    inner = [_part(each) for each in folders if len(each.parts) == 2]
    depth = 2 if "training" in inner else 1  # of the class folders
    classes: dict[Path, list[Path]] = {
        each: [] for each in folders if len(each.parts) == depth and (depth == 1 or _part(each))
    }
    left_out = 0
    for file in files:
        images = classes.get(Path(*file.parts[:depth]))
        if images is None or not _is_image(file):
            left_out += 1
        elif (path / file).is_symlink() and not is_inside(path / file, path):
            reason = f"is a link that leads out of {path}, or nowhere"
            raise FileInvalidError(path / file, reason, "Put the file itself there.")
        else:
            images.append(path / file)
    if not classes:
        raise FileInvalidError(
            path, "holds images, but no class folders", "Put the images of each class in a folder."
        )
    parts: dict[str, list[tuple[str, Path]]] = defaultdict(list)
    for folder, images in classes.items():
        if not images:
            is_link = (path / folder).is_symlink()
            raise FileInvalidError(
                path / folder,
                "is a link to a folder, which is not followed" if is_link else "holds no images",
                "Put images of its class there, or remove it.",
            )
        part = _part(folder) if depth == 2 else "training"
        parts[part or ""] += [(folder.name, image) for image in images]
    words = "file that is no image" if left_out == 1 else "files that are no images"
    notes = (f"Left out: {left_out:,} {words} in a class folder.",) if left_out else ()
    read = {part: _read(path, images) for part, images in parts.items()}
    return Content(read["training"], read.get("test"), read.get("validation"), notes=notes)


def _walk(path: Path) -> tuple[list[Path], list[Path]]:
    """All folders and all files in a folder that are not hidden, relative to it, sorted."""
    folders, files = [], []
    for root, inner, names in os.walk(path):
        inner[:] = [name for name in inner if not name.startswith((".", "__MACOSX"))]
        here = Path(root).relative_to(path)
        folders += [here / name for name in inner]
        files += [here / name for name in names if not name.startswith(".")]
    return sorted(folders), sorted(files)


def _part(folder: Path) -> str | None:
    return _PARTS.get(folder.parts[0].lower())


def _is_image(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".")


def _read(path: Path, files: list[tuple[str, Path]]) -> Part:
    labels, paths = zip(*files, strict=True)
    names = [str(each) for each in paths]
    return Part(Decoded(names, paths.__getitem__), labels_of(labels, path), names)
