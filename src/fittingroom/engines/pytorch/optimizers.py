"""The optimizers that recipes name."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from fittingroom.errors import RecipeError
from fittingroom.recipes import Recipe

# Coefficients of the quintic iteration that drives singular values towards one (see Muon).
_QUINTIC = (3.4445, -4.7750, 2.0315)
# Three come near enough for a step, and cost less than five.
_ITERATIONS = 3


class Muon(Optimizer):
    """Momentum whose step is made orthogonal: all singular values of it are near one.

    Kernels are taken as matrices of one row a filter. The step is scaled by
    ``sqrt(max(1, rows / columns))``, so that one learning rate serves all shapes.

    Source: K. Jordan et al., "Muon: an optimizer for hidden layers in neural networks", 2024;
    the iteration is a Newton-Schulz one with that text's coefficients.

    Args:
        groups: parameters with two axes or more.
        lr: the learning rate.
        momentum: of the (Nesterov) momentum.
        weight_decay: decoupled.
    """

    def __init__(
        self,
        groups: list[dict[str, Any]],
        lr: float,
        momentum: float,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(groups, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """One step along the gradients that are there."""
        for group in self.param_groups:
            for parameter in group["params"]:
                gradient = parameter.grad
                if gradient is None:  # a weight of a person's own module that nothing uses
                    continue
                state = self.state[parameter]
                if "momentum" not in state:
                    state["momentum"] = torch.zeros_like(gradient)
                buffer = state["momentum"]
                buffer.mul_(group["momentum"]).add_(gradient)
                looking_ahead = gradient.add(buffer, alpha=group["momentum"])
                matrix = orthogonalise(looking_ahead.flatten(1))
                scale = max(1.0, matrix.shape[0] / matrix.shape[1]) ** 0.5
                # The learning rate is a tensor where a GPU replays this.
                parameter.mul_(1 - group["lr"] * group["weight_decay"])
                parameter.sub_(matrix.view_as(parameter) * (group["lr"] * scale))


def orthogonalise(matrix: Tensor) -> Tensor:
    """The matrix with its singular values driven to about one: float32 ``(R, C)`` → the same."""
    a, b, c = _QUINTIC
    wide = matrix.T if matrix.shape[0] > matrix.shape[1] else matrix
    value = wide / (wide.norm() + 1e-7)
    for _ in range(_ITERATIONS):
        square = value @ value.T
        value = a * value + (b * square + c * square @ square) @ value
    return value.T if matrix.shape[0] > matrix.shape[1] else value


def build_optimizers(module: nn.Module, recipe: Recipe) -> list[Optimizer]:
    """The recipe's optimizers, which share all weights among them.

    Weight decay acts on weights with two axes or more, and leaves biases and normalisation alone.
    Muon leaves the last kernel to AdamW, in the order in which the module names them. Each
    parameter group carries ``"highest"``, its highest learning rate, by which
    :func:`set_learning_rate` scales. On CUDA ``"lr"`` is a tensor, so that a recorded step can be
    replayed at another rate.

    Raises:
        RecipeError: muon is asked for a module without kernels.
    """
    parameters = [parameter for parameter in module.parameters() if parameter.requires_grad]
    kernels = [parameter for parameter in parameters if parameter.ndim >= 2]
    others = [parameter for parameter in parameters if parameter.ndim < 2]
    if recipe.optimizer == "muon" and not kernels:
        raise RecipeError(
            "Expected a model with weights of two axes or more for the optimizer muon, which makes "
            "their steps orthogonal. Received one without. Use adamw."
        )
    on_cuda = any(parameter.is_cuda for parameter in parameters)
    optimizers = _build(recipe, kernels, others, {"fused": True, "capturable": on_cuda})
    for optimizer in optimizers if on_cuda else ():
        for group in optimizer.param_groups:
            group["lr"] = torch.tensor(group["lr"], device=group["params"][0].device)
    return optimizers


def set_learning_rate(optimizers: list[Optimizer], share: float) -> None:
    """Set every group to this share of its highest learning rate."""
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            rate = share * group["highest"]
            if isinstance(group["lr"], Tensor):
                group["lr"].fill_(rate)
            else:
                group["lr"] = rate


def _build(
    recipe: Recipe,
    kernels: list[nn.Parameter],
    others: list[nn.Parameter],
    adam: dict[str, bool],
) -> list[Optimizer]:
    rate, decay = recipe.learning_rate, recipe.weight_decay
    if recipe.optimizer == "muon":
        # The last layer's rows are classes, not directions of one space: it goes with the others.
        *hidden, last = kernels
        groups = [_group(hidden, rate, decay)]
        rest = [_group([last, *others], recipe.other_learning_rate, 0.0)]
        return [
            Muon(groups, lr=rate, momentum=recipe.momentum),
            torch.optim.AdamW(rest, lr=rate, betas=(0.9, 0.99), **adam),
        ]
    groups = [_group(kernels, rate, decay), _group(others, rate, 0.0)]
    betas = (recipe.momentum, 0.999 if recipe.optimizer == "adam" else 0.99)
    if recipe.optimizer == "adam":
        return [torch.optim.Adam(groups, lr=rate, betas=betas, eps=1e-7, **adam)]
    if recipe.optimizer == "adamw":
        return [torch.optim.AdamW(groups, lr=rate, betas=betas, **adam)]
    return [torch.optim.SGD(groups, lr=rate, momentum=recipe.momentum, nesterov=True, fused=True)]


def _group(parameters: list[nn.Parameter], rate: float, decay: float) -> dict[str, Any]:
    return {"params": parameters, "lr": rate, "highest": rate, "weight_decay": decay}
