"""The service's own routes: photos in, classes out; and what it refuses."""

import base64
import io
import tempfile

import numpy as np
import pytest
from PIL import Image

from fittingroom.serve.models import Loaded
from tests.serve.conftest import forms, png

KINDS = {"content-type": "image/png"}


def test_raw_bytes_and_a_form_give_what_the_model_says(client, loaded, garments, name):
    said = loaded[0].model.answers(garments[:2])
    answer = client.post("/v1/classify", files=forms(png(garments[0]), png(garments[1])))
    assert answer.status_code == 200
    values = answer.json()
    assert values["models"] == [name]
    for given, expected, file in zip(values["answers"], said, ("a.png", "b.png"), strict=True):
        assert given["file"] == file
        assert given["model"] == name
        assert given["sentence"] == expected.sentence
        assert {key: given[key] for key in expected.to_json()} == expected.to_json()
        np.testing.assert_allclose(given["probabilities"], expected.probabilities, atol=1e-6)
    raw = client.post("/v1/classify", content=png(garments[0]), headers=KINDS).json()
    assert raw["answers"] == [{**values["answers"][0], "file": None}]


def test_each_model_answers_each_picture(served, loaded, garments):
    other = Loaded("other", loaded[0].model, 0.9, 1234)
    client = served([*loaded, other])
    values = client.post("/v1/classify", files=forms(*map(png, garments[:3]))).json()
    assert values["models"] == [loaded[0].name, "other"]
    assert [(each["file"], each["model"]) for each in values["answers"]] == [
        (file, model) for file in ("a.png", "b.png", "c.png") for model in values["models"]
    ]
    described = client.get("/v1/models").json()["models"]
    assert [each["name"] for each in described] == values["models"]
    assert described[1] == {
        "name": "other",
        "classes": list(loaded[0].model.classes),
        "accuracy": 0.9,
        "parameters": 1234,
    }


def test_details_show_how_the_answer_came_about(client, garments):
    answer = client.post("/v1/classify?details=true", files=forms(png(garments[0])))
    assert answer.status_code == 200
    (values,) = answer.json()["answers"]
    image = np.asarray(Image.open(io.BytesIO(base64.b64decode(values["image"]))))
    assert np.array_equal(image, garments[0])  # in the data set's format, and left alone
    assert values["stages"]
    for stage in values["stages"]:
        assert stage["name"]
        assert stage["sentence"]
        Image.open(io.BytesIO(base64.b64decode(stage["picture"]))).verify()
    assert isinstance(values["warnings"], list)
    assert np.shape(values["explanation"]) == (28, 28)
    assert values["nearest"]
    for near in values["nearest"]:
        assert {"class", "label", "image"} <= set(near)


def test_samples_hold_each_class_in_the_data_sets_format(client, sample):
    samples = client.get("/v1/samples").json()["samples"]
    assert {each["class"] for each in samples} == set(sample.classes)
    assert len(samples) <= 60
    for each in samples:
        image = np.asarray(Image.open(io.BytesIO(base64.b64decode(each["image"]))))
        assert image.shape == (28, 28)
        assert image.dtype == np.uint8
        assert sample.classes[each["label"]] == each["class"]


def jpeg(width, height):
    buffer = io.BytesIO()
    Image.new("L", (width, height), 200).save(buffer, "JPEG")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "status", "words"),
    [
        (b"", 422, "no bytes"),
        (b"GIF89a" + b"\0" * 50, 415, "GIF"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", 415, "SVG"),
        (b"http://example.org/shirt.png", 415, "PNG, JPEG or WebP"),
        (b"/etc/passwd", 415, "PNG, JPEG or WebP"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 50, 422, "damaged"),
        (jpeg(2000, 2000), 413, "megapixels"),
        (jpeg(300, 300), 422, "one colour"),
    ],
)
def test_a_picture_that_cannot_be_read_is_refused(served, content, status, words):
    client = served(megapixels=2)
    raw = client.post("/v1/classify", content=content, headers=KINDS)
    assert raw.status_code == status
    assert words in raw.json()["detail"]
    if content:
        form = client.post("/v1/classify", files=[("pictures", ("odd.png", content))])
        assert form.status_code == status
        assert form.json()["detail"].startswith("odd.png: Expected")


def test_what_is_no_form_and_no_picture_is_refused(client, garments):
    def status(**request):
        answer = client.post("/v1/classify", **request)
        assert isinstance(answer.json()["detail"], str)
        return answer.status_code

    form = {"content-type": "multipart/form-data"}
    bounded = {"content-type": "multipart/form-data; boundary=b"}
    assert status(content=b"x") == 415
    assert status(json={"url": "http://example.org/shirt.png"}) == 415
    assert status(content=b"x", headers=form) == 422
    assert status(content=b"x", headers=bounded) == 422
    assert status(content=b"", headers=bounded) == 422
    assert status(content=b"--b--\r\n", headers=bounded) == 422
    assert status(files=[("photo", ("a.png", png(garments[0])))]) == 422
    empty = client.post("/v1/classify", files=[("pictures", ("a.png", b""))])
    assert (empty.status_code, empty.json()["detail"][:15]) == (422, "a.png: Expected")
    assert status(data={"pictures": "/etc/passwd"}, files=forms(png(garments[0]))) == 422
    assert (
        client.post("/v1/classify?details=perhaps", files=forms(png(garments[0]))).status_code
        == 422
    )


def test_names_that_no_answer_could_repeat_do_no_harm(client, garments):
    def post(header):
        body = b"--b\r\nContent-Disposition: form-data; %s\r\n\r\n" % header
        kind = {"content-type": "multipart/form-data; boundary=b; charset=unicode_escape"}
        content = body + png(garments[0]) + b"\r\n--b--\r\n"
        return client.post("/v1/classify", content=content, headers=kind)

    taken = post(rb'name="pictures"; filename="\ud800.png"')
    assert (taken.status_code, taken.json()["answers"][0]["file"]) == (200, "?.png")
    refused = post(rb'name="\ud800"; filename="a.png"')
    assert (refused.status_code, refused.json()["detail"]) == (
        422,
        "Expected files under 'pictures'. Received '?'.",
    )


def test_too_many_pictures_are_refused(served, garments):
    client = served(pictures=3, detailed_pictures=1)
    pictures = [png(each) for each in garments[:4]]
    assert client.post("/v1/classify", files=forms(*pictures[:3])).status_code == 200
    refused = client.post("/v1/classify", files=forms(*pictures))
    assert (refused.status_code, "at most 3" in refused.json()["detail"]) == (413, True)
    assert client.post("/v1/classify?details=1", files=forms(*pictures[:2])).status_code == 413


def test_no_part_of_a_form_goes_to_a_file(client, monkeypatch):
    def fail(self):
        raise AssertionError("a picture was written to a temporary file")

    monkeypatch.setattr(tempfile.SpooledTemporaryFile, "rollover", fail)
    photo = np.full((1000, 1200, 3), 240, np.uint8)
    photo[200:800, 300:950] = np.random.default_rng(0).integers(0, 100, (600, 650, 3), np.uint8)
    content = png(photo)
    assert 1_048_576 < len(content) < 5_000_000  # beyond what such files hold in memory
    assert client.post("/v1/classify", files=forms(content)).status_code == 200


def test_the_page_is_there_and_nothing_beside_it(client):
    page = client.get("/")
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    for path in ("/../settings.py", "/%2e%2e/settings.py", "/..%2fsettings.py", "//etc/passwd"):
        assert client.get(path).status_code == 404
