"""The result of a framework's exporter → a core: with the input, output and opset of any other."""

import contextlib
import io
import logging
import re
import warnings
from collections.abc import Iterator, Sequence
from typing import Any, Literal

import numpy as np
import onnx
from onnx import version_converter

from fittingroom.engines import Core
from fittingroom.engines.operations import operation_count
from fittingroom.errors import ExportError, RecipeError
from fittingroom.graphs import OPSET, GraphBuilder, open_session
from fittingroom.predictions import Float32, UInt8, softmax
from fittingroom.safe_io import Refusal
from fittingroom.safe_io.models import check_model

Gives = Literal["logits", "probabilities", "scores"]

# The least probability, as in Keras' own cross-entropy.
_LEAST = 1e-7
# Probabilities add up to one within this.
_SUMS_TO_ONE = 1e-3
_ALLOWED_DIFFERENCE = 1e-4
_LONGEST = 600


def output_kind(given: Any, origin: str, shape: Sequence[int], count: int, classes: int) -> Gives:
    """Whether your own model gives logits, or probabilities: at least 0, and 1 in all.

    Args:
        given: what it gives for ``count`` images; an array, unless something is wrong.
        origin: its name in errors.
        shape: of an image as it takes it.
        count: images.
        classes: numbers expected for each of them.

    Raises:
        RecipeError: this is anything else.
    """
    if not hasattr(given, "shape"):
        received = f"a {type(given).__name__}"
    elif tuple(given.shape) == (count, classes) and str(given.dtype) == "float32":
        sums = given.astype(np.float64).sum(axis=1)
        probable = (given >= 0).all() and (abs(sums - 1) < _SUMS_TO_ONE).all()
        return "probabilities" if probable else "logits"
    else:
        received = f"{given.dtype} of shape {tuple(given.shape)}"
    raise RecipeError(
        f"{origin} gives {received} for {count} images of shape {tuple(shape)}. It must give one "
        f"tensor, float32 logits of shape {(count, classes)}: one for each class."
    )


def to_logits(output: np.ndarray, gives: Gives, scale: float = 1.0) -> Float32:
    """A model's output, ``(N, K)``, as logits, computed as in a core's graph.

    Args:
        output: probabilities, whose logarithms are taken, scores of any size, or logits.
        gives: which of these.
        scale: what scores are divided by, before a temperature is fitted.
    """
    values = output.astype(np.float32)
    if gives == "probabilities":
        return np.log(np.maximum(values, np.float32(_LEAST)))
    return values / np.float32(scale) if gives == "scores" else values


def build_core(
    inner: onnx.ModelProto,
    output: str,
    *,
    shape: Sequence[int],
    classes: int,
    gives: Gives,
    parameters: int,
    scale: float = 1.0,
) -> Core:
    """A core around an exported model.

    Args:
        inner: from one input, float32 ``(N, *shape)`` of values 0–1, to ``output``.
        output: the name of that output, ``(N, K)``.
        shape: of one image, 784 values.
        classes: ``K``.
        gives: see :func:`to_logits`.
        parameters: trained numbers.
        scale: see :func:`to_logits`.

    Raises:
        ExportError: ONNX Runtime cannot use the model.
    """
    with quietly():
        try:
            onnx.checker.check_model(inner)
            versions = {entry.domain: entry.version for entry in inner.opset_import}
            if versions.get("", OPSET) != OPSET:
                inner = version_converter.convert_version(inner, OPSET)
            graph = _surround(inner, output, shape, gives, scale)
            others = {domain: version for domain, version in versions.items() if domain}
            model = graph.from_images("logits", classes, opsets=others)
            operations = operation_count(model)
        except Exception as error:
            raise ExportError(
                f"ONNX Runtime can't use the exported model: {reason_of(error)}"
            ) from error
    return Core(model, parameters, operations)


