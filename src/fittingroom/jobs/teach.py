"""Teach: folders of photos, one a class → a model that knows these classes, and how good it is."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from fittingroom.classes import GARMENTS, check_class_names, class_named
from fittingroom.errors import PhotoError, UsageError, missing_extra

try:
    from fittingroom.teaching import (
        cross_validate,
        doubtful,
        fit_head,
        read_kept,
        replace_head,
        unit,
    )
except ModuleNotFoundError as error:
    raise missing_extra(error, "teach") from error

from fittingroom.comparison.paired import paired_difference
from fittingroom.jobs.classify import find_images
from fittingroom.jobs.load import load, new_model_file
from fittingroom.metrics import fit_temperature, wilson
from fittingroom.metrics.thresholds import choose_thresholds
from fittingroom.numbers import Estimate, some
from fittingroom.photos import open_photo
from fittingroom.predict import ABSTENTIONS, Model, abstain
from fittingroom.predict.packaged import packaged_model
from fittingroom.predictions import Float32, as_labels, softmax
from fittingroom.runs import make_folder, write_file
from fittingroom.safe_io.models import trust_model

FEWEST = 3  # photos of a class: one to be judged, two to learn from
# Of photos in cross-validation: at most 5% of the answers are wrong, and 98% are known.
RISK, ACCEPTED = 0.05, 0.98


@dataclass(frozen=True)
class Taught:
    """A model that was taught, and what cross-validation says of it.

    Attributes:
        path: the ONNX file.
        classes: how many photos each class was taught by.
        accuracy: the share classified correctly of the photos, by heads that did not see them.
        answered: the share that such heads answer …
        answered_accuracy: … and of these, the share classified correctly.
        gain: what the second half of the photos brought to the accuracy.
        unsure: the photos that are not answered: ``file``, its ``class``, the two most likely
            classes (``top``), and the reason (``abstain``).
        doubtful: those that may be in the wrong folder, the most doubtful first.
        unreadable: those that were passed over: ``file`` and ``error``.
    """

    path: Path
    classes: dict[str, int]
    accuracy: Estimate
    answered: Estimate
    answered_accuracy: Estimate
    gain: Estimate
    unsure: list[dict[str, Any]]
    doubtful: list[dict[str, Any]]
    unreadable: list[dict[str, str]]


def teach(
    folder: Path | str,
    *,
    out: Path | str,
    keep: bool = False,
    force: bool = False,
    threads: int | None = None,
    say: Callable[[str], None] = lambda sentence: None,
) -> Taught:
    """Teach the photo model the classes that folders of photos are named by, in seconds.

    A new last layer is fitted on its features; everything else stays. The result is an ONNX model
    for :func:`fittingroom.load`, ``predict --model`` and ``serve``.

    Args:
        folder: holds a folder for each class, 2 or more, with 3 photos or more; ten do well.
        out: the file to write; its name ends in ``.onnx``.
        keep: the ten classes stay, and these are added. A folder named like one of them, such as
            ``tshirt``, adds to that class.
        force: overwrite a file that exists.
        threads: processor threads; None leaves the choice to ONNX Runtime.
        say: is told what was passed over.

    Raises:
        UsageError: too few classes or photos, or `out` exists or is not the name of an ONNX file.
        MissingExtraError: scikit-learn or onnx is not installed.
    """
    path = new_model_file(out, force)
    model = load("photo", threads)
    shots, unreadable = _read(model, Path(folder), keep, say)
    classes = _classes((shot.name for shot in shots), keep)
    labels = as_labels([classes.index(shot.name) for shot in shots], len(classes))
    scaled = unit(np.stack([shot.features for shot in shots]))
    kept = read_kept()
    ten = (unit(kept.features), kept.labels) if keep else (scaled[:0], labels[:0])
    logits, distances, half = cross_validate(scaled, labels, *ten)
    temperature = fit_temperature(logits, labels)
    probabilities = softmax(logits / temperature).astype(np.float32)
    thresholds = choose_thresholds(
        probabilities, distances, labels, risk=RISK, accepted=ACCEPTED, promised=False
    )
    content = replace_head(
        packaged_model("photo").read_bytes(),
        fit_head(np.concatenate([scaled, ten[0]]), np.append(labels, ten[1])),
        classes=classes,
        temperature=temperature,
        metadata=thresholds.to_metadata(),
    )
    make_folder(path.parent)
    write_file(path, content)
    trust_model(content)

    right = probabilities.argmax(axis=1) == labels
    reasons = abstain(probabilities, distances, thresholds)
    answered, count = reasons == 0, len(labels)

    def told(row: int) -> dict[str, Any]:
        top = np.argsort(-probabilities[row])[:2]
        likely = {classes[label]: round(float(probabilities[row, label]), 6) for label in top}
        return {"file": shots[row].file, "class": shots[row].name, "top": likely}

    return Taught(
        path=path,
        classes={name: sum(shot.name == name for shot in shots) for name in classes},
        accuracy=wilson(int(right.sum()), count),
        answered=wilson(int(answered.sum()), count),
        answered_accuracy=wilson(int((right & answered).sum()), int(answered.sum())),
        gain=paired_difference(int((half & ~right).sum()), int((right & ~half).sum()), count),
        unsure=[
            told(row) | {"abstain": ABSTENTIONS[reasons[row]]}
            for row in np.flatnonzero(~answered).tolist()
        ],
        doubtful=[told(row) for row in doubtful(labels, probabilities).tolist()],
        unreadable=unreadable,
    )


class _Shot(NamedTuple):
    file: str
    name: str  # of its class
    features: Float32


def _read(
    model: Model, folder: Path, keep: bool, say: Callable[[str], None]
) -> tuple[list[_Shot], list[dict[str, str]]]:
    """The photos in the folders below one, and those that can't be read."""
    if not folder.is_dir():
        raise UsageError(f"{folder} is not a folder. Name one that holds a folder for each class.")
    shots, unreadable, loose = [], [], 0
    for file in find_images([str(folder)], say):
        inside = Path(file).relative_to(folder).parts
        if len(inside) == 1:
            loose += 1
            continue
        try:
            image = open_photo(file).resized(*model.shape[:2])
        except PhotoError as error:
            unreadable.append({"file": file, "error": str(error)})
            say(f"Passed over, as it can't be read: {error}")
        else:
            name = (class_named(inside[0], GARMENTS) if keep else None) or inside[0]
            shots.append(_Shot(file, name, model.features(image[None])[0]))
    for each in sorted(folder.iterdir()):
        if each.is_dir() and not any(Path(shot.file).is_relative_to(each) for shot in shots):
            say(f"Passed over, as it holds no photo that can be read: {each}.")
    if loose:
        say(f"Passed over, as they are in no class's folder: {some(loose, 'photo')} in {folder}.")
    return shots, unreadable


def _classes(names: Iterable[str], keep: bool) -> tuple[str, ...]:
    """All classes, those that are kept first."""
    counts = Counter(names)
    needed = 1 if keep else 2
    if len(counts) < needed or min(counts.values()) < FEWEST:
        found = ", ".join(f"{some(number, 'photo')} of {name}" for name, number in counts.items())
        raise UsageError(
            f"{some(needed, 'class', 'classes')} or more can be taught, by {FEWEST} photos each or"
            f" more; ten do well. There are {found or 'none'}. Put the photos of each class into a "
            "folder with its name, and leave out those of which there are too few."
        )
    return check_class_names(tuple(dict.fromkeys([*(GARMENTS if keep else ()), *sorted(counts)])))
