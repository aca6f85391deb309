"""Hostile ONNX models, and odd ones that may run because they harm nobody."""

import pickle
from collections.abc import Sequence

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from tests.hostile.reading import Hostile, stored

PICTURES = helper.make_tensor_value_info("images", TensorProto.UINT8, ["N", 28, 28])
ENDS = [
    helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", 10])
    for name in ("logits", "probabilities")
]


def constant(name: str, values: object, kind: type = np.int64) -> onnx.TensorProto:
    return numpy_helper.from_array(np.array(values, kind), name)


def node(kind: str, inputs: str, outputs: str, **attributes: object) -> onnx.NodeProto:
    return helper.make_node(
        kind, inputs.split(" ") if inputs else [], outputs.split(), **attributes
    )


def model(
    nodes: Sequence[onnx.NodeProto] = (), constants: Sequence[onnx.TensorProto] = (), **graph
) -> onnx.ModelProto:
    """A model that answers, with other nodes and constants beside it."""
    answering = [
        node("Cast", "images", "pixels", to=TensorProto.FLOAT),
        node("Flatten", "pixels", "flat"),
        node("MatMul", "flat weights", "logits"),
        node("Softmax", "logits", "probabilities"),
    ]
    weights = constant("weights", np.zeros((784, 10)), np.float32)
    made = helper.make_graph(
        [*answering, *nodes], "g", [PICTURES], ENDS, [weights, *constants], **graph
    )
    return helper.make_model(
        made,
        opset_imports=[helper.make_opsetid("", 20), helper.make_opsetid("ai.onnx.ml", 3)],
        ir_version=9,
    )


def external(location: str) -> onnx.ModelProto:
    array = constant("outside", np.zeros(4), np.float32)
    array.ClearField("raw_data")
    array.data_location = TensorProto.EXTERNAL
    array.external_data.add(key="location", value=location)
    return model([node("Identity", "outside", "x")], [array])


def claims(dims: Sequence[int], content: bytes = b"", kind: int = TensorProto.FLOAT):
    array = onnx.TensorProto(name="claimed", dims=dims, data_type=kind, raw_data=content)
    return model([node("Identity", "claimed", "x")], [array])


def field(number: int, content: bytes) -> bytes:
    """A length-delimited field of a protocol buffer."""
    length, size = len(content), b""
    while length > 0x7F:
        size += bytes([length & 0x7F | 0x80])
        length >>= 7
    return bytes([number << 3 | 2]) + size + bytes([length]) + content


def listed(count: int) -> bytes:
    """A node with a list of whole numbers that would take eight times its bytes."""
    attribute = field(1, b"axes") + field(8, b"\x01" * count)
    return field(7, field(1, field(5, attribute)))


def of_body(kind: str) -> onnx.ModelProto:
    """A graph in a graph: gone round for ever, or on a condition."""
    condition = helper.make_tensor_value_info("c", TensorProto.BOOL, [])
    count = helper.make_tensor_value_info("i", TensorProto.INT64, [])
    out = helper.make_tensor_value_info("o", TensorProto.BOOL, [])
    if kind == "Loop":
        body = helper.make_graph([node("Identity", "c", "o")], "b", [count, condition], [out])
        return model(
            [node("Loop", "most yes", "", body=body)],
            [constant("most", 2**62), constant("yes", True, np.bool_)],
        )
    body = helper.make_graph([node("Identity", "yes", "o")], "b", [], [out])
    branches = {"then_branch": body, "else_branch": body}
    return model([node("If", "yes", "z", **branches)], [constant("yes", True, np.bool_)])


