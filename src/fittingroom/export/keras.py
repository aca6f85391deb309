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


def build_keras(
    network: Network,
    weights: Mapping[str, Float32],
    *,
    name: str,
    mirror: bool,
    temperature: float,
) -> Any:
    """The Keras model of a described network: pixel values → calibrated probabilities.

    Args:
        network: the layers.
        weights: by name, with ``"pixels.mean"`` and ``"pixels.deviation"``.
        name: of the recipe; the model's name is this and what it takes.
        mirror: average the logits of each picture and its mirror image.
        temperature: what logits are divided by.

    Returns:
        A ``keras.Model``, not compiled, from ``(N, 28, 28)`` to ``(N, K)``.

    Raises:
        ExportError: a weight is missing.
    """
    kinds = keras.layers
    inner = keras.Input((_SIDE, _SIDE, 1))
    logits_of = keras.Model(inner, apply_network(network, inner), name="network")
    to_picture = kinds.Reshape((_SIDE, _SIDE, 1), name="with_channel")
    try:
        set_weights(logits_of, network, weights)
        mean, deviation = (float(weights[f"pixels.{part}"]) for part in ("mean", "deviation"))
    except KeyError as error:
        raise ExportError(
            f"Expected a weight {error} for the network. Received {', '.join(sorted(weights))}."
        ) from error

    pixels = keras.Input((_SIDE, _SIDE), name="pixel_values_0_to_255")
    scaled = kinds.Rescaling(1 / deviation, -mean / deviation, name="normalisation")(pixels)
    logits = logits_of(to_picture(scaled))
    if mirror:
        # A product with the reversed identity turns each row of pixels round, exactly. Keras has
        # no layer that always mirrors, and would not load a function of ours from a file.
        turn = kinds.Dense(_SIDE, use_bias=False, trainable=False, name="mirror_image")
        mirrored = turn(scaled)
        turn.set_weights([np.eye(_SIDE, dtype=np.float32)[::-1]])
        logits = kinds.Average(name="both_sides")([logits, logits_of(to_picture(mirrored))])
    calibrated = kinds.Rescaling(1 / temperature, name="temperature")(logits)
    probabilities = kinds.Softmax(name="probabilities")(calibrated)
    title = f"{name.replace('-', '_')}_takes_pixel_values_0_to_255"
    return keras.Model(pixels, probabilities, name=title)
