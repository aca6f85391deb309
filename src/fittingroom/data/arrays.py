"""A data set of arrays that a person has."""

from pathlib import Path
from typing import Any

from fittingroom.data.content import Content, Part, labelled
from fittingroom.errors import DataInvalidError
from fittingroom.photos.arrays import as_array, as_images


def part_of(images: Any, labels: Any, names: tuple[str, str]) -> Part:
    """Images and labels as a part of a data set; ``names`` are what messages call the two."""
    try:
        levels = as_images(images)
    except DataInvalidError as error:
        raise DataInvalidError(f"{names[0]}: {error}") from error
    return labelled(levels, as_array(labels), Path(names[1]))


def content_of(arrays: tuple[Any, ...]) -> Content:
    """A data set of ``(x, y)``, ``(x, y, x_test, y_test)``, or two pairs, as Keras gives them."""
    if len(arrays) == 2 and all(isinstance(pair, tuple) and len(pair) == 2 for pair in arrays):
        arrays = (*arrays[0], *arrays[1])
    if len(arrays) not in (2, 4):
        raise DataInvalidError(
            f"Arrays come as (x, y) or (x, y, x_test, y_test), not as {len(arrays)} values."
        )
    training = part_of(arrays[0], arrays[1], ("x", "y"))
    test = part_of(arrays[2], arrays[3], ("x_test", "y_test")) if len(arrays) == 4 else None
    return Content(training, test, notes=("Made of arrays.",))
