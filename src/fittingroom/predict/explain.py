"""Which regions matter to a model: occlusion.

A square of the image is made black, like the data set's background, and the model predicts again.
The more the probability of the class falls, the more that square mattered. Source: M. Zeiler and
R. Fergus, arXiv:1311.2901, section 2.2.
"""

import numpy as np

from fittingroom.predict.predictor import Predictor
from fittingroom.predictions import Float32, UInt8

_SQUARE = 6  # pixels
_STEP = 2
_SIDE = 28


def occlusion(predictor: Predictor, image: UInt8, label: int) -> Float32:
    """How much the region around each pixel of an image matters for a class: ``(28, 28)``.

    That is how much the natural logarithm of the class' probability falls when a square is black,
    averaged over the squares that cover the pixel. Positive: the region supports the class;
    negative: it is evidence against it; zero on the background.
    """
    # From squares of which one step lies inside to those of which one step still does.
    starts = range(_STEP - _SQUARE, _SIDE, _STEP)
    masks = np.zeros((len(starts), len(starts), _SIDE, _SIDE), np.bool_)
    for row, top in enumerate(starts):
        for column, left in enumerate(starts):
            down, right = slice(max(top, 0), top + _SQUARE), slice(max(left, 0), left + _SQUARE)
            masks[row, column, down, right] = True
    squares = masks.reshape(-1, _SIDE, _SIDE)  # (S, 28, 28)
    changed = np.concatenate([image[None], np.where(squares, 0, image)]).astype(np.uint8)
    logs = predictor.log_probabilities(changed)[:, label]
    losses = (logs[0] - logs[1:])[:, None, None]
    means: Float32 = ((losses * squares).sum(axis=0) / squares.sum(axis=0)).astype(np.float32)
    return means
