"""Images of the data set rendered back as photos: garments on backgrounds, in frames, damaged.

A garment is the negated image, enlarged; where the image is nearly black the background shows. What is
random about a photo (size, place, colour) comes from the generator that is handed in, so that every
way of reading a photo sees the same one.
"""

import io
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

UInt8 = npt.NDArray[np.uint8]
Float64 = npt.NDArray[np.float64]
Random = np.random.Generator
Background = Callable[[int, int, Random], Float64]

_FAINT = 12  # up to here, the paper's 5%, a pixel is background
WHITE = (253, 253, 253)  # the background of the data set's own photos


def plain(red: int, green: int, blue: int) -> Background:
    """One colour."""
    return lambda height, width, random: np.full((height, width, 3), (red, green, blue), float)


def any_plain(low: int, high: int) -> Background:
    """One colour at random, each channel between two values."""

    def background(height: int, width: int, random: Random) -> Float64:
        return np.full((height, width, 3), random.integers(low, high + 1, 3), float)

    return background


def stripes(height: int, width: int, random: Random) -> Float64:
    """Soft stripes of two light colours, 8 to 24 pixels each, in any direction."""
    angle, period = random.uniform(0, np.pi), random.uniform(16, 48)
    y, x = np.mgrid[:height, :width]
    wave = 0.5 + 0.5 * np.sin(2 * np.pi * (x * np.cos(angle) + y * np.sin(angle)) / period)
    one, other = random.integers(180, 256, 3), random.integers(180, 256, 3)
    return one + wave[..., None] * (other - one)


def wood(height: int, width: int, random: Random) -> Float64:
    """Brown with a grain along one direction."""
    grain = random.normal(0, 1, (height, 1)) + random.normal(0, 0.3, (height, width))
    return np.array([205.0, 170.0, 125.0]) + 8 * grain[..., None]


