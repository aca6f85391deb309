"""Whatever a photo comes as → its pixels, upright, in colour, on white, believing nothing too soon.

What a file is, is told by its first bytes, and how large its picture is by its header, before
anything is decoded. Its name says nothing.
"""

import os
import re
import struct
import threading
import warnings
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from fittingroom.errors import PhotoError, PhotoKindError, PhotoSizeError

UInt8 = npt.NDArray[np.uint8]

# What decoding a file that is broken, or a malicious one, can raise.
_BROKEN = (
    *(OSError, ValueError, KeyError, IndexError, EOFError, TypeError, OverflowError, SyntaxError),
    *(AttributeError, AssertionError, RuntimeError, MemoryError, NotImplementedError),
    *(struct.error, zlib.error, Image.DecompressionBombError),
)
# Each pass over a progressive JPEG costs time; files have about ten.
_MOST_PASSES = 100
_EXIF_ORIENTATION = 0x0112
# Rows that are converted at a time.
_BAND = 256
# `warnings.catch_warnings` changes what all threads see, so one at a time.
_QUIET = threading.Lock()


@dataclass(frozen=True)
class Limits:
    """How much a photo may be, checked before anything of it is decoded.

    Attributes:
        file_bytes: size of the file.
        megapixels: width × height of the picture in millions.
    """

    file_bytes: int = 25_000_000
    megapixels: float = 50.0


def open_photo(
    source: "Path | str | bytes | Image.Image | npt.NDArray[Any]", limits: Limits
) -> UInt8:
    """The pixels of a photo.

    Args:
        source: the path of a PNG, JPEG or WebP file; its content as bytes; a Pillow picture; or an
            array: uint8 ``(H, W)`` grey, ``(H, W, 3)`` colour or ``(H, W, 4)`` with opacity.
        limits: what is refused unseen.

    Returns:
        uint8 ``(H, W, 3)``: red, green and blue, upright by its EXIF, transparency on white.

    Raises:
        PhotoError: it is none of these, over a limit, or cannot be decoded.
    """
    if isinstance(source, np.ndarray):
        return _from_array(source, limits)
    if isinstance(source, Image.Image):
        _check_size(*source.size, limits)
        return _decode(lambda: source, "picture", limits)
    if not isinstance(source, bytes | str | os.PathLike):
        raise PhotoError(
            "Expected a path, a picture's bytes, a Pillow picture or a NumPy array. Received "
            f"{type(source).__name__}. Pass several as a list."
        )
    content = source if isinstance(source, bytes) else _read(Path(source), limits)
    if len(content) > limits.file_bytes:
        raise _too_long(len(content), limits)
    kind = _kind(content)
    _check_size(*_size(content, kind), limits)
    if kind == "JPEG" and content.count(b"\xff\xda") > _MOST_PASSES:
        raise PhotoError(
            f"Expected a JPEG of at most {_MOST_PASSES} passes. Received more. Save it anew, not "
            "progressive."
        )
    return _decode(lambda: Image.open(BytesIO(content), formats=(kind,)), kind, limits)


def _decode(open_image: Callable[[], Image.Image], kind: str, limits: Limits) -> UInt8:
    try:
        with _QUIET, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what is odd in a file and does no harm
            image = open_image()
            _check_size(*image.size, limits)
            return _pixels(image)
    except PhotoError:
        raise
    except _BROKEN as error:
        raise _undecodable(kind, error) from error


