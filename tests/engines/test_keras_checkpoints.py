"""A Keras training that is interrupted resumes after the epoch of its last checkpoint."""

import dataclasses

import numpy as np
import pytest

from fittingroom.engines import engine_named
from fittingroom.engines.keras.backend import load_keras
from fittingroom.errors import RunChangedError
from fittingroom.jobs.session import Session
from fittingroom.jobs.train import train
from fittingroom.networks import BatchNorm, Dense, Dropout, Flatten, ReLU
from fittingroom.recipes import Recipe
from fittingroom.runs import Checkpoint, RunWriter, list_runs

keras = load_keras()

RECIPE = Recipe(
    name="small-keras",
    title="With all that has a state: noise, running means, momenta, a schedule",
    engine="keras",
    network=(Flatten(), Dense(12), BatchNorm(), ReLU(), Dropout(0.3), Dense(10)),
    epochs=3,
    batch_size=500,
    optimizer="adamw",
    learning_rate=0.02,
    schedule="constant",
)


class BrokenOffError(Exception):
    pass


def fit(recipe, split, start=None, until=99):
    """The result and its history, or the last checkpoint if training is broken off."""
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


@pytest.fixture(scope="module")
def broken_off(sample_split):
    return fit(RECIPE, sample_split, until=2)


def test_it_resumes_with_weights_optimizer_and_history(sample_split, broken_off):
    fitted, history = fit(RECIPE, sample_split, start=broken_off)
    assert history[:2] == broken_off.history
    assert [each.epoch for each in history] == [1, 2, 3]
    assert history[2].train_loss < history[0].train_loss
    assert fitted.weights["1.weight"].shape == (12, 784)


def test_a_checkpoint_of_the_end_trains_no_more(sample_split, broken_off):
    whole = dataclasses.replace(RECIPE, epochs=2)
    fitted, history = fit(whole, sample_split, start=broken_off)
    assert history == broken_off.history
    best = broken_off.arrays["best.1.weight"]
    assert np.array_equal(fitted.weights["1.weight"], best)


def test_a_checkpoint_of_another_network_is_refused(sample_split, broken_off):
    other = dataclasses.replace(RECIPE, network=(Flatten(), Dense(10)))
    with pytest.raises(RunChangedError, match=r"best\.1\.weight"):
        fit(other, sample_split, start=broken_off)
    missing = {name: array for name, array in broken_off.arrays.items() if name.startswith("best.")}
    for arrays in (missing, {**broken_off.arrays, "latest.weights.h5": np.zeros(9, np.uint8)}):
        with pytest.raises(RunChangedError, match="of another training"):
            fit(RECIPE, sample_split, start=Checkpoint(broken_off.history, arrays))


def test_the_job_resumes_in_the_same_folder(sample, tmp_path, monkeypatch):
    session = Session(data=sample, runs=tmp_path, threads=1)
    keep = RunWriter.keep

    def die(writer, checkpoint):
        keep(writer, checkpoint)
        raise BrokenOffError

    monkeypatch.setattr(RunWriter, "keep", die)
    with pytest.raises(BrokenOffError):
        train(RECIPE, session=session)
    monkeypatch.undo()
    run = train(RECIPE, session=session, resume=True)
    assert [each.epoch for each in run.history] == [1, 2, 3]
    assert [each.state for each in list_runs(tmp_path)] == ["finished"]
