"""A model that an engine hands over as a graph → the same ONNX model as a network gives."""

from collections.abc import Mapping, Sequence

import onnx
from onnx import TensorProto

from fittingroom.export.onnx import Values, finish
from fittingroom.export.ood import OodScore
from fittingroom.graphs import GraphBuilder


def wrap_core(
    core: bytes,
    *,
    classes: Sequence[str],
    temperature: float,
    ood: OodScore | None = None,
    metadata: Mapping[str, str] | None = None,
) -> bytes:
    """The ONNX model around a core: it takes uint8 images, and gives calibrated probabilities.

    Args:
        core: an ONNX model from ``images`` float32 ``(N, 28, 28)`` of 0–255 to ``logits``
            float32 ``(N, K)``, of the opset of :mod:`fittingroom.graphs`.
        classes, temperature, ood, metadata: see :func:`fittingroom.export.build_onnx`.
    """
    model = onnx.load_from_string(core)
    opsets = {entry.domain: entry.version for entry in model.opset_import if entry.domain}
    # The core's names are kept apart from those that its surroundings add.
    inner = onnx.compose.add_prefix(model, "core/").graph
    graph = GraphBuilder()
    graph.add("Cast", "images", output="core/images", to=TensorProto.FLOAT)
    graph.nodes.extend(inner.node)
    graph.constants.extend(inner.initializer)
    logits = Values("core/logits", len(classes))
    return finish(
        graph,
        logits.name,
        *(logits, logits),
        classes,
        temperature,
        ood=ood,
        metadata=metadata,
        opsets=opsets,
    )
