import io

import numpy as np
import onnx
import pandas
import pytest
import torch
from PIL import Image

import fittingroom
from fittingroom.errors import ExportError, PhotoError, PredictionsError, UsageError
from fittingroom.export import build_onnx
from fittingroom.jobs.classify import classify
from fittingroom.photos import Preparation, open_photo
from fittingroom.photos.preparation import resize
from fittingroom.predict import ABSTENTIONS, Model, Predictor, Thresholds
from fittingroom.predict.explain import occlusion
from tests.photos.corpus import encoded


@pytest.fixture(scope="module")
def model(trained) -> Model:
    return Model(trained.model_path, threads=1)


@pytest.fixture(scope="module")
def garments(sample) -> np.ndarray:
    return sample.open_test().images


def photo_of(image: np.ndarray) -> Image.Image:
    """A garment as a photo: dark on a light background, large."""
    return Image.fromarray(255 - image).resize((280, 280)).convert("RGB")


def test_arrays_are_what_the_predictor_says(model, trained, garments):
    said = model.answers(garments)
    expected = np.exp(Predictor(trained.model_path, 1).log_probabilities(garments))
    np.testing.assert_allclose(said.probabilities, expected, atol=1e-5)
    assert (said.label == expected.argmax(axis=1)).all()
    assert said.ood_score.shape == said.abstain.shape == (len(garments),)


def test_answers_are_the_rows_of_the_arrays(model, garments):
    said = model.answers(garments[:40])
    for row, answer in enumerate(said):
        assert answer.class_name == fittingroom.GARMENTS[said.label[row]]
        assert answer.probability == said.probabilities[row].max()
        assert answer.abstain == ABSTENTIONS[said.abstain[row]]
        assert answer.top(1) == [(answer.class_name, answer.probability)]
        shares = [share for _, share in answer.top(10)]
        assert shares == sorted(shares, reverse=True)


def test_the_sentence_says_what_the_rule_says(trained, garments):
    model = Model(trained.model_path, threads=1)
    said = model.answers(garments)
    # In place of its own, so that each outcome occurs whatever the model is worth.
    sure = float(np.median(said.probabilities.max(axis=1)))
    model.thresholds = Thresholds(sure, float(np.quantile(said.ood_score, 0.8)))
    answers = model.answers(garments)
    for answer in answers:
        assert answer.class_name in answer.sentence
        assert ("Unsure" in answer.sentence) == (answer.abstain == "unsure")
        assert ("I can't tell" in answer.sentence) == (answer.abstain == "unknown")
    assert {answer.abstain for answer in answers} == {None, "unsure", "unknown"}


def test_images_of_every_form_get_the_same_answer(model, garments, tmp_path):
    photo = photo_of(garments[0])
    path = tmp_path / "photo.png"
    photo.save(path)
    files = [path, str(path), path.read_bytes(), open_photo(path)]
    (first,) = model.predict(photo)
    many = [files, np.array([path]), pandas.Series([str(path)]), *files, photo, np.asarray(photo)]
    for answer in (answer for form in many for answer in model.predict(form)):
        np.testing.assert_allclose(answer.probabilities, first.probabilities, atol=1e-6)


FORMS = {
    "as they are": lambda images: images,
    "a list": list,
    "of Pillow's": lambda images: [Image.fromarray(each) for each in images],
    "a matrix": lambda images: np.asmatrix(images.reshape(-1, 784)),
    "a tensor": lambda images: torch.tensor(images / 255, requires_grad=True)[:, None],
    "a frame": lambda images: pandas.DataFrame(images.reshape(-1, 784)),
    "in colour": lambda images: images[..., None].repeat(3, axis=3),
}


@pytest.mark.filterwarnings("ignore:the matrix subclass")
@pytest.mark.parametrize("form", FORMS)
def test_an_array_is_what_the_same_pixels_in_a_file_are(form, model, garments):
    images = np.concatenate([garments[:20], 255 - garments[:20]])
    expected = model.predict([encoded(image, "PNG") for image in images])
    for answer, same in zip(model.predict(FORMS[form](images)), expected, strict=True):
        np.testing.assert_allclose(answer.probabilities, same.probabilities, atol=1e-6)
        assert answer.warnings == same.warnings
    assert expected[39].warnings == ("The image is dark on light, so it was inverted.",)
    assert len(model.predict(FORMS[form](garments[:1]))) == 1


