import os
import subprocess
import sys

import pytest

import fittingroom

HEAVY = (
    *("torch", "keras", "sklearn", "scipy", "matplotlib", "onnx", "onnxruntime", "pandas"),
    "optuna",
)


def modules_after(code: str) -> set[str]:
    """Top-level modules that are loaded after ``code`` ran in a new interpreter."""
    script = f"import sys\n{code}\nprint(*{{name.split('.')[0] for name in sys.modules}})"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=600
    )
    return set(done.stdout.splitlines()[-1].split())


@pytest.mark.parametrize("name", fittingroom.__all__)
def test_every_public_name_loads(name):
    assert getattr(fittingroom, name) is not None


def test_public_names_are_these():
    nouns = "GARMENTS RECIPES FittingRoomError Predictions Recipe Session __version__"
    verbs = "audit compare evaluate export_run export_site find_dataset list_runs load open_run "
    verbs += "calibrate cross_validate recipe_of report reproduce teach train tune verify"
    assert set(fittingroom.__all__) == {*nouns.split(), *verbs.split()}


def test_public_functions_stay_functions_once_everything_is_imported():
    code = (
        "import fittingroom, fittingroom.cli, fittingroom.jobs.compare\n"
        "assert all(callable(getattr(fittingroom, name)) "
        "for name in ('train', 'evaluate', 'audit', 'compare', 'report', 'export_run', "
        "'recipe_of')), "
        "'shadowed'"
    )
    modules_after(code)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'traim'"):
        fittingroom.traim  # noqa: B018


def test_importing_the_package_loads_no_framework():
    assert not modules_after("import fittingroom") & {*HEAVY, "numpy", "rich"}


def test_help_loads_no_framework():
    code = "from fittingroom.cli import run\nassert run(['--help']) == 0"
    assert not modules_after(code) & set(HEAVY)


@pytest.mark.parametrize(
    ("engine", "own", "other"), [("pytorch", "torch", "sklearn"), ("sklearn", "sklearn", "torch")]
)
def test_an_engine_loads_its_own_framework_alone(engine, own, other):
    code = f"from fittingroom.engines import engine_named; engine_named('{engine}')"
    loaded = modules_after(code)
    assert own in loaded
    assert other not in loaded


def test_prediction_loads_no_training_framework():
    loaded = modules_after("import fittingroom.predict")
    assert "onnxruntime" in loaded
    assert not loaded & {"torch", "keras", "sklearn", "scipy", "matplotlib", "onnx"}


def test_using_a_model_leaves_only_that_it_was_checked_in_the_home_folder(trained, tmp_path):
    code = (
        "import sys, numpy as np\nfrom pathlib import Path\n"
        "from fittingroom.predict import Predictor\n"
        "Predictor(Path(sys.argv[1])).log_probabilities(np.zeros((1, 28, 28), np.uint8))"
    )
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in ("XDG_CACHE_HOME", "ORT_DISABLE_TELEMETRY")
    }
    subprocess.run(
        [sys.executable, "-c", code, str(trained.model_path)],
        env={**kept, "HOME": str(tmp_path)},
        check=True,
        timeout=600,
    )
    left = [path.parent.name for path in tmp_path.rglob("*") if path.is_file()]
    assert left == ["checked-models"]  # ours; nothing of ONNX Runtime's own
