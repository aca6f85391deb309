"""Which model of a service answers: what `Model.predict` says, for photos, forms and pixels."""

import numpy as np
import pytest

from fittingroom.predict import Model
from fittingroom.predict.packaged import packaged_model
from fittingroom.serve.models import ServedModel
from fittingroom.serve.schemas import ServiceAnswer
from tests.photos.corpus import encoded, garment_photo, own_format_image, pixels_of
from tests.serve.conftest import PIXELS, forms

OWN, PHOTO = own_format_image(), garment_photo()
FLAT = np.full((60, 50, 3), (180, 60, 60), np.uint8)
IMAGES = [PHOTO, OWN, 255 - OWN, FLAT]
BY = ["photo", "cnn-tiny", "cnn-tiny", "photo"]


def answers(client, *, details=False, **request):
    answer = client.post(f"/v1/classify?details={details}", **request)
    assert answer.status_code == 200, answer.text
    ServiceAnswer.model_validate(answer.json())
    return answer.json()["answers"]


@pytest.mark.parametrize("details", [False, True])
def test_a_form_of_both_kinds_is_answered_as_by_predict(client, loaded, details):
    given = answers(client, details=details, files=forms(*map(encoded, IMAGES)))
    expected = loaded[0].model.predict(IMAGES)
    assert [each["model"] for each in given] == [each.model for each in expected] == BY
    assert [each["file"] for each in given] == ["a.png", "b.png", "c.png", "d.png"]
    for one, other in zip(given, expected, strict=True):
        np.testing.assert_allclose(one["probabilities"], other.probabilities, atol=2e-6)
        assert one["abstain"] == other.abstain


def test_details_show_what_each_model_saw(client, loaded):
    photo, own, negated, flat = answers(client, details=True, files=forms(*map(encoded, IMAGES)))
    side = loaded[0].model.shape[0]
    assert pixels_of(photo["image"]).shape == (side, side, 3)
    assert np.shape(photo["explanation"]) == loaded[0].model.explain(PHOTO).shape
    assert photo["small"]["model"] == "cnn-tiny"
    (said,) = loaded[0].model.small.predict(PHOTO)
    assert photo["small"]["class"] == said.class_name
    assert photo["small"]["image"] == photo["stages"][-1]["image"]
    for each in (own, negated):
        np.testing.assert_array_equal(pixels_of(each["image"]), OWN)
        assert (np.shape(each["explanation"]), each.get("small")) == ((28, 28), None)
        assert all(pixels_of(stage["image"]).size for stage in each["stages"])
    assert [len(each["nearest"]) for each in (photo, own, negated)] == [5, 5, 5]
    # One colour can't be converted, so there is nothing that a model of 28 × 28 would see.
    assert [flat.get(name) for name in ("stages", "small", "nearest")] == [None] * 3


@pytest.mark.parametrize("details", [False, True])
def test_pixels_are_taken_as_they_are(client, loaded, details):
    pixels = np.stack([OWN, np.full((28, 28), 255, np.uint8)])  # the second is no photo
    given = answers(client, details=details, content=pixels.tobytes(), headers=PIXELS)
    assert [each["model"] for each in given] == ["cnn-tiny", "cnn-tiny"]
    for one, other in zip(given, loaded[0].model.small.answers(pixels), strict=True):
        assert one["label"] == other.label
    if details:
        np.testing.assert_array_equal(pixels_of(given[1]["image"]), pixels[1])


def test_a_model_of_photos_alone_answers_all_and_beside_another_for_itself(served, loaded):
    only = ServedModel(Model(packaged_model("photo"), name="only", threads=1), None, None)
    for models, by in (([only], [["only"] * 4]), ([*loaded, only], [BY, ["only"] * 4])):
        client = served(models)
        for details in (False, True):
            given = answers(client, details=details, files=forms(*map(encoded, IMAGES)))
            for at, expected in enumerate(by):
                assert [each["model"] for each in given[at :: len(by)]] == expected
            given = answers(client, details=details, content=OWN.tobytes(), headers=PIXELS)
            assert [each["model"] for each in given] == [each[1] for each in by]
