"""Read files that somebody else made: each is opened, measured and checked before it is used.

``inspection`` needs the package ``onnx``, and ``models`` needs ONNX Runtime, so import those two by
their own names. Every refusal is a :class:`Refusal`; the room that asked raises an error of its
own. ``docs/methods/security.md`` lists what is trusted and what is not.
"""

from fittingroom.safe_io.arrays import read_arrays, read_weights
from fittingroom.safe_io.files import (
    MEBIBYTE,
    Refusal,
    cache_folder,
    is_inside,
    most_behind,
    open_plain,
    parse_json,
    read_json,
    read_whole,
    refuse_model_file,
    utf8,
)
