"""Images in whatever array a person has → uint8 ``(N, H, W)`` or ``(N, H, W, 3)``."""

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from fittingroom.errors import DataInvalidError, PhotoError
from fittingroom.photos.arithmetic import SIDE, UInt8

_Values = npt.NDArray[Any]
_BLOCK = 1000  # images that are converted at a time
_SLACK = 1e-3  # what arithmetic with floats may add at both ends of 0 to 1
_SMALLEST = 4  # pixels of an edge: less is a table of something else


def as_images(array: Any) -> UInt8:
    """The one rule for images that come as arrays.

    Args:
        array: anything that NumPy can read, also a PyTorch tensor: ``(N, H, W)``,
            ``(N, H, W, 1)``, ``(N, 1, H, W)``, ``(N, H, W, 3)``, ``(N, 3, H, W)``, or flat:
            ``(N, K)``, where K is a square number, or three times one for colour. Whole numbers
            and floats from 0 to 255, floats from 0 to 1 or bool; all values together decide which.

    Returns:
        uint8 ``(N, H, W)`` for grey, ``(N, H, W, 3)`` for colour.

    Raises:
        DataInvalidError: it is something else; the message has the line of Python that helps.
    """
    values = _numbers(array)
    return to_levels(with_edges(values), factor_of(values))


def one_or_many(array: Any) -> UInt8:
    """The images in an array that a model is asked about.

    An array is one image if its shape is ``(H, W)``, ``(H, W, 1)``, ``(H, W, 3)``, ``(H, W, 4)``
    with opacity, or ``(784,)``. With one axis more, or ``(N, 784)``, it is N images, and so is
    ``(N, H, W)``; all that :func:`as_images` takes is taken, in values too. Three planes of
    another size than 28×28, ``(3, H, W)``, may be either, and are refused.

    Each image is then treated as the same pixels in a PNG file: if it has Fashion-MNIST's format,
    it is left alone; if it is dark on light, it is inverted, and a warning says so; see
    :func:`fittingroom.photos.read_photo`.

    Returns:
        uint8 ``(N, H, W)``, ``(N, H, W, 3)`` or ``(N, H, W, 4)``.

    Raises:
        PhotoError: it holds no images; the message has the line of Python that helps.
    """
    try:
        values = _numbers(array)
        match values.shape:
            case (_,):
                values = values[None]
            case (_, columns) if columns != SIDE * SIDE:
                values = values[None]
            case (_, _, 1 | 3 | 4):
                values = values[None]
            case (3, height, width) if (height, width) != (SIDE, SIDE):
                raise DataInvalidError(
                    f"An array of shape {values.shape} may be one image in colour or three grey "
                    "ones. Use `images = images[None]` or `images = list(images)`."
                )
        edges = values if values.shape[3:] == (4,) else with_edges(values)
        return to_levels(edges, factor_of(values))
    except DataInvalidError as error:
        raise PhotoError(str(error)) from error


def is_array(given: Any) -> bool:
    """Whether something is an array of any library, and no image of Pillow's."""
    return hasattr(given, "__array__") and not isinstance(given, str | Image.Image)


def _numbers(array: Any) -> _Values:
    values = as_array(array)
    if values.dtype.kind not in "biuf":
        raise _refused(f"are {values.dtype} and not numbers", _STACK)
    if 0 in values.shape:
        raise DataInvalidError(f"There are no images: the array has the shape {values.shape}.")
    return values


def factor_of(values: _Values) -> int:
    """What makes grey levels from 0 to 255 of these numbers: 1, or 255 if they are from 0 to 1.

    Raises:
        DataInvalidError: they have another range.
    """
    low, high = float(values.min()), float(values.max())

    def within(least: int, most: int) -> bool:
        return low >= least - _SLACK and high <= most + _SLACK

    if not (math.isfinite(low) and math.isfinite(high)):
        raise _refused("hold NaN or infinity", "np.nan_to_num(images, posinf=0, neginf=0)")
    if values.dtype.kind in "bf" and within(0, 1):
        return 255
    if within(0, 255):
        return 1
    raise _refused(
        f"have values from {low:g} to {high:g}, not from 0 to 255 or from 0 to 1",
        "(images + 1) / 2"
        if within(-1, 1)
        else f"np.interp(images, ({low:g}, {high:g}), (0, 255))",
    )


