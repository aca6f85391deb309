import dataclasses
import json
import re

import numpy as np
import onnx
import pytest

from fittingroom.cli import run as command
from fittingroom.data import Dataset
from fittingroom.errors import ExportError, UsageError
from fittingroom.jobs.export import export_run
from fittingroom.jobs.session import Session
from fittingroom.jobs.train import train
from fittingroom.networks import Dense, Flatten, ReLU
from fittingroom.predict import Predictor
from fittingroom.recipes import Recipe, recipe_named
from tests import plain_keras
from tests.test_export import random_images


@pytest.fixture(scope="module")
def keras_run(sample, tmp_path_factory):
    recipe = Recipe(
        name="tiny-keras",
        title="Trained with Keras in a second",
        engine="keras",
        network=(Flatten(), Dense(8), ReLU(), Dense(10)),
        epochs=1,
        optimizer="adam",
        schedule="constant",
    )
    return train(
        recipe, session=Session(data=sample, runs=tmp_path_factory.mktemp("keras"), threads=1)
    )


@pytest.mark.parametrize("backend", plain_keras.BACKENDS)
def test_a_pytorch_run_goes_home_with_a_keras_user(trained, tmp_path, backend):
    paths = [tmp_path / "m.keras", tmp_path / "m.h5"]
    for path in paths:
        export_run(trained, to=path.suffix[1:], out=path)
    images = random_images(50)
    expected = np.exp(Predictor(trained.model_path).log_probabilities(images))
    for taken in (images, images[..., None].astype(np.float32)):
        received = plain_keras.probabilities(paths, taken, backend, tmp_path)
        np.testing.assert_allclose(received, np.stack([expected] * 2), atol=1e-4)


def test_a_keras_run_gives_the_files_that_training_left(keras_run, tmp_path):
    for to, name in (("keras", "model.keras"), ("h5", "best_model.h5")):
        out = tmp_path / f"model.{to}"
        assert "divided by 255 (0–1)" in export_run(keras_run.folder, to=to, out=out)
        assert out.read_bytes() == (keras_run.folder / name).read_bytes()


@pytest.mark.parametrize("to", ["onnx", "safetensors"])
def test_every_run_gives_its_common_files(trained, keras_run, tmp_path, to):
    for run in (trained, keras_run):
        out = tmp_path / run.name / f"m.{to}"
        export_run(run, to=to, out=out)
        assert out.read_bytes() == (run.folder / f"model.{to}").read_bytes()


def test_the_command_says_what_the_file_takes(trained, tmp_path, capsys):
    out = tmp_path / "best_model.h5"
    arguments = ["export", str(trained.folder), "--to", "h5", "--out", str(out)]
    assert command(arguments) == 0
    assert "takes pixel values 0–255" in capsys.readouterr().out
    out.write_bytes(b"mine")
    assert command(arguments) == 2
    assert "exists. Name another file, or overwrite it with --force" in capsys.readouterr().err
    assert out.read_bytes() == b"mine"
    assert command([*arguments, "--json", "--force"]) == 0
    assert json.loads(capsys.readouterr().out)["path"] == str(out)


@pytest.mark.parametrize(
    ("to", "name", "words"),
    [
        ("kers", "a.keras", "Use one of keras, h5, onnx, safetensors"),
        ("h5", "a.keras", r"a\.keras doesn't end in \.h5"),
        ("onnx", "", "is a folder"),
    ],
)
def test_wrong_formats_and_names_are_wrong_usage(trained, tmp_path, to, name, words):
    with pytest.raises(UsageError, match=words):
        export_run(trained, to=to, out=tmp_path / name)


def test_the_command_names_all_formats(capsys):
    assert command(["export", "--to", "wbe", "--out", "site"]) == 2
    told = capsys.readouterr().err
    assert all(name in told for name in ("keras", "h5", "onnx", "safetensors", "web"))


def test_what_a_run_cannot_give_is_said(trained, tmp_path):
    forest = dataclasses.replace(trained, recipe=recipe_named("forest"))
    with pytest.raises(ExportError, match=r"exported to h5.*sklearn.*model\.onnx, model\.safe"):
        export_run(forest, to="h5", out=tmp_path / "a.h5")


def test_a_keras_model_that_differs_is_not_written(trained, tmp_path):
    summary = dataclasses.replace(trained.summary, temperature=3 * trained.summary.temperature)
    wrong = dataclasses.replace(trained, summary=summary)
    with pytest.raises(ExportError, match="differ from those"):
        export_run(wrong, to="keras", out=tmp_path / "a.keras")
    assert not list(tmp_path.iterdir())


def test_int8_answers_as_the_run_does_and_is_chosen_without_the_test_set(
    trained, tmp_path, capsys, monkeypatch, sample
):
    images = sample.open_test().images
    monkeypatch.delattr(Dataset, "open_test")
    out = tmp_path / "small.onnx"
    arguments = ["export", str(trained.folder), "--to", "onnx", "--out", str(out)]
    assert command([*arguments, "--quantize", "int8", "--json"]) == 0
    assert re.search(
        r"accuracy on \d+ validation images by .+ to .+ points", capsys.readouterr().out
    )
    kinds = {node.op_type for node in onnx.load(out).graph.node}
    assert {"QuantizeLinear", "DequantizeLinear", "Conv"} <= kinds
    assert "BatchNormalization" not in kinds  # before the scales were chosen
    small, large = Predictor(out), Predictor(trained.model_path)
    assert small.metadata == large.metadata
    a, b = (each.log_probabilities(images) for each in (small, large))
    assert 0 < np.abs(np.exp(a) - np.exp(b)).mean() < 0.01
    assert (a.argmax(axis=1) == b.argmax(axis=1)).mean() > 0.97


def test_int8_is_refused_where_a_loss_is_shown(trained, tmp_path, monkeypatch):
    def spoil(content, images):
        model = onnx.load_from_string(content)
        (last,) = (node for node in model.graph.node if node.op_type == "Gemm")
        last.attribute.append(onnx.helper.make_attribute("alpha", -1.0))
        return model.SerializeToString()

    monkeypatch.setattr("fittingroom.export.quantize.quantize_onnx", spoil)
    with pytest.raises(ExportError, match=r"by −\d.* to −.*too large a loss"):
        export_run(trained, to="onnx", quantize="int8", out=tmp_path / "a.onnx")
    assert not list(tmp_path.iterdir())


def test_only_onnx_has_an_int8_form(trained, tmp_path, capsys):
    arguments = ["export", str(trained.folder), "--quantize", "int8", "--out", str(tmp_path / "a")]
    for to in ("keras", "web"):
        assert command([*arguments, "--to", to]) == 2
        assert "--quantize int8 with --to onnx" in " ".join(capsys.readouterr().err.split())


def test_a_models_file_is_refused_where_a_run_is_needed(tmp_path):
    (tmp_path / "mine.onnx").write_bytes(b"model")
    with pytest.raises(UsageError, match=r"takes the folder of a finished run, not .*mine\.onnx"):
        export_run(tmp_path / "mine.onnx", to="onnx", quantize="int8", out=tmp_path / "a.onnx")
