"""The routes: photos in, classes out, and what is refused; metrics, description and page."""

import dataclasses
import mimetypes
import re
import tempfile

import numpy as np
import pytest
from PIL import Image

from fittingroom.jobs.session import Session
from fittingroom.jobs.train import train
from fittingroom.photos.preparation import resize
from fittingroom.predict import Model
from fittingroom.predict.packaged import packaged_model
from fittingroom.serve.models import ServedModel
from tests.conftest import TINY
from tests.data.files import made
from tests.photos.corpus import encoded, pixels_of
from tests.serve.conftest import PIXELS, forms

KINDS = {"content-type": "image/png"}


def test_a_photo_a_form_and_pixels_give_what_the_model_says(client, loaded, garments):
    small = loaded[0].model.small
    said = small.answers(garments[:2])
    answer = client.post("/v1/classify", files=forms(encoded(garments[0]), encoded(garments[1])))
    assert answer.status_code == 200
    values = answer.json()
    assert values["models"] == ["photo"]
    for given, expected, file in zip(values["answers"], said, ("a.png", "b.png"), strict=True):
        assert given["file"] == file
        assert given["model"] == "cnn-tiny"
        assert given["sentence"] == expected.sentence
        assert {key: given[key] for key in expected.to_json()} == expected.to_json()
        np.testing.assert_allclose(given["probabilities"], expected.probabilities, atol=1e-6)
    raw = client.post("/v1/classify", content=encoded(garments[0]), headers=KINDS).json()
    assert raw["answers"] == [{**values["answers"][0], "file": None}]
    content = garments[:2].tobytes()
    pixels = client.post("/v1/classify", content=content, headers=PIXELS).json()
    assert pixels["answers"] == [{**each, "file": None} for each in values["answers"]]


def test_each_model_answers_each_image(served, loaded, garments):
    other = ServedModel(Model(packaged_model("cnn-tiny"), name="other", threads=1), 0.9, 1234)
    client = served([*loaded, other])
    values = client.post("/v1/classify", files=forms(*map(encoded, garments[:3]))).json()
    assert values["models"] == ["photo", "other"]
    assert [(each["file"], each["model"]) for each in values["answers"]] == [
        (file, model) for file in ("a.png", "b.png", "c.png") for model in ("cnn-tiny", "other")
    ]
    described = client.get("/v1/models").json()["models"]
    assert [each["name"] for each in described] == values["models"]
    assert described[1] == {
        "name": "other",
        "classes": list(loaded[0].model.classes),
        "accuracy": 0.9,
        "measured_on": None,
        "parameters": 1234,
        "learning": None,
    }


def test_how_a_model_learned_is_told_where_its_run_knows_it(served, loaded):
    learning = {"confusion": [[[3, 1], [0, 2]]], "accuracy": [[0.5, 0.8]], "loss": [[1.0, 0.7]]}
    client = served([loaded[0], dataclasses.replace(loaded[0], learning=learning)])
    told = [each["learning"] for each in client.get("/v1/models").json()["models"]]
    assert told == [None, "v1/models/1/learning"]
    assert client.get(f"/{told[1]}").json() == learning
    for number in (0, 2, -1):
        assert client.get(f"/v1/models/{number}/learning").status_code == 404


def test_each_model_gets_images_prepared_as_in_its_training(served, loaded, of_colours, colours):
    other = ServedModel(Model(of_colours.model_path, name="other", threads=1), None, None)
    client = served([*loaded, other])
    answer = client.post("/v1/classify?details=true", files=forms(encoded(colours[0])))
    answers = answer.json()["answers"]
    seen = [pixels_of(a["image"]) for a in answers]
    np.testing.assert_array_equal(seen[1], resize(colours[:1], inverted=True)[0])
    assert seen[0].shape == loaded[0].model.shape  # a photo, to the model of photos
    expected = other.model.answers(seen[1][None])[0]
    assert answers[1]["probability"] == pytest.approx(expected.probability, 1e-3)


@pytest.mark.parametrize("kinds", [4, 10])
def test_a_model_of_other_classes_shows_no_similar_garments(kinds, served, loaded, tmp_path):
    run = train(TINY, session=Session(data=made(kinds), runs=tmp_path, threads=1))
    other = ServedModel(Model(run.model_path, name="other", threads=1), None, None)
    image = encoded(made(kinds).training().images[0])
    for models, samples in (([other], 0), ([other, *loaded], 30)):
        client = served(models)
        answer = client.post("/v1/classify?details=true", files=forms(image))
        assert answer.status_code == 200
        first, *rest = answer.json()["answers"]
        assert first["class"].startswith("kind ")
        assert "nearest" not in first
        assert [len(each["nearest"]) for each in rest] == [5] * len(rest)
        assert len(client.get("/v1/samples").json()["samples"]) == samples
    assert len(other.model.nearest(made(kinds).training().images[0])) == 0


def test_samples_hold_each_class(client, sample):
    samples = client.get("/v1/samples").json()["samples"]
    assert {each["class"] for each in samples} == set(sample.classes)
    for each in samples:
        image = pixels_of(each["image"])
        assert image.shape == (28, 28)
        assert sample.classes[each["label"]] == each["class"]


def jpeg(width, height):
    return encoded(Image.new("L", (width, height), 200), "JPEG")


