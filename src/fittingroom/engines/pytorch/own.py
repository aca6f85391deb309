"""A module of a person's own: built, tried out before it is trained, and exported afterwards."""

import math
import random

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from fittingroom.data import Split
from fittingroom.engines import Core
from fittingroom.engines.cores import build_core, check_core
from fittingroom.engines.pytorch.cuda import in_full_precision
from fittingroom.engines.pytorch.optimizers import build_optimizers
from fittingroom.engines.torch_export import OUTPUT, export_module
from fittingroom.errors import RecipeError
from fittingroom.recipes import OwnModel, Recipe, own_code

_SHAPE = (1, 28, 28)
# Pictures of the trial, and others of the exported model's, so that another size is tried too.
_TRIAL, _CHECK = 2, 3
# Rows of probabilities add up to one within this.
_ONE = 1e-3


class BothSides(nn.Module):
    """The mean of what a module says of each picture and of its mirror image."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, pictures: Tensor) -> Tensor:
        """float32 ``(N, 1, 28, 28)`` → ``(N, K)``."""
        mean: Tensor = (self.module(pictures) + self.module(pictures.flip(3))) / 2
        return mean


def build_own(own: OwnModel, seed: int) -> nn.Module:
    """A fresh module, drawn with a seed.

    Raises:
        RecipeError: its code builds something else.
        OwnCodeError: its code raises an error.
    """
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
    module = own.fresh()
    if not isinstance(module, nn.Module):
        raise RecipeError(
            f"Expected {own.origin} to give an nn.Module again, as it did at first. Received a "
            f"{type(module).__name__}."
        )
    if any(isinstance(each, nn.UninitializedParameter) for each in module.parameters()):
        # Lazy layers draw their weights when they see the first picture.
        with own_code(f"showing {own.origin} a first picture"), torch.no_grad():
            module.eval()(torch.zeros(_TRIAL, *_SHAPE))
    return module


def try_out(recipe: Recipe, own: OwnModel, split: Split, seed: int, device: torch.device) -> None:
    """One step of training and an export, so that what cannot work is known at once.

    Raises:
        RecipeError: it gives no logits of the right shape, or has nothing to train.
        OwnCodeError: its code raises an error.
        ExportError: it cannot be exported.
    """
    classes = len(split.classes)
    module = build_own(own, seed).to(device)
    images = split.training.images[:_CHECK]
    pictures = (torch.from_numpy(images).float() / 255).unsqueeze(1).to(device)
    labels = torch.from_numpy(split.training.labels[:_TRIAL]).long().to(device)
    module.eval()
    with own_code(f"showing {own.origin} {_TRIAL} pictures"), torch.no_grad():
        logits = module(pictures[:_TRIAL].clone())
    _check_logits(logits, classes, own.origin)
    if not any(parameter.requires_grad for parameter in module.parameters()):
        raise RecipeError(
            f"Expected {own.origin} to have parameters to train. Received a module without any "
            "that requires a gradient."
        )
    core = export_own(module, recipe, own, classes)
    with in_full_precision(), torch.no_grad():
        expected = (BothSides(module) if recipe.mirror else module)(pictures)
    check_core(core, images, expected.cpu().numpy())
    build_optimizers(module, recipe)
    module.train()
    with own_code(f"training {own.origin} on {_TRIAL} pictures"):
        logits = module(pictures[:_TRIAL].clone())
        _check_logits(logits, classes, own.origin, probabilities=True)
        functional.cross_entropy(logits, labels).backward()


def export_own(module: nn.Module, recipe: Recipe, own: OwnModel, classes: int) -> Core:
    """The module as a core, both directions of a picture in it where the recipe says so.

    Raises:
        ExportError: it cannot be exported.
    """
    whole = BothSides(module) if recipe.mirror else module
    return build_core(
        export_module(whole.eval(), _SHAPE, own.origin),
        OUTPUT,
        shape=_SHAPE,
        classes=classes,
        gives="logits",
        parameters=sum(each.numel() for each in module.parameters() if each.requires_grad),
    )


def state_of(module: nn.Module) -> dict[str, Tensor]:
    """A copy of all tensors of a module's state, on the processor."""
    return {
        name: tensor.detach().to("cpu", copy=True).contiguous()
        for name, tensor in module.state_dict().items()
        if isinstance(tensor, Tensor)
    }


def as_array(tensor: Tensor) -> npt.NDArray[np.generic]:
    """A tensor as an array; float32 for a type of number that NumPy does not have."""
    try:
        return tensor.numpy()
    except TypeError:
        return tensor.float().numpy()


def _check_logits(
    logits: object, classes: int, origin: str, *, probabilities: bool = False
) -> None:
    """Check what a module says of the trial's pictures.

    Args:
        logits: what it gives.
        classes: logits a picture.
        origin: where it comes from.
        probabilities: whether these are let pass, as by dropout's chance in training.
    """
    expected = (_TRIAL, classes)
    if not isinstance(logits, Tensor):
        received = f"a {type(logits).__name__}"
    elif tuple(logits.shape) != expected:
        received = f"shape {tuple(logits.shape)}"
    elif logits.dtype != torch.float32:
        received = f"{str(logits.dtype).removeprefix('torch.')}"
    elif not probabilities and _are_probabilities(logits):
        raise RecipeError(
            f"Expected logits from {origin}. Received probabilities: numbers from 0 that add up "
            "to 1 for each picture. Leave out the softmax at its end; training and the exported "
            "model have their own."
        )
    else:
        return
    raise RecipeError(
        f"Expected logits of shape {expected}, float32, from {origin} for {_TRIAL} pictures of "
        f"shape {(_TRIAL, *_SHAPE)}: one a class. Received {received}."
    )


def _are_probabilities(logits: Tensor) -> bool:
    sums = logits.double().sum(1)
    return bool((logits >= 0).all()) and all(math.isclose(each, 1, abs_tol=_ONE) for each in sums)
