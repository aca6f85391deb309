"""Open a photo from a file, bytes, Pillow or NumPy: its pixels, upright, in colour, on white.

The content tells the format, not the file's name; and the size is checked before anything is
decoded.
"""

import os
import re
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

_FORMATS = ("PNG", "JPEG", "WEBP")  # WebP last: before it, Pillow loads all its plugins
_SIGNATURES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff")
# Each pass over a progressive JPEG costs time; files have about ten.
_MOST_PASSES = 30
_EXIF_ORIENTATION = 0x0112
_SMALLER = "Make it smaller: 1,000 pixels a side are plenty."


@dataclass(frozen=True)
class Limits:
    """How large a photo may be; checked before anything of it is decoded.

    Attributes:
        file_bytes: size of the file.
        megapixels: width × height of the image in millions.
        side: width, and height; many short rows take seconds to decode.
    """

    file_bytes: int = 25_000_000
    megapixels: float = 50.0
    side: int = 20_000


def open_photo(
    source: "Path | str | bytes | Image.Image | npt.NDArray[Any]", limits: Limits
) -> UInt8:
    """The pixels of a photo: uint8 ``(H, W, 3)``, upright by its EXIF, transparency on white.

    ``source`` and the errors are those of :func:`fittingroom.photos.read_photo`.
    """
    if isinstance(source, np.ndarray):
        return _from_array(source, limits)
    if isinstance(source, Image.Image):
        return _decode(source, "The image", limits)
    if not isinstance(source, bytes | str | os.PathLike):
        raise PhotoError(
            f"A photo can't be a {type(source).__name__}. Pass a path, a file's bytes, a Pillow "
            "image or a NumPy array."
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
        # About oddities that do no harm.
        with warnings.catch_warnings(action="ignore"):
            image = source
            if isinstance(image, bytes):
                image = Image.open(BytesIO(image), formats=_FORMATS)
            _check_size(*image.size, name, limits)
            return _pixels(image)
    except PhotoError:
        raise
    except Image.DecompressionBombError as error:
        raise PhotoSizeError(f"{name} has too many pixels. {_SMALLER}") from error
    except Exception as error:  # decoders raise nearly anything on a damaged file
        start = source[:12] if isinstance(source, bytes) else b""
        known = start.startswith(_SIGNATURES) or start[8:12] == b"WEBP"
        if isinstance(error, UnidentifiedImageError) and not known:
            raise PhotoKindError(
                f"{name} isn't a PNG, JPEG or WebP image. Save or export it as one of these."
            ) from error
        reason = re.sub(r"<[^>]*>", "it", str(error)).strip(". ")[:120] or "no pixels"
        raise PhotoError(
            f"{name} is damaged or cut off: {reason}. Copy or save it again."
        ) from error


def _check_size(width: int, height: int, name: str, limits: Limits) -> None:
    if width * height > limits.megapixels * 1e6:
        raise PhotoSizeError(
            f"{name} has {width}×{height} pixels, more than {limits.megapixels:g} megapixels. "
            + _SMALLER
        )
    if max(width, height) > limits.side:
        raise PhotoSizeError(
            f"{name} has {width}×{height} pixels, more than {limits.side:,} on one side. {_SMALLER}"
        )


def _from_array(array: npt.NDArray[Any], limits: Limits) -> UInt8:
    fits = array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (3, 4))
    if array.dtype != np.uint8 or not fits or 0 in array.shape:
        raise PhotoError(
            f"An array {array.dtype} of shape {array.shape} isn't a photo. Pass uint8 (H, W), "
            "(H, W, 3) or (H, W, 4); values from 0 to 1 become such an array by "
            "`(255 * array).astype('uint8')`."
        )
    _check_size(array.shape[1], array.shape[0], "The array", limits)
    return _pixels(Image.fromarray(np.ascontiguousarray(array)))


def _pixels(image: Image.Image) -> UInt8:
    """Decoded, 8 bits a channel, on white, upright: uint8 ``(H, W, 3)``."""
    image.load()
    orientation = image.getexif().get(_EXIF_ORIENTATION, 1)
    if image.mode.startswith("I"):  # grey of 16 bits
        levels = (np.asarray(image).astype(np.uint32) + 128) // 257
        image = Image.fromarray(levels.astype(np.uint8))
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
