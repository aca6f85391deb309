"""Laws of the conversion as a whole, what is warned about, and what is refused."""

import io
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFile

from fittingroom.data import find_dataset
from fittingroom.errors import PhotoError
from fittingroom.photos import Limits, read_photo, stage_sheet
from tests.photos.corpus import chunk, encoded, exif, garment_photo, own_format_image, rotated

SAMPLE = find_dataset("sample").open_test()


def dress(size=240, background=(253, 253, 253), room=(40, 40, 40, 40), levels=(30, 90, 140)):
    """A photo of a dress of three tones: ``size`` pixels high, on a plain background."""
    top, bottom, left, right = room
    width = size // 2
    photo = np.empty((top + size + bottom, left + width + right, 3), np.uint8)
    photo[:] = background
    third = size // 3
    for part, (share, level) in enumerate(zip((0.6, 0.4, 1.0), levels, strict=True)):
        inset = round(width * (1 - share) / 2)
        rows = slice(top + part * third, top + (part + 1) * third if part < 2 else top + size)
        photo[rows, left + inset : left + width - inset] = level
    return photo


def apart(one, other):
    """Mean difference in grey levels."""
    return float(np.abs(one.astype(int) - other.astype(int)).mean())


def test_a_dark_garment_becomes_bright_on_black_and_fills_the_height():
    image = read_photo(dress()).image
    assert image.shape == (28, 28)
    assert (image[:, :6] == 0).all()
    assert (image[:, -6:] == 0).all()
    assert image[0].max() > 200  # its top, of level 30
    assert image[27].max() > 90
    assert image[3, 14] == pytest.approx(225, abs=3)
    assert image[25, 14] == pytest.approx(115, abs=3)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.integers(20, 250), min_size=4, max_size=4),
    st.integers(120, 500),
    st.tuples(*[st.integers(205, 255)] * 3),
)
def test_place_size_and_a_light_background_do_not_matter(room, size, background):
    photo = read_photo(dress(size, room=room, background=background))
    assert apart(read_photo(dress()).image, photo.image) < 6


def test_shading_of_the_background_does_not_matter():
    photo = dress()
    light = np.linspace(1, 0.7, photo.shape[1])[None, :, None]
    shaded = (photo * light).astype(np.uint8)
    assert apart(read_photo(photo).image, read_photo(shaded).image) < 6


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_all_orientations_give_the_same_bytes(kind):
    photo = garment_photo()
    options = {"lossless": True} if kind == "WEBP" else {}
    images = [
        read_photo(encoded(rotated(photo, each), kind, exif=exif(each), **options)).image.tobytes()
        for each in range(1, 9)
    ]
    assert set(images) == {read_photo(photo).image.tobytes()}


def test_images_of_the_data_set_are_left_alone():
    for image in SAMPLE.images:
        assert (read_photo(image).image == image).all()
    content = encoded(own_format_image(), "PNG")
    photo = read_photo(content)
    assert (photo.image == own_format_image()).all()
    assert len(photo.stages) == 1
    assert photo.warnings == ()


def reaching(image):
    """Whether it goes from edge to edge in one direction, but for a faint row at either end."""
    places = (np.flatnonzero((image > 12).any(axis=axis)) for axis in (0, 1))
    return any(np.ptp(each) >= 25 for each in places)


FRAMED = [image for image in SAMPLE.images if reaching(image) and np.median(image[::27, ::27]) == 0]


def test_a_negated_one_is_only_turned():
    assert len(FRAMED) > 0.95 * len(SAMPLE.images)
    for image in FRAMED[::5]:
        photo = read_photo(255 - image)
        assert (photo.image == image).all()
        assert [stage.sentence for stage in photo.stages] == [
            "It is in the data set's own format, negated, and is only turned back."
        ]
        assert photo.warnings == ("The image is dark on light, so it was inverted.",)


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, len(FRAMED) - 1),
    # By no whole factor, repeated pixels make cells of several sizes, and a few such are not known.
    st.integers(2, 25).map(lambda factor: (28 * factor, "NEAREST"))
    | st.tuples(st.integers(70, 700), st.sampled_from(["BILINEAR", "BICUBIC"])),
    st.booleans(),
)
def test_an_enlarged_one_gives_its_pixels_back(number, how, negated):
    side, kernel = how
    image = FRAMED[number]
    large = Image.fromarray(image).resize((side, side), Image.Resampling[kernel])
    photo = read_photo(255 - np.asarray(large) if negated else np.asarray(large))
    told = "enlarged and negated" if negated else "enlarged"
    assert told in photo.stages[-1].sentence
    assert len(photo.stages) == 2
    # Where there is no pixel at a cell's centre, its neighbours' mean is a little softer.
    assert apart(photo.image, image) < (8 if side >= 112 else 12)
    if kernel == "NEAREST" and side <= 160:
        assert (photo.image == image).all()


