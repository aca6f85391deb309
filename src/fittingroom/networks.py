"""A network described once: a tuple of typed layers, from which each framework builds its own.

Images enter as ``(1, 28, 28)`` (channels, height, width), normalised; the last layer gives one
logit for each class. Weights are named by their layer's place, as in ``torch.nn.Sequential``:
``"3.weight"`` is the weight of ``network[3]``.
"""

import dataclasses
import math
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fittingroom.errors import RecipeError, did_you_mean

Shape = tuple[int, ...]

INPUT_SHAPE: Shape = (1, 28, 28)
# An exported model has at most 256 MiB; many more layers take minutes to build.
_MOST_PARAMETERS, _MOST_LAYERS = 64_000_000, 1_000


def check(name: str, value: object, holds: bool, expected: str) -> None:
    """Raise a RecipeError about one value of a recipe or a layer, unless the condition holds."""
    if not holds:
        raise RecipeError(f"`{name}` is {repr(value)[:60]}, but must be {expected}.")


def check_ranges(owner: object, prefix: str = "", **ranges: str) -> None:
    """Raise a RecipeError unless fields lie within intervals, such as ``"[0, 1)"``.

    The prefix precedes the fields' names in a message.
    """
    for name, given in ranges.items():
        value = getattr(owner, name)
        interval = given.replace("inf)", "1e38)")  # the end of float32
        low, high = (float(end) for end in interval[1:-1].split(","))
        inside = low < value < high
        at_end = (value == low and interval[0] == "[") or (value == high and interval[-1] == "]")
        check(f"{prefix}{name}", value, inside or at_end, f"in {interval}")


@dataclass(frozen=True)
class Flatten:
    """``(C, H, W)`` → ``(C·H·W,)``, channel by channel, row by row."""


@dataclass(frozen=True)
class Dense:
    """A fully connected layer with so many outputs; leave out the bias before a normalisation."""

    units: int
    bias: bool = True

    def __post_init__(self) -> None:
        check_ranges(self, "Dense.", units="[1, inf)")


@dataclass(frozen=True)
class Conv:
    """A two-dimensional convolution (cross-correlation, as everywhere in deep learning).

    Attributes:
        filters: output channels.
        kernel: height and width of the kernel.
        stride: step in both directions.
        padding: zeros added on each of the four sides.
        bias: whether a bias is added; leave it out before a batch normalisation.
        whitened: for the first layer: not trained, but computed from the training images. Half of
            the filters are the leading principal components of the images' patches, each divided
            by its standard deviation; the other half are their negatives, so that nothing is lost
            in a ReLU that follows (K. Jordan, arXiv:2404.00498).
    """

    filters: int
    kernel: int = 3
    stride: int = 1
    padding: int = 0
    bias: bool = True
    whitened: bool = False

    def __post_init__(self) -> None:
        ranges = {"filters": "[1, inf)", "kernel": "[1, inf)", "stride": "[1, inf)"}
        check_ranges(self, "Conv.", **ranges, padding="[0, inf)")
        allowed = not self.whitened or (self.filters % 2 == 0 and not self.bias)
        check("Conv.whitened", self.whitened, allowed, "false, or filters even and bias=False")


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
        check_ranges(self, "BatchNorm.", momentum="(0, 1]", epsilon="(0, 1)")


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
        check_ranges(self, "MaxPool.", size="[1, inf)")


@dataclass(frozen=True)
class GlobalMaxPool:
    """``(C, H, W)`` → ``(C,)``: the largest value of each channel."""


@dataclass(frozen=True)
class Dropout:
    """In training, sets each value to zero with probability ``rate`` and scales up the rest."""

    rate: float

    def __post_init__(self) -> None:
        check_ranges(self, "Dropout.", rate="[0, 1)")


Layer = Flatten | Dense | Conv | BatchNorm | ReLU | GELU | MaxPool | GlobalMaxPool | Dropout
Network = tuple[Layer, ...]

# Types of fields: what is said of them, and the types that JSON gives.
_PLAIN: Mapping[type, tuple[Any, ...]] = {
    int: ("a whole number", int),
    float: ("a number", float, int),
    bool: ("true or false", bool),
    str: ("a text", str),
}

_KINDS: Mapping[str, type[Any]] = {kind.__name__: kind for kind in Layer.__args__}


@dataclass(frozen=True)
class LayerSummary:
    """One layer of a network, measured."""

    name: str  # its place, the prefix of its weights' names
    layer: Layer
    output: Shape  # of one image after it
    parameters: int  # trained numbers in it, including those of a whitened convolution
    operations: int  # multiply-adds for one image


def summarise(network: Network) -> tuple[LayerSummary, ...]:
    """Each layer with its output shape, parameters and operations.

    Raises:
        RecipeError: a layer cannot take the shape that reaches it.
    """
    rows: list[LayerSummary] = []
    shape = INPUT_SHAPE
    for index, layer in enumerate(network):
        rows.append(_measure(str(index), layer, shape))
        shape = rows[-1].output
    return tuple(rows)


