import dataclasses
import json

import pytest

from fittingroom.engines.pytorch import training as pytorch
from fittingroom.errors import RecipeError, TrainingError, UsageError
from fittingroom.jobs.compare import compare
from fittingroom.jobs.progress import Silence
from fittingroom.jobs.register import register
from fittingroom.jobs.session import Session
from fittingroom.jobs.train import train
from fittingroom.recipes import RECIPES, recipe_named
from fittingroom.runs import list_runs, read_openings
from tests.conftest import Listener


@pytest.fixture
def two_recipes(tiny, monkeypatch):
    one = dataclasses.replace(tiny, name="one")
    two = dataclasses.replace(tiny, name="two", epochs=1, mirror=False)
    for recipe in (one, two):
        monkeypatch.setitem(RECIPES, recipe.name, recipe)
    return one, two


@pytest.fixture
def without_report(monkeypatch):
    """Drawing the report and building the winner in Keras take seconds."""
    monkeypatch.setattr("fittingroom.jobs.compare.write", lambda *results, **more: (None, ()))
    monkeypatch.setattr("fittingroom.jobs.compare.leave_winner", lambda *results: None)


@pytest.fixture
def compare_here(tmp_path, sample):
    def call(entrants, *, device=None, progress=None, **options):
        session = Session(sample, tmp_path / "runs", device, 1, progress or Silence())
        return compare(
            entrants, session=session, **{"out": tmp_path / "report", "seeds": 1} | options
        )

    return call


@pytest.mark.slow
def test_comparing_trains_scores_and_reports(two_recipes, compare_here, tmp_path, monkeypatch):
    def unlucky(recipe, *, seed, **options):
        if recipe.name == "two" and seed == 1:
            raise TrainingError("the loss is no number")
        return train(recipe, seed=seed, **options)

    monkeypatch.setattr("fittingroom.jobs.seeds.train", unlucky)
    listener = Listener()
    logreg = recipe_named("logreg").with_settings({"model.iterations": "20"})
    outcome = compare_here([logreg, "two"], seeds=2, progress=listener)
    # Every seed gives the same logreg.
    assert [model.seeds for model in outcome.comparison.models] == [(0,), (0,)]
    (pair,) = outcome.comparison.pairs
    assert (pair.a, pair.b) == ("logreg", "two")
    assert outcome.failures == ("two, seed 1: the loss is no number",)
    assert outcome.report == tmp_path / "report" / "index.html"
    page = outcome.report.read_text(encoding="utf-8")
    assert page.count("Trained in one go, so there are no curves") == 2
    assert "two, seed 1: the loss is no number" in page
    text = (outcome.report.parent / "results.json").read_text()
    json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} in results.json"))
    assert len(read_openings(tmp_path / "runs")) == 2
    assert "A first report" in "".join(listener.heard)


def test_the_report_is_written_after_the_first_seed_of_each_and_after_the_last(
    two_recipes, compare_here, sample, tmp_path, monkeypatch
):
    written = []

    def write(folder, models, dataset, comparison, *, left, **more):
        (pair,) = comparison.pairs
        trained = [len(group) for group in models.values()]
        written.append((trained, len(list_runs(tmp_path / "runs")), pair.level, left))
        return folder, ()

    monkeypatch.setattr("fittingroom.jobs.compare.write", write)
    monkeypatch.setattr("fittingroom.jobs.compare.leave_winner", lambda *results: None)
    for _ in range(2):
        compare_here(["one", "two"], seeds=3)
    assert written == [
        ([1, 1], 2, "fitted models", 4),
        ([3, 3], 6, "recipes", 0),
        ([3, 3], 6, "recipes", 0),  # the second time nothing was left to train
    ]
    assert len(read_openings(tmp_path / "runs")) == 6

    plan = {"recipes": ["one", "two"], "seeds": 2, "primary": ["one", "two"], "margin_points": 1}
    (tmp_path / "plan.json").write_text(json.dumps({**plan, "looks": [2]}))
    session = Session(sample, tmp_path / "planned", threads=1)
    register(tmp_path / "plan.json", session)
    compare(["one", "two"], seeds=2, session=session, out=tmp_path / "report")
    assert [left for *_, left in written[3:]] == [0]  # the plan has no look at one seed