def cloth(height: int, width: int, random: Random) -> Float64:
    """Light grey with a mottled weave."""
    coarse = Image.fromarray(
        random.integers(0, 256, (max(2, height // 6), max(2, width // 6)), np.uint8)
    )
    mottle = np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC), float) - 128
    return 215 + 0.12 * mottle[..., None] * np.ones(3)


@dataclass(frozen=True)
class Scene:
    """One kind of photo.

    Attributes:
        name: what is said of it.
        bar: ``"plain"`` where the conversion must keep within 3 points of the clean accuracy.
        background: draws the background, float64 ``(H, W, 3)``.
        scale: photo pixels for one of the image: from, to.
        room: edges of the frame, as multiples of the garment's: from, to.
        centred: whether the garment is in the middle, or anywhere.
        tint: how much colour the garment gets, 0 to 1.
        angle: degrees by which it is turned at most, either way.
        shade: how dark the darkest corner is, 1 being even light.
        blur: standard deviation in pixels of the image.
        noise: standard deviation in grey levels.
        quality: of JPEG; None for none.
        negative: whether all is negated at the end: bright on black.
    """

    name: str
    bar: str = ""
    background: Background = field(default=plain(*WHITE))
    scale: tuple[float, float] = (8, 8)
    room: tuple[float, float] = (1.3, 1.3)
    centred: bool = True
    tint: float = 0.0
    angle: float = 0.0
    shade: float = 1.0
    blur: float = 0.0
    noise: float = 0.0
    quality: int | None = None
    negative: bool = False


SCENES = (
    Scene("enlarged, nothing else", "plain", room=(1, 1)),
    Scene("white background, centred", "plain"),
    Scene("white background, anywhere", "plain", room=(1.2, 3), centred=False),
    Scene("small: 60 to 110 pixels", "plain", scale=(2, 4), room=(2, 5), centred=False),
    Scene("large: 450 to 700 pixels", "plain", scale=(16, 25), room=(1.1, 1.6), centred=False),
    Scene("light grey background", "plain", background=plain(205, 205, 205)),
    Scene("light blue background", "plain", background=plain(185, 212, 245)),
    Scene(
        "any light colour, size and place", "plain", any_plain(190, 255), (3, 14), (1.1, 3), False
    ),
    Scene("coloured garment, light background", "plain", any_plain(215, 255), tint=0.7),
    Scene("any colour of background", background=any_plain(0, 255)),
    Scene("dark background", background=any_plain(15, 70)),
    Scene("bright on black, as in the data", room=(1, 1), background=plain(255, 255, 255), negative=True),
    Scene("bright on black, anywhere", background=plain(255, 255, 255), room=(1.2, 2.5), centred=False, negative=True),
    Scene("striped background", background=stripes),
    Scene("wooden background", background=wood),
    Scene("mottled cloth", background=cloth),
    Scene("shaded to 60%", shade=0.6),
    Scene("rotated up to 20°", angle=20),
    Scene("blurred by 0.8 image pixels", blur=0.8),
    Scene("noise of 20 grey levels", noise=20),
    Scene("JPEG of quality 15", quality=15),
    Scene(
        "all at once, mildly", "", any_plain(200, 255), (5, 12), (1.2, 2), False, 0.4, 8, 0.8, 0.3, 6, 60
    ),
)  # fmt: skip


def render(image: UInt8, scene: Scene, random: Random) -> UInt8:
    """One photo.

    Args:
        image: uint8 ``(28, 28)`` of the data set.
        scene: the kind.
        random: drawn from for everything that the kind leaves open.

    Returns:
        uint8 ``(H, W, 3)``.
    """
    scale = random.uniform(*scene.scale)
    side = round(28 * scale)
    grey = _enlarged(255 - image, side, 255, angle := random.uniform(-1, 1) * scene.angle)
    cover = _enlarged(((image > _FAINT) * 255).astype(np.uint8), side, 0, angle)
    garment = np.repeat(grey[..., None], 3, axis=2)
    if scene.tint:
        hue = random.uniform(0.3, 1.0, 3)
        hue /= hue @ (0.21, 0.72, 0.07)
        garment = np.clip(garment * (1 - scene.tint + scene.tint * hue), 0, 255)
    height, width = (round(side * random.uniform(*scene.room)) for _ in range(2))
    top, left = (
        (length - side) // 2 if scene.centred else int(random.integers(0, length - side + 1))
        for length in (height, width)
    )
    photo = scene.background(height, width, random)
    part = photo[top : top + side, left : left + side]
    opacity = np.clip(cover / 128, 0, 1)[..., None]
    photo[top : top + side, left : left + side] = opacity * garment + (1 - opacity) * part
    if scene.shade < 1:
        direction = random.uniform(0, 2 * np.pi)
        y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
        across = (x * np.cos(direction) + y * np.sin(direction)) / np.sqrt(8) + 0.5
        photo *= (1 - (1 - scene.shade) * across)[..., None]
    return _damaged(photo, scene, scale, random)


def _enlarged(image: UInt8, side: int, outside: int, angle: float) -> Float64:
    garment = Image.fromarray(image).resize((side, side), Image.Resampling.BICUBIC)
    if angle:
        garment = garment.rotate(angle, Image.Resampling.BICUBIC, fillcolor=outside)
    return np.asarray(garment, float)


def _damaged(photo: Float64, scene: Scene, scale: float, random: Random) -> UInt8:
    pixels = np.clip(photo + 0.5, 0, 255).astype(np.uint8)
    if scene.blur:
        softened = Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(scene.blur * scale))
        pixels = np.asarray(softened)
    if scene.noise:
        noisy = pixels + random.normal(0, scene.noise, pixels.shape)
        pixels = np.clip(noisy + 0.5, 0, 255).astype(np.uint8)
    if scene.negative:
        pixels = 255 - pixels
    if scene.quality is not None:
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, "JPEG", quality=scene.quality)
        pixels = np.asarray(Image.open(file))
    return pixels


def naive(photo: UInt8, *, invert: bool) -> UInt8:
    """What many do: made grey and resized to 28×28, with Pillow, negated or not."""
    image = Image.fromarray(photo).convert("L").resize((28, 28), Image.Resampling.BICUBIC)
    grey: Any = np.asarray(image)
    return 255 - grey if invert else grey
