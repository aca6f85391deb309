"""A trained model → an ONNX model with everything inside.

The graph takes images as they are, ``uint8 (N, 28, 28)``, and gives ``logits`` and
``probabilities``, both ``float32 (N, K)``, ``features`` float32 ``(N, D)``, and ``ood_score``
float32 ``(N,)`` if one was fitted. Normalisation, the mirror image, shifts, the temperature and
the softmax are nodes of it, so that all users of a model prepare images alike.

``probabilities`` is the softmax of ``logits``, which are already divided by the temperature.
``features`` is the input of the last dense layer, averaged over the mirror image and shifts; for a
model that is no described network, its logits before the temperature.

``ood_score`` is computed from ``ood_features``, which a graph without a score gives instead. They
are the same as ``features``, unless the network pools its last convolution over all places. Then
too little is left of what an unknown image looks like, so they are the mean over all places of the
inputs of the last two convolutions (as in K. Lee and others, arXiv:1807.03888).
"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import onnx
from onnx import TensorProto, helper

from fittingroom import networks
from fittingroom.errors import ExportError
from fittingroom.export.ood import OodScore
from fittingroom.graphs import GraphBuilder
from fittingroom.networks import Conv, Dense, Network
from fittingroom.predictions import Float32

# If the last convolution is pooled, the inputs of so many convolutions tell unknown images.
_CONVOLUTIONS = 2
_SIDE = 28
# The shifts of an image, in pixels down and to the right, each with its weight in the mean.
_SHIFTS = {(0, 0): 0.5, (-1, 0): 0.125, (1, 0): 0.125, (0, -1): 0.125, (0, 1): 0.125}


def build_onnx(
    network: Network,
    weights: Mapping[str, Float32],
    *,
    classes: Sequence[str],
    mirror: bool,
    shifts: bool = False,
    temperature: float,
    ood: OodScore | None = None,
    metadata: Mapping[str, str] | None = None,
) -> bytes:
    """The ONNX model of a described network.

    Args:
        network: the layers.
        weights: by name, with ``"pixels.mean"`` and ``"pixels.deviation"``.
        classes: the class names, stored in the model's metadata.
        mirror: average the logits of each image and its mirror image.
        shifts: average them over shifts by one pixel too, with half the weight on no shift.
        temperature: what logits are divided by.
        ood: gives ``ood_score``, fitted on this model.
        metadata: stored in the model beside its own.
    """
    graph = GraphBuilder()

    def weight(name: str) -> str:
        if name not in weights:
            raise ExportError(
                f"The network needs a weight '{name}', which is not among "
                f"{', '.join(sorted(weights))}."
            )
        return graph.constant(weights[name])

    pixels = graph.add("Cast", "images", to=TensorProto.FLOAT)
    shares = np.ones(1, np.float32)  # of each view of an image in the mean
    if shifts:
        pixels = _shifted(graph, pixels)
        shares = np.array([*_SHIFTS.values()], np.float32)
    centred = graph.add("Sub", pixels, weight("pixels.mean"))
    normalised = graph.add("Div", centred, weight("pixels.deviation"))
    inputs = graph.add("Unsqueeze", normalised, graph.integers(1))  # (N, 1, 28, 28)
    if mirror:
        # Step -1 along the width, from the last pixel to before the first.
        steps = [graph.integers(value) for value in (-1, np.iinfo(np.int64).min, 3, -1)]
        inputs = graph.add("Concat", inputs, graph.add("Slice", inputs, *steps), axis=0)
        shares = np.tile(shares / 2, 2)
    output, takes = _add_layers(graph, network, weight, inputs)
    logits = features = _mean(graph, _Values(output, len(classes)), shares)
    last = len(network) - 1
    if isinstance(network[last], Dense):
        features = _mean(graph, _Values(takes[last], weights[f"{last}.weight"].shape[1]), shares)
    strange = features
    # The first convolution takes the images themselves.
    convolutions = [at for at, layer in enumerate(network) if isinstance(layer, Conv) and at > 0]
    if convolutions and any(isinstance(layer, networks.GlobalMaxPool) for layer in network):
        chosen = convolutions[-_CONVOLUTIONS:]
        means = [
            graph.add("ReduceMean", takes[at], graph.integers(2, 3), keepdims=0) for at in chosen
        ]
        channels = sum(weights[f"{at}.weight"].shape[1] for at in chosen)
        strange = _mean(graph, _Values(graph.add("Concat", *means, axis=1), channels), shares)
    values = (logits, features, strange)
    return _finished(graph, *values, classes, temperature, ood, metadata, opsets={})


def wrap_core(
    core: bytes,
    *,
    classes: Sequence[str],
    temperature: float,
    ood: OodScore | None = None,
    metadata: Mapping[str, str] | None = None,
) -> bytes:
    """The same ONNX model around a graph that an engine hands over, of a model of your own.

    Args:
        core: an ONNX model from ``images`` float32 ``(N, 28, 28)`` of 0–255 to ``logits``
            float32 ``(N, K)``, of the opset of :mod:`fittingroom.graphs`.
        classes, temperature, ood, metadata: see :func:`build_onnx`.
    """
    model = onnx.load_from_string(core)
    opsets = {entry.domain: entry.version for entry in model.opset_import if entry.domain}
    # The core's names are kept apart from those that its surroundings add.
    inner = onnx.compose.add_prefix(model, "core/").graph
    graph = GraphBuilder()
    graph.add("Cast", "images", output="core/images", to=TensorProto.FLOAT)
    graph.nodes.extend(inner.node)
    graph.constants.extend(inner.initializer)
    logits = _Values("core/logits", len(classes))
    values = (logits, logits, logits)
    return _finished(graph, *values, classes, temperature, ood, metadata, opsets)


class _Values(NamedTuple):
    """A value of a graph."""

    name: str
    size: int  # how many numbers an image has in it, or channels


def _finished(
    graph: GraphBuilder,
    logits: _Values,  # before the temperature
    features: _Values,
    strange: _Values,  # what becomes ood_features or ood_score
    classes: Sequence[str],
    temperature: float,
    ood: OodScore | None,
    metadata: Mapping[str, str] | None,
    opsets: Mapping[str, int],  # versions of other domains than ONNX' own that its nodes use
) -> bytes:
    """A graph that takes ``images`` → the model, with temperature, softmax and metadata."""
    graph.add("Div", logits.name, graph.floats(temperature), output="logits")
    graph.add("Softmax", "logits", output="probabilities", axis=1)
    graph.add("Identity", features.name, output="features")
    shapes = {name: ["N", len(classes)] for name in ("logits", "probabilities")}
    shapes["features"] = ["N", features.size]
    if ood is None:
        graph.add("Identity", strange.name, output="ood_features")
        shapes["ood_features"] = ["N", strange.size]
    else:
        ood.add_to(graph, strange.name, logits.name)
        shapes["ood_score"] = ["N"]
    outputs = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        for name, shape in shapes.items()
    ]
    images = helper.make_tensor_value_info("images", TensorProto.UINT8, ["N", 28, 28])
    entries = {"classes": json.dumps(list(classes)), "temperature": repr(temperature)}
    return graph.serialise(
        [images], outputs, opsets=opsets, metadata=entries | dict(metadata or {})
    )


def _shifted(graph: GraphBuilder, pixels: str) -> str:
    """Images, then all of them shifted one way, then the next: ``(5N, 28, 28)``.

    What is shifted into view is black, as Fashion-MNIST's background is.
    """
    padded = graph.add("Pad", pixels, graph.integers(0, 1, 1, 0, 1, 1))
    moved = []
    for down, right in _SHIFTS:
        starts = graph.integers(1 - down, 1 - right)
        ends = graph.integers(1 - down + _SIDE, 1 - right + _SIDE)
        moved.append(graph.add("Slice", padded, starts, ends, graph.integers(1, 2)))
    return graph.add("Concat", *moved, axis=0)


def _mean(graph: GraphBuilder, values: _Values, shares: Float32) -> _Values:
    """The mean of all views of each image, which follow one another along the batch."""
    if len(shares) == 1:
        return values
    views = graph.add("Reshape", values.name, graph.integers(len(shares), -1, values.size))
    weighted = graph.add("Mul", views, graph.constant(shares.reshape(-1, 1, 1)))
    return _Values(graph.add("ReduceSum", weighted, graph.integers(0), keepdims=0), values.size)


def _add_layers(
    graph: GraphBuilder, network: Network, weight: Callable[[str], str], value: str
) -> tuple[str, list[str]]:
    """Add all layers; the output, and what each layer takes.

    ONNX Runtime itself folds a batch normalisation into the convolution before it.
    """
    takes = []
    for index, layer in enumerate(network):
        takes.append(value)
        match layer:
            case Dense() | Conv():
                parameters = [weight(f"{index}.weight")]
                if layer.bias:
                    parameters.append(weight(f"{index}.bias"))
                if isinstance(layer, Dense):
                    value = graph.add("Gemm", value, *parameters, transB=1)
                else:
                    value = graph.add(
                        "Conv",
                        value,
                        *parameters,
                        kernel_shape=[layer.kernel] * 2,
                        strides=[layer.stride] * 2,
                        pads=[layer.padding] * 4,
                    )
            case networks.BatchNorm():
                names = ("weight", "bias", "running_mean", "running_var")
                parameters = [weight(f"{index}.{part}") for part in names]
                value = graph.add("BatchNormalization", value, *parameters, epsilon=layer.epsilon)
            case networks.Flatten():
                value = graph.add("Flatten", value, axis=1)
            case networks.ReLU():
                value = graph.add("Relu", value)
            case networks.GELU():
                value = graph.add("Gelu", value)
            case networks.MaxPool(size):
                value = graph.add("MaxPool", value, kernel_shape=[size] * 2, strides=[size] * 2)
            case networks.GlobalMaxPool():
                value = graph.add("Flatten", graph.add("GlobalMaxPool", value), axis=1)
            case networks.Dropout():
                pass  # acts in training only
    return value, takes
