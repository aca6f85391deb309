"""Files from strangers: opened, measured and taken apart before anything in them is believed.

::

    files       open a file that is plain, no link and no larger than it may be
    documents   JSON
    archives    an .npz archive of plain arrays
    weights     a .safetensors file
    kinds       files of models that are never opened, and how to bring such a model in
    protobuf    the bytes of an ONNX file as fields
    graphs      an ONNX file as nodes and constants
    shapes      how large everything in a graph gets, before ONNX Runtime sees it
    trees       forests inside a graph: every way leads to a leaf
    models      the rule for ONNX models, whose steps the others are

Every refusal is a :class:`Refusal`; the room that asked tells it as an error of its own.
``docs/methods/security.md`` says what is trusted and what is not.
"""

from fittingroom.safe_io.archives import Archive
from fittingroom.safe_io.documents import parse_json, read_json
from fittingroom.safe_io.files import (
    MEBIBYTE,
    Refusal,
    is_inside,
    most_behind,
    open_plain,
    read_whole,
)
from fittingroom.safe_io.kinds import refuse_model_file
from fittingroom.safe_io.weights import read_weights

__all__ = [
    "MEBIBYTE",
    "Archive",
    "Refusal",
    "is_inside",
    "most_behind",
    "open_plain",
    "parse_json",
    "read_json",
    "read_weights",
    "read_whole",
    "refuse_model_file",
]