def test_one_array_is_one_image(model, garments):
    (expected,) = model.predict(garments[0])
    for one in (garments[0][..., None], garments[0].ravel(), garments[0] / 255):
        (answer,) = model.predict(one)
        np.testing.assert_allclose(answer.probabilities, expected.probabilities, atol=1e-6)


def test_what_is_no_image_is_refused(model, tmp_path):
    with pytest.raises(PhotoError, match=r"in colour or three grey ones.*images\[None\]"):
        model.predict(np.zeros((3, 32, 32)))
    with pytest.raises(PhotoError, match="from -1 to -1"):
        model.predict(np.full((2, 28, 28), -1.0))
    for other in (None, io.BytesIO(b"x"), iter(["a.png"]), [["a.png"]], [[0.5] * 784]):
        with pytest.raises(PhotoError, match="can't be a"):
            model.predict(other)
    with pytest.raises(PredictionsError, match="at least one"):
        model.predict([])
    with pytest.raises(PredictionsError, match=r"uint8 .*`Model\.predict` takes other forms"):
        model.answers(np.zeros((2, 28, 28), np.float32))


def test_features_give_the_nearest_garments(model, sample):
    training = sample.training()
    near = model.nearest(training.images[7], 4)
    assert near.indices[0] == 7
    assert (near.images == training.images[near.indices]).all()
    assert (near.labels == training.labels[near.indices]).all()
    (features,) = model.features(training.images[7:8])
    distances = np.linalg.norm(model.features(training.images) - features, axis=1)
    np.testing.assert_allclose(distances[near.indices], np.sort(distances)[:4], atol=1e-4)


def test_load_takes_a_run_its_folder_and_its_file(trained, garments):
    expected = Model(trained.model_path).answers(garments[:9]).probabilities
    for given in (trained, trained.folder, str(trained.folder), trained.model_path):
        loaded = fittingroom.load(given, threads=1)
        np.testing.assert_allclose(loaded.answers(garments[:9]).probabilities, expected, atol=1e-6)
    assert fittingroom.load(trained).name == trained.name


def test_load_says_what_is_not_there(tmp_path):
    with pytest.raises(ExportError, match="no such file"):
        fittingroom.load(tmp_path / "none")
    (tmp_path / "broken.onnx").write_bytes(b"nothing")
    with pytest.raises(ExportError, match="isn't an ONNX model"):
        fittingroom.load(tmp_path / "broken.onnx")
    with pytest.raises(UsageError, match="from int"):
        fittingroom.load(3)  # type: ignore[arg-type]


def test_a_model_without_a_score_is_told_to_be_old(trained):
    import safetensors.numpy

    weights = safetensors.numpy.load_file(trained.folder / "model.safetensors")
    plain = build_onnx(
        trained.recipe.layers, weights, classes=trained.classes, mirror=True, temperature=1.0
    )
    with pytest.raises(ExportError, match=r"no output .*ood_score.*train the recipe again"):
        Model(plain)


def test_a_model_prepares_files_as_its_training_did(of_colours, colours, tmp_path):
    model = fittingroom.load(of_colours)
    assert model.preparation == Preparation(resized=True, inverted=True)
    paths = [tmp_path / f"{number}.png" for number in range(3)]
    for path, image in zip(paths, colours[::39], strict=True):
        Image.fromarray(image).save(path)
    trained_on = resize(colours[::39], inverted=True)
    expected = model.answers(trained_on).probabilities
    for answer, row in zip(model.predict(paths), expected, strict=True):
        np.testing.assert_allclose(answer.probabilities, row, atol=1e-6)
    np.testing.assert_allclose(
        model.explain(paths[0]),
        occlusion(Predictor(of_colours.model_path), trained_on[0], int(expected[0].argmax())),
        atol=1e-5,
    )
    (first,) = classify(model, [("a", str(paths[0]))])
    assert first.answer is not None
    np.testing.assert_allclose(first.answer.probabilities, expected[0], atol=1e-6)
    converted = open_photo(paths[0]).converted(model.preparation)
    np.testing.assert_array_equal(converted.image, trained_on[0])
    assert converted.stages[-1].sentence == "Used as a whole, as in the model's training."


@pytest.mark.parametrize("entry", ["no JSON", "[]", '{"turned": true}'])
def test_a_preparation_that_cannot_be_read_is_refused(entry, trained):
    content = onnx.load_from_string(trained.model_path.read_bytes())
    for pair in content.metadata_props:
        if pair.key == "preparation":
            pair.value = entry
    with pytest.raises(ExportError, match="preparation"):
        Model(content.SerializeToString())
