"""A model that answers: any images → classes, or the reason why there is none."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from fittingroom.classes import GARMENTS
from fittingroom.errors import ExportError, PredictionsError
from fittingroom.photos import Photo, Preparation, read_photo
from fittingroom.photos.arrays import as_array, is_array, one_or_many
from fittingroom.photos.own_format import has_dark_corners
from fittingroom.predict.abstention import Thresholds, abstain
from fittingroom.predict.answers import Answer, Answers
from fittingroom.predict.explain import occlusion
from fittingroom.predict.predictor import Predictor, not_ours
from fittingroom.predictions import Float32, UInt8, as_labels
from fittingroom.safe_io import utf8

if TYPE_CHECKING:
    from fittingroom.data import ImageSet

ImageLike = Path | str | bytes | Image.Image | npt.NDArray[Any] | Photo

_OUTPUTS = ("probabilities", "features", "ood_score")


class Model:
    """An exported model with its abstention rule.

    Args:
        model: a path to an ONNX file of this project, or its bytes.
        name: the model's name; None for the file's name without its extension.
        threads: processor threads; None leaves the choice to ONNX Runtime.

    Attributes:
        name: the model's name.
        classes: the class names in the order of the labels.
        thresholds: when it abstains.
        preparation: how its images are made 28×28, as those of its training were.

    Raises:
        ExportError: the file is not a model of this project, or has no abstention rule.
    """

    def __init__(
        self, model: Path | bytes, *, name: str | None = None, threads: int | None = None
    ) -> None:
        self._predictor = Predictor(model, threads)
        missing = set(_OUTPUTS) - self._predictor.outputs
        if missing:
            raise not_ours(
                f"The model has no output {' or '.join(sorted(missing))}. Models need "
                f"{', '.join(_OUTPUTS)}: train the recipe again.",
                model,
            )
        self.name = name or ("model" if isinstance(model, bytes) else utf8(model.stem))
        self.classes = self._predictor.classes
        try:
            self.thresholds = Thresholds.from_metadata(self._predictor.metadata)
            self.preparation = Preparation.from_metadata(self._predictor.metadata)
        except (ExportError, ValueError) as error:
            raise not_ours(str(error), model) from error

    def predict(self, images: ImageLike | Sequence[ImageLike]) -> list[Answer]:
        """Classify one image or many, in any form.

        Args:
            images: one or a list of: paths of image files, their contents as bytes, Pillow images,
                what :func:`fittingroom.photos.read_photo` gave, and arrays of one image; or an
                array of many, or of paths. :func:`fittingroom.photos.one_or_many` says how
                arrays are read.

        Returns:
            An answer for each image, in their order.

        Raises:
            PhotoError: an image can't be read.
        """
        prepared, warnings = self._read(images)
        answers = zip(self.answers(prepared), warnings, strict=True)
        return [replace(answer, warnings=each) for answer, each in answers]

    def answers(self, images: UInt8) -> Answers:
        """Classify images in the data set's own format, uint8 ``(N, 28, 28)``, bright on black.

        Raises:
            PredictionsError: images of another shape or type.
        """
        probabilities, scores = self._predictor.run(("probabilities", "ood_score"), images)
        return Answers(
            label=as_labels(probabilities.argmax(axis=1), len(self.classes)),
            probabilities=probabilities,
            ood_score=scores,
            abstain=abstain(probabilities, scores, self.thresholds),
            classes=self.classes,
        )

    def features(self, images: UInt8) -> Float32:
        """The inputs of the model's last layer, float32 ``(N, D)``, for images as in `answers`."""
        (features,) = self._predictor.run(("features",), images)
        return features

    def explain(self, image: ImageLike) -> Float32:
        """How much each region matters for the predicted class, float32 ``(28, 28)``.

        Negative: evidence against the class; see :func:`fittingroom.predict.explain.occlusion`.

        Raises:
            PhotoError: the image can't be read.
        """
        images, _ = self._read(image)
        return occlusion(self._predictor, images[0], int(self.answers(images).label[0]))

    def nearest(self, image: ImageLike, count: int = 5) -> "ImageSet":
        """The garments of the embedded sample's training set that are most similar to an image.

        By the distance between features; the nearest first. None if the model has other classes.

        Raises:
            PhotoError: the image can't be read.
        """
        known, features = self._known
        count *= self.classes == GARMENTS
        distances = np.linalg.norm(features - self.features(self._read(image)[0]), axis=1)
        return known.take(np.argsort(distances, kind="stable")[:count])

    def _read(self, images: Any) -> tuple[UInt8, list[tuple[str, ...]]]:
        """Images in any form that :meth:`predict` takes, uint8 ``(N, 28, 28)``, and warnings."""
        if is_array(images):
            array = as_array(images)
            if array.dtype.kind in "OSU":  # of paths, for instance
                images = array.ravel().tolist()
            else:
                images = one_or_many(array)
                own = images.shape[1:] == (28, 28) and not self.preparation.resized
                if own and has_dark_corners(images).all():
                    return images, [()] * len(images)
        several = isinstance(images, list | tuple | np.ndarray)
        many: list[Any] = list(images) if several else [images]
        if not many:
            raise PredictionsError("There are no images. Give at least one.")
        photos = [
            each if isinstance(each, Photo) else read_photo(each, preparation=self.preparation)
            for each in many
        ]
        return np.stack([each.image for each in photos]), [each.warnings for each in photos]

    @cached_property
    def _known(self) -> "tuple[ImageSet, Float32]":
        """The sample's training set, and its features."""
        # Imported here, since a single answer needs no data.
        from fittingroom.data import find_dataset

        known = find_dataset("sample").training()
        return known, self.features(known.images)
