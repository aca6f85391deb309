"""A network described once: a tuple of typed layers, from which each framework builds its own.

Pictures enter as ``(1, 28, 28)`` (channels, height, width), normalised; the last layer gives one
logit a class. Weights are named by their layer's place, as ``torch.nn.Sequential`` does:
``"3.weight"`` is the weight of ``network[3]``, ``"5.0.weight"`` that of the first layer in the
residual block ``network[5]``, and ``"2.1.0.weight"`` that of the first layer in the second member
of the ensemble ``network[2]``.
"""

import dataclasses
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from fittingroom.errors import RecipeError, did_you_mean

Shape = tuple[int, ...]

INPUT_SHAPE: Shape = (1, 28, 28)


@dataclass(frozen=True)
class Flatten:
    """``(C, H, W)`` → ``(C·H·W,)``, channel by channel, row by row."""


@dataclass(frozen=True)
class Dense:
    """A fully connected layer.

    Attributes:
        units: outputs.
        bias: whether a bias is added; leave it out before a batch normalisation.
    """

    units: int
    bias: bool = True

    def __post_init__(self) -> None:
        _check_field(self, "units", self.units >= 1, "at least 1")


@dataclass(frozen=True)
class Conv:
    """A two-dimensional convolution (cross-correlation, as everywhere in deep learning).

    Attributes:
        filters: output channels.
        kernel: height and width of the kernel.
        stride: step in both directions.
        padding: zeros added on each of the four sides.
        groups: channel groups; ``groups`` = input channels makes it depthwise.
        bias: whether a bias is added; leave it out before a batch normalisation.
        whitened: for the first layer: not trained, but computed from the training pictures. Half
            of the filters are the leading principal components of the pictures' patches, each
            divided by its standard deviation, and the other half their negatives, so that nothing
            is lost in a rectifier that follows (K. Jordan, arXiv:2404.00498). With nothing to train
            below it, the next layer needs no gradient of its input.
    """

    filters: int
    kernel: int = 3
    stride: int = 1
    padding: int = 0
    groups: int = 1
    bias: bool = True
    whitened: bool = False

    def __post_init__(self) -> None:
        for name in ("filters", "kernel", "stride", "groups"):
            _check_field(self, name, getattr(self, name) >= 1, "at least 1")
        _check_field(self, "padding", self.padding >= 0, "at least 0")
        plain = self.filters % 2 == 0 and self.groups == 1 and not self.bias
        allowed = plain or not self.whitened
        _check_field(self, "whitened", allowed, "false, or filters even, groups=1 and bias=False")


@dataclass(frozen=True)
class BatchNorm:
    """Batch normalisation over all but the channel axis (arXiv:1502.03167).

    Attributes:
        momentum: weight of the newest batch in the running statistics.
        epsilon: added to the variance.
    """

    momentum: float = 0.1
    epsilon: float = 1e-5

    def __post_init__(self) -> None:
        _check_field(self, "momentum", 0 < self.momentum <= 1, "above 0 and at most 1")
        _check_field(self, "epsilon", 0 < self.epsilon < 1, "above 0 and below 1")


@dataclass(frozen=True)
class ReLU:
    """``max(x, 0)``."""


@dataclass(frozen=True)
class GELU:
    """``x·Φ(x)``, exact (arXiv:1606.08415)."""


@dataclass(frozen=True)
class MaxPool:
    """The largest value of each ``size × size`` window, windows side by side, remainder dropped."""

    size: int = 2

    def __post_init__(self) -> None:
        _check_field(self, "size", self.size >= 1, "at least 1")


@dataclass(frozen=True)
class GlobalAveragePool:
    """``(C, H, W)`` → ``(C,)``: the mean over each channel."""


@dataclass(frozen=True)
class GlobalMaxPool:
    """``(C, H, W)`` → ``(C,)``: the largest value of each channel."""


@dataclass(frozen=True)
class Dropout:
    """In training, sets each value to zero with probability ``rate`` and scales up the rest."""

    rate: float

    def __post_init__(self) -> None:
        _check_field(self, "rate", 0 <= self.rate < 1, "from 0 to below 1")


