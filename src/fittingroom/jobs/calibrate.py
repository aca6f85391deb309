"""Calibrate: folders of one's own images, one a class → a model that abstains as these ask for."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fittingroom.classes import class_named, in_short
from fittingroom.errors import PredictionsError, UsageError, missing_extra

try:
    import onnx
except ModuleNotFoundError as error:
    raise missing_extra(error, "teach") from error

from fittingroom.jobs.classify import classify, find_images
from fittingroom.jobs.load import load, model_file, new_model_file
from fittingroom.metrics import wilson
from fittingroom.metrics.thresholds import choose_thresholds, fewest
from fittingroom.numbers import Estimate, some
from fittingroom.predict import ABSTENTIONS, Thresholds, abstain
from fittingroom.predictions import as_labels
from fittingroom.runs import make_folder, write_file
from fittingroom.safe_io.models import trust_model


@dataclass(frozen=True)
class Calibrated:
    """A model with other thresholds, and what it does with the images that chose them.

    Attributes:
        path: the ONNX file.
        thresholds: its own.
        images: how many chose them.
        answered: the share of these that it answers …
        answered_accuracy: … and of these, the share classified correctly.
        unsure, unknown: how many are not answered, and why.
    """

    path: Path
    thresholds: Thresholds
    images: int
    answered: Estimate
    answered_accuracy: Estimate
    unsure: int
    unknown: int


def calibrate(
    folder: Path | str,
    *,
    out: Path | str,
    risk: float = 0.05,
    model: Path | str = "photo",
    force: bool = False,
    threads: int | None = None,
    say: Callable[[str], None] = lambda sentence: None,
) -> Calibrated:
    """Choose when a model abstains by your own images, none of which it was trained on.

    With 90% confidence, at most the share `risk` of its answers are wrong, for images like these.
    The result is an ONNX file for :func:`fittingroom.load`, ``predict --model`` and ``serve``.

    Args:
        folder: holds a folder for each class, named after it; some classes may be missing.
        out: the file to write; its name ends in ``.onnx``.
        risk: the share of wrong answers that is allowed, between 0 and 1.
        model: as in :func:`fittingroom.load`.
        force: overwrite a file that exists.
        threads: processor threads; None leaves the choice to ONNX Runtime.
        say: is told what was passed over.

    Raises:
        UsageError: too few images, or `out` exists or is not the name of an ONNX file.
        PredictionsError: no threshold can be shown to keep the promise.
        MissingExtraError: onnx is not installed.
    """
    path = new_model_file(out, force)
    if not 0 < risk < 1:
        raise UsageError(f"The risk is a share of the answers between 0 and 1, not {risk}.")
    loaded, names, others = load(model, threads), dict[str, str](), Counter[str]()
    for file in find_images([str(folder)], say):
        inside = Path(file).relative_to(folder).parts[0]
        name = class_named(inside, loaded.classes)
        if name is None:
            others[inside] += 1
        else:
            names[file] = name
    if others:
        say(
            f"Passed over, as no class of {loaded.name} has the name: {in_short(list(others))}. "
            f"Its classes are {in_short(loaded.classes)}."
        )
    answers, labels = [], []
    for each in classify(loaded, ((file, file) for file in names)):
        if each.answer is None:
            say(f"Passed over, as it can't be read: {each.error}")
        else:
            answers.append(each.answer)
            labels.append(loaded.classes.index(names[each.file]))
    if len(answers) < (needed := fewest(risk)):
        raise UsageError(
            f"{some(len(answers), 'image')} in folders named after a class can't show that at most "
            f"{risk:.1%} of the answers are wrong. Give {needed:,} or more, better several times "
            "as many, or allow more with --risk."
        )
    probabilities = np.stack([each.probabilities for each in answers])
    scores = np.array([each.ood_score for each in answers], np.float32)
    truth = as_labels(labels, len(loaded.classes))
    thresholds = choose_thresholds(probabilities, scores, truth, risk=risk)
    right = probabilities.argmax(axis=1) == truth
    if thresholds.unsure == 1:
        surest = np.argsort(-probabilities.max(axis=1), kind="stable")[:needed]
        raise PredictionsError(
            f"No threshold will do: of the {needed} images that {loaded.name} is surest of, "
            f"{int((~right[surest]).sum())} are classified wrongly, so it can't be shown that at "
            f"most {risk:.1%} of the answers are. Allow more with --risk, or teach a model with "
            "these images."
        )
    content = onnx.load(model_file(model)[0])
    entries = {each.key: each.value for each in content.metadata_props}
    onnx.helper.set_model_props(content, entries | thresholds.to_metadata())
    make_folder(path.parent)
    write_file(path, content.SerializeToString())
    trust_model(content.SerializeToString())
    reasons = abstain(probabilities, scores, thresholds)
    answered = reasons == 0
    _, unsure, unknown = np.bincount(reasons, minlength=len(ABSTENTIONS)).tolist()
    return Calibrated(
        path=path,
        thresholds=thresholds,
        images=len(answers),
        answered=wilson(int(answered.sum()), len(answers)),
        answered_accuracy=wilson(int((right & answered).sum()), int(answered.sum())),
        unsure=unsure,
        unknown=unknown,
    )