def _read(path: Path, limits: Limits) -> bytes:
    try:
        if path.exists() and not path.is_file():
            raise PhotoError(
                f"Expected a file at {path}. Received something else, such as a folder. "
                "Name a PNG, JPEG or WebP file."
            )
        with path.open("rb") as stream:
            return stream.read(limits.file_bytes + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise PhotoError(
            f"Expected a photo at {path}. Received the system's answer: {reason}. Check the path."
        ) from error


def _too_long(length: int, limits: Limits) -> PhotoError:
    return PhotoSizeError(
        f"Expected a file of at most {limits.file_bytes / 1e6:g} MB. Received a larger one. "
        "Make the picture smaller: 1,000 pixels a side are plenty."
    )


def _check_size(width: int, height: int, limits: Limits) -> None:
    if width < 1 or height < 1:
        raise PhotoError(
            f"Expected a picture with pixels. Received one of {width}×{height}. Take another file."
        )
    if width * height > limits.megapixels * 1e6:
        raise PhotoSizeError(
            f"Expected a picture of at most {limits.megapixels:g} megapixels. Received "
            f"{width}×{height}, which is {width * height / 1e6:.1f}. "
            "Make it smaller: 1,000 pixels a side are plenty."
        )


_OTHERS = (
    (b"GIF8", "a GIF"),
    (b"BM", "a BMP"),
    (b"II*\0", "a TIFF"),
    (b"MM\0*", "a TIFF"),
    (b"%PDF", "a PDF"),
    (b"8BPS", "a Photoshop file"),
    (b"PK\x03\x04", "a ZIP archive or a document"),
    (b"\0\0\1\0", "an icon"),
)


def _kind(content: bytes) -> str:
    """``PNG``, ``JPEG`` or ``WEBP``, by the first bytes."""
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if content.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "WEBP"
    raise PhotoKindError(
        f"Expected a PNG, JPEG or WebP picture. Received {_described(content)}. "
        "Save or export it as PNG or JPEG."
    )


def _described(content: bytes) -> str:
    if not content:
        return "an empty file"
    for start, name in _OTHERS:
        if content.startswith(start):
            return name
    if content[4:8] == b"ftyp":
        return "a HEIC, AVIF or video file"
    head = content[:1024].lower()
    if b"<svg" in head:
        return "an SVG drawing"
    if b"<html" in head or b"<!doctype" in head:
        return "a web page"
    return "something else, by its first bytes"


def _size(content: bytes, kind: str) -> tuple[int, int]:
    """Width and height by the header alone; of what has none that can be read, an error."""
    try:
        if kind == "PNG" and content[12:16] == b"IHDR":
            width, height = struct.unpack(">II", content[16:24])
            return width, height
        if kind == "JPEG":
            return _jpeg_size(content)
        if kind == "WEBP":
            return _webp_size(content)
    except (struct.error, IndexError):
        pass
    raise _undecodable(kind, None)


def _jpeg_size(content: bytes) -> tuple[int, int]:
    """From the first frame header: markers are walked, what is between them is not looked at."""
    at = 2
    while True:
        if content[at] != 0xFF:
            raise IndexError
        while content[at] == 0xFF:
            at += 1
        marker = content[at]
        at += 1
        if marker in (0x01, *range(0xD0, 0xD9)):  # stand alone
            continue
        (length,) = struct.unpack(">H", content[at : at + 2])
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack(">HH", content[at + 3 : at + 7])
            return width, height
        at += max(length, 2)


def _webp_size(content: bytes) -> tuple[int, int]:
    chunk = content[12:16]
    if chunk == b"VP8X":
        return (
            1 + int.from_bytes(content[24:27], "little"),
            1 + int.from_bytes(content[27:30], "little"),
        )
    if chunk == b"VP8L":
        (bits,) = struct.unpack("<I", content[21:25])
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if chunk == b"VP8 ":
        width, height = struct.unpack("<HH", content[26:30])
        return width & 0x3FFF, height & 0x3FFF
    raise IndexError


def _undecodable(kind: str, error: BaseException | None) -> PhotoError:
    name = {"WEBP": "WebP picture", "picture": "picture"}.get(kind, f"{kind} picture")
    reason = re.sub(r"<[^>]*>", "it", str(error or "no readable header")).strip(". ")[:120]
    return PhotoError(
        f"Expected a whole {name}. Received one that is cut off or damaged: "
        f"{reason or type(error).__name__}. Copy or save it again."
    )


def _from_array(array: npt.NDArray[Any], limits: Limits) -> UInt8:
    fits = array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (3, 4))
    if array.dtype != np.uint8 or not fits:
        raise PhotoError(
            "Expected an array uint8 (H, W), (H, W, 3) or (H, W, 4). Received "
            f"{array.dtype} of shape {array.shape}. Values from 0 to 1 become such an array by "
            "`(255 * array).astype('uint8')`; pass several photos as a list."
        )
    _check_size(array.shape[1], array.shape[0], limits)
    if array.ndim == 2:
        return np.repeat(array[:, :, None], 3, axis=2)
    if array.shape[2] == 4:
        return _pixels(Image.fromarray(np.ascontiguousarray(array), "RGBA"))
    return array


def _pixels(image: Image.Image) -> UInt8:
    """Decoded, 8 bits a channel, on white, upright: uint8 ``(H, W, 3)``.

    Band by band, since each step would hold one more copy of a picture that may be large.
    """
    image.load()
    orientation = image.getexif().get(_EXIF_ORIENTATION, 1)
    width, height = image.size
    bands = [(top, (0, top, width, min(top + _BAND, height))) for top in range(0, height, _BAND)]
    deep = image.mode.startswith("I;16") or (
        image.mode.startswith(("I", "F"))
        and max(_finite(image.crop(place)).max() for _, place in bands) > 255
    )
    pixels = np.empty((height, width, 3), np.uint8)
    for top, place in bands:
        pixels[top : top + _BAND] = _in_colour(image.crop(place), deep=deep)
    return _upright(pixels, orientation)


def _in_colour(image: Image.Image, *, deep: bool) -> UInt8:
    """A decoded band in 8 bits a channel, on white: uint8 ``(H, W, 3)``.

    Args:
        deep: whether grey is of 16 bits.
    """
    if image.mode.startswith(("I", "F")):
        image = _to_8_bits(image, deep=deep)
    if image.mode in ("LA", "PA", "La", "RGBA", "RGBa") or "transparency" in image.info:
        if image.mode in ("La", "RGBa"):
            image = image.convert({"La": "LA", "RGBa": "RGBA"}[image.mode])
        image = image.convert("RGBA")
        white = Image.new("RGB", image.size, (255, 255, 255))
        white.paste(image, mask=image.getchannel("A"))
        image = white
    return np.asarray(image.convert("RGB"))


def _to_8_bits(image: Image.Image, *, deep: bool) -> Image.Image:
    """Grey of more than 8 bits: 16 bits where a value of the picture needs them, else as it is."""
    finite = _finite(image)
    if deep:
        finite /= np.float32(257)
    return Image.fromarray(np.clip(finite + 0.5, 0, 255).astype(np.uint8))


def _finite(image: Image.Image) -> npt.NDArray[np.float32]:
    values = np.asarray(image).astype(np.float32)
    return np.nan_to_num(values, nan=0.0, posinf=65535.0, neginf=0.0)


def _upright(pixels: UInt8, orientation: object) -> UInt8:
    """Turned and mirrored as EXIF's orientation says (1 to 8; anything else is 1)."""
    if orientation in (5, 6, 7, 8):
        pixels = pixels.transpose(1, 0, 2)
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return pixels
