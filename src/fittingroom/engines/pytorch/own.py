"""Your own module: built, tried out before it is trained, and exported afterwards."""

import random
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from fittingroom.data import Split
from fittingroom.engines import Core
from fittingroom.engines.cores import build_core, check_core, output_kind
from fittingroom.engines.pytorch.modules import BothSides
from fittingroom.engines.pytorch.optimizers import build_optimizers
from fittingroom.engines.torch_export import OUTPUT, export_module
from fittingroom.errors import RecipeError
from fittingroom.recipes import OwnModel, Recipe, own_code

_SHAPE = (1, 28, 28)
# Images in the trial, and in the check of the exported model, which so meets another batch size.
_TRIAL, _CHECK = 2, 3


def build_own(own: OwnModel, seed: int) -> nn.Module:
    """A new module, initialised with a seed.

    Raises:
        OwnCodeError: its code raises an error.
    """
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
    module: nn.Module = own.fresh()
    if any(isinstance(each, nn.UninitializedParameter) for each in module.parameters()):
        # Lazy layers draw their weights when they see the first image.
        with own_code(f"showing {own.origin} a first image"), torch.no_grad():
            module.eval()(torch.zeros(_TRIAL, *_SHAPE))
    return module


def try_out(recipe: Recipe, own: OwnModel, split: Split, seed: int, device: torch.device) -> None:
    """Take one step of training and export the module, so that problems show at once.

    Raises:
        RecipeError: it gives no logits of the right shape, or has nothing to train.
        OwnCodeError: its code raises an error.
        ExportError: it cannot be exported.
    """
    classes = len(split.classes)
    module = build_own(own, seed).to(device)
    images = split.training.images[:_CHECK]
    inputs = (torch.from_numpy(images).float() / 255).unsqueeze(1).to(device)
    labels = torch.from_numpy(split.training.labels[:_TRIAL]).long().to(device)
    module.eval()
    with own_code(f"showing {own.origin} {_TRIAL} images"), torch.no_grad():
        logits = module(inputs[:_TRIAL].clone())
    if isinstance(logits, Tensor) and logits.dtype != torch.bfloat16:  # which NumPy does not have
        logits = logits.numpy(force=True)
    if output_kind(logits, own.origin, _SHAPE, _TRIAL, classes) == "probabilities":
        raise RecipeError(
            f"{own.origin} gives probabilities, but logits are expected. Remove the softmax at its "
            "end: training and the exported model add their own."
        )
    if not any(parameter.requires_grad for parameter in module.parameters()):
        raise RecipeError(
            f"{own.origin} has nothing to train: none of its parameters requires a gradient."
        )
    evaluated = BothSides(module) if recipe.mirror else module
    core = export_own(evaluated, own, classes)
    with torch.no_grad():
        expected = evaluated(inputs)
    check_core(core, images, expected.cpu().numpy())
    build_optimizers(module, recipe)
    module.train()
    with own_code(f"training {own.origin} on {_TRIAL} images"):
        functional.cross_entropy(module(inputs[:_TRIAL].clone()), labels).backward()


def export_own(module: nn.Module, own: OwnModel, classes: int) -> Core:
    """The module as a core.

    Raises:
        ExportError: it cannot be exported.
    """
    return build_core(
        export_module(module, _SHAPE, own.origin),
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


def as_arrays(tensors: Mapping[str, Tensor]) -> dict[str, npt.NDArray[Any]]:
    """Tensors as arrays; as float32 if NumPy does not have a type, as with bfloat16."""
    arrays = {}
    for name, tensor in tensors.items():
        value = tensor.detach().cpu().contiguous()
        arrays[name] = (value.float() if value.dtype == torch.bfloat16 else value).numpy()
    return arrays
