"""The optimizers of recipes: Adam, AdamW and Muon.

PyTorch's own optimizers load its compiler when the first one is made, which takes over a second:
longer than the shortest recipes train. These take the same steps (the tests compare them with
PyTorch's), and their whole state is a list of tensors.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from fittingroom.errors import RecipeError
from fittingroom.recipes import Recipe

# Coefficients of the quintic iteration that drives singular values towards one (see Muon).
_QUINTIC = (3.4445, -4.7750, 2.0315)
# Three come near enough: two are less accurate for dense layers, five no better.
_ITERATIONS = 3


class Stepper(ABC):
    """What both optimizers share: weights, one learning rate, and a state that starts at zero.

    Args:
        parameters: what it trains, all on one device.
        rate: the highest learning rate.
        decay: decoupled weight decay, of weights with two axes or more.
        momentum: weight of the past in the mean of gradients.
    """

    def __init__(
        self, parameters: Sequence[nn.Parameter], rate: float, decay: float, momentum: float
    ) -> None:
        self.parameters: list[Tensor] = list(parameters)
        self.highest = rate
        self.decay = decay
        self.momentum = momentum
        self.rate = torch.tensor(rate, device=self.parameters[0].device)  # of the next step
        self.state: list[Tensor] = []  # all that it remembers from step to step

    def remember(self) -> list[Tensor]:
        """A zero for every weight, kept in the state."""
        zeros = [torch.zeros_like(parameter) for parameter in self.parameters]
        self.state += zeros
        return zeros

    def set_rate(self, share: float) -> None:
        """Set the learning rate to a share of the highest."""
        self.rate.fill_(share * self.highest)

    @torch.no_grad()
    def step(self) -> None:
        """Take one step along the gradients, and clear them.

        A weight that the model does not use has no gradient, which counts as zero.
        """
        gradients: list[Tensor] = []
        for weight in self.parameters:
            gradients.append(torch.zeros_like(weight) if weight.grad is None else weight.grad)
            weight.grad = None
        kernels = [weight for weight in self.parameters if weight.ndim >= 2]
        if self.decay and kernels:
            torch._foreach_mul_(kernels, 1 - self.rate * self.decay)
        self.move(gradients)

    @abstractmethod
    def move(self, gradients: list[Tensor]) -> None:
        """Change the weights by these gradients."""


class Muon(Stepper):
    """Nesterov momentum whose step is made orthogonal: all its singular values are near one.

    ``v ← m·v + g``; ``w ← w − r·s·orthogonal(g + m·v)``. Kernels are taken as matrices of one row
    for each filter, and ``s = sqrt(max(1, rows / columns))`` lets one learning rate serve all
    shapes. ``m`` is the momentum.

    Source: K. Jordan et al., "Muon: an optimizer for hidden layers in neural networks", 2024.
    """

    def __init__(self, *shared: Any) -> None:
        super().__init__(*shared)
        self.velocity = self.remember()

    def move(self, gradients: list[Tensor]) -> None:
        """See :class:`Stepper`."""
        torch._foreach_mul_(self.velocity, self.momentum)
        torch._foreach_add_(self.velocity, gradients)
        steps = torch._foreach_add(gradients, self.velocity, alpha=self.momentum)
        for weight, ahead in zip(self.parameters, steps, strict=True):
            matrix = orthogonalise(ahead.flatten(1))
            scale = max(1.0, matrix.shape[0] / matrix.shape[1]) ** 0.5
            weight.sub_(matrix.view_as(ahead) * (self.rate * scale))


class Adam(Stepper):
    """Adam (arXiv:1412.6980); with decoupled weight decay, AdamW (arXiv:1711.05101).

    ``second`` is the weight of the past in the mean of squared gradients, and ``epsilon`` is added
    to the root of it.
    """

    def __init__(self, *shared: Any, second: float = 0.99, epsilon: float = 1e-8) -> None:
        super().__init__(*shared)
        self.second = second
        self.epsilon = epsilon
        self.mean = self.remember()
        self.square = self.remember()
        self.steps = torch.zeros((), device=self.rate.device)
        self.state.append(self.steps)

    def move(self, gradients: list[Tensor]) -> None:
        """See :class:`Stepper`."""
        first, second = self.momentum, self.second
        self.steps += 1
        torch._foreach_lerp_(self.mean, gradients, 1 - first)
        torch._foreach_mul_(self.square, second)
        torch._foreach_addcmul_(self.square, gradients, gradients, 1 - second)
        size = torch._foreach_sqrt(self.square)
        torch._foreach_div_(size, (1 - second**self.steps).sqrt())
        torch._foreach_add_(size, self.epsilon)
        step = torch._foreach_div(self.mean, size)
        torch._foreach_mul_(step, self.rate / (1 - first**self.steps))
        torch._foreach_sub_(self.parameters, step)


def orthogonalise(matrix: Tensor) -> Tensor:
    """The matrix with its singular values driven to about one: float32 ``(R, C)`` → the same.

    A Newton-Schulz iteration, ``X ← (a + b·A + c·A²)·X`` with ``A = X·Xᵀ``. It is carried out on
    the smaller, square ``A``; the product of all factors is multiplied with the matrix at the end.
    """
    a, b, c = _QUINTIC
    wide = matrix.T if matrix.shape[0] > matrix.shape[1] else matrix
    square = wide @ wide.T
    # The trace of it is the squared norm, by which the matrix is divided.
    scale = (square.trace() + 1e-14).reciprocal()
    square *= scale
    whole: Tensor | None = None
    for turn in range(_ITERATIONS):
        factor = torch.addmm(square, square, square, beta=b, alpha=c)
        factor.diagonal().add_(a)
        whole = factor if whole is None else factor @ whole
        if turn < _ITERATIONS - 1:
            square = square @ factor @ factor
    assert whole is not None
    value = (whole * scale.sqrt()) @ wide
    return value.T if matrix.shape[0] > matrix.shape[1] else value


def build_optimizers(module: nn.Module, recipe: Recipe) -> list[Stepper]:
    """The recipe's optimizers, which share the module's weights.

    With muon, AdamW trains the last kernel (in the order of the module's names), biases and
    normalisation.

    Raises:
        RecipeError: the recipe wants muon for a module without kernels.
    """
    parameters = [parameter for parameter in module.parameters() if parameter.requires_grad]
    rate, decay, momentum = recipe.learning_rate, recipe.weight_decay, recipe.momentum
    match recipe.optimizer:
        case "adam":
            return [Adam(parameters, rate, 0.0, momentum, second=0.999, epsilon=1e-7)]
        case "adamw":
            return [Adam(parameters, rate, decay, momentum)]
    kernels = [parameter for parameter in parameters if parameter.ndim >= 2]
    others = [parameter for parameter in parameters if parameter.ndim < 2]
    if not kernels:
        raise RecipeError(
            "The optimizer muon needs weights of two axes or more, and this model has none. Use "
            "adamw."
        )
    # The last layer's rows are classes, not directions of one space, so muon does not suit it.
    *hidden, last = kernels
    rest = Adam([last, *others], recipe.other_learning_rate, 0.0, momentum)
    return [Muon(hidden, rate, decay, momentum), rest] if hidden else [rest]
