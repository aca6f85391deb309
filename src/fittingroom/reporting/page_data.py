"""What the page's script answers from: test images in one sheet, and what each model says of them.

Arrays are base64 of little-endian uint16 (uint32 for positions in the test set).
"""

import base64
import io
import json
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from fittingroom.evaluation import ModelReport
from fittingroom.numbers import percent, plain
from fittingroom.predictions import Float32, Int64, Predictions, UInt8
from fittingroom.reporting.panel import draw, stem

_SHOWN = 3000  # images in the sheet
_MISTAKES = 2000  # of them, that no other image takes the place of
_ACROSS = 60  # images in a row of it
_UNSURE = 100  # images of a class, classified correctly, that are shown for a model
_LIKELIEST = 3  # classes with their probabilities
_DOTS = 10_000  # images on the map
_LEAST = -20.0  # log-probability on the map: below, no probability is told apart

# What a model makes of some images before it decides, float32 (N, D); None if that is not known.
Features = Callable[[ModelReport, UInt8], Float32 | None]
Embed = Callable[[Float32], Float32]  # t-SNE: (N, 50) or less → (N, 2)


def page_data(
    models: Sequence[ModelReport], images: UInt8, features: Features, tsne: Embed | None
) -> str:
    """The data as JSON that may stand in a page: of 10,000 test images at most, those in the sheet
    first."""
    said = [model.evaluation.predictions for model in models]
    shown = _shown(said)
    others = np.setdiff1d(np.arange(len(images)), shown)
    kept = np.concatenate([shown, draw(others, _DOTS - len(shown))]).astype(np.int64)
    cells = np.pad(images[shown], ((0, -len(shown) % _ACROSS), (0, 0), (0, 0)))
    cells = cells.reshape(-1, _ACROSS, 28, 28)
    values = {
        "classes": said[0].classes,
        "sheet": image_uri(cells.swapaxes(1, 2).reshape(-1, 28 * _ACROSS)),
        "across": _ACROSS,
        "shown": len(shown),
        "at": _packed(said[0].indices[kept], "<u4"),
        "labels": _packed(said[0].labels[kept]),
        "models": [
            {"name": model.name, "key": stem(model.name)}
            | _answers(model, kept, len(shown))
            | _map(model, kept, features(model, images[kept]), tsne)
            for model in models
        ],
    }
    text = json.dumps(plain(values), allow_nan=False, ensure_ascii=False, separators=(",", ":"))
    return text.replace("<", "\\u003c")  # no class name ends the script


def image_uri(image: UInt8) -> str:
    """An image uint8 ``(H, W)`` as a ``data:`` address of a PNG, dark on light.

    Sixteen shades of grey: half the bytes of 256, and no eye tells them apart at this size.
    """
    shades = 15 - (image.astype(np.uint16) + 8) // 17  # 0 to 15
    small = Image.fromarray(shades.astype(np.uint8)).convert("P")
    small.putpalette([value for shade in range(16) for value in (17 * shade,) * 3])
    stream = io.BytesIO()
    small.save(stream, format="png", bits=4)
    return "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode()


def _shown(said: Sequence[Predictions]) -> Int64:
    """Positions of the images in the sheet: mistakes, and of each class what a model classifies
    correctly, as far as there is room.

    Each cell of each model's confusion matrix has its first images in turn: the surest mistakes,
    the least sure others.
    """
    rank = np.full(len(said[0]), len(said[0]))
    wrong = ~np.all([each.correct for each in said], axis=0)
    for each in said:
        every, sure = np.arange(len(each)), np.zeros(len(each), np.float32)
        if each.log_probabilities is not None:
            sure = each.log_probabilities[every, each.predicted]
        cells = np.unique(np.stack([each.labels, each.predicted]), axis=1, return_inverse=True)[1]
        order = np.lexsort((np.where(each.correct, sure, -sure), cells))
        starts = np.searchsorted(cells[order], cells[order])
        rank[order] = np.minimum(rank[order], every - starts)
    order = np.argsort(rank, kind="stable")
    right = order[~wrong[order] & (rank[order] < _UNSURE)]
    mistakes = order[wrong[order]][: max(_SHOWN - len(right), _MISTAKES)]
    return np.sort(np.concatenate([mistakes, right[: _SHOWN - len(mistakes)]]))


def _answers(model: ModelReport, kept: Int64, shown: int) -> dict[str, Any]:
    """The classes predicted for the images kept, and the likeliest ones of those in the sheet."""
    said = model.evaluation.predictions.take(kept)
    values = {"confusion": model.evaluation.confusion, "predicted": _packed(said.predicted)}
    if said.probabilities is None:
        return values
    told = said.probabilities[:shown]
    likeliest = np.argsort(-told, axis=1, kind="stable")[:, :_LIKELIEST]
    shares = np.take_along_axis(told, likeliest, axis=1)
    return values | {"likeliest": _packed(likeliest), "shares": _packed((1e4 * shares).round())}


def _map(
    model: ModelReport, kept: Int64, found: Float32 | None, tsne: Embed | None
) -> dict[str, Any]:
    """Where the images lie in a plane, and which plane it is, in a sentence."""
    of, logs = "features", model.evaluation.predictions.log_probabilities
    if found is None and logs is not None:
        found, of = np.maximum(logs[kept], _LEAST), "log-probabilities"
    if found is None:
        return {}
    centred = found - found.mean(axis=0, dtype=np.float64)
    spread, axes = np.linalg.eigh(centred.T @ centred)  # ascending
    axes = axes[:, ::-1][:, :50]  # t-SNE starts from these, as scikit-learn advises
    largest = np.abs(axes).argmax(axis=0)[None]
    axes = axes * np.sign(np.take_along_axis(axes, largest, axis=0))  # the same side up everywhere
    plane = centred @ axes
    share = percent(spread[-2:].sum() / (spread.sum() or 1.0), 0)
    words = f"The plane, two principal components, shows {share} of the variance of its {of}."
    if tsne is not None:
        plane = tsne(plane.astype(np.float32))
        words = f"By t-SNE of its {of}: distances between far groups mean nothing."
    plane = plane[:, :2] - plane[:, :2].min(axis=0)
    return {"map": _packed((65535 / (plane.max() or 1.0) * plane).round()), "plane": words}


def _packed(numbers: npt.ArrayLike, kind: str = "<u2") -> str:
    return base64.b64encode(np.asarray(numbers).astype(kind).tobytes()).decode()