@dataclass(frozen=True)
class Residual:
    """``x + layers(x)`` (arXiv:1512.03385); the layers must keep the shape."""

    layers: tuple["Layer", ...]


@dataclass(frozen=True)
class Ensemble:
    """The mean of what several networks give for the same input; the last layer.

    In training each member answers for itself, by which they come to differ (arXiv:1612.01474).

    Attributes:
        members: networks with flat outputs of one size.
    """

    members: tuple["Network", ...]


Layer = (
    Flatten
    | Dense
    | Conv
    | BatchNorm
    | ReLU
    | GELU
    | MaxPool
    | GlobalAveragePool
    | GlobalMaxPool
    | Dropout
    | Residual
    | Ensemble
)
Network = tuple[Layer, ...]

_KINDS: Mapping[str, type[Any]] = {kind.__name__: kind for kind in Layer.__args__}


@dataclass(frozen=True)
class LayerSummary:
    """One layer of a network, measured.

    Attributes:
        name: its place, the prefix of its weights' names.
        layer: its description.
        output: shape of one picture after it.
        parameters: trained numbers in it, those of a whitened convolution among them.
        operations: multiply-adds for one picture.
    """

    name: str
    layer: Layer
    output: Shape
    parameters: int
    operations: int


def summarise(network: Network, shape: Shape = INPUT_SHAPE) -> tuple[LayerSummary, ...]:
    """Each layer with its output shape, parameters and operations.

    A residual block or an ensemble is one row; its layers are counted in it.

    Raises:
        RecipeError: a layer cannot take the shape that reaches it.
    """
    return tuple(_walk(network, shape, prefix=""))


def parameter_count(network: Network) -> int:
    """How many numbers training adjusts (running statistics are not among them)."""
    return sum(row.parameters for row in summarise(network))


def operation_count(network: Network) -> int:
    """Multiply-adds of dense and convolution layers for one picture, forward."""
    return sum(row.operations for row in summarise(network))


def check_classifier(network: Network, classes: int) -> None:
    """Check that the network ends in one logit a class.

    Raises:
        RecipeError: it does not, or one of its layers does not fit.
    """
    rows = summarise(network)
    if any(isinstance(layer, Ensemble) for layer in network[:-1]):
        raise RecipeError(
            "Expected an ensemble to be the last layer. Received a network with layers after one. "
            "Put them into its members."
        )
    received = rows[-1].output if rows else INPUT_SHAPE
    if received != (classes,):
        raise RecipeError(
            f"Expected a network that ends in ({classes},), one logit a class. Received an "
            f"output of shape {received}. End it in Dense({classes})."
        )


def with_outputs(network: Network, classes: int) -> Network:
    """The network with so many outputs: its last layer, if it is dense, and its members' alike."""
    if not network:
        return network
    *layers, last = network
    match last:
        case Dense():
            return (*layers, dataclasses.replace(last, units=classes))
        case Ensemble(members):
            changed = tuple(with_outputs(member, classes) for member in members)
            return (*layers, Ensemble(changed))
    return network


def to_json(network: Network) -> list[dict[str, Any]]:
    """The network as plain JSON values: ``[{"layer": "Dense", "units": 10, "bias": true}, …]``."""
    return [_layer_to_json(layer) for layer in network]


def from_json(values: list[dict[str, Any]]) -> Network:
    """The inverse of :func:`to_json`.

    Raises:
        RecipeError: an unknown layer, or one with fields that it does not have.
    """
    return tuple(_layer_from_json(value) for value in values)


def _walk(network: Network, shape: Shape, prefix: str) -> Iterator[LayerSummary]:
    for index, layer in enumerate(network):
        name = f"{prefix}{index}"
        row = _measure(name, layer, shape)
        shape = row.output
        yield row


