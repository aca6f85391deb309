"""The static folder, without a browser: what is in it, and what is refused."""

import gzip
import io
import json
import re

import numpy as np
import pytest
from PIL import Image

from fittingroom.classes import GARMENTS
from fittingroom.cli import run as command
from fittingroom.errors import UsageError
from fittingroom.export import web
from fittingroom.jobs.site import export_site
from fittingroom.predict import Model
from fittingroom.predict.packaged import packaged, packaged_model, packaged_numbers


@pytest.fixture(autouse=True)
def _no_npm(monkeypatch):
    """The runtime's files are not looked at here."""
    monkeypatch.setattr(web, "read_package", lambda *_: dict.fromkeys(_[-1], b"wasm"))


@pytest.fixture
def site(trained, tmp_path):
    export_site([trained], out=tmp_path / "site")
    return tmp_path / "site"


def test_the_folder_holds_what_the_page_asks_for(site, trained):
    names = {str(path.relative_to(site)) for path in site.rglob("*") if path.is_file()}
    assert "server.js" not in names
    asked = set()
    for name in names:
        if name.endswith((".html", ".js")) and "/" not in name:
            text = (site / name).read_text(encoding="utf-8")
            asked |= set(re.findall(r'(?:from|import\(|href=|src=)\s?"(?:\./)?([\w./-]+)"', text))
            asked |= set(re.findall(r'here\("([\w./-]+\.\w+)"\)', text))
    assert asked >= {"local.js", "style.css", "site.json", "onnxruntime/ort.wasm.bundle.min.js"}
    assert {name for name in asked if not (site / name).is_file()} == set()
    assert (site / "model.onnx").read_bytes() == trained.model_path.read_bytes()
    packed = site / "onnxruntime" / "ort-wasm-simd-threaded.wasm.gz"
    assert gzip.decompress(packed.read_bytes()) == b"wasm"
    assert "MIT" in (site / "onnxruntime" / "LICENSE").read_text()
    assert "MIT" in (site / "garments-LICENSE.txt").read_text()


def test_nothing_in_the_page_names_another_host(site):
    for name in ("index.html", "style.css", "page.js", "local.js", "worker.js"):
        text = (site / name).read_text(encoding="utf-8")
        assert not re.search(r"https?://(?!www\.w3\.org/2000/svg|localhost:)", text), name
    policy = re.search(r'Policy" content="([^"]+)"', (site / "index.html").read_text())
    assert policy is not None
    parts = dict(part.strip().split(" ", 1) for part in policy[1].split(";"))
    assert parts["default-src"] == "'none'"
    assert parts["connect-src"] == "'self'"
    assert parts["script-src"] == "'self' 'wasm-unsafe-eval'"
    assert parts["worker-src"] == "'self' blob:"


def test_thresholds_features_and_garments_are_those_of_python(site, trained, sample):
    values = json.loads((site / "site.json").read_text())
    model = Model(trained.model_path)
    (facts,) = values["models"]
    assert facts["thresholds"]["unsure"] == model.thresholds.unsure
    assert facts["thresholds"]["unknown"] == model.thresholds.unknown
    assert facts["classes"] == list(trained.classes)
    known = sample.training()
    features = np.frombuffer((site / "features.bin").read_bytes(), "<f4")
    np.testing.assert_array_equal(
        features.reshape(len(known.images), -1), model.features(known.images)
    )
    sheet = np.asarray(Image.open(io.BytesIO((site / "garments.png").read_bytes())))
    columns = sheet.shape[1] // 28
    for index in (0, 51, len(known.images) - 1):
        row, column = divmod(index, columns)
        cell = sheet[28 * row : 28 * row + 28, 28 * column : 28 * column + 28]
        np.testing.assert_array_equal(cell, known.images[index])
    assert values["known"] == known.labels.tolist()
    assert [each["label"] for each in values["samples"]] == np.repeat(range(10), 4).tolist()
    assert {each["class"] for each in values["samples"]} == set(GARMENTS)
    for name, size in values["bytes"].items():
        assert (site / name).stat().st_size == size or name in ("index.html", "offline.js")


def test_all_files_are_kept_for_when_there_is_no_network(site, trained):
    script = (site / "offline.js").read_text()
    for path in site.rglob("*.*"):
        name = str(path.relative_to(site))
        left_out = name in ("offline.js", ".fittingroom.json") or path.suffix == ".txt"
        assert (f'"{name}"' in script) != left_out, name
    export_site([trained], out=site)
    assert (site / "offline.js").read_text() == script  # nothing new to load


