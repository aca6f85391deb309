"""A network's description → the same network in Keras, and its weights there and back.

Keras keeps channels last, descriptions and PyTorch keep them first. Kernels are transposed to fit.
If an image is flattened, its numbers come in another order in Keras. The kernel of the dense layer
that follows is put into that order, so that nothing is moved at run time.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from fittingroom import networks
from fittingroom.engines.keras.backend import load_keras
from fittingroom.networks import INPUT_SHAPE, Dense, Layer, Network, Shape
from fittingroom.predictions import Float32

keras = load_keras()

_LAST = "channels_last"


def apply_network(network: Network, value: Any, shape: Shape = INPUT_SHAPE) -> Any:
    """The network's layers, with new weights, applied in turn to a Keras tensor.

    Args:
        network: the description.
        value: a symbolic tensor ``(N, H, W, C)``, or ``(N, F)``; ``(N, H, W)`` before a Flatten.
        shape: of one image as the description has it, ``(C, H, W)`` or ``(F,)``.

    Returns:
        The output of the last layer.
    """
    inputs = (shape, *(row.output for row in networks.summarise(network, shape)))
    for index, layer in enumerate(network):
        moved = isinstance(layer, networks.Flatten) and len(inputs[index]) == 3
        if moved and inputs[index][0] > 1 and not _undone_by_kernel(network[index + 1 :]):
            value = keras.layers.Permute((3, 1, 2), name=f"channels_first_{index}")(value)
        for built in _build_layers(index, layer):
            value = built(value)
    return value


def weights_of(model: Any, network: Network, shape: Shape = INPUT_SHAPE) -> dict[str, Float32]:
    """A copy of a built network's weights and running statistics under their common names."""
    weights: dict[str, Float32] = {}
    for place, layer, flattened in _weighted(network, shape):
        for part, array in zip(
            _parts(layer), model.get_layer(_layer_name(place, layer)).get_weights(), strict=True
        ):
            weights[f"{place}.{part}"] = np.array(
                _to_common(layer, part, array, flattened), np.float32, order="C"
            )
    return weights


def set_weights(
    model: Any, network: Network, weights: Mapping[str, Float32], shape: Shape = INPUT_SHAPE
) -> None:
    """Give a built network the weights of these names; the inverse of :func:`weights_of`."""
    for place, layer, flattened in _weighted(network, shape):
        model.get_layer(_layer_name(place, layer)).set_weights(
            [
                _from_common(layer, part, weights[f"{place}.{part}"], flattened)
                for part in _parts(layer)
            ]
        )


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


def _undone_by_kernel(following: Network) -> bool:
    """Whether the order that a Flatten gives can be undone in the kernel of a dense layer.

    It can where no layer between the two has a number of its own for each place.
    """
    for layer in following:
        if isinstance(layer, Dense):
            return True
        if not isinstance(layer, networks.ReLU | networks.GELU | networks.Dropout):
            return False
    return False


def _weighted(network: Network, shape: Shape) -> Iterator[tuple[int, Layer, Shape | None]]:
    """Each layer with weights: its place, itself, and for a dense layer whose kernel undoes the
    order of a Flatten the shape ``(C, H, W)`` that was flattened."""
    flattened: Shape | None = None
    inputs = (shape, *(row.output for row in networks.summarise(network, shape)))
    for place, layer in enumerate(network):
        match layer:
            case networks.Flatten():
                undone = len(inputs[place]) == 3 and _undone_by_kernel(network[place + 1 :])
                flattened = inputs[place] if undone else flattened
            case networks.Dense():
                yield place, layer, flattened
                flattened = None
            case networks.Conv() | networks.BatchNorm():
                yield place, layer, None


def _parts(layer: Layer) -> tuple[str, ...]:
    """The last parts of a layer's weights' names, in the order in which Keras has them."""
    if isinstance(layer, networks.BatchNorm):
        return "weight", "bias", "running_mean", "running_var"
    has_bias = isinstance(layer, networks.Dense | networks.Conv) and layer.bias
    return ("weight", "bias") if has_bias else ("weight",)


def _to_common(layer: Layer, part: str, array: Float32, flattened: Shape | None) -> Float32:
    if part == "weight" and isinstance(layer, networks.Conv):
        return array.transpose(3, 2, 0, 1)  # (H, W, in, out) → (out, in, H, W)
    if part == "weight" and isinstance(layer, networks.Dense):
        if flattened is not None:
            channels, height, width = flattened
            array = array.reshape(height, width, channels, -1).transpose(2, 0, 1, 3)
        return array.reshape(-1, layer.units).T  # (in, out) → (out, in)
    return array


def _from_common(layer: Layer, part: str, array: Float32, flattened: Shape | None) -> Float32:
    if part == "weight" and isinstance(layer, networks.Conv):
        return array.transpose(2, 3, 1, 0)  # (out, in, H, W) → (H, W, in, out)
    if part == "weight" and isinstance(layer, networks.Dense):
        array = array.T  # (out, in) → (in, out)
        if flattened is not None:
            array = array.reshape(*flattened, -1).transpose(1, 2, 0, 3)
        return array.reshape(-1, layer.units)
    return array