def _measure(name: str, layer: Layer, shape: Shape) -> LayerSummary:
    """The summary of one layer that takes ``shape``."""
    output, parameters, operations = shape, 0, 0
    match layer:
        case Flatten():
            output = (math.prod(shape),)
        case Dense(units=units, bias=bias):
            _require(name, layer, shape, len(shape) == 1, "a flat shape; put Flatten() before it")
            output = (units,)
            operations = shape[0] * units
            parameters = operations + units * bias
        case Conv(filters=filters, kernel=kernel, groups=groups, bias=bias):
            _require(name, layer, shape, len(shape) == 3, "a shape (channels, height, width)")
            divisible = shape[0] % groups == 0 and filters % groups == 0
            _require(name, layer, shape, divisible, f"channels divisible by groups={groups}")
            sides = [(side + 2 * layer.padding - kernel) // layer.stride + 1 for side in shape[1:]]
            _require(name, layer, shape, min(sides) >= 1, f"sides of at least kernel={kernel}")
            output = (filters, *sides)
            most = 2 * shape[0] * kernel * kernel
            found = name == "0" and filters <= most
            place = f"to be the first layer if whitened, of at most {most} filters"
            _require(name, layer, shape, found or not layer.whitened, place)
            weights = filters * (shape[0] // groups) * kernel * kernel
            parameters = weights + filters * bias
            operations = weights * math.prod(sides)
        case BatchNorm():
            parameters = 2 * shape[0]
        case MaxPool(size=size):
            _require(name, layer, shape, len(shape) == 3, "a shape (channels, height, width)")
            _require(name, layer, shape, min(shape[1:]) >= size, f"sides of at least size={size}")
            output = (shape[0], shape[1] // size, shape[2] // size)
        case GlobalAveragePool() | GlobalMaxPool():
            _require(name, layer, shape, len(shape) == 3, "a shape (channels, height, width)")
            output = (shape[0],)
        case Residual(layers=layers):
            rows = list(_walk(layers, shape, prefix=f"{name}."))
            kept = bool(rows) and rows[-1].output == shape
            _require(name, layer, shape, kept, "layers inside that keep the shape")
            parameters = sum(row.parameters for row in rows)
            operations = sum(row.operations for row in rows)
        case Ensemble(members=members):
            each = [list(_walk(member, shape, prefix=f"{name}.")) for member in members]
            outputs = {rows[-1].output if rows else shape for rows in each}
            alike = len(outputs) == 1 and all(len(output) == 1 for output in outputs)
            _require(name, layer, shape, alike, "members with flat outputs of one size")
            (output,) = outputs
            parameters = sum(row.parameters for rows in each for row in rows)
            operations = sum(row.operations for rows in each for row in rows)
        case ReLU() | GELU() | Dropout():
            pass
    return LayerSummary(name, layer, output, parameters, operations)


def _check_field(layer: Any, name: str, holds: bool, expected: str) -> None:
    if not holds:
        raise RecipeError(
            f"Expected `{name}` of a {type(layer).__name__} layer {expected}. "
            f"Received {getattr(layer, name)!r}."
        )


def _require(name: str, layer: Layer, shape: Shape, holds: bool, expected: str) -> None:
    if not holds:
        kind = type(layer).__name__
        raise RecipeError(
            f"Layer {name} ({kind}) expected {expected}. Received an input of shape {shape}."
        )


def _layer_to_json(layer: Layer) -> dict[str, Any]:
    values: dict[str, Any] = {"layer": type(layer).__name__}
    for field in dataclasses.fields(layer):
        values[field.name] = getattr(layer, field.name)
    if isinstance(layer, Residual):
        values["layers"] = to_json(layer.layers)
    if isinstance(layer, Ensemble):
        values["members"] = [to_json(member) for member in layer.members]
    return values


def _layer_from_json(values: dict[str, Any]) -> Layer:
    fields = dict(values)
    kind = str(fields.pop("layer", ""))
    if kind not in _KINDS:
        raise RecipeError(
            f"Expected a layer of {', '.join(sorted(_KINDS))}. Received '{kind}'."
            + did_you_mean(kind, _KINDS)
        )
    if kind == "Residual":
        fields["layers"] = from_json(fields.get("layers", []))
    if kind == "Ensemble":
        fields["members"] = tuple(from_json(member) for member in fields.get("members", []))
    try:
        layer: Layer = _KINDS[kind](**fields)
    except TypeError as error:
        raise RecipeError(f"A {kind} layer cannot take these fields: {error}.") from error
    return layer
