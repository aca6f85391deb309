"""Which models are checked, how, and what is remembered of it."""

import hashlib
import sys

import numpy as np
import pytest
from onnx import helper

from fittingroom.errors import ExportError, MissingExtraError
from fittingroom.predict import Predictor
from fittingroom.predict.packaged import packaged_model
from fittingroom.safe_io import models
from fittingroom.safe_io.inspection import images_at_once, parse
from fittingroom.safe_io.models import check_model, trust_known, trust_model
from tests.hostile.models import constant, honest, model, node

IMAGES = np.zeros((3, 28, 28), np.uint8)


@pytest.fixture(autouse=True)
def memory(tmp_path, monkeypatch):
    """A folder of this test's own for what is known of models that passed."""
    folder = tmp_path / "cache"
    monkeypatch.setattr(models, "_mark", lambda digest: folder / digest)
    monkeypatch.setattr(models, "_trusted", {})
    return folder


@pytest.fixture
def tried(monkeypatch):
    """What is tried out in a process of its own, which is not started."""
    found = []

    def try_out(content: bytes) -> int:
        found.append(content)
        return 7

    monkeypatch.setattr(models, "_try_out", try_out)
    return found


@pytest.fixture
def stranger(tmp_path):
    path = tmp_path / "model.onnx"
    path.write_bytes(honest)
    return path


def test_an_unknown_file_is_tried_out_in_a_process_of_its_own(stranger, tmp_path, monkeypatch):
    # Nothing is imported from the current folder, which may be a stranger's too.
    for name in ("onnx", "json", "numpy"):
        (tmp_path / f"{name}.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    monkeypatch.chdir(tmp_path)
    found = check_model(stranger)
    assert (found.content, found.at_once, found.trusted) == (honest, 500, False)
    assert not (tmp_path / "ran").exists()
    logs = Predictor(stranger).log_probabilities(IMAGES)
    np.testing.assert_allclose(logs, np.log(0.1), rtol=1e-6)


def test_what_ends_that_process_is_refused(stranger):
    # ONNX Runtime looks into a bias without a name, and dies.
    dying = node("LayerNormalization", "flat ones ", "z")
    made = model([dying], [constant("ones", np.ones(784), np.float32)])
    stranger.write_bytes(made.SerializeToString())
    with pytest.raises(ExportError, match=r"ended the process .*exit code"):
        Predictor(stranger)


def test_a_model_that_passed_is_not_tried_again(stranger, tried, memory):
    assert [check_model(stranger).at_once for _ in range(3)] == [7, 7, 7]
    assert tried == [honest]
    assert len(list(memory.iterdir())) == 1
    stranger.write_bytes(honest + b"\x12\x01x")  # one byte more is another model
    check_model(stranger)
    assert len(tried) == 2


def test_a_spoiled_mark_lets_no_model_in(stranger, tried, memory):
    check_model(stranger)
    (mark,) = memory.iterdir()
    mark.write_bytes(b"\xff")
    check_model(stranger)
    assert len(tried) == 2


def test_what_was_made_here_or_belongs_to_the_package_is_not_tried(stranger, tried, monkeypatch):
    assert Predictor(honest).log_probabilities(IMAGES).shape == (3, 10)
    trust_model(honest)
    assert check_model(stranger).trusted
    monkeypatch.setattr(models, "_trusted", {})  # as another process has it
    assert check_model(stranger) != check_model(packaged_model("cnn-tiny"))
    assert check_model(packaged_model("cnn-tiny")).trusted
    assert tried == []


def test_without_onnx_an_error_says_what_to_install(stranger, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"fittingroom\[onnx\]"):
        Predictor(stranger)
    trust_known(hashlib.sha256(honest).hexdigest(), 5)
    assert check_model(stranger).at_once == 5


def test_fewer_images_at_once_are_taken_of_a_large_model():
    wide = helper.make_node("Concat", ["pixels"] * 100, ["wide"], axis=1)
    assert images_at_once(parse(model([wide]).SerializeToString())) == 250
    assert images_at_once(parse(model([]).SerializeToString())) == 500


def test_a_model_that_its_owner_quantised_is_taken(tmp_path, sample):
    from onnxruntime.quantization import CalibrationDataReader, quantize_static

    class Images(CalibrationDataReader):  # type: ignore[misc]
        left = iter([{"images": sample.training().images[:100]}])

        def get_next(self):
            return next(self.left, None)

    path = tmp_path / "int8.onnx"
    layers = ["Conv", "Gemm", "MatMul"]
    quantize_static(packaged_model("cnn-tiny"), path, Images(), op_types_to_quantize=layers)
    assert b"QuantizeLinear" in path.read_bytes()
    images = sample.open_test().images
    files = path, packaged_model("cnn-tiny")
    small, whole = (Predictor(each).log_probabilities(images) for each in files)
    assert (small.argmax(axis=1) == whole.argmax(axis=1)).mean() > 0.95