def parameter_count(network: Network) -> int:
    """How many numbers training adjusts (running statistics are not among them)."""
    return sum(row.parameters for row in summarise(network))


def operation_count(network: Network) -> int:
    """Multiply-adds of dense and convolution layers for one image, forward."""
    return sum(row.operations for row in summarise(network))


def check_classifier(network: Network, classes: int) -> None:
    """Check that the network ends in one logit for each class, and is not too large to be used.

    Raises:
        RecipeError: it does not, is too large, or one of its layers does not fit.
    """
    rows = summarise(network)
    parameters = sum(row.parameters for row in rows)
    if len(rows) > _MOST_LAYERS or parameters > _MOST_PARAMETERS:
        raise RecipeError(
            f"The network has {len(rows):,} layers and {parameters:,} parameters. Give it at most "
            f"{_MOST_LAYERS:,} and {_MOST_PARAMETERS:,}."
        )
    received = rows[-1].output if rows else INPUT_SHAPE
    if received != (classes,):
        raise RecipeError(
            f"The network ends in an output of shape {received}. End it in Dense({classes}), which "
            "gives one logit for each class."
        )


def to_json(network: Network) -> list[dict[str, Any]]:
    """The network as plain JSON values: ``[{"layer": "Dense", "units": 10, "bias": true}, …]``."""
    return [{"layer": type(layer).__name__, **dataclasses.asdict(layer)} for layer in network]


def from_json(values: list[dict[str, Any]]) -> Network:
    """The inverse of :func:`to_json`; a RecipeError for an unknown layer or field."""
    return tuple(_layer_from_json(value) for value in values)


def from_fields(kind: type[Any], values: Mapping[str, Any]) -> Any:
    """A layer, a recipe or a part of one, from its fields as JSON holds them.

    Raises:
        RecipeError: a field that it does not have, one that is missing, or an impossible value.
    """
    fields = {each.name: each for each in dataclasses.fields(kind)}
    hints = typing.get_type_hints(kind)
    for name, value in values.items():
        if name not in fields:
            raise RecipeError(
                f"{kind.__name__} has no setting '{name[:60]}'. "
                f"Its settings are {', '.join(fields)}." + did_you_mean(name, fields)
            )
        words, *types = _PLAIN.get(hints[name], ("", type(value)))
        check(f"{kind.__name__}.{name}", value, type(value) in types, words)
    for name, each in fields.items():
        if name not in values and each.default is each.default_factory is dataclasses.MISSING:
            raise RecipeError(f"{kind.__name__} needs a value for '{name}'.")
    return kind(**values)


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
        case Conv(filters=filters, kernel=kernel, bias=bias):
            _require(name, layer, shape, len(shape) == 3, "a shape (channels, height, width)")
            sides = [(side + 2 * layer.padding - kernel) // layer.stride + 1 for side in shape[1:]]
            _require(name, layer, shape, min(sides) >= 1, f"sides of at least kernel={kernel}")
            output = (filters, *sides)
            most = 2 * shape[0] * kernel * kernel
            found = name == "0" and filters <= most
            place = f"to be the first layer if whitened, of at most {most} filters"
            _require(name, layer, shape, found or not layer.whitened, place)
            weights = filters * shape[0] * kernel * kernel
            parameters = weights + filters * bias
            operations = weights * math.prod(sides)
        case BatchNorm():
            parameters = 2 * shape[0]
        case MaxPool(size=size):
            _require(name, layer, shape, len(shape) == 3, "a shape (channels, height, width)")
            _require(name, layer, shape, min(shape[1:]) >= size, f"sides of at least size={size}")
            output = (shape[0], shape[1] // size, shape[2] // size)
        case GlobalMaxPool():
            _require(name, layer, shape, len(shape) == 3, "a shape (channels, height, width)")
            output = (shape[0],)
        case ReLU() | GELU() | Dropout():
            pass
    return LayerSummary(name, layer, output, parameters, operations)


def _require(name: str, layer: Layer, shape: Shape, holds: bool, expected: str) -> None:
    if not holds:
        kind = type(layer).__name__
        raise RecipeError(
            f"Layer {name} ({kind}) gets an input of shape {shape}, but needs {expected}."
        )


def _layer_from_json(values: dict[str, Any]) -> Layer:
    fields = dict(values)
    kind = str(fields.pop("layer", ""))
    if kind not in _KINDS:
        raise RecipeError(
            f"There is no layer '{kind}'. Use {', '.join(sorted(_KINDS))}."
            + did_you_mean(kind, _KINDS)
        )
    layer: Layer = from_fields(_KINDS[kind], fields)
    return layer
