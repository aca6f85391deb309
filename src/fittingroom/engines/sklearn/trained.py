"""What each classical model hands to the engine."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy.typing as npt
from onnx import TensorProto, helper

from fittingroom.engines import Core
from fittingroom.graphs import GraphBuilder
from fittingroom.predictions import Float32


@dataclass(frozen=True, eq=False)
class Trained:
    """A trained model.

    Attributes:
        training: float32 ``(N, K)``, its logits for the training half.
        validation: float32 ``(M, K)``, those for the validation half.
        weights: its arrays by name, where it has some.
        core: its graph.
    """

    training: Float32
    validation: Float32
    weights: Mapping[str, npt.NDArray[Any]]
    core: Core


def serialise(graph: GraphBuilder, classes: int, opsets: Mapping[str, int] | None = None) -> bytes:
    """A graph from ``pictures``, float32 ``(N, 28, 28)``, to ``logits``, float32 ``(N, K)``."""
    pictures = helper.make_tensor_value_info("pictures", TensorProto.FLOAT, ["N", 28, 28])
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", classes])
    return graph.serialise([pictures], [logits], opsets=opsets)
