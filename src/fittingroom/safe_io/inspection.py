"""Check an untrusted ONNX model, and run it once (needs ``onnx``).

An untrusted model is checked in a process of its own, so that it can crash no other::

    python -P -m fittingroom.safe_io.inspection < model.onnx

This prints one line of JSON: ``{"at_once": 500}``, or ``{"refused": "why"}``. Memory and processor
time are limited on Linux; elsewhere the process that waits limits the time. Sizes come from ONNX'
own shape inference (https://onnx.ai/onnx/api/shape_inference.html).
"""

import json
import math
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, shape_inference

from fittingroom.safe_io.files import MEBIBYTE, Refusal
from fittingroom.safe_io.models import start_session

# The largest batch of images: enough to fill the cores, few enough that memory stays small.
_BATCH = 500
# Bytes of all arrays together that a model computes for one batch of images.
_MOST_MEMORY = 128_000_000
# Limits of the process that runs it once: seconds of processor time, and memory beside a few copies
# of the file (as parsed, with shapes, and loaded).
_SECONDS = 60
_MEMORY, _COPIES = 1024 * MEBIBYTE, 8
# No operator on this list reads files, runs code or loops without end.
_NAMES = (
    # Numbers one by one, and comparisons
    "Abs Acos Acosh Add And Asin Asinh Atan Atanh BitShift BitwiseAnd BitwiseNot BitwiseOr "
    "BitwiseXor Cast CastLike Ceil Celu Clip Cos Cosh Div Dropout Elu Equal Erf Exp Floor Gelu "
    "Greater GreaterOrEqual HardSigmoid HardSwish Identity IsInf IsNaN LeakyRelu Less LessOrEqual "
    "Log Max Mean Min Mish Mod Mul Neg Not Or PRelu Pow Reciprocal Relu Round Selu Shrink Sigmoid "
    "Sign Sin Sinh Softplus Softsign Sqrt Sub Sum Swish Tan Tanh ThresholdedRelu Where Xor "
    # Sums and choices along axes
    "ArgMax ArgMin CumSum Hardmax LogSoftmax LpNormalization ReduceL1 ReduceL2 ReduceLogSum "
    "ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare Softmax "
    "TopK "
    # Layers
    "AveragePool BatchNormalization Conv ConvTranspose Einsum GRU Gemm GlobalAveragePool "
    "GlobalLpPool GlobalMaxPool GroupNormalization InstanceNormalization LRN LSTM "
    "LayerNormalization LpPool MatMul MaxPool MeanVarianceNormalization RMSNormalization RNN "
    # Layers with whole numbers
    "ConvInteger DequantizeLinear DynamicQuantizeLinear MatMulInteger QLinearConv QLinearMatMul "
    "QuantizeLinear "
    # Shapes and places
    "Concat Constant ConstantOfShape DepthToSpace Expand Flatten Gather GatherElements GatherND "
    "OneHot Pad Range Reshape Resize ScatterElements ScatterND Shape Size Slice SpaceToDepth Split "
    "Squeeze Tile Transpose Trilu Unsqueeze "
    # Graphs within the graph, which end
    "If Scan "
    # Classical models
    "ai.onnx.ml.ArrayFeatureExtractor ai.onnx.ml.Binarizer ai.onnx.ml.Imputer "
    "ai.onnx.ml.LinearClassifier ai.onnx.ml.LinearRegressor ai.onnx.ml.Normalizer "
    "ai.onnx.ml.SVMClassifier ai.onnx.ml.Scaler ai.onnx.ml.TreeEnsembleClassifier "
    "ai.onnx.ml.TreeEnsembleRegressor"
)
OPERATORS = frozenset(_NAMES.split())
_FLOATS = {TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.FLOAT16, TensorProto.BFLOAT16}


def parse(content: bytes) -> onnx.ModelProto:
    """The model in a file's bytes, once it is known to use nothing but this file.

    Raises:
        Refusal: it isn't an ONNX model of this project; or it refers to other files, brings
            functions of its own, or uses an operator that isn't in ``OPERATORS``.
    """
    try:
        model = onnx.ModelProto.FromString(content)
    except Exception as error:  # protobuf's own, whose package has no types
        raise Refusal("This isn't an ONNX model, or the file is damaged or cut off.") from error
    graphs = list(_graphs(model.graph))
    if model.functions or model.training_info or any(each.sparse_initializer for each in graphs):
        raise Refusal("The ONNX model has functions or sparse constants, which are not allowed.")
    tensors = [tensor for graph in graphs for tensor in graph.initializer]
    for node in (node for graph in graphs for node in graph.node):
        if _kind(node) not in OPERATORS:
            raise Refusal(
                f"The ONNX model uses the operator {_kind(node)!r}, which is not allowed. Use "
                "another layer, or compare the model by its predictions: "
                "`fittingroom compare … --with predictions.csv`."
            )
        for attribute in node.attribute:
            tensors += [attribute.t, *attribute.tensors]
    if any(each.external_data or each.data_location != TensorProto.DEFAULT for each in tensors):
        raise Refusal(
            "The ONNX model keeps arrays in other files (external data). Save it as one file: "
            "onnx.save(onnx.load(path), path)."
        )
    outputs = [each.name for each in model.graph.output]
    if [each.name for each in model.graph.input] != ["images"] or "logits" not in outputs:
        raise Refusal(
            "This isn't a model of this project: it must take `images` and give `logits` and "
            f"`probabilities`, but gives {', '.join(outputs)[:100] or 'nothing'}."
        )
    return model


