"""A training that goes on from any of its checkpoints ends as the one without a break."""

import dataclasses
import random

import numpy as np
import pytest
import torch
from torch import nn

from fittingroom import recipe_of
from fittingroom.engines import engine_named
from fittingroom.errors import RunChangedError
from fittingroom.recipes import RECIPES, Augmentation
from fittingroom.runs import Checkpoint, read_checkpoint
from fittingroom.runs.checkpoints import write_checkpoint
from tests.conftest import TINY

ENGINE = engine_named("pytorch")

VARIED = dataclasses.replace(
    TINY,
    epochs=4,
    augmentation=Augmentation(
        flip=True, shift=1, shift_probability=0.5, rotation=0.02, erase=4, erase_probability=0.5
    ),
)


def fit(recipe, split, start=None, seed=0):
    """Train on one thread; the outcome, its history without the clock, and all checkpoints."""
    checkpoints: list[Checkpoint] = []
    history = list(start.history) if start else []

    def keep(checkpoint):
        arrays = {name: array.copy() for name, array in checkpoint.arrays.items()}
        checkpoints.append(Checkpoint(checkpoint.history, arrays))

    fitted = ENGINE.fit(
        recipe,
        split,
        seed=seed,
        device=ENGINE.device("cpu", 1),
        on_epoch=history.append,
        on_checkpoint=keep,
        start=start,
    )
    return fitted, [dataclasses.replace(each, seconds=0.0) for each in history], checkpoints


def outcome(fitted):
    """All numbers of a training, to the byte."""
    arrays = {name: array.tobytes() for name, array in fitted.weights.items()}
    return arrays, fitted.logits.tobytes(), fitted.best_epoch


def assert_goes_on_exactly(recipe, split, folder):
    """From every checkpoint, through a file, the whole training's numbers come out."""
    whole, history, checkpoints = fit(recipe, split)
    assert len(checkpoints) == len(history)
    for checkpoint in checkpoints:
        write_checkpoint(folder, checkpoint)
        start = read_checkpoint(folder)
        again, its_history, later = fit(recipe, split, start)
        assert outcome(again) == outcome(whole)
        assert its_history == history
        assert len(later) == len(history) - len(checkpoint.history)


@pytest.mark.parametrize("name", ["ann", "cnn"])
def test_the_defaults_go_on_exactly_at_every_cut(name, sample_split, tmp_path):
    recipe = RECIPES[name].with_settings({"epochs": "7"})
    assert_goes_on_exactly(recipe, sample_split, tmp_path)


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "muon"])
def test_every_optimizer_goes_on_exactly_with_all_that_varies_pictures(
    optimizer, sample_split, tmp_path
):
    decay = 0.0 if optimizer == "adam" else 0.01
    recipe = dataclasses.replace(VARIED, optimizer=optimizer, weight_decay=decay)
    assert_goes_on_exactly(recipe, sample_split, tmp_path)


@pytest.mark.parametrize("keep", ["best accuracy", "best loss", "last"])
def test_the_epoch_that_is_kept_is_kept_over_a_break(keep, sample_split, tmp_path):
    # A rate so high that the last epoch is not the best one.
    recipe = dataclasses.replace(
        TINY, epochs=5, keep=keep, learning_rate=0.3, schedule="constant", patience=3
    )
    assert_goes_on_exactly(recipe, sample_split, tmp_path)


class Drawing(nn.Module):
    """Draws random numbers from all three sources as it is trained, in half precision even."""

    def __init__(self) -> None:
        super().__init__()
        self.flat = nn.Flatten()
        self.norm = nn.BatchNorm1d(784)
        self.drop = nn.Dropout(0.3)
        self.last = nn.Linear(784, 10)
        self.small = nn.Parameter(torch.zeros(10, dtype=torch.bfloat16))

    def forward(self, x):
        x = self.drop(self.norm(self.flat(x)))
        if self.training:
            x = x * (0.9 + 0.2 * random.random()) + 0.01 * float(np.random.normal())
            x = x + 0.01 * random.gauss(0.0, 1.0)
        return self.last(x) + self.small.float()


def test_a_module_of_ones_own_goes_on_exactly(sample_split, tmp_path):
    recipe = recipe_of(Drawing, epochs=4, batch_size=100)
    assert_goes_on_exactly(recipe, sample_split, tmp_path)


