"""Open a photo from a file, bytes, Pillow or NumPy: its pixels, upright, in colour, on white.

The content tells the format, not the file's name; and the size is checked before anything is
decoded. Of metadata only the orientation is used; what can't be read of it is skipped.
"""

import importlib.util
import logging
import os
import stat
import warnings
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from fittingroom.errors import PhotoError, PhotoKindError, PhotoSizeError
from fittingroom.photos.arithmetic import UInt8
from fittingroom.photos.arrays import is_array, one_or_many

WEB_FORMATS = ("PNG", "JPEG", "GIF", "BMP", "WebP", "AVIF")  # that browsers decode
FORMATS = (*WEB_FORMATS, "TIFF")
# The extra `heic`, which nothing else needs: its library holds code under the GPL.
_HEIC = importlib.util.find_spec("pillow_heif") is not None
# What a folder is searched for; a file that is named is opened whatever its name is.
SUFFIXES = (
    ".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".gif", ".bmp", ".webp", ".avif", ".tif", ".tiff",
    *((".heic", ".heif") if _HEIC else ()),
)  # fmt: skip
# All that a PNG's picture needs.
_CHUNKS = (b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"eXIf")
CONVERT_HEIC = (
    "Convert it to JPEG first: `magick photo.heic photo.jpg`, or on a Mac "
    "`sips -s format jpeg photo.heic --out photo.jpg`. Or install pillow-heif."
)
# Each pass over a progressive JPEG costs time; files have about ten.
_MOST_PASSES = 30
# A JPEG is decoded at a half, a quarter or an eighth, as long as it keeps as many pixels a side.
_REDUCED = (1024, 1024)
_REDUCED_MORE = 4
_EXIF_ORIENTATION = 0x0112
# Errors say what is wrong with a photo; without a handler, Pillow's would be printed beside them.
logging.getLogger("PIL").addHandler(logging.NullHandler())
_SMALLER = "Make it smaller: 1,000 pixels a side are plenty."


@dataclass(frozen=True)
class Limits:
    """How large a photo may be; checked before anything of it is decoded.

    Attributes:
        file_bytes: size of the file.
        megapixels: width × height of the image in millions; a JPEG that can be decoded at a
            reduced scale, as phones write them, may have four times as many.
        side: width, and height; many short rows take seconds to decode.
        formats: what a file may be.
    """

    file_bytes: int = 50_000_000
    megapixels: float = 50.0
    side: int = 20_000
    formats: tuple[str, ...] = FORMATS


def open_pixels(
    source: "Path | str | bytes | Image.Image | npt.NDArray[Any]", limits: Limits
) -> UInt8:
    """The pixels of a photo: uint8 ``(H, W, 3)``, upright by its EXIF, transparency on white.

    ``source`` and the errors are those of :func:`fittingroom.photos.read_photo`.
    """
    if is_array(source):
        return _from_array(source, limits)
    if isinstance(source, Image.Image):
        return _decode(source, "The image", limits)
    if not isinstance(source, bytes | str | os.PathLike):
        raise PhotoError(
            f"A photo can't be a {type(source).__name__}. Pass a path, a file's bytes, a Pillow "
            "image or an array: `numpy.array(images)` makes one of lists of numbers."
        )
    name = "The file" if isinstance(source, bytes) else str(source)
    content = source if isinstance(source, bytes) else _read(Path(source), limits)
    if len(content) > limits.file_bytes:
        size = f"{limits.file_bytes / 1e6:g} MB"
        raise PhotoSizeError(f"{name} is larger than {size}. {_SMALLER}")
    if content.startswith(b"\xff\xd8") and content.count(b"\xff\xda") > _MOST_PASSES:
        raise PhotoError(
            f"{name} is a JPEG of more than {_MOST_PASSES} passes. Save it again, not progressive."
        )
    return _decode(content, name, limits)


def _read(path: Path, limits: Limits) -> bytes:
    reason = "it isn't a plain file"
    try:
        # A named pipe would be waited for.
        if stat.S_ISREG(path.stat().st_mode):
            with path.open("rb") as stream:
                return stream.read(limits.file_bytes + 1)
    except (OSError, ValueError) as error:  # ValueError: a name with a NUL in it
        reason = getattr(error, "strerror", None) or str(error)
    raise PhotoError(f"{path} can't be opened: {reason}. Check the path.")