def scan(length: int, inner: str = "Identity") -> onnx.ModelProto:
    """A body that is gone through often, and does much each time."""
    row = helper.make_tensor_value_info("row", TensorProto.FLOAT, [])
    out = helper.make_tensor_value_info("o", TensorProto.FLOAT, [])
    body = helper.make_graph(
        [node("Expand", "row size", "wide"), node(inner, "wide", "o")],
        "b",
        [row],
        [out],
        [constant("size", [1000, 1000])],
    )
    return model(
        [node("Scan", "much", "z", body=body, num_scan_inputs=1)],
        [constant("much", np.zeros(length), np.float32)],
    )


def forest(**changes: object) -> onnx.ModelProto:
    """Two leaves below a root, with tables exchanged."""
    tables = {
        "nodes_treeids": [0, 0, 0],
        "nodes_nodeids": [0, 1, 2],
        "nodes_modes": ["BRANCH_LEQ", "LEAF", "LEAF"],
        "nodes_featureids": [3, 0, 0],
        "nodes_values": [0.5, 0.0, 0.0],
        "nodes_truenodeids": [1, 0, 0],
        "nodes_falsenodeids": [2, 0, 0],
        "target_treeids": [0, 0],
        "target_nodeids": [1, 2],
        "target_ids": [0, 1],
        "target_weights": [1.0, 2.0],
        "n_targets": 2,
    }
    made = helper.make_node(
        "TreeEnsembleRegressor", ["flat"], ["z"], domain="ai.onnx.ml", **{**tables, **changes}
    )
    return model([made])


def with_functions() -> onnx.ModelProto:
    made = model()
    made.functions.append(
        helper.make_function(
            "own", "f", ["x"], ["y"], [node("Abs", "x", "y")], [helper.make_opsetid("", 20)]
        )
    )
    return made


def with_sparse() -> onnx.ModelProto:
    made = model()
    values, places = constant("s", [1.0], np.float32), constant("", [2**40])
    made.graph.sparse_initializer.append(helper.make_sparse_tensor(values, places, [2**50]))
    return made


def named(classes: str) -> onnx.ModelProto:
    made = model()
    helper.set_model_props(made, {"classes": classes})
    return made


def other_ends() -> onnx.ModelProto:
    given = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])
    graph = helper.make_graph([node("Identity", "x", "logits")], "g", [given], ENDS[:1])
    return helper.make_model(graph)


