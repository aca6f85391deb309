"""An exported model, loaded: images → the graph's outputs, and labelled predictions."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fittingroom.classes import GARMENTS
from fittingroom.errors import ExportError, PredictionsError, UsageError
from fittingroom.predictions import Float32, Predictions, UInt8, as_labels, log_softmax
from fittingroom.safe_io import Refusal
from fittingroom.safe_io.models import check_model, class_names, start_session

if TYPE_CHECKING:
    from fittingroom.data import ImageSet

MOST_THREADS = 1024


def not_ours(words: str, model: Path | bytes) -> ExportError:
    """The error for a model that is refused: why, in ``words``; which file; what to do."""
    where = "" if isinstance(model, bytes) else f" The file is {model}."
    return ExportError(
        f"{words}{where} Name the folder of a run, or a model.onnx that `fittingroom train` or "
        "`fittingroom export` wrote."
    )


class Predictor:
    """An exported model, loaded.

    Args:
        model: a path to an ONNX file of this project, which is checked first; or the bytes of a
            model that this very process built. Bytes are trusted: give anything else as a path.
        threads: processor threads; None leaves the choice to ONNX Runtime.

    Attributes:
        shape: of one image as the graph takes it: ``(28, 28)``, or ``(H, W, 3)`` in colour.
        classes: the class names in the order of the labels.
        outputs: the names of what the graph gives.
        metadata: what stands beside the graph.

    Raises:
        UsageError: fewer than one thread, or more than ``MOST_THREADS``.
        ExportError: the file is not a model of this project.
        MissingExtraError: the file has to be checked, and the package ``onnx`` isn't installed.
    """

    def __init__(self, model: Path | bytes, threads: int | None = None) -> None:
        if threads is not None and not 1 <= threads <= MOST_THREADS:
            raise UsageError(f"{threads} threads are not possible. Use 1 to {MOST_THREADS:,}.")
        try:
            checked = check_model(model)
        except Refusal as error:
            raise not_ours(str(error), model) from error
        except OSError as error:
            raise not_ours(f"It can't be read: {error.strerror or error}.", model) from error
        self._at_once = checked.at_once
        try:
            self._session = start_session(checked.content, threads, limited=not checked.trusted)
            self.metadata = dict(self._session.get_modelmeta().custom_metadata_map)
            self.classes = class_names(self.metadata.get("classes"), GARMENTS)
        except Exception as error:
            raise not_ours(f"It can't be loaded: {str(error).rstrip('.')}.", model) from error
        self.shape: tuple[int, ...] = tuple(self._session.get_inputs()[0].shape[1:])
        shapes = {value.name: value.shape for value in self._session.get_outputs()}
        self.outputs = set(shapes)
        for name in ("logits", "probabilities"):
            if shapes.get(name, [])[1:] != [len(self.classes)]:
                raise not_ours(
                    f"A model of {len(self.classes)} classes must give {name} of shape (N, "
                    f"{len(self.classes)}). This one gives {str(shapes)[:300]}.",
                    model,
                )

    def log_probabilities(
        self, images: UInt8, on_batch: Callable[[int], None] | None = None
    ) -> Float32:
        """Natural logarithms of the calibrated probabilities: float32 ``(N, K)``."""
        (logits,) = self.run(("logits",), images, on_batch)
        return log_softmax(logits).astype(np.float32)

    def run(
        self, names: Sequence[str], images: UInt8, on_batch: Callable[[int], None] | None = None
    ) -> list[Float32]:
        """The graph's outputs of these names, an array each, its first axis the images.

        Args:
            names: each among :attr:`outputs`.
            images: uint8 ``(N, *shape)``; if 28×28, bright on black as in the data set.
            on_batch: told how many images are done, after each batch.

        Raises:
            PredictionsError: images of another shape or type.
        """
        if images.dtype != np.uint8 or images.shape[1:] != self.shape:
            wanted = ", ".join(map(str, self.shape))
            raise PredictionsError(
                f"Images must be uint8 of shape (N, {wanted}), not {images.dtype} of shape "
                f"{images.shape}. `Model.predict` takes other forms too."
            )
        batches: list[list[Float32]] = []
        for start in range(0, max(len(images), 1), self._at_once):
            batch = np.ascontiguousarray(images[start : start + self._at_once])
            try:
                batches.append(self._session.run(list(names), {"images": batch}))
            except Exception as error:
                raise ExportError(f"The model failed while it was running: {error}") from error
            if on_batch is not None:
                on_batch(start + len(batch))
        if len(batches) == 1:
            return batches[0]
        return [np.concatenate(parts) for parts in zip(*batches, strict=True)]

    def predict(
        self, labelled: "ImageSet", on_batch: Callable[[int], None] | None = None
    ) -> Predictions:
        """Predictions for labelled images; the labels are kept beside them, and not used."""
        log_probabilities = self.log_probabilities(labelled.images, on_batch)
        return Predictions(
            labels=labelled.labels,
            predicted=as_labels(log_probabilities.argmax(axis=1), len(self.classes)),
            log_probabilities=log_probabilities,
            indices=labelled.indices,
            classes=self.classes,
        )
