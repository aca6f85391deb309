"""Check an untrusted ONNX model, and run it once (needs ``onnx``).

The operators are an allow-list: none of them reads files, runs code or loops without end. The sizes
come from ONNX' own shape inference (https://onnx.ai/onnx/api/shape_inference.html).

An untrusted model is checked in a process of its own::

    python -P -m fittingroom.safe_io.inspection MOST < model.onnx

This prints one line of JSON: ``{"at_once": 500}``, or ``{"refused": "why"}``. If the model makes
ONNX Runtime crash, the process that asked goes on. Memory and processor time are limited on Linux;
elsewhere the process that waits limits the time.
"""

import json
import math
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper, shape_inference

from fittingroom.safe_io.files import MEBIBYTE, Refusal

# Bytes of all arrays together that a model computes for one batch of images.
MOST_MEMORY = 128_000_000
# Limits of the process that runs it once: seconds of processor time, and memory beside a few copies
# of the file (as parsed, with shapes, and loaded).
_SECONDS = 60
_MEMORY, _COPIES = 1024 * MEBIBYTE, 8
_MOST_NODES = 20_000
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
_WHOLE = {
    *(TensorProto.INT8, TensorProto.INT16, TensorProto.INT32, TensorProto.INT64),
    *(TensorProto.UINT8, TensorProto.UINT16, TensorProto.UINT32, TensorProto.UINT64),
}
# What gives the numbers of its first input again, in another shape.
_REARRANGING = ("Expand", "Flatten", "Identity", "Reshape", "Squeeze", "Tile", "Unsqueeze")


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
    nodes = [node for graph in graphs for node in graph.node]
    if len(nodes) > _MOST_NODES:
        raise Refusal(
            f"The ONNX model has {len(nodes):,} nodes; at most {_MOST_NODES:,} are allowed."
        )
    for node in nodes:
        if _kind(node) not in OPERATORS:
            raise Refusal(
                f"The ONNX model uses the operator {_kind(node)!r}, which is not allowed. Use "
                "another layer, or compare the model by its predictions: "
                "`fittingroom compare … --with predictions.csv`."
            )
    tensors = [tensor for graph in graphs for tensor in graph.initializer]
    for attribute in (each for node in nodes for each in node.attribute):
        tensors += [attribute.t, *attribute.tensors]
    if any(each.external_data or each.data_location != TensorProto.DEFAULT for each in tensors):
        raise Refusal(
            "The ONNX model keeps arrays in other files (external data). Save it as one file: "
            "onnx.save(onnx.load(path), path)."
        )
    outputs = [each.name for each in model.graph.output]
    if [each.name for each in model.graph.input] != ["pictures"] or "logits" not in outputs:
        raise Refusal(
            "This isn't a model of this project: it must take `pictures` and give `logits` and "
            f"`probabilities`, but gives {', '.join(outputs)[:100] or 'nothing'}."
        )
    if min(_image_shape(model), default=0) < 1:
        raise Refusal("The ONNX model must say how large the images are that it takes.")
    return model


def images_at_once(model: onnx.ModelProto, most: int) -> int:
    """How many images the model can take at once in ``MOST_MEMORY``, ``most`` or fewer.

    Args:
        model: one that :func:`parse` gave; shapes are written into it.
        most: the largest batch to try; halved while it needs too much.

    Raises:
        Refusal: one image needs too much; a size can't be worked out; or the model divides whole
            numbers by something that may be 0 or -1, for which the processor ends the process.
    """
    while True:
        graphs = _infer(model, most)
        needed = sum(map(_bytes_computed, graphs))
        if needed <= MOST_MEMORY:
            break
        if most == 1:
            raise Refusal(
                f"The ONNX model needs {needed:,} bytes for one image; at most {MOST_MEMORY:,} are "
                "allowed."
            )
        most //= 2
    _check_division(graphs)
    return most


