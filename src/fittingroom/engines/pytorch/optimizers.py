"""The optimizers that recipes name, on all their weights at once.

PyTorch's own optimizers load its compiler when the first of them is made, which takes over a
second: longer than the shortest recipes train. These are the same steps (the tests hold them
against PyTorch's), and each is a plain object whose whole state is tensors.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from fittingroom.errors import RecipeError
from fittingroom.recipes import Recipe

# Coefficients of the quintic iteration that drives singular values towards one (see Muon).
_QUINTIC = (3.4445, -4.7750, 2.0315)
# Three come near enough: two are less accurate for dense layers, five no better.
_ITERATIONS = 3


class Optimizer(ABC):
    """What all optimizers share: weights, one learning rate, and state that is made at once.

    Args:
        parameters: what it trains, all on one device.
        rate: the highest learning rate.
        decay: weight decay, decoupled, of weights with two axes or more.

    Attributes:
        parameters: the weights.
        rate: the learning rate of the step to come, a tensor on the device of the weights, so that
            a recorded step can be replayed at another rate.
        state: all that is remembered from step to step; zero at first.
    """

    def __init__(self, parameters: Sequence[nn.Parameter], rate: float, decay: float) -> None:
        self.parameters = list(parameters)
        self.highest = rate
        self.decay = decay
        device = self.parameters[0].device if self.parameters else torch.device("cpu")
        self.rate = torch.tensor(rate, device=device)
        self.state: list[Tensor] = []

    def remember(self) -> list[Tensor]:
        """A zero for every weight, kept in the state."""
        zeros = [torch.zeros_like(parameter) for parameter in self.parameters]
        self.state += zeros
        return zeros

    def set_rate(self, share: float) -> None:
        """Set the learning rate to a share of the highest."""
        self.rate.fill_(share * self.highest)

    def forget(self) -> None:
        """Set all that is remembered back to zero, in place."""
        for tensor in self.state:
            tensor.zero_()

    @torch.no_grad()
    def step(self) -> None:
        """One step along the gradients, which are cleared.

        A weight that nothing uses, as in some person's own module, has no gradient, and stays.
        """
        used, gradients = [], []
        for place, parameter in enumerate(self.parameters):
            if parameter.grad is not None:
                used.append(place)
                gradients.append(parameter.grad)
                parameter.grad = None
        weights: list[Tensor] = [self.parameters[place] for place in used]
        kernels = [weight for weight in weights if weight.ndim >= 2]
        if self.decay and kernels:
            torch._foreach_mul_(kernels, 1 - self.rate * self.decay)
        if used:
            self.move(used, gradients)

    @abstractmethod
    def move(self, used: Sequence[int], gradients: list[Tensor]) -> None:
        """Change the weights at these places by these gradients."""


class Sgd(Optimizer):
    """Stochastic gradient descent with Nesterov momentum, as PyTorch defines it.

    ``v ← m·v + g``; ``w ← w − r·(g + m·v)``.

    Args:
        momentum: ``m``.
    """

    def __init__(
        self, parameters: Sequence[nn.Parameter], rate: float, decay: float, momentum: float
    ) -> None:
        super().__init__(parameters, rate, decay)
        self.momentum = momentum
        self.velocity = self.remember()

    def look_ahead(self, used: Sequence[int], gradients: list[Tensor]) -> list[Tensor]:
        """The momentum, updated, and the gradient once more: ``g + m·v``."""
        velocity = [self.velocity[place] for place in used]
        torch._foreach_mul_(velocity, self.momentum)
        torch._foreach_add_(velocity, gradients)
        return list(torch._foreach_add(gradients, velocity, alpha=self.momentum))

    def move(self, used: Sequence[int], gradients: list[Tensor]) -> None:
        """See :class:`Optimizer`."""
        ahead = self.look_ahead(used, gradients)
        torch._foreach_mul_(ahead, self.rate)
        torch._foreach_sub_([self.parameters[place] for place in used], ahead)


class Muon(Sgd):
    """Momentum whose step is made orthogonal: all singular values of it are near one.

    Kernels are taken as matrices of one row a filter. The step is scaled by
    ``sqrt(max(1, rows / columns))``, so that one learning rate serves all shapes.

    Source: K. Jordan et al., "Muon: an optimizer for hidden layers in neural networks", 2024;
    the iteration is a Newton-Schulz one with that text's coefficients.
    """

    def move(self, used: Sequence[int], gradients: list[Tensor]) -> None:
        """See :class:`Optimizer`."""
        for place, ahead in zip(used, self.look_ahead(used, gradients), strict=True):
            matrix = orthogonalise(ahead.flatten(1))
            scale = max(1.0, matrix.shape[0] / matrix.shape[1]) ** 0.5
            self.parameters[place].sub_(matrix.view_as(ahead) * (self.rate * scale))


class Adam(Optimizer):
    """Adam (arXiv:1412.6980), with decoupled decay AdamW (arXiv:1711.05101).

    Args:
        betas: weights of the past in the mean of gradients and of their squares.
        epsilon: added to the root of the latter.
    """

    def __init__(
        self,
        parameters: Sequence[nn.Parameter],
        rate: float,
        decay: float,
        betas: tuple[float, float],
        epsilon: float,
    ) -> None:
        super().__init__(parameters, rate, decay)
        self.betas = betas
        self.epsilon = epsilon
        self.mean = self.remember()
        self.square = self.remember()
        self.steps = torch.zeros((), device=self.rate.device)
        self.state.append(self.steps)

    def move(self, used: Sequence[int], gradients: list[Tensor]) -> None:
        """See :class:`Optimizer`."""
        first, second = self.betas
        mean, square = ([each[place] for place in used] for each in (self.mean, self.square))
        self.steps += 1
        torch._foreach_lerp_(mean, gradients, 1 - first)
        torch._foreach_mul_(square, second)
        torch._foreach_addcmul_(square, gradients, gradients, 1 - second)
        size = torch._foreach_sqrt(square)
        torch._foreach_div_(size, (1 - second**self.steps).sqrt())
        torch._foreach_add_(size, self.epsilon)
        step = torch._foreach_div(mean, size)
        torch._foreach_mul_(step, self.rate / (1 - first**self.steps))
        torch._foreach_sub_([self.parameters[place] for place in used], step)


def orthogonalise(matrix: Tensor) -> Tensor:
    """The matrix with its singular values driven to about one: float32 ``(R, C)`` → the same.

    The iteration ``X ← (a + b·A + c·A²)·X`` with ``A = X·Xᵀ`` is carried out on the smaller,
    square ``A`` alone, and what it amounts to is multiplied with the matrix once, at the end.
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