def _decode(source: bytes | Image.Image, name: str, limits: Limits) -> UInt8:
    try:
        with warnings.catch_warnings(action="ignore"):  # of oddities that do no harm
            image = source
            if isinstance(image, bytes):
                formats = limits.formats
                if _HEIC and _is_heic(image):
                    importlib.import_module("pillow_heif").register_heif_opener()
                    formats = (*formats, "HEIF")
                image = Image.open(BytesIO(_without_metadata(image)), formats=formats)
            # A progressive JPEG is held in memory at its full scale, whatever is asked for.
            if image.format in ("JPEG", "MPO") and not image.info.get("progressive"):
                _check_size(*image.size, name, limits, _REDUCED_MORE)
                image.draft(None, _REDUCED)
            _check_size(*image.size, name, limits)
            return _pixels(image)
    except PhotoError:
        raise
    except Image.DecompressionBombError as error:
        raise PhotoSizeError(f"{name} has too many pixels. {_SMALLER}") from error
    except UnidentifiedImageError as error:
        start = source[:12] if isinstance(source, bytes) else b""
        if _is_heic(start):
            raise PhotoKindError(f"{name} is a HEIC image. {CONVERT_HEIC}") from error
        # What Pillow can't tell if the rest is rubbish.
        if start.startswith((b"\x89PNG", b"\xff\xd8\xff")) or start[4:11] == b"ftypavi":
            raise PhotoError(f"{name} is damaged or cut off. Copy or save it again.") from error
        *most, last = limits.formats
        raise PhotoKindError(
            f"{name} isn't a {', '.join(most)} or {last} image. Save or export it as one of these."
        ) from error
    except Exception as error:  # decoders raise nearly anything on a damaged file
        reason = str(error).strip(". ")[:120] or "no pixels"
        raise PhotoError(
            f"{name} is damaged or cut off: {reason}. Copy or save it again."
        ) from error


def _is_heic(content: bytes) -> bool:
    return content[4:11] in (b"ftyphei", b"ftyphev")


def _without_metadata(content: bytes) -> bytes:
    """A PNG's picture and orientation alone: a broken or huge text would refuse all of it."""
    if not content.startswith(b"\x89PNG"):
        return content
    kept, at = [content[:8]], 8
    while at < len(content):
        end = at + 12 + int.from_bytes(content[at : at + 4])
        if content[at + 4 : at + 8] in _CHUNKS:
            kept.append(content[at:end])
        at = end
    return b"".join(kept)


def _check_size(width: int, height: int, name: str, limits: Limits, times: int = 1) -> None:
    if width * height > times * limits.megapixels * 1e6:
        most = f"{times * limits.megapixels:g} megapixels"
    elif max(width, height) > limits.side:
        most = f"{limits.side:,} on one side"
    else:
        return
    raise PhotoSizeError(f"{name} has {width}×{height} pixels, more than {most}. {_SMALLER}")


def _from_array(array: Any, limits: Limits) -> UInt8:
    images = one_or_many(array)
    if len(images) > 1:
        raise PhotoError(
            f"An array of shape {array.shape} holds {len(images):,} images. Pass one, `array[0]`."
        )
    _check_size(images.shape[2], images.shape[1], "The array", limits)
    return _pixels(Image.fromarray(images[0]))


def _pixels(image: Image.Image) -> UInt8:
    """Decoded, 8 bits a channel, on white, upright: uint8 ``(H, W, 3)``."""
    image.load()
    try:
        orientation = image.getexif().get(_EXIF_ORIENTATION)
    except Exception:  # noqa: BLE001 - Pillow raises nearly anything on broken metadata
        orientation = None  # upright
    if image.mode.startswith("I"):
        image = _in_8_bits(image)
    elif image.mode == "F":
        image = Image.fromarray(one_or_many(np.asarray(image)[None])[0])
    if image.has_transparency_data:
        image = image.convert("RGBA")
        white = Image.new("RGB", image.size, (255, 255, 255))
        white.paste(image, mask=image.getchannel("A"))
        image = white
    pixels = np.asarray(image if image.mode == "RGB" else image.convert("RGB"))
    # Not ImageOps.exif_transpose: it copies the image, and fails at EXIF that it can't write.
    if orientation in (5, 6, 7, 8):
        pixels = pixels.transpose(1, 0, 2)
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return pixels


def _in_8_bits(image: Image.Image) -> Image.Image:
    """Whole numbers as grey levels; they are of 16 bits, unless all are within 8."""
    levels = np.asarray(image).clip(0, 65535).astype(np.int32)
    if levels.max() > 255:
        levels = (levels + 128) // 257
    return Image.fromarray(levels.astype(np.uint8))