def examine(content: bytes, most: int) -> int:
    """Check a model and run it once; how many images it can take at once.

    Raises:
        Refusal: it is not allowed, or it fails.
    """
    model = parse(content)
    kind = helper.tensor_dtype_to_np_dtype(model.graph.input[0].type.tensor_type.elem_type)
    images = np.random.default_rng(0).integers(0, 256, (2, *_image_shape(model))).astype(kind)
    at_once = images_at_once(model, most)
    del model
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    # Without this, ONNX Runtime would take some files for another format, which was not checked.
    options.add_session_config_entry("session.load_model_format", "ONNX")
    try:
        session = onnxruntime.InferenceSession(
            content, options, providers=["CPUExecutionProvider"], enable_fallback=0
        )
        (logits, *_) = session.run(
            ["logits", *(each.name for each in session.get_outputs())], {"pictures": images}
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


def answer(content: bytes, most: int, seconds: int = _SECONDS) -> None:
    """Examine a model within the limits, and print the result."""
    _limit(len(content), seconds)
    result: dict[str, object]
    try:
        result = {"at_once": examine(content, most)}
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


def _image_shape(model: onnx.ModelProto) -> tuple[int, ...]:
    """The shape of one image that a model takes: its input's, without the first axis."""
    sides = model.graph.input[0].type.tensor_type.shape.dim
    return tuple(side.dim_value for side in sides[1:])


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


def _types(graph: onnx.GraphProto) -> dict[str, onnx.TypeProto.Tensor]:
    """The types and shapes of a graph's arrays, constants aside, by name."""
    values = (*graph.input, *graph.value_info, *graph.output)
    return {each.name: each.type.tensor_type for each in values}


def _infer(model: onnx.ModelProto, count: int) -> list[onnx.GraphProto]:
    """The graphs with the type and shape of every array, for a batch of ``count`` images."""
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
    graphs = list(_graphs(inferred.graph))
    unknown = [each for graph in graphs for each in _unknown(graph)]
    if strict and unknown:
        raise Refusal(
            f"The size of what {unknown[0]!r} gives in the ONNX model can't be worked out: it "
            "depends on the images."
        )
    return graphs


def _unknown(graph: onnx.GraphProto) -> Iterator[str]:
    """The operators that give something of unknown size."""
    types = _types(graph)
    for node in graph.node:
        if any(name and _size(types.get(name)) is None for name in node.output):
            yield _kind(node)


def _size(array: onnx.TypeProto.Tensor | None) -> int | None:
    """Bytes of an array, or None if they aren't known."""
    if array is None or not array.HasField("shape"):
        return None
    sides = [side.dim_value if side.HasField("dim_value") else -1 for side in array.shape.dim]
    if min(sides, default=0) < 0:
        return None
    return math.prod(sides) * helper.tensor_dtype_to_np_dtype(array.elem_type).itemsize


def _bytes_computed(graph: onnx.GraphProto) -> int:
    """The bytes of all arrays that a graph's own nodes give, as far as they are known."""
    types = _types(graph)
    return sum(_size(types.get(name)) or 0 for node in graph.node for name in node.output)


def _check_division(graphs: Iterable[onnx.GraphProto]) -> None:
    """Refuse whole numbers divided by anything but constants without 0 and -1."""
    divisors: set[str] = set()
    others: set[str] = set()  # a name that also stands for something else is no divisor
    floats: set[str] = set()
    wholes: set[str] = set()
    divisions = []
    for graph in graphs:
        kinds = [(name, array.elem_type) for name, array in _types(graph).items()]
        kinds += [(tensor.name, tensor.data_type) for tensor in graph.initializer]
        for name, kind in kinds:
            (wholes if kind in (*_WHOLE, TensorProto.UNDEFINED) else floats).add(name)
        others |= {each.name for each in graph.input}
        for tensor in graph.initializer:
            (divisors if _may_divide(tensor) else others).add(tensor.name)
        for node in graph.node:
            constant = node.op_type == "Constant" and _may_divide(node.attribute[0].t)
            moved = node.op_type in _REARRANGING and node.input[0] in divisors
            (divisors if constant or moved else others).update(node.output)
            divisions += [node] if node.op_type in ("Div", "Mod") else []
    for node in divisions:
        if node.input[1] not in divisors - others and not {*node.input} & (floats - wholes):
            raise Refusal(
                f"The ONNX model divides whole numbers ({node.op_type}) by something that may be 0 "
                "or -1, which can end the whole process. Divide by constants, or divide floats."
            )


def _may_divide(tensor: onnx.TensorProto) -> bool:
    """Whether an array is of few whole numbers, none of them 0 or -1."""
    if tensor.data_type not in _WHOLE or math.prod(tensor.dims) > 10_000:
        return False
    try:
        return not np.isin(numpy_helper.to_array(tensor), (0, -1)).any()
    except (TypeError, ValueError):
        return False


if __name__ == "__main__":
    answer(sys.stdin.buffer.read(), int(sys.argv[1]))
