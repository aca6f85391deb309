import dataclasses
import subprocess
import sys

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from fittingroom.engines.pytorch.optimizers import (
    Muon,
    build_optimizers,
    orthogonalise,
)
from fittingroom.errors import RecipeError

STEPS = 7


def module(seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Conv2d(2, 3, 3, bias=False),
        nn.BatchNorm2d(3),
        nn.Flatten(),
        nn.Linear(12, 5),
        nn.Linear(5, 4),
    )


def descend(trained: nn.Module, step) -> list[torch.Tensor]:
    """The weights after some steps on one batch, at a rate that falls."""
    generator = torch.Generator().manual_seed(1)
    inputs = torch.randn(16, 2, 4, 4, generator=generator)
    labels = torch.randint(4, (16,), generator=generator)
    for number in range(STEPS):
        nn.functional.cross_entropy(trained(inputs), labels).backward()
        step((STEPS - number) / STEPS)
    return [parameter.detach().clone() for parameter in trained.parameters()]


def ours(recipe) -> list[torch.Tensor]:
    trained = module()
    optimizers = build_optimizers(trained, recipe)

    def step(share: float) -> None:
        for optimizer in optimizers:
            optimizer.set_rate(share)
            optimizer.step()
        assert all(parameter.grad is None for parameter in trained.parameters())

    return descend(trained, step)


def theirs(recipe) -> list[torch.Tensor]:
    trained = module()
    kernels = [each for each in trained.parameters() if each.ndim >= 2]
    others = [each for each in trained.parameters() if each.ndim < 2]
    groups = [
        {"params": kernels, "weight_decay": recipe.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    rate, momentum = recipe.learning_rate, recipe.momentum
    optimizer: torch.optim.Optimizer
    if recipe.optimizer == "adam":
        optimizer = torch.optim.Adam(groups, lr=rate, betas=(momentum, 0.999), eps=1e-7)
    else:
        optimizer = torch.optim.AdamW(groups, lr=rate, betas=(momentum, 0.99))

    def step(share: float) -> None:
        for group in optimizer.param_groups:
            group["lr"] = share * rate
        optimizer.step()
        optimizer.zero_grad()

    return descend(trained, step)


@pytest.mark.parametrize(("optimizer", "decay"), [("adam", 0.0), ("adamw", 0.0), ("adamw", 0.3)])
def test_the_steps_are_those_of_pytorch(tiny, optimizer, decay):
    recipe = dataclasses.replace(
        tiny, optimizer=optimizer, learning_rate=0.02, weight_decay=decay, momentum=0.8
    )
    before = list(module().parameters())
    for start, one, other in zip(before, ours(recipe), theirs(recipe), strict=True):
        assert not torch.equal(start, one)
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-6)


def test_decay_shrinks_the_kernels_of_muon_by_its_share_of_the_rate_and_nothing_else(tiny):
    recipe = dataclasses.replace(tiny, optimizer="muon", learning_rate=0.1, weight_decay=0.5)
    trained = module()
    before = [parameter.detach().clone() for parameter in trained.parameters()]
    for each in build_optimizers(trained, recipe):
        each.step()
    last = max(place for place, parameter in enumerate(before) if parameter.ndim >= 2)
    for place, (start, parameter) in enumerate(zip(before, trained.parameters(), strict=True)):
        decayed = parameter.ndim >= 2 and place != last
        torch.testing.assert_close(parameter, start * (0.95 if decayed else 1.0))


@settings(max_examples=60)
@given(
    rows=st.integers(1, 40),
    columns=st.integers(1, 40),
    seed=st.integers(0, 999),
    size=st.floats(1e-3, 1e3),
)
def test_orthogonalising_keeps_directions_and_drives_singular_values_towards_one(
    rows, columns, seed, size
):
    matrix = size * torch.randn(rows, columns, generator=torch.Generator().manual_seed(seed))
    result = orthogonalise(matrix).double()
    left, values, right = torch.linalg.svd(matrix.double(), full_matrices=False)
    # The same singular vectors: what is left in their basis is diagonal.
    inner = left.T @ result @ right.T
    assert (inner - inner.diagonal().diag()).abs().max() < 1e-4
    # The polynomial of each singular value, applied to the value over the matrix' norm.
    expected = values / values.norm()
    for _ in range(3):
        expected = 3.4445 * expected - 4.7750 * expected**3 + 2.0315 * expected**5
    torch.testing.assert_close(inner.diagonal(), expected, atol=1e-4, rtol=1e-4)


def test_a_weight_without_a_gradient_stays(tiny):
    for optimizer in ("adam", "adamw", "muon"):
        recipe = dataclasses.replace(tiny, optimizer=optimizer, learning_rate=0.1)
        trained = module()
        optimizers = build_optimizers(trained, recipe)
        parameters = list(trained.parameters())
        for parameter in parameters[1:]:
            parameter.grad = torch.ones_like(parameter)
        before = [parameter.detach().clone() for parameter in parameters]
        for each in optimizers:
            each.step()
        changed = [not torch.equal(*pair) for pair in zip(before, parameters, strict=True)]
        assert changed == [False, *[True] * (len(parameters) - 1)]


def test_muon_needs_a_kernel_and_leaves_the_last_to_adam(tiny):
    recipe = dataclasses.replace(tiny, optimizer="muon")
    with pytest.raises(RecipeError, match="Use adamw"):
        build_optimizers(nn.Sequential(nn.Flatten(), nn.BatchNorm1d(784)), recipe)
    (only,) = build_optimizers(nn.Sequential(nn.Flatten(), nn.Linear(784, 10)), recipe)
    assert not isinstance(only, Muon)
    muon, rest = build_optimizers(module(), recipe)
    assert [parameter.ndim for parameter in muon.parameters] == [4, 2]
    assert rest.parameters[0].shape == (4, 5)


@pytest.mark.slow
def test_training_does_not_load_pytorchs_compiler():
    code = (
        "import sys, torch, dataclasses\n"
        "from fittingroom.data import find_dataset\n"
        "from fittingroom.engines import engine_named\n"
        "from fittingroom.recipes import recipe_named\n"
        "recipe = recipe_named('ann-fast').with_settings({'epochs': '1'})\n"
        "split = find_dataset('sample').split(recipe.split)\n"
        "engine = engine_named('pytorch')\n"
        "engine.fit(recipe, split, seed=0, device=engine.device('cpu', 1), on_epoch=print)\n"
        "assert 'torch._dynamo' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=600)
