"""Images, numbers and names as parts of the page."""

import base64
import io
import re

import numpy as np
from markupsafe import Markup, escape
from PIL import Image

from fittingroom.predictions import UInt8


def image_uri(image: UInt8) -> str:
    """An image uint8 ``(28, 28)`` as a ``data:`` address of a PNG, dark on light.

    Sixteen shades of grey: half the bytes of 256, and no eye tells them apart at this size.
    """
    shades = 15 - (image.astype(np.uint16) + 8) // 17  # 0 to 15
    small = Image.fromarray(shades.astype(np.uint8)).convert("P")
    small.putpalette([value for shade in range(16) for value in (17 * shade,) * 3])
    stream = io.BytesIO()
    small.save(stream, format="png", bits=4)
    return "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode()


def unbroken_ranges(text: str) -> Markup:
    """The text, escaped, in which no line breaks within an interval.

    Such as ``(92.6–93.6%)`` or ``(+1.9 to +2.9)``.
    """
    return Markup(
        re.sub(
            r"\([^()]{0,18}\d–\d[^()]{0,12}\)|\([+−]?[\d.]+ to [+−]?[\d.]+\)",
            r'<span class="range">\g<0></span>',
            str(escape(text)),
        )
    )


def stem(name: str) -> str:
    """A model's name as the beginning of a file's name, on any system."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.") or "model"
