"""How images of another size or colour become 28×28, for a data set and for its models alike.

A *small* image, no edge above ``SMALL`` pixels, is used as a whole: colour becomes luma, dark on
light becomes bright on dark, the longer edge is resized to 28 by area, and the rest is filled with
the image's own background. ``page/preparation.js`` does the same.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np

from fittingroom.photos.arithmetic import SIDE, UInt8, luma, rounded, scaled, shrink
from fittingroom.safe_io import parse_json

SMALL = 64  # pixels of the longer edge
_KEY = "preparation"


@dataclass(frozen=True)
class Preparation:
    """How a data set's images were made 28×28; its models prepare others in the same way.

    Attributes:
        resized: small images are used as a whole (see above). If not, they had the data set's own
            format, 28×28 bright on black; what has another goes through the photo conversion.
        inverted: small images are dark on light.
    """

    resized: bool = False
    inverted: bool = False

    def to_metadata(self) -> dict[str, str]:
        """As an entry of an ONNX model's metadata."""
        return {_KEY: json.dumps(asdict(self))}

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, str]) -> "Preparation":
        """Read it from an ONNX model's metadata; a model without it has the data set's own format.

        Raises:
            ValueError: it holds something else.
        """
        entry = metadata.get(_KEY, "{}")
        try:
            return cls(**parse_json(entry, _KEY))
        except TypeError as error:
            raise ValueError(f"The model's preparation is unknown: {entry:.100}.") from error


def is_small(height: int, width: int) -> bool:
    """Whether an image of this size is used as a whole."""
    return max(height, width) <= SMALL


def resize(images: UInt8, *, inverted: bool) -> UInt8:
    """Images of one size, ``(N, H, W)`` grey or ``(N, H, W, 3)``, as a whole: ``(N, 28, 28)``."""
    levels = images.astype(np.float64)
    if levels.ndim == 4:
        levels = rounded(luma(levels))
    if inverted:
        levels = 255 - levels
    background = np.median(border(levels), axis=1)  # (N,)
    height, width = levels.shape[1:]
    longest = max(height, width)
    # The images take the place of the colours.
    small = shrink(
        levels.transpose(1, 2, 0), scaled(height, SIDE, longest), scaled(width, SIDE, longest)
    ).transpose(2, 0, 1)  # (N, h, w)
    square = np.repeat(background, SIDE * SIDE).reshape(-1, SIDE, SIDE)
    top, left = (SIDE - small.shape[1]) // 2, (SIDE - small.shape[2]) // 2
    square[:, top : top + small.shape[1], left : left + small.shape[2]] = small
    return rounded(square).astype(np.uint8)


def border(levels: np.ndarray) -> np.ndarray:
    """The pixels at the edges of images ``(N, H, W)``, corners twice: ``(N, 2 (H + W))``."""
    edges = (levels[:, 0], levels[:, -1], levels[:, :, 0], levels[:, :, -1])
    return np.concatenate(edges, axis=1)
