"""Reading files that somebody else made: opened, measured and checked before they are believed.

::

    files       open a file that is plain, no link and no larger than it may be
    documents   JSON
    archives    an .npz archive of plain arrays
    weights     a .safetensors file
    kinds       model files that are never opened, and how to bring such a model in
    models      the door for ONNX models, and the list of those that passed
    inspection  what an ONNX model is made of and how large it gets
    trial       the process of its own in which a model is checked and run once

Every refusal is a :class:`Refusal`; the room that asked raises an error of its own for it.
``docs/methods/security.md`` says what is trusted and what is not.
"""

from fittingroom.safe_io.archives import read_arrays
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
    "Refusal",
    "is_inside",
    "most_behind",
    "open_plain",
    "parse_json",
    "read_arrays",
    "read_json",
    "read_weights",
    "read_whole",
    "refuse_model_file",
]
