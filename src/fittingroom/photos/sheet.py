"""Draw the stages of a conversion side by side."""

import textwrap

import numpy as np
from PIL import Image, ImageDraw, ImageFont, ImageOps

from fittingroom.photos.photo import Converted

_TILE = 224  # pixels a side
_GAP = 16
_LINE = 18


def stage_sheet(photo: Converted) -> Image.Image:
    """Draw every stage with its name and sentence, as a Pillow image in colour.

    Small images are enlarged without smoothing, so that their pixels can be seen.
    """
    # Pillow's own font has no ×.
    captions = [
        [f"{number}. {stage.name.replace('×', ' by ')}", *textwrap.wrap(stage.sentence, _TILE // 7)]
        for number, stage in enumerate(photo.stages, 1)
    ]
    width = _GAP + len(photo.stages) * (_TILE + _GAP)
    height = _GAP + _TILE + _GAP + _LINE * max(map(len, captions)) + _GAP
    sheet = Image.new("RGB", (width, height), "white")
    pen = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(13)
    for place, (stage, caption) in enumerate(zip(photo.stages, captions, strict=True)):
        image = Image.fromarray(np.ascontiguousarray(stage.image)).convert("RGB")
        tile = ImageOps.scale(image, _TILE // max(image.size), Image.Resampling.NEAREST)
        left = _GAP + place * (_TILE + _GAP)
        # Centred, so that the stages are in a line.
        at = left + (_TILE - tile.width) // 2, _GAP + (_TILE - tile.height) // 2
        sheet.paste(ImageOps.expand(tile, 1, "lightgrey"), (at[0] - 1, at[1] - 1))
        pen.text((left, 2 * _GAP + _TILE), "\n".join(caption), "black", font, spacing=5)
    return sheet
