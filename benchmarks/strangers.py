"""Images that show no clothes, 28 × 28 and bright on black: what a model should not know."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

UInt8 = npt.NDArray[np.uint8]

SIDE = 28
_FONTS = (
    "DejaVuSans.ttf",
    "DejaVuSans-Bold.ttf",
    "DejaVuSans-Oblique.ttf",
    "DejaVuSansMono.ttf",
    "DejaVuSerif.ttf",
    "DejaVuSerif-Bold.ttf",
    "DejaVuSerif-Italic.ttf",
)


def strangers(count: int, seed: int = 0) -> dict[str, UInt8]:
    """Images that show no clothes, ``count`` of each kind, uint8 ``(count, 28, 28)``.

    Digits written by hand (scikit-learn's, 8 × 8 enlarged), digits and letters drawn from fonts,
    noise of four kinds, plain shapes, and pieces of everyday photos.
    """
    makers: dict[str, Callable[[int, np.random.Generator], UInt8]] = {
        "digits, written": _written_digits,
        "digits, printed": lambda count, rng: _glyphs("0123456789", count, rng),
        "letters": lambda count, rng: _glyphs(
            "ABCDEFGHJKLMNPQRSTUVWXYZabdefghijkmnpqrt", count, rng
        ),
        "noise": _noise,
        "shapes": _shapes,
        "everyday photos": _photos,
    }
    return {
        name: make(count, np.random.default_rng([seed, number]))
        for number, (name, make) in enumerate(makers.items())
    }


def _written_digits(count: int, rng: np.random.Generator) -> UInt8:
    """Handwritten digits of 8 × 8, enlarged to 20 × 20 in the middle, as MNIST has them."""
    from sklearn.datasets import load_digits

    digits = load_digits().images
    chosen = digits[rng.choice(len(digits), count, replace=count > len(digits))]
    images = np.zeros((count, SIDE, SIDE), np.uint8)
    for image, digit in zip(images, chosen, strict=True):
        small = Image.fromarray((digit * 255 / 16).astype(np.uint8))
        image[4:24, 4:24] = np.asarray(small.resize((20, 20), Image.Resampling.BICUBIC))
    return images


def _glyphs(characters: str, count: int, rng: np.random.Generator) -> UInt8:
    """Characters of several fonts and sizes, slightly rotated."""
    import matplotlib

    fonts = Path(matplotlib.get_data_path()) / "fonts" / "ttf"  # the same everywhere
    images = np.empty((count, SIDE, SIDE), np.uint8)
    for number in range(count):
        name = _FONTS[rng.integers(len(_FONTS))]
        font = ImageFont.truetype(str(fonts / name), int(rng.integers(72, 112)))
        canvas = Image.new("L", (112, 112))
        letter = characters[rng.integers(len(characters))]
        ImageDraw.Draw(canvas).text((56, 56), letter, fill=255, font=font, anchor="mm")
        turned = canvas.rotate(float(rng.uniform(-15, 15)), Image.Resampling.BICUBIC)
        images[number] = np.asarray(turned.resize((SIDE, SIDE), Image.Resampling.LANCZOS))
    return images


def _noise(count: int, rng: np.random.Generator) -> UInt8:
    """In turn: uniform, Gaussian about grey, coarse blocks, and sparse bright pixels."""
    kinds = (
        lambda: rng.integers(0, 256, (SIDE, SIDE)),
        lambda: rng.normal(127, 40, (SIDE, SIDE)).clip(0, 255),
        lambda: rng.integers(0, 256, (7, 7)).repeat(4, axis=0).repeat(4, axis=1),
        lambda: (rng.random((SIDE, SIDE)) < rng.uniform(0.02, 0.3)) * 255,
    )
    return np.stack([kinds[number % len(kinds)]() for number in range(count)]).astype(np.uint8)


def _shapes(count: int, rng: np.random.Generator) -> UInt8:
    """Ellipses, rectangles, polygons, rings and crosses of any place, size and brightness."""
    images = np.empty((count, SIDE, SIDE), np.uint8)
    for number in range(count):
        canvas = Image.new("L", (112, 112))
        draw = ImageDraw.Draw(canvas)
        shade = int(rng.integers(90, 256))
        middle, radius = rng.uniform(40, 72, 2), float(rng.uniform(14, 40))
        box = [*(middle - radius), *(middle + radius)]
        match number % 5:
            case 0:
                draw.ellipse([box[0], box[1], box[2], box[1] + radius * rng.uniform(0.6, 2)], shade)
            case 1:
                draw.rectangle(
                    [box[0], box[1], box[2], box[1] + radius * rng.uniform(0.3, 2)], shade
                )
            case 2:
                angles = np.sort(rng.uniform(0, 2 * np.pi, int(rng.integers(3, 8))))
                points = middle + radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)
                draw.polygon([tuple(point) for point in points], shade)
            case 3:
                draw.ellipse(box, outline=shade, width=int(rng.integers(4, 16)))
            case 4:
                width = int(rng.integers(4, 16))
                draw.line([box[0], box[1], box[2], box[3]], shade, width)
                draw.line([box[0], box[3], box[2], box[1]], shade, width)
        images[number] = np.asarray(canvas.resize((SIDE, SIDE), Image.Resampling.LANCZOS))
    return images


def _photos(count: int, rng: np.random.Generator) -> UInt8:
    """Square pieces of photos of a temple, a flower and a portrait, of all sizes, grey."""
    import matplotlib
    from sklearn.datasets import load_sample_images

    portrait = Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg"
    with Image.open(portrait) as image:
        photos = [image.convert("L")]
    photos += [Image.fromarray(image).convert("L") for image in load_sample_images().images]
    images = np.empty((count, SIDE, SIDE), np.uint8)
    for number in range(count):
        photo = photos[number % len(photos)]
        side = int(rng.integers(2 * SIDE, min(photo.size)))
        left, top = (int(rng.integers(0, length - side + 1)) for length in photo.size)
        piece = photo.crop((left, top, left + side, top + side))
        images[number] = np.asarray(piece.resize((SIDE, SIDE), Image.Resampling.LANCZOS))
    return images
