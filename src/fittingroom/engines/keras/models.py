"""A network's description → the same network in Keras, and its weights there and back.

Keras keeps channels last, descriptions and PyTorch keep them first. Kernels are transposed to fit.
If an image is flattened, its numbers come in another order in Keras. The weights up to the next
dense layer's kernel are put into that order, so that nothing is moved at run time.
"""

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from fittingroom import networks
from fittingroom.engines.keras.backend import load_keras
from fittingroom.networks import INPUT_SHAPE, Dense, Layer, Network
from fittingroom.predictions import Float32

keras = load_keras()

Axes = tuple[int, ...]
Order = npt.NDArray[np.intp]

_LAST = "channels_last"


def apply_network(network: Network, value: Any) -> Any:
    """The network's layers, with new weights, applied in turn to a Keras tensor.

    It is ``(N, 28, 28, 1)``, or ``(N, 28, 28)`` before a Flatten.
    """
    for index, layer in enumerate(network):
        for built in _build_layers(index, layer):
            value = built(value)
    return value


def weights_of(model: Any, network: Network) -> dict[str, Float32]:
    """A copy of a built network's weights and running statistics under their common names."""
    weights: dict[str, Float32] = {}
    for layer, parts in _weighted(network):
        arrays = model.get_layer(layer).get_weights()
        for (name, axes, order), array in zip(parts, arrays, strict=True):
            common = array.transpose(axes)
            common = common if order is None else common[..., np.argsort(order)]
            weights[name] = np.array(common, np.float32, order="C")
    return weights


def set_weights(model: Any, network: Network, weights: Mapping[str, Float32]) -> None:
    """Give a built network the weights of these names; the inverse of :func:`weights_of`."""
    for layer, parts in _weighted(network):
        arrays = []
        for name, axes, order in parts:
            common = weights[name] if order is None else weights[name][..., order]
            arrays.append(common.transpose(np.argsort(axes)))
        model.get_layer(layer).set_weights(arrays)


def _layer_name(place: int, layer: Layer) -> str:
    """The name of the layer at a place in Keras: ``"conv_5"``."""
    return f"{type(layer).__name__.lower()}_{place}"


def _build_layers(place: int, layer: Layer) -> tuple[Any, ...]:
    """The Keras layers that do what one layer does."""
    kinds, name = keras.layers, _layer_name(place, layer)
    match layer:
        case networks.Flatten():
            return (kinds.Flatten(data_format=_LAST, name=name),)
        case networks.Dense(units, bias):
            return (kinds.Dense(units, use_bias=bias, name=name),)
        case networks.Conv(filters, kernel, stride, padding, bias):
            # With a stride, Keras' "same" pads more after than before.
            same = padding > 0 and stride == 1 and kernel == 2 * padding + 1
            conv = kinds.Conv2D(
                filters,
                kernel,
                strides=stride,
                padding="same" if same else "valid",
                use_bias=bias,
                data_format=_LAST,
                name=name,
            )
            if same or padding == 0:
                return (conv,)
            zeros = kinds.ZeroPadding2D(padding, data_format=_LAST, name=f"padding_{name}")
            return zeros, conv
        case networks.BatchNorm(momentum, epsilon):
            # Keras counts the share of what is kept, descriptions that of the newest batch.
            return (kinds.BatchNormalization(momentum=1 - momentum, epsilon=epsilon, name=name),)
        case networks.ReLU():
            return (kinds.ReLU(name=name),)
        case networks.GELU():
            return (kinds.Activation("gelu", name=name),)
        case networks.MaxPool(size):
            return (kinds.MaxPooling2D(size, data_format=_LAST, name=name),)
        case networks.GlobalMaxPool():
            return (kinds.GlobalMaxPooling2D(data_format=_LAST, name=name),)
        case networks.Dropout(rate):
            return (kinds.Dropout(rate, name=name),)


def _weighted(network: Network) -> Iterator[tuple[str, list[tuple[str, Axes, Order | None]]]]:
    """Each layer with weights: its name in Keras, and its weights in the order that Keras has.

    Of each weight its common name, where its axes come from in Keras, and after a Flatten also
    where its last axis' values go to.
    """
    order: Order | None = None
    sides = INPUT_SHAPE  # of one image's values before each layer, channels first
    for place, (layer, row) in enumerate(zip(network, networks.summarise(network), strict=True)):
        parts: dict[str, tuple[Axes, Order | None]] = {}
        match layer:
            case networks.Flatten():
                if len(sides) == 3:
                    order = np.arange(math.prod(sides)).reshape(sides).transpose(1, 2, 0).ravel()
            case networks.Dense() | networks.Conv():
                # (in, out) → (out, in), or (H, W, in, out) → (out, in, H, W)
                axes = (1, 0) if isinstance(layer, Dense) else (3, 2, 0, 1)
                parts = {"weight": (axes, order)} | ({"bias": ((0,), None)} if layer.bias else {})
                order = None
            case networks.BatchNorm():
                names = ("weight", "bias", "running_mean", "running_var")
                parts = dict.fromkeys(names, ((0,), order))
        if parts:
            listed = [(f"{place}.{part}", *moved) for part, moved in parts.items()]
            yield _layer_name(place, layer), listed
        sides = row.output