honest = model().SerializeToString()
BOMBS = [
    ("a constant of terabytes", [node("ConstantOfShape", "s", "z")], [constant("s", [2**40])]),
    ("one number as terabytes", [node("Expand", "one s", "z")],
     [constant("one", [1.0], np.float32), constant("s", [2**20, 2**20])]),
    ("all numbers there are", [node("Range", "a b c", "z")],
     [constant("a", 0), constant("b", 2**45), constant("c", 1)]),
    ("an image as a poster", [node("Unsqueeze", "pixels one", "u"), node("Resize", "u  s", "z")],
     [constant("one", [1]), constant("s", [1, 1, 900, 900], np.float32)]),
    ("as large as an image says",
     [node("ReduceMax", "pixels", "m", keepdims=0), node("Cast", "m", "i", to=TensorProto.INT64),
      node("Unsqueeze", "i zero", "s"), node("ConstantOfShape", "s", "z")], [constant("zero", [0])]),
    ("as many as are not zero", [node("NonZero", "pixels", "z")], []),
    ("an input that nobody gives", [node("Abs", "nobody", "z")], []),
    ("shapes that do not fit", [node("MatMul", "weights weights", "z")], []),
    ("a bias without a name", [node("LayerNormalization", "flat ones ", "z")],
     [constant("ones", np.ones(784), np.float32)]),  # ONNX Runtime looks into it, and dies
    ("a rest by the image", [node("Mod", "images images", "z")], []),
    ("a sum of no letters", [node("Einsum", "pixels pixels", "z", equation="#ij,nkj->nik")],
     []),  # in which ONNX Runtime searches for ever
    # Of no size for 2 images, of which it is tried out, nor for 500.
    ("large for three images",
     [node("Shape", "images", "s"), node("Slice", "s zero one", "n"), node("Sub", "n two", "a"),
      node("Sub", "most n", "b"), node("Mul", "a b", "ab"), node("Mul", "ab much", "size"),
      node("ConstantOfShape", "size", "wide"), node("ReduceSum", "wide", "sum", keepdims=0),
      node("Mul", "flat sum", "unused")],
     [constant("zero", [0]), constant("one", [1]), constant("two", [2]), constant("most", [500]),
      constant("much", [10**6])]),
    ("a division by 0", [node("Cast", "pixels", "i", to=TensorProto.INT32), node("Div", "i zero", "z")],
     [constant("zero", 0, np.int32)]),  # which stops the whole process, and not with an error
]  # fmt: skip
WORDS = {
    "as many as are not zero": "'NonZero'",
    "as large as an image says": "depends on the images",
    "large for three images": "failed while it was running",
    "a bias without a name": "ended the process",
    "a division by 0": "divides whole numbers",
    "a rest by the image": "divides whole numbers",
}
MODELS = [
    Hostile("empty", stored(b""), "isn't a model"),
    Hostile("a script", stored(b"#!/bin/sh\nrm -rf /\n"), "isn't an ONNX model"),
    Hostile("cut off", stored(honest[: len(honest) // 2]), "cut off"),
    Hostile("two graphs", stored(honest + honest)),
    Hostile("a length of terabytes", stored(b"\x3a\xff\xff\xff\xff\xff\xff\x7f"), "cut off"),
    Hostile(
        "a million empty parts",
        stored(b"\x3a\x80\x80\x80\x01" + b"\x0a\x00" * 2**20),
    ),
    Hostile("a pickle in its place", stored(pickle.dumps({"a": 1})), "never opened"),
    Hostile("arrays beside it", stored(external("weights.bin")), "external data"),
    Hostile("a terabyte claimed", stored(claims([2**20, 2**18])), "bytes"),
    Hostile("a list without end", stored(listed(20 * 2**20)), "not allowed"),
    Hostile("round for ever", stored(of_body("Loop")), "'Loop'"),
    Hostile("often, and much each time", stored(scan(100_000))),
    Hostile("functions of its own", stored(with_functions()), "functions"),
    Hostile("sparse constants", stored(with_sparse()), "sparse"),
    Hostile("other ends", stored(other_ends()), "take `images`"),
    Hostile("classes in classes", stored(named("[" * 50_000)), "class names"),
    Hostile("fewer classes than logits", stored(named('["a", "b"]')), "2 classes"),
    Hostile("a tree in a circle", stored(forest(nodes_truenodeids=[0, 0, 0]))),
    Hostile("nothing there", lambda path: None, "No such file"),
    *(
        Hostile(name, stored(model(nodes, constants)), WORDS.get(name, ""))
        for name, nodes, constants in BOMBS
    ),
]
# docs/methods/security.md says that these are let in.
ODD = [
    Hostile("texts for numbers", stored(claims([1], b"", TensorProto.STRING))),
    Hostile("on a condition", stored(of_body("If"))),
    Hostile("two ways to a leaf", stored(forest(nodes_truenodeids=[2, 0, 0]))),
    Hostile("another format at first sight", stored(b"\x12\x08xxORTMxx" + honest)),
    Hostile("much work", stored(model(
        [node("Expand", "one s", "x0"), *[node("MatMul", f"x{k} x0", f"x{k + 1}") for k in range(9)]],
        [constant("one", [[1.0]], np.float32), constant("s", [600, 600])]))),
    Hostile("zeros from before the beginning", stored(model(
        [node("Trilu", "pixels k", "z")], [constant("k", -(2**63))]))),
    Hostile("batches of nothing", stored(model(
        [node("GatherND", "none i", "z", batch_dims=1)],
        [constant("none", np.zeros((0, 3)), np.float32), constant("i", np.zeros((0, 1)))]))),
]  # fmt: skip