def build_optimizers(module: nn.Module, recipe: Recipe) -> list[Optimizer]:
    """The recipe's optimizers, which share all weights among them.

    Weight decay acts on weights with two axes or more, and leaves biases and normalisation alone.
    Muon leaves the last kernel to AdamW, in the order in which the module names them.

    Raises:
        RecipeError: muon is asked for a module without kernels.
    """
    parameters = [parameter for parameter in module.parameters() if parameter.requires_grad]
    rate, decay, momentum = recipe.learning_rate, recipe.weight_decay, recipe.momentum
    match recipe.optimizer:
        case "adam":
            return [Adam(parameters, rate, 0.0, (momentum, 0.999), 1e-7)]
        case "adamw":
            return [Adam(parameters, rate, decay, (momentum, 0.99), 1e-8)]
        case "sgd":
            return [Sgd(parameters, rate, decay, momentum)]
    kernels = [parameter for parameter in parameters if parameter.ndim >= 2]
    others = [parameter for parameter in parameters if parameter.ndim < 2]
    if not kernels:
        raise RecipeError(
            "Expected a model with weights of two axes or more for the optimizer muon, which makes "
            "their steps orthogonal. Received one without. Use adamw."
        )
    # The last layer's rows are classes, not directions of one space: it goes with the others.
    *hidden, last = kernels
    rest = Adam([last, *others], recipe.other_learning_rate, 0.0, (momentum, 0.99), 1e-8)
    return [Muon(hidden, rate, decay, momentum), rest] if hidden else [rest]
