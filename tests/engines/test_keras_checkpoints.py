"""A Keras training that is broken off goes on to the same bytes; with PyTorch beneath Keras."""

import dataclasses

import numpy as np
import pytest

from fittingroom.engines import engine_named
from fittingroom.engines.keras.backend import load_keras
from fittingroom.errors import RunChangedError
from fittingroom.jobs.session import Session
from fittingroom.jobs.train import train
from fittingroom.networks import BatchNorm, Dense, Dropout, Flatten, ReLU
from fittingroom.recipes import Augmentation, Recipe, recipe_of
from fittingroom.runs import Checkpoint, find_begun, list_runs, run_name

keras = load_keras()
torch_beneath = pytest.mark.skipif(
    keras.backend.backend() != "torch", reason="checkpoints are PyTorch's"
)

RECIPE = Recipe(
    name="small-keras",
    title="Everything that has a state: noise, running means, momenta, a schedule",
    engine="keras",
    network=(Flatten(), Dense(12), BatchNorm(), ReLU(), Dropout(0.3), Dense(10)),
    augmentation=Augmentation(flip=True, rotation=0.05),
    epochs=4,
    batch_size=200,
    optimizer="adamw",
    weight_decay=0.01,
    learning_rate=0.02,
)


class BrokenOffError(Exception):
    pass


def fit(recipe, split, start=None, until=99):
    """The outcome, or the last checkpoint where the training is broken off after some epochs."""
    engine = engine_named("keras")
    kept: list[Checkpoint] = []

    def on_checkpoint(checkpoint: Checkpoint) -> None:
        kept.append(checkpoint)
        if len(checkpoint.history) == until:
            raise BrokenOffError

    try:
        fitted = engine.fit(
            recipe,
            split,
            seed=3,
            device=engine.device("cpu", 1),
            on_epoch=lambda epoch: None,
            on_checkpoint=on_checkpoint,
            start=start,
        )
    except BrokenOffError:
        return kept[-1]
    return fitted, kept[-1].history if kept else start.history


def same(one, other):
    (first, history), (second, its) = one, other
    assert list(first.weights)
    assert first.weights.keys() == second.weights.keys()
    for name, array in first.weights.items():
        assert array.tobytes() == second.weights[name].tobytes(), name
    assert first.logits.tobytes() == second.logits.tobytes()
    assert first.best_epoch == second.best_epoch
    plain = [[dataclasses.replace(each, seconds=0.0) for each in one] for one in (history, its)]
    assert plain[0] == plain[1]


@torch_beneath
@pytest.mark.parametrize("schedule", ["one-cycle", "constant"])
def test_it_goes_on_to_the_same_bytes_from_each_epoch(sample_split, schedule):
    recipe = dataclasses.replace(RECIPE, schedule=schedule)
    whole = fit(recipe, sample_split)
    for until in (1, 2, 3, 4):
        np.random.seed(until)  # what the process did before changes nothing
        same(whole, fit(recipe, sample_split, start=fit(recipe, sample_split, until=until)))


@torch_beneath
def test_a_model_of_one_s_own_goes_on_too(sample_split):
    def build():
        return keras.Sequential(
            [
                keras.Input((28, 28)),
                keras.layers.Flatten(),
                keras.layers.Dropout(0.3),
                *(keras.layers.Dense(units) for units in (3, 4, 5, 6, 7, 8, 10)),
            ]
        )

    recipe = recipe_of(build, epochs=3, batch_size=200, optimizer="sgd", learning_rate=0.01)
    whole = fit(recipe, sample_split)
    same(whole, fit(recipe, sample_split, start=fit(recipe, sample_split, until=2)))


@torch_beneath
def test_a_checkpoint_of_another_network_is_refused(sample_split):
    start = fit(RECIPE, sample_split, until=1)
    other = dataclasses.replace(RECIPE, network=(Flatten(), Dense(10)))
    with pytest.raises(RunChangedError, match="one of another training"):
        fit(other, sample_split, start=start)


@torch_beneath
@pytest.mark.parametrize("until", [1, 4])  # in the end nothing is trained, and they are all
def test_best_weights_of_another_network_are_refused(until, sample_split):
    start = fit(RECIPE, sample_split, until=until)
    name = next(name for name in sorted(start.arrays) if name.startswith("best."))
    missing = {other: array for other, array in start.arrays.items() if other != name}
    for arrays in (missing, {**start.arrays, name: start.arrays[name][:-1]}):
        with pytest.raises(RunChangedError, match="best epoch's weights"):
            fit(RECIPE, sample_split, start=Checkpoint(start.history, arrays))


@torch_beneath
def test_the_job_goes_on_in_the_same_folder(sample, tmp_path, monkeypatch):
    from fittingroom.runs import RunWriter

    whole = train(RECIPE, session=Session(data=sample, runs=tmp_path / "whole", threads=1))
    keep = RunWriter.keep

    def die(writer, checkpoint):
        keep(writer, checkpoint)
        if len(checkpoint.history) == 2:
            raise BrokenOffError

    monkeypatch.setattr(RunWriter, "keep", die)
    with pytest.raises(BrokenOffError):
        train(RECIPE, session=Session(data=sample, runs=tmp_path / "cut", threads=1))
    monkeypatch.undo()
    name = run_name(RECIPE, 0, sample.key)
    begun = find_begun(tmp_path / "cut", name, RECIPE, 0, sample)
    assert begun is not None
    assert begun[1] is not None
    run = train(RECIPE, session=Session(data=sample, runs=tmp_path / "cut", threads=1), resume=True)
    weights = [(each.folder / "model.safetensors").read_bytes() for each in (run, whole)]
    assert weights[0] == weights[1]
    assert [each.state for each in list_runs(tmp_path / "cut")] == ["finished"]


@pytest.mark.skipif(keras.backend.backend() == "torch", reason="with PyTorch there are some")
def test_the_other_backends_write_none_and_take_none(sample_split):
    engine = engine_named("keras")

    def call(start):
        engine.fit(
            dataclasses.replace(RECIPE, epochs=1),
            sample_split,
            seed=3,
            device=engine.device("cpu", 1),
            on_epoch=lambda epoch: None,
            on_checkpoint=lambda checkpoint: pytest.fail("a checkpoint"),
            start=start,
        )

    call(None)
    with pytest.raises(RunChangedError, match="KERAS_BACKEND=torch"):
        call(Checkpoint((), {}))
