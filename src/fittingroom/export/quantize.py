"""An exported network → the same in whole numbers of eight bits, by ONNX Runtime's own tools.

Activations get a scale each from the images given, weights one a channel. Weights take seven bits:
on processors without VNNI, sums of full eight overflow, which changed 3% of cnn-tiny's answers.
The last layer stays in floats, so that probabilities keep their fine steps.
"""

import tempfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import onnx
from onnxruntime.quantization import QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from fittingroom.errors import ExportError
from fittingroom.predictions import UInt8


def quantize_onnx(content: bytes, images: UInt8) -> bytes:
    """The model in int8, with scales from training images, uint8 ``(N, 28, 28)``.

    Raises:
        ExportError: it is no network of two layers or more, convolutional or dense.
    """
    # Few at once, as the values of all layers are in memory.
    batches = iter([{"images": batch} for batch in np.array_split(images, 25)])
    with tempfile.TemporaryDirectory() as folder:
        path, folded, out = (Path(folder) / name for name in ("given", "folded", "out"))
        path.write_bytes(content)
        quant_pre_process(path, folded, skip_symbolic_shape=True)  # folds normalisation
        model = onnx.load(folded)
        layers = [node for node in model.graph.node if node.op_type in ("Conv", "Gemm")]
        if len(layers) < 2:
            raise ExportError("Only networks of two layers or more can be exported in int8.")
        layers[-1].name = "last"
        quantize_static(
            model,
            out,
            SimpleNamespace(get_next=lambda: next(batches, None)),
            op_types_to_quantize=["Conv", "Gemm", "Relu", "MaxPool"],
            nodes_to_exclude=["last"],
            per_channel=True,
            reduce_range=True,
            activation_type=QuantType.QUInt8,
        )
        result = onnx.load_from_string(content)  # with its metadata
        result.graph.CopyFrom(onnx.load(out).graph)
    return bytes(result.SerializeToString())
