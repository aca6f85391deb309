"""Building an ONNX graph: nodes, constants, the serialised model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

# Opset 20 is the first with Gelu; IR version 9 goes with it. ONNX Runtime reads both since 1.17.
OPSET, IR = 20, 9


@dataclass(frozen=True)
class GraphBuilder:
    """A graph under construction; values are known by name, and stand before what takes them."""

    nodes: list[onnx.NodeProto] = field(default_factory=list)
    constants: list[onnx.TensorProto] = field(default_factory=list)

    def add(self, kind: str, *inputs: str, output: str = "", **attributes: object) -> str:
        """Add a node; its output's name."""
        output = output or f"{kind.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [output], **attributes))
        return output

    def constant(self, values: np.ndarray) -> str:
        """Add an array of any type; its name."""
        name = f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def integers(self, *values: int) -> str:
        """Add an int64 array with one axis; its name."""
        return self.constant(np.array(values, np.int64))

    def floats(self, *values: float) -> str:
        """Add a float32 array with one axis; its name."""
        return self.constant(np.array(values, np.float32))

    def serialise(
        self,
        inputs: Sequence[onnx.ValueInfoProto],
        outputs: Sequence[onnx.ValueInfoProto],
        *,
        opsets: Mapping[str, int] | None = None,
        metadata: Mapping[str, str] | None = None,
    ) -> bytes:
        """The checked model; `opsets` are versions of other domains than ONNX' own."""
        graph = helper.make_graph(
            self.nodes, "fittingroom", inputs, outputs, initializer=self.constants
        )
        versions = {"": OPSET} | dict(opsets or {})
        model = helper.make_model(
            graph,
            producer_name="fittingroom",
            ir_version=IR,
            opset_imports=[helper.make_opsetid(*each) for each in versions.items()],
        )
        helper.set_model_props(model, dict(metadata or {}))
        onnx.checker.check_model(model, full_check=True)
        return bytes(model.SerializeToString())

    def from_images(
        self, output: str, size: int | str, *, opsets: Mapping[str, int] | None = None
    ) -> bytes:
        """The checked model from ``images``, float32 ``(N, 28, 28)`` of 0–255, to one output of
        that name, float32 ``(N, size)``; the size is a name if it is not known."""
        values = [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", *sides])
            for name, sides in (("images", (28, 28)), (output, (size,)))
        ]
        return self.serialise(values[:1], values[1:], opsets=opsets)
