"""Images in whatever array a person has → uint8 ``(N, H, W)`` or ``(N, H, W, 3)``."""

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from fittingroom.errors import DataInvalidError, PhotoError
from fittingroom.photos.arithmetic import SIDE, UInt8

_Values = npt.NDArray[Any]
_SLACK = 1e-3  # what arithmetic with floats may add at both ends of 0 to 1
_SMALLEST = 4  # pixels of an edge: less is a table of something else


def as_images(array: Any) -> UInt8:
    """The one rule for images that come as arrays: uint8 ``(N, H, W)``, or ``(N, H, W, 3)``.

    Args:
        array: what NumPy can read, or a PyTorch tensor: ``(N, H, W)``, ``(N, H, W, 1)``,
            ``(N, 1, H, W)``, ``(N, H, W, 3)``, ``(N, 3, H, W)``, or ``(N, K)`` with a square
            number K. Numbers from 0 to 255, or, if all floats are so, from 0 to 1; or bool.

    Raises:
        DataInvalidError: it is something else; the message says what to do.
    """
    return _levels(_with_edges(_numbers(array)))


def one_or_many(array: Any) -> UInt8:
    """The images in an array that a model is asked about: ``(N, H, W)``, or with 3 or 4 channels.

    One image has the shape ``(H, W)``, ``(H, W, 1)``, ``(H, W, 3)``, ``(H, W, 4)`` with opacity, or
    ``(784,)``. All that :func:`as_images` takes is N images, and so is ``(N, H, W, 4)``. Three
    planes of another size than 28×28, ``(3, H, W)``, may be either, and are refused.

    Each image is then treated as the same pixels in a PNG file: if it has Fashion-MNIST's format,
    it is left alone; if it is dark on light, it is inverted, and a warning says so; see
    :func:`fittingroom.photos.read_photo`.

    Raises:
        PhotoError: it holds no images; the message says what to do.
    """
    try:
        values = _numbers(array)
        match values.shape:
            case (_,) | (_, _, 1 | 3 | 4):
                values = values[None]
            case (_, columns) if columns != SIDE * SIDE:
                values = values[None]
            case (3, height, width) if (height, width) != (SIDE, SIDE):
                raise DataInvalidError(
                    f"An array of shape {values.shape} may be one image in colour or three grey "
                    "ones. Use `images = images[None]` or `images = list(images)`."
                )
        return _levels(values if values.shape[3:] == (4,) else _with_edges(values))
    except DataInvalidError as error:
        raise PhotoError(str(error)) from error


def is_array(given: Any) -> bool:
    """Whether something is an array of any library, and no image of Pillow's."""
    return hasattr(given, "__array__") and not isinstance(given, str | Image.Image)


def as_array(given: Any) -> _Values:
    """What NumPy makes of an array, a PyTorch tensor or lists.

    Raises:
        DataInvalidError: it can't.
    """
    if hasattr(given, "detach"):  # a PyTorch tensor, which may be on another device
        given = given.detach().cpu()
    try:
        return np.asarray(given)
    except (TypeError, ValueError, RuntimeError) as error:
        raise DataInvalidError(
            "This can't be made one array of numbers. Bring images to one size, and tensors to a "
            f"type that NumPy knows, by `images.float()` for instance. NumPy says: {error}"
        ) from error


def side_of(columns: int) -> int:
    """The edge of a square image of so many pixels; 0 if none has."""
    side = math.isqrt(columns)
    return side if side >= _SMALLEST and side**2 == columns else 0


def _numbers(array: Any) -> _Values:
    values = as_array(array)
    if values.dtype.kind not in "biuf":
        line = 'np.stack(list(images)).astype("float64")'
        raise _refused(f"are {values.dtype} and not numbers", line)
    if 0 in values.shape:
        raise DataInvalidError(f"There are no images: the array has the shape {values.shape}.")
    return values


def _levels(values: _Values) -> UInt8:
    """Grey levels from 0 to 255 or from 0 to 1, as uint8 of the same shape."""
    low, high = float(values.min()), float(values.max())
    if not (math.isfinite(low) and math.isfinite(high)):
        raise _refused("hold NaN or infinity", "np.nan_to_num(images, posinf=0, neginf=0)")
    fractions = values.dtype.kind in "bf" and high <= 1 + _SLACK
    if low < -_SLACK or high > 255 + _SLACK:
        ends = "(-1, 1)" if fractions and low >= -1 - _SLACK else f"({low:g}, {high:g})"
        raise _refused(
            f"have values from {low:g} to {high:g}, not from 0 to 255 or from 0 to 1",
            f"np.interp(images, {ends}, (0, 255))",
        )
    if values.dtype.kind in "iu":
        return np.ascontiguousarray(values, np.uint8)
    levels = np.multiply(values, 255 if fractions else 1, dtype=np.float32)
    return np.ascontiguousarray(np.rint(levels, out=levels).clip(0, 255, out=levels), np.uint8)


def _with_edges(values: _Values) -> _Values:
    """Images of any layout as ``(N, H, W)`` or ``(N, H, W, 3)``."""
    shape = values.shape
    if values.ndim == 2 and side_of(shape[1]):
        values = values.reshape(-1, side_of(shape[1]), side_of(shape[1]))
    if values.ndim == 4 and shape[3] not in (1, 3) and shape[1] in (1, 3):
        values = np.moveaxis(values, 1, 3)
    if values.ndim == 4 and values.shape[3] == 1:
        values = values[..., 0]
    fits = values.ndim == 3 or (values.ndim == 4 and values.shape[3] == 3)
    if fits and min(values.shape[1:3]) >= _SMALLEST:
        return values
    words = f"have the shape {shape}, not (N, H, W) or (N, H, W, 3)"
    match shape:
        case (_, columns) if side_of(columns - 1):
            raise _refused(words, "images[:, 1:]")  # a label comes first
        case (_, _, _, 4):
            raise _refused(words, "images[..., :3]")
        case (_, _) | (_, _, 3) | (784,):
            raise _refused(words, "images[None]")
    raise DataInvalidError(f"The images {words}. Move or reshape their axes.")


def _refused(what: str, line: str) -> DataInvalidError:
    return DataInvalidError(f"The images {what}. Use `images = {line}`.")
