import json
import sys

import pytest

import fittingroom
from fittingroom.classes import GARMENTS
from fittingroom.cli import run
from fittingroom.errors import UsageError
from fittingroom.export import web
from fittingroom.jobs.site import export_site


@pytest.fixture
def folder(photos_of):
    return (photos_of("square", 6) and photos_of("circle", 6))[0].parent.parent


def test_what_was_taught_is_answered_and_what_was_passed_over_is_said(folder, tmp_path):
    (folder / "square" / "broken.png").write_bytes(b"no image")
    (folder / "square" / "notes.txt").write_text("words")
    (folder / "empty").mkdir()
    (folder / "loose.png").write_bytes((folder / "square" / "0.png").read_bytes())
    said: list[str] = []
    taught = fittingroom.teach(folder, out=tmp_path / "mine.onnx", say=said.append)
    assert taught.classes == {"circle": 6, "square": 6}
    assert taught.accuracy.low <= taught.accuracy.value <= taught.accuracy.high
    assert [each["file"] for each in taught.unreadable] == [str(folder / "square" / "broken.png")]
    words = " ".join(said)
    assert "1 .txt" in words
    assert "1 photo in" in words
    assert "empty" in words
    model = fittingroom.load(tmp_path / "mine.onnx")
    answers = model.predict(sorted((folder / "circle").iterdir()))
    assert [answer.class_name for answer in answers] == ["circle"] * 6


def test_the_ten_classes_may_stay(folder, tmp_path):
    (folder / "square").rename(folder / "t-shirt")
    taught = fittingroom.teach(folder, out=tmp_path / "mine.onnx", keep=True)
    assert tuple(taught.classes) == (*GARMENTS, "circle")
    assert (taught.classes["T-shirt/top"], taught.classes["circle"]) == (6, 6)
    assert fittingroom.load(taught.path).classes == (*GARMENTS, "circle")


def test_a_taught_model_has_a_page_of_its_classes(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(web, "read_package", lambda *_: dict.fromkeys(_[-1], b"wasm"))
    taught = fittingroom.teach(folder, out=tmp_path / "mine.onnx")
    sizes = export_site([taught.path], out=tmp_path / "site")
    assert not any(name.startswith("garments") for name in sizes)
    assert (tmp_path / "site" / "model.onnx").read_bytes() == taught.path.read_bytes()
    (facts,) = json.loads((tmp_path / "site" / "site.json").read_text())["models"]
    assert (facts["name"], facts["classes"]) == ("mine", ["circle", "square"])
    assert (facts["accuracy"], facts["parameters"], facts["teaching"]) == (None, None, None)
    assert facts["shape"] == list(fittingroom.load("photo").shape)


def test_too_little_and_a_file_that_exists_are_refused(folder, photos_of, tmp_path):
    out = tmp_path / "mine.onnx"
    with pytest.raises(UsageError, match=r"folder\. Name one that holds"):
        fittingroom.teach(tmp_path / "nowhere", out=out)
    with pytest.raises(UsageError, match=r"ends in \.onnx"):
        fittingroom.teach(folder, out=tmp_path / "mine.pt")
    for file in sorted((folder / "square").iterdir())[2:]:
        file.unlink()
    with pytest.raises(UsageError, match="2 photos of square"):
        fittingroom.teach(folder, out=out)
    for file in (folder / "square").iterdir():
        file.unlink()
    with pytest.raises(UsageError, match="2 classes or more"):
        fittingroom.teach(folder, out=out)
    out.touch()
    with pytest.raises(UsageError, match="--force"):
        fittingroom.teach(folder, out=out)


def test_the_command_prints_a_report_or_json(folder, tmp_path, capsys):
    arguments = ["teach", str(folder), "--out", str(tmp_path / "mine.onnx")]
    assert run(arguments) == 0
    printed = capsys.readouterr().out
    assert "By cross-validation" in printed
    assert "The second half of the photos brought" in printed
    assert run([*arguments, "--force", "--json"]) == 0
    values = json.loads(capsys.readouterr().out)
    assert values["classes"] == {"circle": 6, "square": 6}
    assert set(values["gain"]) == {"value", "low", "high"}


def test_without_the_extra_it_is_named(folder, tmp_path, capsys, monkeypatch):
    for name in [name for name in sys.modules if name.startswith("fittingroom.teaching")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delitem(sys.modules, "fittingroom.jobs.teach", raising=False)
    monkeypatch.setitem(sys.modules, "sklearn.linear_model", None)
    assert run(["teach", str(folder), "--out", str(tmp_path / "mine.onnx")]) == 1
    assert "fittingroom[teach]" in capsys.readouterr().err