def test_what_is_like_one_but_is_none_goes_through_all_steps():
    large = np.kron(255 - FRAMED[0], np.ones((8, 8), np.uint8))
    random = np.random.default_rng(0)
    others = {
        "with room around": np.pad(large, 30, constant_values=255),
        "no square": large[:, 4:-4],
        "coloured": np.stack([large, large, 255 - (255 - large) // 2], axis=2),
        "on grey": np.minimum(large, 200),
        "with more than 28×28 hold": np.clip(
            large + (large < 200) * random.normal(0, 40, large.shape), 0, 255
        ).astype(np.uint8),
    }
    for what, image in others.items():
        assert len(read_photo(image).stages) == 4, what


def test_however_it_comes_it_is_the_same_photo(tmp_path):
    pixels = dress()
    path = tmp_path / "dress.png"
    path.write_bytes(encoded(pixels, "PNG"))
    expected = read_photo(pixels).image
    for source in (path, str(path), path.read_bytes(), Image.open(path), Image.fromarray(pixels)):
        assert (read_photo(source).image == expected).all()
    clear = np.dstack([pixels, np.where((pixels < 200).all(axis=2), 255, 0).astype(np.uint8)])
    assert apart(read_photo(clear).image, expected) < 2


GREY = np.asarray(Image.fromarray(dress()).convert("L"))


@pytest.mark.parametrize(
    ("image", "kind"),
    [
        (GREY, "GIF"),
        (GREY, "BMP"),
        (GREY.astype(np.uint16) * 257, "PNG"),
        (GREY.astype(np.uint16), "TIFF"),
        (GREY.astype(np.float32), "TIFF"),
        ((GREY / 255).astype(np.float32), "TIFF"),
    ],
)
def test_kinds_of_files_and_numbers_are_alike(image, kind):
    expected = read_photo(GREY).image
    assert (read_photo(Image.fromarray(image)).image == expected).all()
    assert (read_photo(encoded(image, kind)).image == expected).all()


SOUND = garment_photo()
PLAIN = encoded(SOUND, "PNG")
HUGE = zlib.compress(bytes(3_000_000))
CHUNKS = {
    b"tEXt": b"Raw profile type exif\0\nexif\n 9\nno hex",
    b"zTXt": b"a\0\0" + HUGE,
    b"iTXt": b"a\0\1\0\0\0" + HUGE,
    b"iCCP": b"a\0\0" + HUGE,
}
# Each after the header.
METADATA = {name: PLAIN[:33] + chunk(name, data) + PLAIN[33:] for name, data in CHUNKS.items()} | {
    "checksum": encoded(SOUND, "PNG", dpi=(72, 72)).replace(b"pHYs", b"pHYz")
}
METADATA |= {
    f"{kind} {broken[:2]!r}": encoded(SOUND, kind, exif=broken, **options)
    for kind, options in (("JPEG", {"dpi": (72, 72)}), ("PNG", {}), ("WEBP", {"lossless": True}))
    for broken in (exif(1)[:6] + b"??" + exif(1)[8:], exif(1)[:-9], b"\xff" * 40)
}


@pytest.mark.parametrize("name", METADATA)
def test_broken_or_huge_metadata_is_skipped(name):
    expected = encoded(SOUND, "JPEG") if "JPEG" in str(name) else SOUND
    assert (read_photo(METADATA[name]).image == read_photo(expected).image).all()


def patterned(photo):
    """The same garment on a background of patches in many shades."""
    shades = np.random.default_rng(0).normal(190, 40, (photo.shape[0] // 4, photo.shape[1] // 4))
    background = np.kron(shades, np.ones((4, 4))).clip(0, 255)[..., None]
    return np.where((photo == 253).all(axis=2)[..., None], background, photo).astype(np.uint8)


@pytest.mark.parametrize(
    ("photo", "words"),
    [
        (dress(), None),
        (255 - dress(background=(255, 255, 255)), "bright on black"),
        (dress(background=(60, 70, 120), levels=(250, 240, 245)), "nearly white"),
        (dress(background=(255, 255, 255), levels=(238, 236, 238)), "hardly differs"),
        (dress(background=(40, 30, 50), levels=(150, 170, 200)), "is dark"),
        (patterned(dress()), "not plain"),
        (dress(room=(0, 0, 0, 0))[:, 20:100], "reaches the edges"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_spoils_the_answer_is_warned_about(photo, words):
    warnings = read_photo(photo).warnings
    assert any(words in each for each in warnings) if words else warnings == ()


def test_light_garments_on_dark_are_what_they_are_on_light():
    paper = (255, 255, 255)
    assert (
        apart(
            read_photo(255 - dress(background=paper)).image,
            read_photo(dress(background=paper)).image,
        )
        < 1
    )
    levels = (150, 170, 200)
    photo = read_photo(dress(background=(40, 30, 50), levels=levels))
    assert apart(photo.image, read_photo(dress(levels=levels)).image) < 4
    white = read_photo(dress(background=(60, 70, 120), levels=(250, 240, 245))).image
    assert white[14, 14] > 200
    assert (white[:, :6] == 0).all()


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (np.full((50, 50), 200, np.uint8), "one colour"),
        (np.zeros((5, 5, 2), np.uint8), "have the shape"),
        (np.zeros((60, 784), np.uint8), "holds 60 images"),
        (Image.fromarray(np.full((9, 9), 300, np.float32)), "from 300 to 300"),
        ("a\0b.png", "can't be opened"),
        (b"\0\0\0\x18ftypheic" + bytes(99), r"is a HEIC image\. Convert it"),
        (b"", "isn't a PNG, JPEG, GIF, BMP, WebP, AVIF or TIFF"),
        (encoded(dress(), "JPEG")[:900], "damaged or cut off"),
        (io.BytesIO(), "can't be a BytesIO"),
    ],
)
def test_what_is_no_photo_is_refused(source, words):
    with pytest.raises(PhotoError, match=words):
        read_photo(source)


def test_a_large_photo_is_refused_before_it_is_decoded(monkeypatch):
    content = encoded(np.zeros((300, 400, 3), np.uint8), "JPEG")
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda *_: pytest.fail("decoded"))
    with pytest.raises(PhotoError, match=r"400×300 pixels, more than 0\.1 megapixels"):
        read_photo(content, Limits(megapixels=0.1))
    with pytest.raises(PhotoError, match="400×300 pixels, more than 399 on one side"):
        read_photo(content, Limits(side=399))
    with pytest.raises(PhotoError, match=r"larger than 0\.0001 MB"):
        read_photo(content, Limits(file_bytes=100))


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"exif": exif(6)}])
def test_a_phones_photo_is_decoded_at_a_reduced_scale(options):
    large = Image.fromarray(dress()).resize((4400, 3300), Image.Resampling.BICUBIC)
    content = encoded(large, "JPEG", **options)
    limits = Limits(megapixels=4)  # of the 14.5
    if "progressive" in options:  # it would be held in memory at its full scale
        with pytest.raises(PhotoError, match=r"4400×3300 pixels, more than 4 megapixels"):
            read_photo(content, limits)
        return
    image = read_photo(content, limits).image
    small = large.resize((550, 412)).rotate(-90 if "exif" in options else 0, expand=True)
    assert apart(image, read_photo(small).image) < 2
    with pytest.raises(PhotoError, match="more than 12 megapixels"):
        read_photo(content, Limits(megapixels=3))


def test_the_sheet_shows_every_stage(tmp_path):
    for source in (dress(), own_format_image(), dress(background=(40, 30, 50))):
        photo = read_photo(source)
        sheet = stage_sheet(photo)
        assert sheet.mode == "RGB"
        assert sheet.width > 224 * len(photo.stages)
        file = io.BytesIO()
        sheet.save(file, "PNG")
        # The last tile is the image itself, each pixel eight wide.
        left = 16 + (len(photo.stages) - 1) * 240
        tile = np.asarray(sheet)[16 : 16 + 224, left : left + 224]
        assert (tile[4::8, 4::8, 0] == photo.image).all()