def to_levels(values: _Values, factor: int) -> UInt8:
    """Numbers times a factor, rounded, as uint8 of the same shape."""
    if values.dtype.kind in "iu":
        return np.ascontiguousarray(values, np.uint8)
    levels: UInt8 = np.empty(values.shape, np.uint8)
    for at in range(0, len(values), _BLOCK):
        block = values[at : at + _BLOCK] * np.float64(factor)
        levels[at : at + _BLOCK] = np.rint(block).clip(0, 255)
    return levels


def with_edges(values: _Values) -> _Values:
    """Images of any layout as ``(N, H, W)`` or ``(N, H, W, 3)``.

    Raises:
        DataInvalidError: the shape is none of images.
    """
    shape = values.shape
    if values.ndim == 2 and (side := side_of(shape[1])):
        if 3 * side**2 != shape[1]:
            return values.reshape(-1, side, side)
        if not has_planes(values):
            return values.reshape(-1, side, side, 3)
        values = values.reshape(-1, 3, side, side)
    if values.ndim == 4 and values.shape[3] not in (1, 3) and values.shape[1] in (1, 3):
        values = values.transpose(0, 2, 3, 1)  # (N, 3, H, W) → (N, H, W, 3)
    if values.ndim == 4 and values.shape[3] == 1:
        values = values[..., 0]
    fits = values.ndim == 3 or (values.ndim == 4 and values.shape[3] == 3)
    if not fits or min(values.shape[1:3]) < _SMALLEST:
        raise _refused(f"have the shape {shape}, not (N, H, W) or (N, H, W, 3)", _line_for(*shape))
    return values


def side_of(columns: int) -> int:
    """The edge of a square image of so many values, grey or in three colours; 0 if none has."""
    sides = (math.isqrt(columns // channels) for channels in (1, 3))
    return next((s for s in sides if s >= _SMALLEST and columns in (s**2, 3 * s**2)), 0)


def has_planes(flat: _Values) -> bool:
    """Whether flat images in colour, ``(N, 3 · side²)``, are all of red, all of green, all of blue.

    Otherwise each pixel's three colours are together. In the right order a pixel is most like the
    one above it; a thousand images decide.
    """
    sample = flat[:: len(flat) // 1000 + 1].astype(np.float64)
    row = math.isqrt(sample.shape[1] // 3)
    planes, pixels = (np.abs(sample[:, n:] - sample[:, :-n]).mean() for n in (row, 3 * row))
    return bool(planes < pixels)


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


_STACK = 'np.stack(list(images)).astype("float64")'


def _refused(what: str, line: str) -> DataInvalidError:
    return DataInvalidError(f"The images {what}. Use `images = {line}`.")


def _line_for(*shape: int) -> str:
    """What makes images of an array of another shape, as Python."""
    match shape:
        case ():
            return "np.stack(list(images))"
        case (columns,):
            return "images[None]" if side_of(columns) else "np.stack(list(images))"
        case (_, columns) if side_of(columns - 1):
            return "images[:, 1:]"  # a label comes first
        case (count, columns, 1) | (count, 1, columns) if count != columns and side_of(columns):
            return "images.reshape(len(images), -1)"
        case (_, _) | (_, _, _):
            return "images[None, ..., :3]" if shape[2:] == (4,) else "images[None]"
        case (_, _, _, 4):
            return "images[..., :3]"
        case (_, 4, _, _):
            return "images[:, :3]"
        case (_, _, 1 | 3, _):
            return "images.transpose(3, 0, 1, 2)"
    return f"images[:, {shape[1] // 2}]"  # the middle slice of a volume