@pytest.mark.parametrize(
    ("content", "status", "words"),
    [
        (b"II*\0" + b"\0" * 50, 415, "BMP, WebP or AVIF"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", 415, "BMP, WebP or AVIF"),
        (b"http://example.org/shirt.png", 415, "BMP, WebP or AVIF"),
        (b"/etc/passwd", 415, "BMP, WebP or AVIF"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 50, 422, "damaged"),
        (jpeg(8100, 8100), 413, "more than 64 megapixels"),
        (jpeg(4, 21_000), 413, "20,000 on one side"),
    ],
)
def test_a_photo_that_cannot_be_read_is_refused(client, content, status, words):
    raw = client.post("/v1/classify", content=content, headers=KINDS)
    assert raw.status_code == status
    assert words in raw.json()["detail"]
    form = client.post("/v1/classify", files=[("images", ("odd.png", content))])
    assert form.status_code == status
    assert form.json()["detail"].startswith("odd.png: ")


def test_what_is_no_form_and_no_photo_is_refused(client, garments):
    def status(**request):
        answer = client.post("/v1/classify", **request)
        assert answer.json()["detail"]
        return answer.status_code

    form = {"content-type": "multipart/form-data"}
    bounded = {"content-type": "multipart/form-data; boundary=b"}
    photo = encoded(garments[0])
    assert status(content=b"x") == 415
    assert status(json={"url": "http://example.org/shirt.png"}) == 415
    assert status(content=b"x", headers=form) == 422
    for content in (b"x", b"", b"--b--\r\n"):
        assert status(content=content, headers=bounded) == 422
    assert status(files=[("photo", ("a.png", photo))]) == 422
    assert status(files=[("images", ("a.png", b""))]) in (415, 422)
    assert status(content=b"", headers=KINDS) in (415, 422)
    assert status(data={"images": "/etc/passwd"}, files=forms(photo)) == 422
    assert status(content=b"", headers=PIXELS) == 422
    assert status(content=b"x" * 785, headers=PIXELS) == 422


def test_a_form_without_files_and_another_method_are_told_what_to_send(client):
    forgotten = client.post("/v1/classify", files={"images": (None, "shirt.jpg")})  # without @
    assert (forgotten.status_code, "images=@photo.jpg" in forgotten.text) == (422, True)
    asked = client.get("/v1/classify")
    assert (asked.status_code, asked.headers["allow"]) == (405, "POST")
    assert client.post("/page.js", content=b"x").status_code == 405
    assert client.post("/v1/classifi", content=b"x").status_code == 404
    unclear = client.post("/v1/classify?details=maybe", content=b"x" * 784, headers=PIXELS)
    assert (unclear.status_code, "true or false" in unclear.text) == (422, True)


def test_names_that_no_answer_could_repeat_do_no_harm(client, garments):
    def post(header):
        body = b"--b\r\nContent-Disposition: form-data; %s\r\n\r\n" % header
        kind = {"content-type": "multipart/form-data; boundary=b; charset=unicode_escape"}
        content = body + encoded(garments[0]) + b"\r\n--b--\r\n"
        return client.post("/v1/classify", content=content, headers=kind)

    taken = post(rb'name="images"; filename="\ud800.png"')
    assert (taken.status_code, taken.json()["answers"][0]["file"]) == (200, "?.png")
    assert post(rb'name="\ud800"; filename="a.png"').status_code == 422


def test_too_many_images_are_refused(client, garments):
    one = encoded(garments[0])
    for photos in (forms(*[one] * 65), forms(*[one] * 9)):
        details = len(photos) == 9
        refused = client.post(f"/v1/classify?details={details}", files=photos)
        assert refused.status_code == 413
        assert f"at most {len(photos) - 1}" in refused.json()["detail"]
    assert client.post("/v1/classify", content=b"x" * 784 * 65, headers=PIXELS).status_code == 413
    assert client.post("/v1/classify", content=b"x" * 784 * 64, headers=PIXELS).status_code == 200


def test_no_part_of_a_form_goes_to_a_file(client, monkeypatch):
    def fail(self):
        raise AssertionError("an image was written to a temporary file")

    monkeypatch.setattr(tempfile.SpooledTemporaryFile, "rollover", fail)
    photo = np.full((1000, 1200, 3), 240, np.uint8)
    photo[200:800, 300:950] = np.random.default_rng(0).integers(0, 100, (600, 650, 3), np.uint8)
    content = encoded(photo)
    assert 1_048_576 < len(content) < 5_000_000  # beyond what such files hold in memory
    assert client.post("/v1/classify", files=forms(content)).status_code == 200


def test_the_page_is_there_and_nothing_beside_it(client):
    page = client.get("/")
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    for path in ("/../settings.py", "/%2e%2e/settings.py", "/..%2fsettings.py", "/__init__.py"):
        assert client.get(path).status_code == 404


def test_scripts_run_whatever_the_systems_table_says(served):
    mimetypes.add_type("text/plain", ".js")
    assert served().get("/page.js").headers["content-type"].startswith("text/javascript")


def test_the_metrics_count_requests_and_images_and_hold_nothing_of_either(served, garments):
    client = served()
    for _ in range(3):
        client.post("/v1/classify", content=garments.tobytes(), headers=PIXELS)
    client.post("/v1/classify", files=[("images", ("secret-name.png", encoded(garments[0])))])
    client.post("/v1/classify", content=b"x", headers=KINDS)
    client.get("/secret-path")
    client.post("/secret-path")
    answer = client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    text = answer.text
    assert 'fittingroom_requests_total{route="/v1/classify",status="200"} 4.0' in text
    assert 'fittingroom_requests_total{route="/v1/classify",status="415"} 1.0' in text
    for model, count in (("cnn-tiny", 3 * len(garments) + 1), ("photo", 0)):
        images = re.search(rf'fittingroom_batch_images_sum{{model="{model}"}} (\S+)', text)
        assert images is not None
        assert float(images[1]) == 1 + count  # the first one is the service's own
    assert 'fittingroom_request_seconds_bucket{le="+Inf",route="/v1/classify"} 5.0' in text
    assert "secret" not in text
