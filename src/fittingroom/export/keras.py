"""A trained network → a Keras model with everything inside, for those who work with Keras.

It takes pixel values as they are, 0–255, ``(N, 28, 28)`` or ``(N, 28, 28, 1)``, and gives the
calibrated probabilities of the ONNX model. It is made of Keras' own layers alone, so that plain
Keras loads its files on any backend and executes nothing of ours.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from fittingroom.engines.keras.backend import load_keras
from fittingroom.engines.keras.models import apply_network, set_weights
from fittingroom.errors import ExportError
from fittingroom.networks import Network
from fittingroom.predictions import Float32

keras = load_keras()

_SIDE = 28
# What is cut off a frame of one pixel, at the top and bottom and at the left and right.
_MOVED = {
    "up": ((2, 0), (1, 1)),
    "down": ((0, 2), (1, 1)),
    "left": ((1, 1), (2, 0)),
    "right": ((1, 1), (0, 2)),
}


def build_keras(
    network: Network,
    weights: Mapping[str, Float32],
    *,
    name: str,
    mirror: bool,
    shifts: bool = False,
    temperature: float,
) -> Any:
    """The Keras model of a described network: pixel values → calibrated probabilities.

    Args:
        network, weights, mirror, shifts, temperature: see :func:`fittingroom.export.build_onnx`.
        name: of the recipe; the model's name is this and what it takes.

    Returns:
        A ``keras.Model``, not compiled, from ``(N, 28, 28)`` to ``(N, K)``.
    """
    kinds = keras.layers
    inner = keras.Input((_SIDE, _SIDE, 1))
    logits_of = keras.Model(inner, apply_network(network, inner), name="network")
    to_image = kinds.Reshape((_SIDE, _SIDE, 1), name="with_channel")
    try:
        set_weights(logits_of, network, weights)
        mean, deviation = (float(weights[f"pixels.{part}"]) for part in ("mean", "deviation"))
    except KeyError as error:
        raise ExportError(
            f"The network needs a weight {error}, which is not among {', '.join(sorted(weights))}."
        ) from error

    # A product with the reversed identity turns each row of pixels round, exactly. Keras has no
    # layer that always mirrors, and would not load a function of ours from a file.
    turn = kinds.Dense(_SIDE, use_bias=False, trainable=False, name="mirror_image")
    both_sides = kinds.Average(name="both_sides")

    def seen(scaled: Any) -> Any:
        logits = logits_of(to_image(scaled))
        if not mirror:
            return logits
        mirrored = logits_of(to_image(turn(scaled)))
        turn.set_weights([np.eye(_SIDE, dtype=np.float32)[::-1]])
        return both_sides([logits, mirrored])

    pixels = keras.Input((_SIDE, _SIDE), name="pixel_values_0_to_255")
    scale = kinds.Rescaling(1 / deviation, -mean / deviation, name="normalisation")
    logits = seen(scale(pixels))
    if shifts:
        ordered = {"data_format": "channels_last"}
        framed = kinds.ZeroPadding2D(1, name="black_frame", **ordered)(to_image(pixels))
        without_channel = kinds.Reshape((_SIDE, _SIDE), name="without_channel")
        cut = [
            kinds.Cropping2D(each, name=f"moved_{way}", **ordered) for way, each in _MOVED.items()
        ]
        moved = [seen(scale(without_channel(each(framed)))) for each in cut]
        around = kinds.Average(name="moved_by_a_pixel")(moved)
        logits = kinds.Average(name="as_it_is_and_moved")([logits, around])
    calibrated = kinds.Rescaling(1 / temperature, name="temperature")(logits)
    probabilities = kinds.Softmax(name="probabilities")(calibrated)
    title = f"{name.replace('-', '_')}_takes_pixel_values_0_to_255"
    return keras.Model(pixels, probabilities, name=title)
