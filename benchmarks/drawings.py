"""Garments drawn by other hands: emoji and pictographs of fonts, classified as photos are."""

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from benchmarks import photo_scenes
from fittingroom.classes import GARMENTS
from fittingroom.errors import PhotoError
from fittingroom.photos import read_photo
from fittingroom.predict import Predictor

FONTS = Path("/usr/share/fonts")
# File → the one size that it has, where it holds pictures instead of outlines.
FILES = {"NotoColorEmoji.ttf": 109, "Symbola_hint.ttf": 200, "Symbola.ttf": 200}

# What each shows, and the labels that are right for it; the data set parts them by more than a
# drawing shows.
GLYPHS = {
    "👕": ("T-shirt", (0, 6)),
    "👖": ("jeans", (1,)),
    "👗": ("dress", (3,)),
    "👚": ("woman's clothes", (0, 2, 6)),
    "🧥": ("coat", (4,)),
    "👡": ("woman's sandal", (5,)),
    "👠": ("high-heeled shoe", (5, 7, 9)),
    "👞": ("man's shoe", (7, 9)),
    "👟": ("running shoe", (7,)),
    "👢": ("woman's boot", (9,)),
    "🥾": ("hiking boot", (9,)),
    "👜": ("handbag", (8,)),
    "👝": ("clutch bag", (8,)),
    "🎒": ("backpack", (8,)),
    "💼": ("briefcase", (8,)),
}


def draw(path: Path, size: int, glyph: str) -> "Image.Image | None":
    """One glyph on white, with some room around it; None where the font has none."""
    font = ImageFont.truetype(path, size)
    missing, mask = font.getmask("\U0010fffe"), font.getmask(glyph)
    if mask.getbbox() is None or (mask.size, bytes(mask)) == (missing.size, bytes(missing)):
        return None
    sheet = Image.new("RGB", (3 * size, 3 * size), (255, 255, 255))
    place = ImageDraw.Draw(sheet)
    place.text((size, size), glyph, font=font, fill=(40, 40, 40), embedded_color=True)
    left, top, right, bottom = Image.eval(sheet.convert("L"), lambda level: 255 - level).getbbox() or (
        0, 0, *sheet.size,
    )  # fmt: skip
    room = size // 6
    return sheet.crop((left - room, top - room, right + room, bottom + room))


def score(model: Predictor, fonts: Path) -> dict[str, Any]:
    """What the model says of each drawing, by font: read as a photo, and in the naïve ways.

    Returns:
        ``"fonts"``: file name → a row a glyph, each with what it ``shows``, the class ``said`` after
        ``read_photo`` (None where refused) and whether it and the naïve ways are ``right``;
        ``"missing"``: the files of :data:`FILES` that were not found.
    """
    found = {path.name: path for path in sorted(fonts.rglob("*.ttf")) if path.name in FILES}
    rows: dict[str, Any] = {}
    for name, path in found.items():
        rows[name] = []
        for glyph, (shows, right) in GLYPHS.items():
            picture = draw(path, FILES[name], glyph)
            if picture is None:
                continue
            pixels = np.asarray(picture)
            images = [
                photo_scenes.naive(pixels, invert=True),
                photo_scenes.naive(pixels, invert=False),
            ]
            try:
                images.insert(0, read_photo(picture).image)
            except PhotoError:
                images.insert(0, np.zeros((28, 28), np.uint8))
            said = model.log_probabilities(np.stack(images)).argmax(axis=1).tolist()
            rows[name].append(
                {
                    "shows": shows,
                    "said": GARMENTS[said[0]],
                    "right": [each in right for each in said],
                }
            )
    return {"fonts": rows, "missing": sorted(set(FILES) - set(found))}
