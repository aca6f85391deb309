"""Odd image files by the dozen, made again each time: for all that takes untrusted photos.

Each case is small; what is large in it is what its header claims. None is random between calls.
"""

import base64
import io
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from fittingroom.data import find_dataset

UInt8 = npt.NDArray[np.uint8]
# Photos that people took; there are none beside most checkouts.
_REAL = Path(__file__).parents[3] / "shared" / "photos" / "images"


@dataclass(frozen=True)
class Case:
    """One file.

    Attributes:
        name: its file name, unique in the corpus; the ending may lie.
        content: its bytes.
        expected: ``"photo"``, ``"error"``, ``"either"`` where decoders may differ, or ``"blank"``:
            one colour all over, which can be opened, but not converted to 28×28.
    """

    name: str
    content: bytes
    expected: str


def garment_photo(height: int = 120, width: int = 90) -> UInt8:
    """A dark, lopsided coat on a light background, its top brighter than its hem: no symmetry."""
    photo = np.full((height, width, 3), (236, 238, 241), np.uint8)
    top, left = height // 6, width // 4
    tall, wide = height * 2 // 3, width // 2
    shade = np.linspace(150, 40, tall)[:, None, None] * np.array([1.0, 0.8, 0.6])
    photo[top : top + tall, left : left + wide] = shade.astype(np.uint8)
    photo[top : top + tall // 3, left + wide : left + wide + width // 6] = (90, 30, 60)
    return photo


def own_format_image() -> UInt8:
    """The first image of the embedded sample: uint8 ``(28, 28)``."""
    return find_dataset("sample").training().images[0]


def encoded(image: "Image.Image | UInt8", kind: str = "PNG", **options: Any) -> bytes:
    """An image as the content of a file."""
    file = io.BytesIO()
    image = Image.fromarray(image) if isinstance(image, np.ndarray) else image
    image.save(file, kind, **options)
    return file.getvalue()


def pixels_of(text: str) -> UInt8:
    """The pixels of an image file in base64."""
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(text))))


def exif(orientation: int) -> bytes:
    """EXIF that says how an image is to be turned."""
    values = Image.Exif()
    values[0x0112] = orientation
    return values.tobytes()


def rotated(photo: UInt8, orientation: int) -> UInt8:
    """The pixels that show ``photo`` upright once they are turned as EXIF's orientation says."""
    undo = {
        1: lambda a: a,
        2: lambda a: a[:, ::-1],
        3: lambda a: a[::-1, ::-1],
        4: lambda a: a[::-1],
        5: lambda a: a.transpose(1, 0, 2),
        6: lambda a: np.rot90(a, 1),
        7: lambda a: np.rot90(a, 2).transpose(1, 0, 2),
        8: lambda a: np.rot90(a, -1),
    }
    return np.ascontiguousarray(undo[orientation](photo))


def chunk(name: bytes, content: bytes) -> bytes:
    """One chunk of a PNG."""
    return (
        struct.pack(">I", len(content))
        + name
        + content
        + struct.pack(">I", zlib.crc32(name + content))
    )


