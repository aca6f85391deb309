"""A training that goes on from any of its checkpoints ends as the one without a break."""

import dataclasses
import random
import re

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
    epochs=3,
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
    recipe = RECIPES[name].with_settings({"epochs": "3"})
    assert_goes_on_exactly(recipe, sample_split, tmp_path)


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "muon"])
def test_every_optimizer_goes_on_exactly_with_all_that_varies_images(
    optimizer, sample_split, tmp_path
):
    decay = 0.0 if optimizer == "adam" else 0.01
    recipe = dataclasses.replace(VARIED, optimizer=optimizer, weight_decay=decay)
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


def test_your_own_module_goes_on_exactly(sample_split, tmp_path):
    recipe = recipe_of(Drawing, epochs=3, batch_size=100)
    assert_goes_on_exactly(recipe, sample_split, tmp_path)


def test_the_epoch_that_is_kept_is_kept_over_a_break(sample_split, tmp_path):
    # A rate so high that the last epoch is not the best one.
    recipe = dataclasses.replace(
        TINY, epochs=4, keep="best loss", learning_rate=0.3, schedule="constant", patience=3
    )
    assert_goes_on_exactly(recipe, sample_split, tmp_path)


@pytest.fixture(scope="module")
def checkpoint(sample_split):
    """The one after the first epoch."""
    return fit(TINY, sample_split)[2][0]


def test_the_callers_random_states_and_threads_are_left_alone(checkpoint, tiny, sample_split):
    drawn = []
    threads = torch.get_num_threads()
    for between in (
        lambda: None,
        lambda: fit(tiny, sample_split),
        lambda: fit(tiny, sample_split, checkpoint),
    ):
        for seed in (random.seed, np.random.seed, torch.manual_seed):
            seed(1)
        between()
        drawn.append((random.random(), np.random.random(), torch.rand(1).item()))
    assert drawn[0] == drawn[1] == drawn[2]
    assert torch.get_num_threads() == threads


def place_beyond(state):
    """A position in NumPy's numbers past their end, where it would read on."""
    text = re.sub(rb'"pos": \d+', b'"pos": 625', state.tobytes())
    return np.frombuffer(text, np.uint8)


@pytest.mark.parametrize(
    ("name", "harm"),
    [
        ("module.0.weight", None),
        # One that PyTorch would spread over the whole weight without a word.
        ("module.0.weight", lambda array: np.zeros((1, 1, 1, 1), np.float32)),
        ("optimizer.0.0", lambda array: array.astype(np.float64)),
        ("best.0.weight", lambda array: array[:-1]),
        ("best_logits", lambda array: array[:-1]),
        ("random.json", lambda array: array[:100]),
        ("random.json", place_beyond),
        ("random.torch", lambda array: array[:100]),
    ],
)
def test_arrays_of_another_training_are_refused(name, harm, checkpoint, tiny, sample_split):
    arrays = dict(checkpoint.arrays)
    given = arrays.pop(name)
    if harm is not None:
        arrays[name] = harm(given)
    with pytest.raises(RunChangedError, match="checkpoint is not of"):
        fit(tiny, sample_split, Checkpoint(checkpoint.history, arrays))


def test_a_checkpoint_of_another_recipe_is_refused(checkpoint, sample_split):
    with pytest.raises(RunChangedError, match="checkpoint is not of ann"):
        fit(RECIPES["ann"], sample_split, checkpoint)