def check_core(core: Core, images: UInt8, logits: Float32) -> None:
    """Compare a core with the model that it came from, on a few images.

    Args:
        core: the exported model.
        images: uint8 ``(N, 28, 28)``.
        logits: float32 ``(N, K)``, the model's own for these.

    Raises:
        RecipeError: the model's own logits are not finite.
        ExportError: they differ, the core takes no batch of that size, or has operators that
            :mod:`fittingroom.safe_io.models` does not allow.
    """
    if not np.isfinite(logits).all():
        raise RecipeError(
            "The model gives infinite numbers or NaN for the first images, before any training. It "
            "must give finite numbers."
        )
    try:
        # The finished model must pass this too, so it is checked before a long training.
        check_model(core.graph)
    except Refusal as error:
        raise ExportError(f"The exported model could not be opened again. {error}") from error
    try:
        session = open_session(core.graph)
        (received,) = session.run(["logits"], {"images": images.astype(np.float32)})
    except Exception as error:
        raise ExportError(
            f"The exported model can't be run on {len(images)} images at once: {reason_of(error)}"
        ) from error
    difference = float(np.abs(softmax(received) - softmax(logits)).max())
    if not difference <= _ALLOWED_DIFFERENCE:
        raise ExportError(
            f"The exported model's probabilities differ from the model's own by {difference:.3g} "
            f"on a few images, where {_ALLOWED_DIFFERENCE:g} is allowed. Either the exporter does "
            "not support something in the model, or the model gives other answers each time, as "
            "with dropout that is left on."
        )


@contextlib.contextmanager
def quietly() -> Iterator[None]:
    """Keep the output, logs and warnings of exporters away from the terminal, but not errors."""
    nowhere, disabled = io.StringIO(), logging.root.manager.disable
    with (
        warnings.catch_warnings(),
        contextlib.redirect_stdout(nowhere),
        contextlib.redirect_stderr(nowhere),
    ):
        warnings.simplefilter("ignore")
        logging.disable()
        try:
            yield
        finally:
            logging.disable(disabled)


def reason_of(error: BaseException) -> str:
    """An exporter's own reason in a line or two: the message of the first of its errors."""
    while error.__cause__ is not None:
        error = error.__cause__
    message = re.sub(r"\x1b\[[0-9;]*m", "", str(error)).strip()
    paragraphs = message.split("\n\n")
    said = " ".join(paragraphs[0].split())
    # PyTorch's exporter names the line of the model's own code in a later paragraph.
    where = [part for part in paragraphs[1:] if 'File "' in part]
    said += "".join(f" ({' '.join(part.split())})" for part in where[:1])
    said = said or type(error).__name__
    return said if len(said) <= _LONGEST else f"{said[:_LONGEST]} …"


def _surround(
    inner: onnx.ModelProto, output: str, shape: Sequence[int], gives: Gives, scale: float
) -> GraphBuilder:
    """From ``images`` to ``logits``, with the exported nodes that these need between."""
    if inner.functions or len(inner.graph.input) != 1:
        raise ValueError(
            f"{len(inner.graph.input)} inputs and {len(inner.functions)} functions, where one "
            "input and plain nodes are expected"
        )
    inner = onnx.compose.add_prefix(inner, "own/")
    graph = GraphBuilder()
    scaled = graph.add("Div", "images", graph.floats(255))
    graph.add(
        "Reshape", scaled, graph.integers(-1, *shape), output=inner.graph.input[0].name
    )  # (N, *shape)
    graph.nodes.extend(_needed(inner.graph, f"own/{output}"))
    used = {name for node in graph.nodes for name in _inputs(node)}
    graph.constants.extend(each for each in inner.graph.initializer if each.name in used)
    for part in (*graph.nodes, *graph.constants):
        # The place of the code on this machine is private, and no part of the model.
        part.doc_string = ""
        del part.metadata_props[:]
    match gives:
        case "probabilities":
            least = graph.constant(np.array(_LEAST, np.float32))
            graph.add("Log", graph.add("Max", f"own/{output}", least), output="logits")
        case "scores":
            graph.add("Div", f"own/{output}", graph.floats(scale), output="logits")
        case "logits":
            graph.add("Identity", f"own/{output}", output="logits")
    return graph


def _needed(graph: onnx.GraphProto, output: str) -> list[onnx.NodeProto]:
    """The nodes on which an output depends, in their order."""
    wanted, kept = {output}, []
    for node in reversed(graph.node):
        if wanted & set(node.output):
            wanted |= _inputs(node)
            kept.append(node)
    return kept[::-1]


def _inputs(node: onnx.NodeProto) -> set[str]:
    """All inputs of a node, and of the nodes in its inner graphs."""
    names = set(node.input)
    for attribute in node.attribute:
        for inner in attribute.g.node:
            names |= _inputs(inner)
        names |= {value.name for value in attribute.g.output}
    return names