def png(width: int, height: int, depth: int, colour: int, data: bytes, *more: bytes) -> bytes:
    """A PNG of one's own making, its pixels ``data`` before compression, after ``more``."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    body = b"".join(more) + chunk(b"IDAT", zlib.compress(data, 9))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + body + chunk(b"IEND", b"")


def corpus() -> list[Case]:
    """All cases, about 290, in the same order each time."""
    return [
        *_kinds(),
        *_shapes(),
        *_broken(),
        *_refused(),
        *_disguised(),
        *_bombs(),
        *_metadata(),
        *_mutations(),
    ]


def _kinds() -> Iterator[Case]:
    """Orientations, modes, depths and transparency."""
    photo = garment_photo()
    image = Image.fromarray(photo)
    for orientation in (*range(1, 9), 0, 65535):
        turned = rotated(photo, orientation if orientation in range(1, 9) else 1)
        content = encoded(turned, "JPEG", quality=95, exif=exif(orientation))
        yield Case(f"exif-{orientation}.jpeg", content, "photo")
    for kind in ("PNG", "WEBP"):
        content = encoded(rotated(photo, 6), kind, exif=exif(6))
        yield Case(f"exif-6.{kind.lower()}", content, "photo")
    for kind, modes in (
        ("PNG", ("1", "L", "LA", "P", "RGB", "RGBA")),
        ("JPEG", ("L", "RGB", "CMYK")),
        ("WEBP", ("L", "RGBA")),
        ("GIF", ("1", "L", "P", "RGBA")),
        ("BMP", ("1", "L", "P", "RGB")),
        ("TIFF", ("1", "L", "LA", "P", "RGBX", "RGBA", "CMYK", "YCbCr", "LAB", "I;16", "I", "F")),
        ("MPO", ("L", "RGB", "CMYK")),
        ("AVIF", ("L", "RGBA")),
    ):
        for mode in modes:
            content = encoded(image.convert("L" if mode == "I;16" else "RGB").convert(mode), kind)
            yield Case(f"mode-{mode}.{kind.lower()}", content, "photo")
    grey = np.asarray(image.convert("L"))
    sixteen = Image.fromarray(grey.astype(np.uint16) * 257)
    yield Case("16-bit-grey.png", encoded(sixteen, "PNG"), "photo")
    colour = np.asarray(image).astype(">u2") * 257
    for name, code, values in (
        ("colour", 2, colour),
        ("opacity", 6, np.dstack([colour, np.full((120, 90), 65535, ">u2")])),
    ):
        rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
        yield Case(f"16-bit-{name}.png", png(90, 120, 16, code, rows), "photo")
    bits = np.unpackbits((grey >> 6).astype(np.uint8)[:, :88, None], axis=2)[:, :, 6:].reshape(
        120, -1
    )
    rows = b"".join(b"\0" + np.packbits(row).tobytes() for row in bits)
    yield Case("2-bit-grey.png", png(88, 120, 2, 0, rows), "photo")
    clear = image.copy()
    clear.putalpha(Image.fromarray(((grey < 200) * 255).astype(np.uint8)))
    yield Case("clear-background.png", encoded(clear, "PNG"), "photo")
    yield Case("clear-background.webp", encoded(clear, "WEBP", lossless=True), "photo")
    for packing in ("tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg", "zstd"):
        yield Case(f"{packing}.tiff", encoded(image, "TIFF", compression=packing), "photo")
    yield Case("group4.tiff", encoded(image.convert("1"), "TIFF", compression="group4"), "photo")
    for depth in (1, 2, 4):
        yield Case(f"palette-{depth}.png", encoded(image.quantize(2**depth), bits=depth), "photo")
    few = image.quantize(8)
    yield Case("palette-clear.png", encoded(few, "PNG", transparency=0), "photo")
    yield Case("palette-bytes.png", encoded(few, "PNG", transparency=bytes(range(8))), "either")
    yield Case("clear-grey.png", encoded(image.convert("L"), "PNG", transparency=238), "photo")
    yield Case("clear-colour.png", encoded(image, "PNG", transparency=(236, 238, 241)), "photo")
    yield Case("progressive.jpg", encoded(image, "JPEG", progressive=True), "photo")
    frames = [Image.new("RGB", (90, 120), (0, 200, 0))]
    for kind in ("PNG", "WEBP", "GIF", "TIFF", "AVIF", "MPO"):
        content = encoded(image, kind, save_all=True, append_images=frames, duration=50)
        yield Case(f"animated.{kind.lower()}", content, "photo")
        yield Case(f"animated-cut.{kind.lower()}", content[: len(content) * 2 // 3], "either")


def _shapes() -> Iterator[Case]:
    for height, width in ((1, 1), (1, 2), (3, 3), (300, 1), (1, 20000)):
        flat = np.full((height, width, 3), 200, np.uint8)
        for kind in ("PNG", "JPEG"):
            yield Case(f"{width}x{height}.{kind.lower()}", encoded(flat, kind), "blank")
    for height, width in ((2, 20_000), (20_000, 2), (16_000, 1), (7, 3), (3, 4000), (1, 4)):
        ramp = Image.linear_gradient("L").resize((width, height)).convert("RGB")
        for kind in ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF"):
            if kind != "WEBP" or max(height, width) < 2**14:
                yield Case(f"ramp-{width}x{height}.{kind.lower()}", encoded(ramp, kind), "either")
    yield Case("too-long.png", encoded(np.zeros((1, 20_001), np.uint8)), "error")
    for side in (4, 27, 28, 56):
        small = Image.fromarray(garment_photo()).resize((side, side), Image.Resampling.BOX)
        yield Case(f"small-{side}.png", encoded(small, "PNG"), "photo" if side > 4 else "either")
    own = own_format_image()
    yield Case(
        "own-format-colour.png", encoded(Image.fromarray(own).convert("RGB"), "PNG"), "photo"
    )
    for name, level in (("black", 0), ("white", 255)):
        yield Case(f"all-{name}.png", encoded(np.full((80, 60), level, np.uint8), "PNG"), "blank")
    noise = np.random.default_rng(0).integers(0, 256, (150, 150, 3), np.uint8)
    yield Case("noise.png", encoded(noise, "PNG"), "either")


def _broken() -> Iterator[Case]:
    random = np.random.default_rng(1)
    for kind in ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "AVIF"):
        content, ending = encoded(garment_photo(), kind), kind.lower()
        for share in (2, 50, 99):
            cut = content[: max(2, len(content) * share // 100)]
            yield Case(f"cut-{share}.{ending}", cut, "either")
        for number in range(3):
            damaged = bytearray(content)
            for place in random.integers(16, len(content), 12):
                damaged[place] = random.integers(0, 256)
            yield Case(f"damaged-{number}.{ending}", bytes(damaged), "either")
        yield Case(f"zeros-after.{ending}", content + bytes(5000), "photo")
        yield Case(f"zeroed.{ending}", content[:40] + bytes(len(content) - 40), "either")
        yield Case(f"signature.{ending}", content[:12], "error")
    for name, content in (("empty", b""), ("one-byte", b"\xff"), ("zeros", bytes(4096))):
        yield Case(f"{name}.png", content, "error")
    yield Case("zero-wide.png", png(0, 10, 8, 2, b""), "error")
    yield Case("no-palette.png", png(10, 10, 8, 3, bytes(110)), "either")
    yield Case("endless-marker.jpg", b"\xff\xd8" + b"\xff" * 4000, "error")


def _refused() -> Iterator[Case]:
    for kind in ("PPM", "ICO", "JPEG2000", "TGA", "PCX", "SGI", "DDS", "EPS", "PDF", "ICNS"):
        yield Case(f"refused.{kind.lower()}", encoded(garment_photo(), kind), "error")
    for name, content in (
        ("drawing.svg", b'<svg xmlns="http://www.w3.org/2000/svg" width="9"><rect/></svg>'),
        ("photo.heic", b"\0\0\0\x18ftypheic" + bytes(100)),
        ("program", b"\x7fELF" + bytes(100)),
        ("text.jpg", "Überraschung".encode()),
        ("page.png", b"<!doctype html><img src=photo.png>"),
        ("large.heic", b"\0\0\0\x18ftypheix" + bytes(10_000)),
    ):
        yield Case(name, content, "error")


def _disguised() -> Iterator[Case]:
    content = {kind: encoded(garment_photo(), kind) for kind in ("PNG", "JPEG")}
    yield Case("png-then-zip.png", content["PNG"] + b"PK\x03\x04" + bytes(60), "photo")
    yield Case("jpeg-then-html.jpg", content["JPEG"] + b"<script>alert(1)</script>", "photo")
    yield Case("jpeg-then-png.png", content["JPEG"] + content["PNG"], "photo")
    yield Case("pdf-then-jpeg.pdf", b"%PDF-1.7\n" + content["JPEG"], "error")
    for kind, ending in (("PNG", "jpg"), ("JPEG", "tiff.gif"), ("PNG", "txt"), ("JPEG", "py")):
        yield Case(f"really-a-{kind}.{ending}", content[kind], "photo")
    yield Case("gif-then-png.png", b"GIF89a" + content["PNG"], "error")
    yield Case("png-signature-then-jpeg.png", content["PNG"][:8] + content["JPEG"], "error")
    yield Case("webp-name-only.webp", b"RIFF\x10\0\0\0WEBPVP8 " + bytes(8), "error")


def _bombs() -> Iterator[Case]:
    for name, side in (("64k", 65_000), ("2g", 2**31 - 1)):
        yield Case(f"bomb-{name}.png", png(side, side, 1, 0, bytes(1000)), "error")
    yield Case("bomb-row.png", png(2**31 - 1, 1, 8, 2, bytes(1000)), "error")
    huge = struct.pack("<HH", 65_535, 65_535)
    gif, bmp, tiff = (encoded(garment_photo(), kind) for kind in ("GIF", "BMP", "TIFF"))
    yield Case("bomb.gif", gif[:6] + huge + gif[10:], "error")
    # The frame is larger than the canvas.
    at = gif.index(b"\x2c", 13 + 768)
    yield Case("bomb-frame.gif", gif[: at + 5] + huge + gif[at + 9 :], "either")
    for name, size in (("bomb", 2**31 - 1), ("zero", 0), ("negative", -120)):
        size_of = struct.pack("<ii", max(size, 90), size)
        yield Case(f"{name}.bmp", bmp[:18] + size_of + bmp[26:], "either")
    for tag in (0x0100, 0x0101, 0x0102, 0x0111, 0x0115, 0x0117):  # size, bits, strips
        at = tiff.index(struct.pack("<H", tag), int.from_bytes(tiff[4:8], "little"))
        yield Case(f"bomb-{tag}.tiff", tiff[: at + 8] + b"\xff" * 3 + tiff[at + 11 :], "either")
    directory = tiff[:4] + struct.pack("<I", 4)
    yield Case("loop.tiff", directory + tiff[8:], "error")
    # Its pixels are there: 144 million of them, all black, in some 18 kB.
    yield Case("bomb-whole.png", png(12_000, 12_000, 1, 0, bytes(1501 * 12_000)), "error")
    frame = struct.pack(">BHHB", 8, 65_500, 65_500, 3) + b"\x01\x22\0\x02\x11\x01\x03\x11\x01"
    yield Case("bomb.jpg", b"\xff\xd8\xff\xc0\0\x11" + frame + b"\xff\xda\0\x0c\x03", "error")
    wide = (16_383 - 1).to_bytes(3, "little")
    canvas = b"\0\0\0\0" + wide + wide
    body = b"WEBPVP8X" + struct.pack("<I", 10) + canvas
    yield Case("bomb.webp", b"RIFF" + struct.pack("<I", len(body)) + body, "error")
    text = zlib.compress(bytes(20_000_000), 9)
    dark = png(4, 4, 8, 0, bytes(20), chunk(b"zTXt", b"a\0\0" + text))
    yield Case("bomb-text.png", dark, "blank")
    profile = png(4, 4, 8, 0, bytes(20), chunk(b"iCCP", b"a\0\0" + text))
    yield Case("bomb-profile.png", profile, "blank")
    passes = encoded(Image.fromarray(garment_photo()), "JPEG", progressive=True)
    scan = passes[passes.rindex(b"\xff\xda") : -2]
    yield Case("bomb-passes.jpg", passes[:-2] + scan * 500 + b"\xff\xd9", "error")


def _metadata() -> Iterator[Case]:
    photo = garment_photo()
    yield Case(
        "exif-broken.jpg", encoded(photo, "JPEG", exif=b"Exif\0\0MM\0*\xff\xff\xff\xff"), "photo"
    )
    loop = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\x08"
    yield Case("exif-loop.jpg", encoded(photo, "JPEG", exif=loop), "photo")
    yield Case("profile-broken.jpg", encoded(photo, "JPEG", icc_profile=b"no profile"), "photo")
    index = b"\xff\xe2\0\x10MPF\0II*\0" + bytes(6)
    content = encoded(photo, "JPEG")
    yield Case("mpo-broken.jpg", content[:2] + index + content[2:], "photo")
    for name, kind, count, value in (
        ("text", 2, 4, b"six\0"),
        ("fraction", 11, 1, struct.pack(">f", 2.5)),
        ("many", 3, 2**31, b"\0\0\0\x08"),
        ("rational", 5, 1, b"\0\0\0\x08"),
        ("unknown", 99, 1, b"\0\x06\0\0"),
    ):
        entry = struct.pack(">HHHI", 1, 0x0112, kind, count) + value
        content = b"Exif\0\0MM\0*\0\0\0\x08" + entry + bytes(60_000)
        yield Case(f"exif-{name}.jpg", encoded(photo, "JPEG", exif=content), "photo")
    yield Case("exif-chunk-broken.png", png(4, 4, 8, 0, bytes(20), chunk(b"eXIf", b"zz")), "blank")


def _mutations() -> Iterator[Case]:
    """Sixty photos with bits flipped, cut, or with a part of them repeated."""
    random = np.random.default_rng(2)
    real = sorted(_REAL.glob("*.jpg"))[:20]
    photos = [path.read_bytes() for path in real] or [
        encoded(garment_photo(size, 90), kind)
        for size in (60, 120, 240, 500)
        for kind in ("JPEG", "PNG", "WEBP", "GIF", "AVIF")
    ]
    for number, content in enumerate(photos):
        flipped = bytearray(content)
        for place in random.integers(0, len(content), 20):
            flipped[place] ^= 1 << int(random.integers(8))
        first, last = sorted(int(place) for place in random.integers(0, len(content), 2))
        yield Case(f"flipped-{number}", bytes(flipped), "either")
        yield Case(f"cut-out-{number}", content[:first] + content[last:], "either")
        yield Case(f"repeated-{number}", content[:last] + content[first:], "either")
