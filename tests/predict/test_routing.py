"""Which of the package's two models answers an image; by every way in, the same answer."""

import csv
import io
import json

import numpy as np
import pytest
from PIL import Image

import fittingroom
from fittingroom.cli import run
from fittingroom.errors import PhotoEmptyError
from fittingroom.jobs.classify import classify
from fittingroom.photos import open_photo
from fittingroom.predict import Brought, Model
from fittingroom.predict.packaged import packaged_model
from tests.photos.corpus import encoded, garment_photo, own_format_image

ONE_COLOUR = np.full((120, 90, 3), (180, 60, 60), np.uint8)


@pytest.fixture(scope="module")
def model() -> Model:
    return fittingroom.load(threads=1)


@pytest.fixture(scope="module")
def tiny_model() -> Model:
    return fittingroom.load("cnn-tiny", threads=1)


@pytest.fixture(scope="module")
def images() -> dict[str, np.ndarray]:
    own = own_format_image()
    return {
        "photo.png": garment_photo(),
        "own.png": own,
        "large.png": np.asarray(Image.fromarray(own).resize((280, 280), Image.Resampling.BICUBIC)),
        "negated.png": 255 - own,
        "square.png": garment_photo(120, 120),
    }


ANSWERED_BY = ["photo", "cnn-tiny", "cnn-tiny", "cnn-tiny", "photo"]


@pytest.fixture(scope="module")
def folder(images, tmp_path_factory):
    folder = tmp_path_factory.mktemp("routing")
    for name, image in images.items():
        (folder / name).write_bytes(encoded(image))
    return folder


def same(answers, expected):
    assert [each.model for each in answers] == [each.model for each in expected]
    for answer, other in zip(answers, expected, strict=True):
        np.testing.assert_allclose(answer.probabilities, other.probabilities, atol=1e-6)
        assert (answer.abstain, answer.warnings) == (other.abstain, other.warnings)


def test_every_form_and_any_company_gets_the_same_answer(model, images, folder, monkeypatch):
    expected = model.predict(list(images.values()))
    assert [each.model for each in expected] == ANSWERED_BY
    assert "inverted" in expected[3].warnings[0]
    for image, answer in zip(images.values(), expected, strict=True):
        same(model.predict(image), [answer])
    paths = [folder / name for name in images]
    for form in (
        paths,
        [path.read_bytes() for path in paths],
        [Image.fromarray(image) for image in images.values()],
        [open_photo(path) for path in paths],
        [model.bring(open_photo(path)) for path in paths],
    ):
        same(model.predict(form), expected)
    same(model.predict(np.stack([images["own.png"], images["negated.png"]])), expected[1:4:2])
    with monkeypatch.context() as few:
        few.setattr("fittingroom.predict.model._AT_A_TIME", 2)
        same(model.predict(list(images.values())), expected)
    named = zip(images, map(str, paths), strict=True)
    same([each.answer for each in classify(model, named)], expected)


def test_both_models_answer_as_they_do_alone(model, tiny_model, images):
    photos_only = Model(packaged_model("photo"), name="only", threads=1)
    for image, answer in zip(images.values(), model.predict(list(images.values())), strict=True):
        alone = tiny_model if answer.model == "cnn-tiny" else photos_only
        np.testing.assert_array_equal(answer.probabilities, alone.predict(image)[0].probabilities)
    assert {each.model for each in tiny_model.predict(list(images.values()))} == {"cnn-tiny"}
    assert {each.model for each in photos_only.predict(list(images.values()))} == {"only"}
    with pytest.raises(PhotoEmptyError):  # one colour can't be converted, which only one needs
        tiny_model.predict(ONE_COLOUR)
    assert model.predict(ONE_COLOUR)[0].model == "photo"


def test_a_photo_never_loads_the_small_model(images):
    def small():
        raise AssertionError("it was loaded")

    model = Model(packaged_model("photo"), threads=1, small=small)
    model.predict([images["photo.png"], images["square.png"]])
    with pytest.raises(AssertionError, match="loaded"):
        model.predict(images["own.png"])


def test_what_mattered_and_what_is_similar_fit_the_image(model, tiny_model, images):
    rows, columns = model.explain(images["photo.png"]).shape
    assert 1 < rows == columns < 28
    assert model.explain(images["own.png"]).shape == (28, 28)
    for image in (images["photo.png"], images["own.png"]):
        near, expected = model.nearest(image, 3), tiny_model.nearest(image, 3)
        np.testing.assert_array_equal(near.indices, expected.indices)
    brought = Brought(tiny_model, images["own.png"])
    np.testing.assert_array_equal(tiny_model.explain(brought), model.explain(images["own.png"]))


def test_the_command_says_who_answered(model, images, folder, capsys):
    files = [str(folder / name) for name in images]
    answers = model.predict(files)
    assert run(["predict", *files, "--json", "--explain", "--threads", "1"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    for row, answer in zip(rows, answers, strict=True):
        assert {key: row[key] for key in answer.to_json()} == answer.to_json()
        height = 28 if answer.model == "cnn-tiny" else len(model.explain(images["photo.png"]))
        assert np.shape(row["explanation"]) == (height, height)
    assert run(["predict", *files, "--csv"]) == 0
    table = csv.DictReader(io.StringIO(capsys.readouterr().out))
    assert [row["model"] for row in table] == ANSWERED_BY
    assert run(["predict", *files, "--explain"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[2] for line in lines if line.startswith(str(folder))] == ANSWERED_BY
    assert len(lines) == 1 + len(files) * (1 + 1 + 14)
    assert run(["predict", *files, "--csv", "--model", "cnn-tiny"]) == 0
    table = csv.DictReader(io.StringIO(capsys.readouterr().out))
    assert {row["model"] for row in table} == {"cnn-tiny"}


def test_stages_show_what_a_model_of_small_images_would_see(folder, tmp_path, capsys, monkeypatch):
    photo = io.BytesIO((folder / "photo.png").read_bytes())
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(photo))
    assert run(["predict", "-", "--stages", str(tmp_path / "stages.png")]) == 0
    with Image.open(tmp_path / "stages.png") as drawn:
        assert drawn.width > 4 * 224
    (tmp_path / "one.png").write_bytes(encoded(ONE_COLOUR))
    drawing = ["predict", str(tmp_path / "one.png"), "--stages", str(tmp_path / "none.png")]
    assert run(drawing) == 1
    out, err = capsys.readouterr()
    assert "photo" in out.splitlines()[-1]  # answered, though it can't be converted
    assert "one colour" in err
