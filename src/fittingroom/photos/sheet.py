"""Draw the stages of a conversion side by side."""

import textwrap

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from fittingroom.photos.photo import Photo, PhotoStage

_TILE = 224  # pixels a side
_GAP = 16
_TEXT = 13  # font size, pixels
_LINE = 18
_INK, _PAPER, _WARNING = (32, 32, 32), (255, 255, 255), (160, 60, 0)
_FRAME = (200, 200, 200)


def stage_sheet(photo: Photo) -> Image.Image:
    """Draw every stage with its name and sentence, and the warnings below them.

    Small images are enlarged without smoothing, so that their pixels can be seen.

    Returns:
        A Pillow image in colour; ``.save("stages.png")`` writes it.
    """
    width = _GAP + len(photo.stages) * (_TILE + _GAP)
    letters = max(20, width // 7)
    warnings = [line for each in photo.warnings for line in textwrap.wrap(f"Note: {each}", letters)]
    captions = [textwrap.wrap(stage.sentence, _TILE // 7) for stage in photo.stages]
    beneath = _LINE * (1 + max(len(caption) for caption in captions))
    height = _GAP + _TILE + beneath + _GAP + _LINE * len(warnings) + _GAP
    sheet = Image.new("RGB", (width, height), _PAPER)
    pen = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(_TEXT)
    for place, (stage, caption) in enumerate(zip(photo.stages, captions, strict=True)):
        left = _GAP + place * (_TILE + _GAP)
        tile = _tile(stage)
        # Centred, so that the stages are in a line.
        at = left + (_TILE - tile.width) // 2, _GAP + (_TILE - tile.height) // 2
        sheet.paste(tile, at)
        pen.rectangle(
            (at[0] - 1, at[1] - 1, at[0] + tile.width, at[1] + tile.height), outline=_FRAME
        )
        # Pillow's own font has no ×.
        lines = [f"{place + 1}. {stage.name.replace('×', ' by ')}", *caption]
        for number, line in enumerate(lines):
            top = _GAP + _TILE + 6 + number * _LINE
            pen.text((left, top), line, fill=_INK if number else (0, 0, 0), font=font)
    for number, line in enumerate(warnings):
        top = 2 * _GAP + _TILE + beneath + number * _LINE
        pen.text((_GAP, top), line, fill=_WARNING, font=font)
    return sheet


def _tile(stage: PhotoStage) -> Image.Image:
    """As large as fits in a tile; enlarged by whole factors only."""
    image = Image.fromarray(np.ascontiguousarray(stage.image)).convert("RGB")
    longest = max(image.size)
    if longest > _TILE:
        size = tuple(max(1, round(length * _TILE / longest)) for length in image.size)
        return image.resize((size[0], size[1]), Image.Resampling.BOX)
    factor = _TILE // longest
    return image.resize((image.width * factor, image.height * factor), Image.Resampling.NEAREST)
