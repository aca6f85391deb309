"""The stages of a photo's conversion side by side, as one picture."""

import textwrap

from PIL import Image, ImageDraw, ImageFont

from fittingroom.photos import Photo

_HEIGHT = 224  # pixels of each stage; 28 × 8
_MARGIN = 12
_TEXT = 64
_INK = "black"


def draw_stages(photo: Photo) -> Image.Image:
    """Each stage with its name and sentence, from left to right, RGB on white."""
    pictures = [_enlarged(Image.fromarray(stage.picture)) for stage in photo.stages]
    widths = [max(picture.width, _HEIGHT) + _MARGIN for picture in pictures]
    sheet = Image.new("RGB", (sum(widths) + _MARGIN, _HEIGHT + _TEXT + 2 * _MARGIN), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(12)
    left = _MARGIN
    for stage, picture, width in zip(photo.stages, pictures, widths, strict=True):
        sheet.paste(picture, (left, _MARGIN))
        frame = (left - 1, _MARGIN - 1, left + picture.width, _MARGIN + picture.height)
        draw.rectangle(frame, outline="silver")
        words = textwrap.fill(stage.sentence, width=max(int(width / 6.5), 10))
        draw.text((left, _HEIGHT + _MARGIN + 4), f"{stage.name}\n{words}", _INK, font)
        left += width
    return sheet


def _enlarged(picture: Image.Image) -> Image.Image:
    """To the height of a stage; small pictures keep their pixels as squares."""
    scale = _HEIGHT / picture.height
    size = (max(round(picture.width * scale), 1), _HEIGHT)
    how = Image.Resampling.NEAREST if scale >= 1 else Image.Resampling.LANCZOS
    return picture.convert("RGB").resize(size, how)
