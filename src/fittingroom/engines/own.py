"""Your own model in any framework: what it gives, and its export to ONNX."""

import contextlib
import importlib.util
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
from fittingroom.errors import ExportError, RecipeError, missing_extra
from fittingroom.graphs import OPSET, GraphBuilder
from fittingroom.predictions import Float32

Gives = Literal["logits", "probabilities"]

# The least probability, as in Keras' own cross-entropy.
_LEAST = 1e-7
# Probabilities add up to one within this.
_SUMS_TO_ONE = 1e-3
_LONGEST = 600


def output_kind(given: Any, origin: str, shape: Sequence[int], count: int, classes: int) -> Gives:
    """Whether your own model gives logits, or probabilities: at least 0, and 1 in all.

    ``given`` is its output for ``count`` images: an array or tensor, unless something is wrong.

    Raises:
        RecipeError: it gives anything else than finite float32 ``(count, classes)``.
    """
    received = f"a {type(given).__name__}"
    if hasattr(given, "shape"):
        kind = str(given.dtype).removeprefix("torch.")
        if (tuple(given.shape), kind) == ((count, classes), "float32"):
            values = np.asarray(given, np.float64)
            if not np.isfinite(values).all():
                raise RecipeError(
                    f"{origin} gives infinite numbers or NaN for the first images, before any "
                    "training. It must give finite numbers."
                )
            sums_to_one = (abs(values.sum(axis=1) - 1) < _SUMS_TO_ONE).all()
            return "probabilities" if sums_to_one and (values >= 0).all() else "logits"
        received = f"{kind} of shape {tuple(given.shape)}"
    raise RecipeError(
        f"{origin} gives {received} for {count} images of shape {tuple(shape)}. It must give one "
        f"tensor, float32 logits of shape {(count, classes)}: one for each class."
    )


def to_logits(output: np.ndarray, gives: Gives, scale: float = 1.0) -> Float32:
    """A model's output, ``(N, K)``, as logits, computed as in a core's graph.

    Of probabilities the logarithms are taken, and logits are divided by ``scale``.
    """
    values = output.astype(np.float32)
    if gives == "probabilities":
        return np.log(np.maximum(values, np.float32(_LEAST)))
    return values / np.float32(scale)


def export_module(module: Any, shape: Sequence[int], origin: str) -> onnx.ModelProto:
    """A module of PyTorch as ONNX by PyTorch's exporter, from float32 ``(N, *shape)``.

    Raises:
        ExportError: the exporter fails; the message holds its own reason.
    """
    import torch

    if importlib.util.find_spec("onnxscript") is None:
        raise missing_extra(ModuleNotFoundError(name="onnxscript"), "train")
    module.eval()
    first = next(module.parameters(), None)
    example = torch.rand(2, *shape, device=None if first is None else first.device)
    with quietly(), torch.no_grad():
        try:
            program = torch.onnx.export(
                module,
                (example,),
                dynamo=True,
                opset_version=OPSET,
                dynamic_shapes=({0: torch.export.Dim.DYNAMIC},),
                external_data=False,
                verbose=False,
            )
        except Exception as error:
            raise ExportError(
                f"PyTorch can't export {origin} to ONNX, for batches of any size: "
                f"{reason_of(error)}"
            ) from error
    assert program is not None
    return program.model_proto


def build_core(
    inner: onnx.ModelProto,
    *,
    shape: Sequence[int],
    classes: int,
    gives: Gives,
    parameters: int,
    scale: float = 1.0,
) -> Core:
    """A core around an exported model; for ``gives`` and ``scale`` see :func:`to_logits`.

    The model goes from one input, float32 ``(N, *shape)`` of 784 values 0–1 an image, to one output
    ``(N, classes)``.

    Raises:
        ExportError: ONNX Runtime cannot use the model.
    """
    with quietly():
        try:
            onnx.checker.check_model(inner)
            versions = {entry.domain: entry.version for entry in inner.opset_import}
            if versions.get("", OPSET) != OPSET:
                inner = version_converter.convert_version(inner, OPSET)
            graph = _surround(inner, shape, gives, scale)
            others = {domain: version for domain, version in versions.items() if domain}
            model = graph.from_images("logits", classes, opsets=others)
            operations = operation_count(model)
        except Exception as error:
            raise ExportError(
                f"ONNX Runtime can't use the exported model: {reason_of(error)}"
            ) from error
    return Core(model, parameters, operations)


def _surround(
    inner: onnx.ModelProto, shape: Sequence[int], gives: Gives, scale: float
) -> GraphBuilder:
    """From ``images`` to ``logits``, with the exported nodes between."""
    ends = len(inner.graph.input), len(inner.graph.output), len(inner.functions)
    if ends != (1, 1, 0):
        raise ValueError("it has {} inputs, {} outputs and {} functions of its own".format(*ends))
    inner = onnx.compose.add_prefix(inner, "own/")
    taken, given = inner.graph.input[0].name, inner.graph.output[0].name
    graph = GraphBuilder()
    scaled = graph.add("Div", "images", graph.floats(255))
    graph.add("Reshape", scaled, graph.integers(-1, *shape), output=taken)  # (N, *shape)
    graph.nodes.extend(inner.graph.node)
    graph.constants.extend(inner.graph.initializer)
    for part in (*graph.nodes, *graph.constants):
        # The place of the code on this machine is private, and no part of the model.
        part.doc_string = ""
        del part.metadata_props[:]
    if gives == "probabilities":
        least = graph.constant(np.array(_LEAST, np.float32))
        graph.add("Log", graph.add("Max", given, least), output="logits")
    else:
        graph.add("Div", given, graph.floats(scale), output="logits")
    return graph


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
