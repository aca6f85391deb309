"""The conversion in the browser is the one of Python."""

import base64
from dataclasses import asdict
from typing import Any

import numpy as np
import pytest
from PIL import Image

from fittingroom.errors import PhotoError
from fittingroom.page import FOLDER
from fittingroom.photos import WEB_FORMATS, Converted, Limits, Preparation, read_photo
from fittingroom.predict import Model
from tests.page.conftest import photo_of
from tests.photos.corpus import encoded

pytestmark = pytest.mark.browser

CONVERSION = (
    "photo.js", "garment.js", "convert.js", "own_format.js", "preparation.js", "arithmetic.js"
)  # fmt: skip
_LEVELS = 2


@pytest.fixture(scope="module")
def corpus(sample) -> dict[str, bytes]:
    """Images of every kind that the page takes."""
    images = sample.training().images
    rng = np.random.default_rng(0)
    files: dict[str, bytes] = {"own format": encoded(images[0])}
    for number, side in enumerate((40, 90, 150, 300, 900)):
        colour = tuple(int(value) for value in rng.integers(0, 180, 3))
        photo = photo_of(images[number], side, colour)
        files[f"{side} as PNG"] = encoded(photo)
        files[f"{side} as JPEG, whole colours"] = encoded(photo, "JPEG", quality=80, subsampling=0)
        files[f"{side} as WebP"] = encoded(photo, "WEBP", lossless=True)
        noisy = np.asarray(photo) + rng.normal(0, 4, np.asarray(photo).shape)
        files[f"{side} noisy"] = encoded(np.clip(noisy, 0, 255).astype(np.uint8))
    for orientation in (2, 5, 6, 8):
        exif = Image.Exif()
        exif[0x0112] = orientation
        photo = photo_of(images[orientation], 160)
        files[f"turned {orientation}"] = encoded(photo, "JPEG", quality=95, exif=exif)
    photo = photo_of(images[20])
    for number, (side, kernel) in enumerate(
        [(28, "NEAREST"), (56, "NEAREST"), (157, "BILINEAR"), (280, "BICUBIC"), (611, "NEAREST")]
    ):  # fmt: skip
        large = Image.fromarray(images[number]).resize((side, side), Image.Resampling[kernel])
        files[f"enlarged to {side}"] = encoded(large)
        negated = Image.fromarray(255 - np.asarray(large))
        files[f"negated, {side}"] = encoded(negated)
        files[f"negated, {side}, as JPEG"] = encoded(negated.convert("RGB"), "JPEG", quality=80)
    # Small in its photo, so that both look at it a second time, more closely.
    room = Image.new("RGB", (900, 700), (250, 249, 246))
    room.paste(photo_of(images[21], 200), (500, 100))
    files["small, in a corner"] = encoded(room)
    files["grey"] = encoded(photo.convert("L"))
    files["palette"] = encoded(photo.quantize(64))
    files["progressive"] = encoded(photo, "JPEG", progressive=True)
    clear = photo.convert("RGBA")
    clear.putalpha(Image.fromarray(np.where(np.asarray(photo)[..., 1] < 240, 255, 0).astype("u1")))
    files["on nothing"] = encoded(clear)
    files["16 bits"] = encoded(np.asarray(photo.convert("L")).astype("u2") * 257)
    shade = np.linspace(0.7, 1, photo.width)
    dark = Image.fromarray(255 - np.asarray(photo))
    files["on dark"] = encoded(dark)
    files["shaded"] = encoded((np.asarray(photo) * shade[:, None]).astype("u1"))
    files["pattern"] = encoded(rng.integers(0, 256, (90, 120, 3), dtype=np.uint8))
    files["animated"] = encoded(
        photo, "WEBP", lossless=True, save_all=True, append_images=[dark], duration=100
    )
    files["one pixel"] = encoded(Image.new("RGB", (1, 1), (10, 20, 30)))
    files["one colour"] = encoded(Image.new("RGB", (60, 60), (10, 20, 30)))
    files["a thread"] = encoded(rng.integers(0, 256, (900, 2, 3), dtype=np.uint8))
    tinted = images[0][..., None] // np.array([1, 1, 1.04])
    files["only made grey"] = encoded(tinted.astype("u1"))
    for name, cloth, around in [
        ("white on grey", 250, 150),
        ("faint", 232, 250),
        ("paper on paper", 250, 232),
        ("bright on black", 200, 0),
        ("square, on dark grey", 200, 60),
    ]:
        grey = Image.new("L", (200, 200 if "square" in name else 240), around)
        grey.paste(cloth, (60, 50, 140, 170))
        files[name] = encoded(grey)
    coloured = Image.new("RGB", (200, 200), (250, 249, 246))
    coloured.paste((20, 90, 160), (50, 0, 150, 200))  # reaches two edges, and is square
    files["from edge to edge"] = encoded(coloured)
    files["a strip"] = encoded(rng.integers(0, 256, (2, 900, 3), dtype=np.uint8))
    # No colour of the border is near its median; or only a slanting part of one side is.
    thirds = np.eye(3)[np.arange(160) // 5 % 3][:, None].repeat(160, 1) * 255
    files["three colours"] = encoded(thirds.astype("u1"))
    slanting = np.arange(160)[:, None] > 32 * np.arange(160)
    files["a slant"] = encoded((thirds * ~slanting[..., None]).astype("u1"))
    files["too many pixels"] = encoded(Image.new("1", (8000, 7000)))
    files["too long"] = encoded(Image.new("1", (30_000, 2)))
    files["cut off"] = files["300 as PNG"][:400]
    for kind in ("GIF", "BMP", "AVIF"):
        options = {"quality": 100, "subsampling": "4:4:4"} if kind == "AVIF" else {}
        files[f"a {kind}"] = encoded(photo, kind, **options)
        files[f"half of a {kind}"] = files[f"a {kind}"][: len(files[f"a {kind}"]) // 2]
    files["animated GIF"] = encoded(photo, "GIF", save_all=True, append_images=[dark])
    files["a TIFF"] = encoded(photo, "TIFF")
    shapes = [(8, 8), (28, 28), (32, 32), (64, 41), (1, 1), (65, 65)]
    for number, (height, width) in enumerate(shapes):
        small = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
        files[f"{'inverted' if number % 2 else 'whole'} {height}"] = encoded(small)
    files["HEIC"] = b"\0\0\0\x18ftypheic" + bytes(12)
    files["empty"] = b""
    files["words"] = b"not an image"
    return files


def preparation_of(name: str) -> Preparation:
    """What the model of a file is taken to have been trained on."""
    how = name.partition(" ")[0]
    return Preparation(resized=how in ("whole", "inverted"), inverted=how == "inverted")


@pytest.fixture(scope="module")
def looked_at(page: Any, corpus) -> tuple[dict[str, dict[str, Any]], list[str]]:
    """What the browser makes of each file (the image and warnings, or the refusal); and the parts
    of the scripts that were never reached."""
    profiler = page.context.new_cdp_session(page)
    profiler.send("Profiler.enable")
    profiler.send("Profiler.startPreciseCoverage", {"callCount": True, "detailed": True})
    results = page.evaluate(
        """async (files) => {
            const { converted, openPhoto } = await import(new URL("photo.js", location.href).href);
            const results = {};
            // Made here, since it would take half a minute to come over.
            await openPhoto(new Blob([new Uint8Array(50_000_001)])).catch(() => {});
            for (const [name, [content, preparation]] of Object.entries(files)) {
                const bytes = Uint8Array.from(atob(content), (each) => each.charCodeAt(0));
                try {
                    const photo = await openPhoto(new Blob([bytes]));
                    const { image, stages, warnings } = converted(photo, preparation);
                    const told = stages.map((stage) => [stage.name, stage.sentence]);
                    results[name] = { image: [...image], stages: told, warnings };
                } catch (error) {
                    results[name] = { refused: error.message, kind: error.constructor.name };
                }
            }
            return results;
        }""",
        {
            name: [base64.b64encode(content).decode(), asdict(preparation_of(name))]
            for name, content in corpus.items()
        },
    )
    unreached = []
    for script in profiler.send("Profiler.takePreciseCoverage")["result"]:
        name = script["url"].rpartition("/")[2]
        if name in CONVERSION:
            source = (FOLDER / name).read_text("utf-8")
            unreached += [
                f"{name}: {source[part['startOffset'] : part['endOffset']]}"
                for function in script["functions"]
                for part in function["ranges"]
                if part["count"] == 0
            ]
    profiler.detach()
    return results, unreached


@pytest.fixture(scope="module")
def in_browser(looked_at) -> dict[str, dict[str, Any]]:
    return looked_at[0]


@pytest.fixture(scope="module")
def in_python(corpus) -> dict[str, Converted | PhotoError]:
    """The same by Python."""
    results: dict[str, Converted | PhotoError] = {}
    for name, content in corpus.items():
        try:
            limits = Limits(formats=WEB_FORMATS)
            results[name] = read_photo(content, limits, preparation_of(name))
        except PhotoError as error:
            results[name] = error
    return results


def test_both_give_the_same_image_within_two_levels(in_python, in_browser):
    pairs = 0
    for name, expected in in_python.items():
        if isinstance(expected, PhotoError):
            continue
        received = in_browser[name]
        assert "image" in received, (name, received)
        image = np.array(received["image"]).reshape(28, 28)
        difference = np.abs(image - expected.image.astype(int)).max()
        exactly = preparation_of(name).resized and len(expected.stages) < 3
        assert difference <= (0 if exactly else _LEVELS), (name, difference)
        assert [tuple(each) for each in received["stages"]] == [
            (stage.name, stage.sentence) for stage in expected.stages
        ]
        assert tuple(received["warnings"]) == expected.warnings, name
        pairs += 1
    assert pairs >= 45


def test_the_images_take_every_branch_of_the_conversion(looked_at):
    assert looked_at[1] == []


def test_both_refuse_the_same_files(in_python, in_browser):
    refused = {name for name, result in in_python.items() if isinstance(result, PhotoError)}
    for name in refused:
        # The reason that a decoder gives is its own; everything before it is the same.
        expected = str(in_python[name]).split(": ")[0].rstrip(".")
        assert in_browser[name]["refused"].startswith(expected), name
        assert in_browser[name]["kind"] == "Refusal"
    assert refused >= {"cut off", "a TIFF", "half of a GIF", "HEIC", "empty", "words", "one colour"}
    assert refused == {name for name, result in in_browser.items() if "refused" in result}


def test_both_give_the_same_class(trained, in_python, in_browser):
    model = Model(trained.model_path)
    names = [name for name, result in in_browser.items() if "image" in result]
    received = np.array([in_browser[name]["image"] for name in names], np.uint8)
    expected = np.stack([in_python[name].image for name in names])
    ours = model.answers(received.reshape(-1, 28, 28))
    theirs = model.answers(expected)
    assert ours.label.tolist() == theirs.label.tolist()
    assert ours.abstain.tolist() == theirs.abstain.tolist()