def test_a_checkpoint_of_the_end_trains_no_more(tiny, sample_split):
    whole, history, checkpoints = fit(tiny, sample_split)
    again, its_history, later = fit(tiny, sample_split, checkpoints[-1])
    assert (outcome(again), its_history, later) == (outcome(whole), history, [])


@pytest.mark.parametrize("harm", ["missing", "shape", "other"])
def test_a_checkpoint_of_another_training_is_refused(harm, tiny, sample_split):
    _, _, checkpoints = fit(tiny, sample_split)
    arrays = dict(checkpoints[0].arrays)
    recipe = tiny
    match harm:
        case "missing":
            del arrays["optimizer.0.0"]
        case "shape":
            # One that PyTorch would spread over the whole weight without a word.
            arrays["module.0.weight"] = np.zeros((1, 1, 1, 1), np.float32)
        case "other":
            recipe = RECIPES["ann"]
    with pytest.raises(RunChangedError, match="checkpoint is not of"):
        fit(recipe, sample_split, Checkpoint(checkpoints[0].history, arrays))


@pytest.mark.parametrize("harm", ["missing", "shape", "type", "logits"])
def test_best_weights_that_do_not_fit_are_refused(harm, tiny, sample_split):
    _, _, checkpoints = fit(tiny, sample_split)
    arrays = dict(checkpoints[-1].arrays)  # nothing is trained after it, and all of them are used
    name = "best.0.weight"
    match harm:
        case "missing":
            del arrays[name]
        case "shape":
            arrays[name] = arrays[name][:-1]
        case "type":
            arrays[name] = arrays[name].astype(np.int64)
        case "logits":
            name = "best_logits"
            arrays[name] = arrays[name][:-1]
    with pytest.raises(RunChangedError, match=name):
        fit(tiny, sample_split, Checkpoint(checkpoints[-1].history, arrays))


@pytest.mark.parametrize("step", [np.inf, np.nan, -1, 10**6, [45, 45]])
def test_a_step_that_the_epochs_do_not_lead_to_is_refused(step, tiny, sample_split):
    _, _, checkpoints = fit(tiny, sample_split)
    arrays = {**checkpoints[0].arrays, "step": np.array(step)}
    with pytest.raises(RunChangedError, match="checkpoint is not of"):
        fit(tiny, sample_split, Checkpoint(checkpoints[0].history, arrays))


@pytest.mark.parametrize("name", ["module.0.weight", "optimizer.0.0"])
def test_numbers_of_another_type_are_refused(name, tiny, sample_split):
    _, _, checkpoints = fit(tiny, sample_split)
    arrays = dict(checkpoints[0].arrays)
    arrays[name] = arrays[name].astype(np.float64)
    with pytest.raises(RunChangedError, match=name):
        fit(tiny, sample_split, Checkpoint(checkpoints[0].history, arrays))


@pytest.mark.parametrize("name", ["random.python", "random.numpy"])
@pytest.mark.parametrize("harm", ["negative", "shorter", "place", "number"])
def test_a_random_state_that_is_none_is_refused(name, harm, tiny, sample_split):
    _, _, checkpoints = fit(tiny, sample_split)
    state = checkpoints[0].arrays[name].copy()
    match harm:
        case "negative":
            state = -state.astype(np.int64)
        case "shorter":
            state = state[:100]
        case "place":
            state[624] = 625  # NumPy would read past the state's end
        case "number":
            state = np.array(7, np.uint32)
    arrays = {**checkpoints[0].arrays, name: state}
    with pytest.raises(RunChangedError, match=f"{name} "):
        fit(tiny, sample_split, Checkpoint(checkpoints[0].history, arrays))


def test_the_callers_random_states_are_left_alone(tiny, sample_split):
    _, _, checkpoints = fit(tiny, sample_split)
    random.seed(1)
    np.random.seed(1)
    torch.manual_seed(1)
    expected = random.random(), np.random.random(), torch.rand(1).item()
    random.seed(1)
    np.random.seed(1)
    torch.manual_seed(1)
    fit(tiny, sample_split, checkpoints[0])
    assert (random.random(), np.random.random(), torch.rand(1).item()) == expected
