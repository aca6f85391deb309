"""A network's description → the same network in Keras, and its weights there and back.

Keras keeps channels last where descriptions and PyTorch keep them first. Kernels are transposed
to fit. Where a picture is flattened, its numbers come in another order: the dense layer that
follows has its kernel's rows put in that order, so that nothing need be moved at run time.
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


def apply_network(
    network: Network, value: Any, shape: Shape = INPUT_SHAPE, prefix: str = ""
) -> Any:
    """The network's layers, freshly drawn, applied in turn to a Keras tensor.

    Args:
        network: the description.
        value: a symbolic tensor ``(N, H, W, C)``, or ``(N, F)``; ``(N, H, W)`` before a Flatten.
        shape: of one picture as the description has it, ``(C, H, W)`` or ``(F,)``.
        prefix: of the layers' places, for those inside a residual block or an ensemble.

    Returns:
        What the last layer gives.
    """
    inputs = (shape, *(row.output for row in networks.summarise(network, shape)))
    for index, layer in enumerate(network):
        place = f"{prefix}{index}"
        if isinstance(layer, networks.Residual):
            inner = apply_network(layer.layers, value, inputs[index], f"{place}.")
            value = keras.layers.Add(name=_layer_name(place, layer))([value, inner])
            continue
        if isinstance(layer, networks.Ensemble):
            outputs = [
                apply_network(member, value, inputs[index], f"{place}.{number}.")
                for number, member in enumerate(layer.members)
            ]
            value = keras.layers.Average(name=_layer_name(place, layer))(outputs)
            continue
        moved = isinstance(layer, networks.Flatten) and len(inputs[index]) == 3
        if moved and inputs[index][0] > 1 and not _undone_by_kernel(network[index + 1 :]):
            name = f"channels_first_{place.replace('.', '_')}"
            value = keras.layers.Permute((3, 1, 2), name=name)(value)
        for built in _build_layers(place, layer):
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


def _layer_name(place: str, layer: Layer) -> str:
    """What Keras calls the layer at a place: ``"5.0"`` → ``"conv_5_0"``."""
    return f"{type(layer).__name__.lower()}_{place.replace('.', '_')}"


def _build_layers(place: str, layer: Layer) -> tuple[Any, ...]:
    """The Keras layers that do what one layer does, blocks and ensembles apart."""
    kinds, name = keras.layers, _layer_name(place, layer)
    match layer:
        case networks.Flatten():
            return (kinds.Flatten(data_format=_LAST, name=name),)
        case networks.Dense(units, bias):
            return (kinds.Dense(units, use_bias=bias, name=name),)
        case networks.Conv(filters, kernel, stride, padding, groups, bias):
            # With a stride, Keras' "same" pads more after than before.
            same = padding > 0 and stride == 1 and kernel == 2 * padding + 1
            conv = kinds.Conv2D(
                filters,
                kernel,
                strides=stride,
                padding="same" if same else "valid",
                groups=groups,
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
        case networks.GlobalAveragePool():
            return (kinds.GlobalAveragePooling2D(data_format=_LAST, name=name),)
        case networks.GlobalMaxPool():
            return (kinds.GlobalMaxPooling2D(data_format=_LAST, name=name),)
        case networks.Dropout(rate):
            return (kinds.Dropout(rate, name=name),)
        case networks.Residual() | networks.Ensemble():
            raise AssertionError("what holds layers is built by apply_network")


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


def _weighted(
    network: Network, shape: Shape, prefix: str = ""
) -> Iterator[tuple[str, Layer, Shape | None]]:
    """Each layer with weights: its place, itself, and for a dense layer whose kernel undoes the
    order of a Flatten the shape ``(C, H, W)`` that was flattened."""
    flattened: Shape | None = None
    rows = networks.summarise(network, shape)
    inputs = (shape, *(row.output for row in rows))
    for index, layer in enumerate(network):
        place = f"{prefix}{index}"
        match layer:
            case networks.Flatten():
                undone = len(inputs[index]) == 3 and _undone_by_kernel(network[index + 1 :])
                flattened = inputs[index] if undone else flattened
            case networks.Dense():
                yield place, layer, flattened
                flattened = None
            case networks.Conv() | networks.BatchNorm():
                yield place, layer, None
            case networks.Residual(layers):
                yield from _weighted(layers, inputs[index], f"{place}.")
            case networks.Ensemble(members):
                for number, member in enumerate(members):
                    yield from _weighted(member, inputs[index], f"{place}.{number}.")


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