def test_a_folder_that_an_export_left_is_written_again(site, trained):
    sizes = export_site([trained], out=site)
    found = {path: path.stat().st_size for path in site.rglob("*") if path.is_file()}
    assert found.pop(site / ".fittingroom.json")
    assert found == {site / name: size for name, size in sizes.items()}


def test_how_a_run_learned_lies_in_a_file_that_is_loaded_once_it_is_asked_for(site, trained):
    (facts,) = json.loads((site / "site.json").read_text())["models"]
    learning = json.loads((site / facts["learning"]).read_text())
    assert learning == json.loads(json.dumps(trained.learning))
    assert 'href="watch.js"' not in (site / "index.html").read_text()


@pytest.mark.parametrize("count", [2, 3])
def test_one_twice_and_three_are_wrong_usage(trained, tmp_path, count):
    with pytest.raises(UsageError, match="2 of different names"):
        export_site([trained] * count, out=tmp_path / "site")


def test_without_a_run_it_is_the_models_inside_the_package(tmp_path, capsys):
    out = tmp_path / "site"
    assert command(["export", "--to", "web", "--out", str(out), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["path"] == str(out)
    assert (out / "model.onnx").read_bytes() == packaged_model("photo").read_bytes()
    assert (out / "model-small.onnx").read_bytes() == packaged_model("cnn-tiny").read_bytes()
    (facts,) = json.loads((out / "site.json").read_text())["models"]
    numbers = packaged_numbers("photo")
    assert facts["accuracy"] == numbers["correct"][0]
    assert facts["measured_on"] == "photos by people it was not trained on"
    assert facts["parameters"] == numbers["parameters"]
    assert tuple(facts["shape"]) == packaged().shape
    assert {"features", "learning"} & facts.keys() == set()
    small, numbers = facts["small"], packaged_numbers("cnn-tiny")
    assert small["name"] == numbers["name"]
    assert small["accuracy"] == numbers["test_accuracy"]
    assert small["measured_on"] == "test images of Fashion-MNIST"
    assert small["thresholds"]["unknown"] == pytest.approx(numbers["unknown"])
    assert (out / small["features"]).is_file()


def test_the_photos_to_try_are_small_credited_and_without_metadata(site):
    photos = sorted((site / "examples").glob("*.jpg"))
    credits = (site / "examples" / "CREDITS.txt").read_text()
    assert len(photos) == 6
    for photo in photos:
        assert photo.name in credits
        assert photo.stat().st_size <= 60_000
        with Image.open(photo) as image:
            assert max(image.size) <= 480
            assert not image.getexif()
            assert not {"icc_profile", "comment", "xmp"} & set(image.info)


def test_without_a_run_nothing_else_is_exported(tmp_path, capsys):
    assert command(["export", "--to", "onnx", "--out", str(tmp_path / "a.onnx")]) == 2
    assert "Exporting to onnx takes one run, not 0" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_run_of_other_classes_has_no_garments_to_compare_with(of_26, trained, tmp_path):
    sizes = export_site([of_26, trained], out=tmp_path / "site")
    assert {"features-2.bin", "model.onnx"} <= set(sizes)
    assert "features.bin" not in sizes
    assert (tmp_path / "site" / "model-2.onnx").read_bytes() == trained.model_path.read_bytes()
    site = json.loads((tmp_path / "site" / "site.json").read_text())
    assert site["models"][1]["preparation"] == {"resized": False, "inverted": False}
    assert site["models"][0]["classes"] == [f"kind {number}" for number in range(1, 27)]
    assert site["samples"][0]["class"] == GARMENTS[0]
    sizes = export_site([of_26], out=tmp_path / "site")
    assert not any(name.startswith("garments") for name in sizes)
    assert json.loads((tmp_path / "site" / "site.json").read_text())["samples"] == []


def test_the_command_lists_sizes(trained, tmp_path, capsys):
    arguments = ["export", str(trained.folder), "--to", "web", "--out", str(tmp_path / "site")]
    assert command(arguments) == 0
    printed = capsys.readouterr().out
    assert re.search(r"[\d,.]+ kB  model\.onnx", printed)
    assert "python -m http.server -d" in printed
    assert command([*arguments, "--json"]) == 0
    sizes = json.loads(capsys.readouterr().out)["sizes"]
    assert sizes["model.onnx"] == trained.model_path.stat().st_size
