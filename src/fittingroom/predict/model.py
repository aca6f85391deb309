"""A model that answers: any images → classes, or the reason why there is none."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image

from fittingroom.classes import GARMENTS
from fittingroom.errors import ExportError, PredictionsError
from fittingroom.photos import Photo, Preparation, open_photo
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

_AT_A_TIME = 256  # images that are held at a time, as the models take them
_OUTPUTS = ("probabilities", "features", "ood_score")
# A float32 (N, K, h, w) that a graph may give beside them: how much each place adds to each logit.
_EVIDENCE = "evidence"


@dataclass(frozen=True, eq=False)
class Brought:
    """An image as a model takes it.

    Attributes:
        model: the one that answers.
        image: uint8, of that model's ``shape``.
        warnings: what may spoil the answer.
    """

    model: "Model"
    image: UInt8
    warnings: tuple[str, ...] = ()


ImageLike = Path | str | bytes | Image.Image | npt.NDArray[Any] | Photo | Brought


class Batch(NamedTuple):
    """Images ``(N, *shape)`` for one model, and their places among all images."""

    model: "Model"
    rows: Sequence[int]
    images: UInt8


class Model:
    """An exported model with its abstention rule.

    Args:
        model: a path to an ONNX file of this project, or its bytes.
        name: the model's name; None for the file's name without its extension.
        threads: processor threads; None leaves the choice to ONNX Runtime.
        small: gives the model that answers in its place for images in the data set's own format;
            it is called if there is one. Without it, this model answers all.

    Attributes:
        name: the model's name.
        shape: of one image: ``(28, 28)``, or ``(H, W, 3)`` for a model of photos.
        classes: the class names in the order of the labels.
        thresholds: when it abstains.
        preparation: how its images are made 28×28, as those of its training were.

    Raises:
        ExportError: the file is not a model of this project, or has no abstention rule.
    """

    def __init__(
        self,
        model: Path | bytes,
        *,
        name: str | None = None,
        threads: int | None = None,
        small: "Callable[[], Model] | None" = None,
    ) -> None:
        self._make_small = small
        self._predictor = Predictor(model, threads)
        missing = set(_OUTPUTS) - self._predictor.outputs
        if missing:
            raise not_ours(
                f"The model has no output {' or '.join(sorted(missing))}. Models need "
                f"{', '.join(_OUTPUTS)}: train the recipe again.",
                model,
            )
        self.name = name or ("model" if isinstance(model, bytes) else utf8(model.stem))
        self.shape, self.classes = self._predictor.shape, self._predictor.classes
        try:
            self.thresholds = Thresholds.from_metadata(self._predictor.metadata)
            self.preparation = Preparation.from_metadata(self._predictor.metadata)
        except (ExportError, ValueError) as error:
            raise not_ours(str(error), model) from error

    def predict(self, images: ImageLike | Sequence[ImageLike]) -> list[Answer]:
        """Classify one image or many, in any form.

        Args:
            images: one or a list of: paths of image files, their contents as bytes, Pillow images,
                what :func:`fittingroom.photos.open_photo` gave, and arrays of one image; or an
                array of many, or of paths. :func:`fittingroom.photos.one_or_many` says how
                arrays are read.

        Returns:
            An answer for each image, in their order.

        Raises:
            PhotoError: an image can't be read.
        """
        brought = self._brought(images)
        batches = iter(lambda: list(itertools.islice(brought, _AT_A_TIME)), [])
        return [each for batch in batches for each in answer(batch)]

    def bring(self, photo: Photo) -> Brought:
        """An opened photo as the model takes it that answers: this one, or :attr:`small`.

        Raises:
            PhotoEmptyError: it would be converted to 28×28, and is of one colour all over.
        """
        # The other way round, the small model would be loaded for every photo.
        if self._make_small and photo.in_own_format and self.small:
            return self.small.bring(photo)
        if self.takes_photos:
            return Brought(self, photo.resized(*self.shape[:2]))
        converted = photo.converted(self.preparation)
        return Brought(self, converted.image, converted.warnings)

    @cached_property
    def small(self) -> "Model | None":
        """The model that answers for images in the data set's own format, if it is another."""
        return self._make_small() if self._make_small else None

    @property
    def takes_photos(self) -> bool:
        """Whether it takes photos in colour, rather than 28×28 grey levels."""
        return len(self.shape) == 3

    def answers(self, images: UInt8) -> Answers:
        """Classify images as the model takes them, uint8 ``(N, *shape)``.

        28×28 is the data set's own format: bright on black.

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
            model=self.name,
        )

    def features(self, images: UInt8) -> Float32:
        """The inputs of the model's last layer, float32 ``(N, D)``, for images as in `answers`."""
        (features,) = self._predictor.run(("features",), images)
        return features

    def explain(self, image: ImageLike) -> Float32:
        """How much each region matters for the predicted class: float32, rows × columns.

        Negative: evidence against the class. A model of 28×28 images covers regions one by one:
        ``(28, 28)``, see :func:`fittingroom.predict.explain.occlusion`. A model of photos says how
        much each place adds to the class, less what it adds to all classes on average: ``(h, w)``
        of its last layer, over the whole photo. Source: B. Zhou et al., arXiv:1512.04150.

        Raises:
            PhotoError: the image can't be read.
        """
        (brought,) = self._brought(image)
        predictor, images = brought.model._predictor, brought.image[None]
        label = int(brought.model.answers(images).label[0])
        if _EVIDENCE not in predictor.outputs:
            return occlusion(predictor, brought.image, label)
        (evidence,) = predictor.run((_EVIDENCE,), images)  # (1, K, h, w)
        heat: Float32 = evidence[0, label] - evidence[0].mean(axis=0)
        return heat

    def nearest(self, image: ImageLike, count: int = 5) -> "ImageSet":
        """The garments of the embedded sample's training set that are most similar to an image.

        By the distance between features; the nearest first. None if the model has other classes.
        A model of photos leaves this to the one of 28×28 images beside it.

        Raises:
            PhotoError: the image can't be read.
        """
        if self.small is not None:
            return self.small.nearest(image, count)
        known, features = self._known
        count *= self.classes == GARMENTS
        (brought,) = self._brought(image)
        distances = np.linalg.norm(features - self.features(brought.image[None]), axis=1)
        return known.take(np.argsort(distances, kind="stable")[:count])

    def _brought(self, images: Any) -> Iterator[Brought]:
        """Images in any form that :meth:`predict` takes."""
        if is_array(images):
            array = as_array(images)
            if array.dtype.kind in "OSU":  # of paths, for instance
                images = array.ravel().tolist()
            else:
                images = one_or_many(array)
                model = self.small or self
                own = images.shape[1:] == model.shape and not model.preparation.resized
                if own and has_dark_corners(images).all():
                    yield from (Brought(model, image) for image in images)
                    return
        several = isinstance(images, list | tuple | np.ndarray)
        many: list[Any] = list(images) if several else [images]
        if not many:
            raise PredictionsError("There are no images. Give at least one.")
        for each in many:
            if isinstance(each, Brought):
                yield each
            else:
                yield self.bring(each if isinstance(each, Photo) else open_photo(each))

    @cached_property
    def _known(self) -> "tuple[ImageSet, Float32]":
        """The sample's training set, and its features."""
        # Imported here, since a single answer needs no data.
        from fittingroom.data import find_dataset

        known = find_dataset("sample").training()
        return known, self.features(known.images)


def batches(images: Sequence[Brought]) -> list[Batch]:
    """Images, batched by the model that answers."""
    found = []
    for model in dict.fromkeys(each.model for each in images):
        rows = [row for row, each in enumerate(images) if each.model is model]
        found.append(Batch(model, rows, np.stack([images[row].image for row in rows])))
    return found


def answer(images: Sequence[Brought]) -> list[Answer]:
    """An answer for each image, in their order, by the model that it was brought to."""
    answers: dict[int, Answer] = {}
    for model, rows, batch in batches(images):
        answers |= zip(rows, model.answers(batch), strict=True)
    return [replace(answers[row], warnings=each.warnings) for row, each in enumerate(images)]
