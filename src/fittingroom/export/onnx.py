"""A trained network → an ONNX model with everything inside.

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
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from onnx import TensorProto, helper

from fittingroom import networks
from fittingroom.errors import ExportError
from fittingroom.export.ood import OodScore
from fittingroom.graphs import GraphBuilder
from fittingroom.networks import BatchNorm, Conv, Dense, Network
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

    Returns:
        The serialised model.

    Raises:
        ExportError: a weight is missing.
    """
    graph = GraphBuilder()
    builder = _Builder(graph, weights)
    pixels = graph.add("Cast", "images", to=TensorProto.FLOAT)
    if shifts:
        pixels = _shifted(graph, pixels)
    centred = graph.add("Sub", pixels, graph.constant(builder.weight("pixels.mean")))
    normalised = graph.add("Div", centred, graph.constant(builder.weight("pixels.deviation")))
    inputs = graph.add("Unsqueeze", normalised, graph.integers(1))  # (N, 1, 28, 28)
    if mirror:
        # Step -1 along the width, from the last pixel to before the first.
        steps = [graph.integers(value) for value in (-1, np.iinfo(np.int64).min, 3, -1)]
        inputs = graph.add("Concat", inputs, graph.add("Slice", inputs, *steps), axis=0)
    logits = builder.layers(network, inputs)
    views = Views(mirror, shifts)
    features = views.mean(graph, Values(logits, len(classes)))
    logits = features.name
    if builder.features:
        features = views.mean(graph, builder.features)
    strange = features
    if any(isinstance(layer, networks.GlobalMaxPool) for layer in network):
        means = [
            Values(
                graph.add("ReduceMean", taken.name, graph.integers(2, 3), keepdims=0), taken.size
            )
            for taken in builder.taken[-_CONVOLUTIONS:]
        ]
        strange = views.mean(graph, _side_by_side(graph, means)) if means else features
    ends = Ends(logits, features, strange)
    return finish(graph, ends, classes, temperature, ood=ood, metadata=metadata)


@dataclass(frozen=True)
class Values:
    """A value of a graph.

    Attributes:
        name: its name.
        size: its numbers, or channels, for an image.
    """

    name: str
    size: int


@dataclass(frozen=True)
class Ends:
    """What a graph from ``images`` leads to, by the names of its values.

    Attributes:
        logits: before the temperature, ``(N, K)``.
        features: ``(N, size)``.
        ood_features: by which unknown images are told, ``(N, size)``.
    """

    logits: str
    features: Values
    ood_features: Values


def finish(
    graph: GraphBuilder,
    ends: Ends,
    classes: Sequence[str],
    temperature: float,
    *,
    ood: OodScore | None = None,
    metadata: Mapping[str, str] | None = None,
    opsets: Mapping[str, int] | None = None,
) -> bytes:
    """A graph from ``images`` to logits → the model, with temperature, softmax and metadata."""
    graph.add("Div", ends.logits, graph.floats(temperature), output="logits")
    graph.add("Softmax", "logits", output="probabilities", axis=1)
    graph.add("Identity", ends.features.name, output="features")
    shapes = {name: ["N", len(classes)] for name in ("logits", "probabilities")}
    shapes["features"] = ["N", ends.features.size]
    if ood is None:
        graph.add("Identity", ends.ood_features.name, output="ood_features")
        shapes["ood_features"] = ["N", ends.ood_features.size]
    else:
        ood.add_to(graph, ends.ood_features.name, ends.logits, output="ood_score")
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


def _side_by_side(graph: GraphBuilder, values: Sequence[Values]) -> Values:
    """Values of each image as one."""
    size = sum(value.size for value in values)
    names = [value.name for value in values]
    return Values(names[0] if len(names) == 1 else graph.add("Concat", *names, axis=1), size)


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


@dataclass(frozen=True)
class Views:
    """The views of each image that go through the network, one after the other along the batch.

    Attributes:
        mirror: the images, then their mirror images.
        shifts: each of these five times, as :data:`_SHIFTS` has them.
    """

    mirror: bool
    shifts: bool

    def mean(self, graph: GraphBuilder, values: Values) -> Values:
        """The mean of all views: ``(N, size)``."""
        name, size = values.name, values.size
        if self.mirror:
            pairs = graph.add("Reshape", name, graph.integers(2, -1, size))
            name = graph.add("ReduceMean", pairs, graph.integers(0), keepdims=0)
        if self.shifts:
            shares = np.array([*_SHIFTS.values()], np.float32).reshape(-1, 1, 1)
            moved = graph.add("Reshape", name, graph.integers(len(shares), -1, size))
            weighted = graph.add("Mul", moved, graph.constant(shares))
            name = graph.add("ReduceSum", weighted, graph.integers(0), keepdims=0)
        return Values(name, size)


