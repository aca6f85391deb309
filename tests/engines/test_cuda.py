"""What is recorded on a GPU, tested on the processor: CUDA's own calls are stood in for.

As on a GPU, a step that is being recorded is not carried out, and a recording carries out what it
holds on the very tensors it was given.
"""

import contextlib
import dataclasses
from types import SimpleNamespace

import pytest
import torch

from fittingroom.engines.pytorch import training
from fittingroom.networks import BatchNorm, Dense, Dropout, Ensemble, Flatten, ReLU
from fittingroom.recipes import Augmentation
from tests.engines.test_checkpoints import assert_goes_on_exactly, fit, outcome

NETWORK = (Flatten(), Dense(24, bias=False), BatchNorm(), ReLU(), Dropout(0.2), Dense(10))
VARIED = Augmentation(
    flip=True, shift=1, shift_probability=0.5, rotation=0.02, erase=4, erase_probability=0.5
)


class Graph:
    """Stands in for a CUDA graph."""

    def __init__(self):
        self.recorded = []

    def replay(self):
        for again in self.recorded:
            again()


@pytest.fixture
def recordings(monkeypatch):
    """Every training records its step; the recordings that were made."""
    made: list[Graph] = []
    being_recorded: list[Graph] = []

    @contextlib.contextmanager
    def graph(recording, stream):
        being_recorded.append(recording)
        yield
        made.append(being_recorded.pop())

    stream = SimpleNamespace(wait_stream=lambda other: None)
    for name, stand_in in {
        "CUDAGraph": Graph,
        "graph": graph,
        "Stream": lambda: stream,
        "current_stream": lambda: stream,
        "stream": lambda other: contextlib.nullcontext(),
        "synchronize": lambda: None,
        "get_rng_state": torch.get_rng_state,
        "set_rng_state": torch.set_rng_state,
    }.items():
        monkeypatch.setattr(torch.cuda, name, stand_in)

    real_step = training._Training._step

    def step(self, *batch):
        if being_recorded:
            being_recorded[-1].recorded.append(lambda: real_step(self, *batch))
        else:
            real_step(self, *batch)

    real_start = training._Training.__init__

    def start(self, *given):
        real_start(self, *given)
        self._record()

    monkeypatch.setattr(training._Training, "_step", step)
    monkeypatch.setattr(training._Training, "__init__", start)
    return made


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "sgd", "muon"])
@pytest.mark.parametrize("members", [1, 2])
def test_a_recorded_step_trains_as_the_step_itself(tiny, sample_split, request, optimizer, members):
    recipe = dataclasses.replace(
        tiny,
        network=NETWORK if members == 1 else (Ensemble((NETWORK,) * members),),
        optimizer=optimizer,
        augmentation=VARIED,
    )
    plain, history, _ = fit(recipe, sample_split)
    recordings = request.getfixturevalue("recordings")
    recorded, its_history, _ = fit(recipe, sample_split)
    assert len(recordings) == 1
    assert outcome(recorded) == outcome(plain)
    assert its_history == history
    (note,) = recorded.notes
    assert "warm-up on the GPU" in note


def test_a_training_of_recorded_steps_goes_on_exactly(tiny, sample_split, recordings, tmp_path):
    recipe = dataclasses.replace(tiny, network=NETWORK, optimizer="muon", augmentation=VARIED)
    assert_goes_on_exactly(recipe, sample_split, tmp_path)
    assert len(recordings) == 1 + recipe.epochs