def images_at_once(model: onnx.ModelProto) -> int:
    """How many images a model can take at once; shapes are written into the model.

    Raises:
        Refusal: one image needs too much memory; a size can't be worked out; or the model divides
            whole numbers, which ends the process if the divisor is 0.
    """
    count = _BATCH
    while (needed := _bytes_computed(model, count)) > _MOST_MEMORY:
        if count == 1:
            raise Refusal(
                f"The ONNX model needs {needed:,} bytes for one image; at most {_MOST_MEMORY:,} "
                "are allowed."
            )
        count //= 2
    return count


def examine(content: bytes) -> int:
    """Check a model and run it once; how many images it can take at once."""
    model = parse(content)
    taken = model.graph.input[0].type.tensor_type
    shape = [2, *(side.dim_value for side in taken.shape.dim[1:])]
    kind = helper.tensor_dtype_to_np_dtype(taken.elem_type)
    images = np.random.default_rng(0).integers(0, 256, shape).astype(kind)
    at_once = images_at_once(model)
    del model
    try:
        session = start_session(content, 1, limited=False)
        (logits, *_) = session.run(
            ["logits", *(each.name for each in session.get_outputs())], {"images": images}
        )
    except Exception as error:
        reason = " ".join(str(error).split())[:300]
        raise Refusal(f"The ONNX model can't be run: {reason}") from error
    if logits.ndim != 2 or len(logits) != 2:
        raise Refusal(
            f"The ONNX model must give one row of logits for each image. For 2 images it gives an "
            f"array of shape {logits.shape}."
        )
    return at_once


def answer(content: bytes, seconds: int = _SECONDS) -> None:
    """Examine a model within the limits, and print the result."""
    _limit(len(content), seconds)
    result: dict[str, object]
    try:
        result = {"at_once": examine(content)}
    except Refusal as error:
        result = {"refused": str(error)}
    print(json.dumps(result), flush=True)


def _limit(size: int, seconds: int) -> None:
    """Limit this process' memory and processor time from here on, for a model of ``size`` bytes."""
    if sys.platform != "linux":
        return
    import resource

    pages = int(Path("/proc/self/statm").read_text().split()[0])
    memory = pages * resource.getpagesize() + _MEMORY + _COPIES * size
    used = resource.getrusage(resource.RUSAGE_SELF)
    spent = int(used.ru_utime + used.ru_stime) + 1
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CPU, (spent + seconds, spent + seconds))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _graphs(graph: onnx.GraphProto) -> Iterator[onnx.GraphProto]:
    """A graph, and after it all graphs within it."""
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            for inner in (*([attribute.g] if attribute.HasField("g") else ()), *attribute.graphs):
                yield from _graphs(inner)


def _kind(node: onnx.NodeProto) -> str:
    """An operator's name, after its domain if that is not ONNX' own."""
    domain = "" if node.domain in ("", "ai.onnx") else f"{node.domain}."
    return f"{domain}{node.op_type}"[:60]


def _bytes_computed(model: onnx.ModelProto, count: int) -> int:
    """The bytes of all arrays that the nodes give for ``count`` images, where known."""
    graphs = list(_graphs(model.graph))
    for graph in graphs:
        del graph.value_info[:]
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = count
    for output in model.graph.output:
        output.type.tensor_type.ClearField("shape")
    # ONNX infers nothing for most classical models, nor for what comes after them. Such arrays are
    # not counted here; the limit on memory while a model runs holds for them.
    strict = not any(node.domain == "ai.onnx.ml" for graph in graphs for node in graph.node)
    try:
        inferred = shape_inference.infer_shapes(model, strict_mode=strict, data_prop=True)
    except Exception as error:
        reason = " ".join(str(error).split())[:200]
        raise Refusal(f"The shapes in the ONNX model don't fit together: {reason}") from error
    total = 0
    for graph in _graphs(inferred.graph):
        values = (*graph.input, *graph.value_info, *graph.output)
        types = {each.name: each.type.tensor_type for each in values}
        kinds = {tensor.name: tensor.data_type for tensor in graph.initializer}
        kinds |= {name: array.elem_type for name, array in types.items()}
        for node in graph.node:
            known = {kinds.get(name) for name in (*node.input, *node.output)}
            if node.op_type in ("Div", "Mod") and not known & _FLOATS:
                raise Refusal(
                    f"The ONNX model divides whole numbers ({node.op_type}), which can end the "
                    "whole process. Divide floats."
                )
            sizes = [_size(types.get(name)) for name in node.output if name]
            if strict and None in sizes:
                raise Refusal(
                    f"The size of what {_kind(node)!r} gives in the ONNX model can't be worked "
                    "out: it depends on the images."
                )
            total += sum(size or 0 for size in sizes)
    return total


def _size(array: onnx.TypeProto.Tensor | None) -> int | None:
    """Bytes of an array, or None if they aren't known."""
    if array is None or not array.HasField("shape"):
        return None
    sides = [side.dim_value if side.HasField("dim_value") else -1 for side in array.shape.dim]
    if min(sides, default=0) < 0:
        return None
    return math.prod(sides) * helper.tensor_dtype_to_np_dtype(array.elem_type).itemsize


if __name__ == "__main__":
    answer(sys.stdin.buffer.read())