@pytest.mark.slow
def test_the_winner_is_left_for_keras_beside_the_report(
    two_recipes, compare_here, tmp_path, monkeypatch
):
    monkeypatch.setattr("fittingroom.jobs.compare.write", lambda *results, **more: (None, ()))
    listener = Listener()
    outcome = compare_here(["one", "two"], seeds=2, progress=listener)
    best = max(outcome.comparison.models, key=lambda model: model.accuracy.value)
    group = next(each for each in outcome.evaluated if each[0].run.recipe.name == best.name)
    run = max((each.run for each in group), key=lambda run: run.summary.validation_accuracy)
    for name in ("best_model.keras", "best_model.h5"):
        assert (tmp_path / "report" / name).stat().st_size > 0
        (said,) = [sentence for sentence in listener.heard if name in sentence]
        assert f"{run.name}; it takes pixel values 0–255" in said


def test_a_person_s_own_folder_is_refused_before_anything_is_trained(
    two_recipes, compare_here, tmp_path
):
    mine = tmp_path / "report" / "best_model.h5"
    mine.parent.mkdir()
    mine.write_bytes(b"mine")
    with pytest.raises(UsageError, match="were not made here"):
        compare_here(["one", "two"])
    assert [path.read_bytes() for path in mine.parent.iterdir()] == [b"mine"]
    assert list_runs(tmp_path / "runs") == ()


@pytest.fixture
def with_cuda(monkeypatch):
    """The PyTorch engine takes the device cuda for the processor; the names it was asked for."""
    asked = []
    real = pytorch.device

    def device(name, threads):
        asked.append(name)
        return real("cpu" if name == "cuda" else name, threads)

    monkeypatch.setattr(pytorch, "device", device)
    return asked


def test_a_device_is_for_the_engines_that_have_it(
    without_report, two_recipes, compare_here, with_cuda
):
    listener = Listener()
    logreg = recipe_named("logreg").with_settings({"model.iterations": "5"})
    outcome = compare_here([logreg, "two"], device="cuda", progress=listener)
    assert set(with_cuda) == {"cuda"}
    assert outcome.evaluated[0][0].run.environment["device"] == "cpu"
    assert (
        "sklearn computes on the processor only; --device cuda is for the other"
        in listener.heard[0]
    )


def test_a_device_that_nobody_can_use_is_refused_before_anything_is_trained(
    two_recipes, compare_here, tmp_path
):
    with pytest.raises(UsageError, match=r"has no device 'tpu' on this machine"):
        compare_here(["logreg", "two"], device="tpu")
    with pytest.raises(UsageError, match=r"scikit-learn has no device 'cuda'"):
        compare_here(["logreg", "forest"], device="cuda")
    assert list_runs(tmp_path / "runs") == ()


def test_finished_runs_are_used_again_unless_fresh_ones_are_asked_for(
    without_report, two_recipes, compare_here, tmp_path
):
    compare_here(["one", "two"])
    compare_here(["one", "two"])
    assert len(list_runs(tmp_path / "runs")) == 2
    assert len(read_openings(tmp_path / "runs")) == 2
    compare_here(["one", "two"], fresh=True)
    assert len(list_runs(tmp_path / "runs")) == 4


def test_two_runs_of_one_recipe_go_by_their_folders_names(
    without_report, two_recipes, compare_here, tmp_path
):
    compare_here(["one", "two"], seeds=2)
    folders = [each.folder for each in list_runs(tmp_path / "runs") if "one" in each.folder.name]
    outcome = compare_here([folders[0], folders[1].name])
    assert [model.name for model in outcome.comparison.models] == [path.name for path in folders]


def test_a_recipe_without_any_trained_seed_ends_the_comparison(
    two_recipes, compare_here, monkeypatch
):
    def broken(recipe, **options):
        raise TrainingError("the loss is no number")

    monkeypatch.setattr("fittingroom.jobs.seeds.train", broken)
    with pytest.raises(TrainingError, match=r"No seed of one.*no number"):
        compare_here(["one", "two"])


@pytest.mark.parametrize(
    ("entrants", "error", "words"),
    [
        (["one"], UsageError, "two recipes or runs"),
        ([], UsageError, "two recipes or runs"),
        (["one", "one"], UsageError, "two models named 'one'"),
        (["one", "tow"], RecipeError, "Did you mean 'two'"),
        (["one", "nothing-like-it"], RecipeError, "no recipe or run"),
    ],
)
def test_what_cannot_be_compared_is_refused(two_recipes, compare_here, entrants, error, words):
    with pytest.raises(error, match=words):
        compare_here(entrants)