class _Builder:
    """Adds a network's layers to a graph."""

    def __init__(self, graph: GraphBuilder, weights: Mapping[str, Float32]) -> None:
        self._graph = graph
        self._weights = weights
        # The input of the network's last layer, if that is dense.
        self.features: Values | None = None
        # The input of each convolution, with its channels, except the first, which takes images.
        self.taken: list[Values] = []

    def weight(self, name: str) -> Float32:
        if name not in self._weights:
            raise ExportError(
                f"The network needs a weight '{name}', which is not among "
                f"{', '.join(sorted(self._weights))}."
            )
        return self._weights[name]

    def layers(self, network: Network, value: str) -> str:
        """Add all layers; a batch normalisation is folded into the dense layer or convolution that
        it follows."""
        folded = False
        for index, layer in enumerate(network):
            if folded:
                folded = False
                continue
            name, following = str(index), network[index + 1] if index + 1 < len(network) else None
            match layer:
                case Dense() | Conv():
                    kernel, bias = self._kernel(name, layer)
                    if following is None and isinstance(layer, Dense):
                        self.features = Values(value, kernel.shape[1])
                    if isinstance(layer, Conv) and index > 0:
                        self.taken.append(Values(value, kernel.shape[1]))
                    if isinstance(following, BatchNorm):
                        scale, offset = self._scale_and_offset(str(index + 1), following)
                        kernel = kernel * scale.reshape(-1, *(1,) * (kernel.ndim - 1))
                        bias = bias * scale + offset
                        folded = True
                    value = self._affine(layer, value, kernel, bias)
                case BatchNorm():
                    names = ("weight", "bias", "running_mean", "running_var")
                    values = [self._graph.constant(self.weight(f"{name}.{part}")) for part in names]
                    value = self._graph.add(
                        "BatchNormalization", value, *values, epsilon=layer.epsilon
                    )
                case networks.Flatten():
                    value = self._graph.add("Flatten", value, axis=1)
                case networks.ReLU():
                    value = self._graph.add("Relu", value)
                case networks.GELU():
                    value = self._graph.add("Gelu", value)
                case networks.MaxPool(size):
                    value = self._graph.add(
                        "MaxPool", value, kernel_shape=[size] * 2, strides=[size] * 2
                    )
                case networks.GlobalMaxPool():
                    value = self._graph.add(
                        "Flatten", self._graph.add("GlobalMaxPool", value), axis=1
                    )
                case networks.Dropout():
                    pass  # acts in training only
        return value

    def _kernel(self, name: str, layer: Dense | Conv) -> tuple[np.ndarray, np.ndarray]:
        """Kernel and bias in float64, the bias zero where the layer has none."""
        kernel = self.weight(f"{name}.weight").astype(np.float64)
        bias = self.weight(f"{name}.bias") if layer.bias else np.zeros(len(kernel))
        return kernel, bias.astype(np.float64)

    def _scale_and_offset(self, name: str, layer: BatchNorm) -> tuple[np.ndarray, np.ndarray]:
        """A batch normalisation as ``scale · x + offset``, in float64."""
        gamma, beta, mean, variance = (
            self.weight(f"{name}.{part}").astype(np.float64)
            for part in ("weight", "bias", "running_mean", "running_var")
        )
        scale = gamma / np.sqrt(variance + layer.epsilon)
        return scale, beta - mean * scale

    def _affine(self, layer: Dense | Conv, value: str, kernel: np.ndarray, bias: np.ndarray) -> str:
        parameters = [self._graph.constant(array.astype(np.float32)) for array in (kernel, bias)]
        if isinstance(layer, Dense):
            return self._graph.add("Gemm", value, *parameters, transB=1)
        return self._graph.add(
            "Conv",
            value,
            *parameters,
            kernel_shape=[layer.kernel] * 2,
            strides=[layer.stride] * 2,
            pads=[layer.padding] * 4,
            group=1,
        )
