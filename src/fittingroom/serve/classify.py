"""The service's own routes: photos → what each model says of them."""

import asyncio
import base64
import io
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import numpy as np
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from PIL import Image

from fittingroom.data import find_dataset
from fittingroom.errors import PhotoError, PhotoKindError, PhotoSizeError, RequestError
from fittingroom.photos import Limits, Photo, read_photo
from fittingroom.predict import Answer
from fittingroom.predictions import UInt8
from fittingroom.serve.models import ServedModel
from fittingroom.serve.schemas import Classified, Models, Refused, Samples
from fittingroom.serve.settings import Settings
from fittingroom.serve.uploads import FIELD, Upload, read_uploads

T = TypeVar("T")

_SAMPLES_A_CLASS = 3
_NEAREST = 5
_DIGITS = 6  # of a probability
_REFUSALS: dict[int | str, dict[str, Any]] = {
    status: {"model": Refused, "description": reason}
    for status, reason in {
        413: "Too many bytes, pixels or pictures.",
        415: "Not a form or a picture, or a picture that is no PNG, JPEG or WebP.",
        422: "A picture or a form that cannot be read.",
        429: "Too many requests at once; Retry-After says when to come back.",
        503: "Not answered in time; Retry-After says when to come back.",
    }.items()
}
_PICTURE = {"schema": {"type": "string", "format": "binary"}}
_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": [FIELD],
                    "additionalProperties": False,
                    "properties": {
                        FIELD: {
                            "type": "array",
                            "minItems": 1,
                            "items": {"type": "string", "format": "binary"},
                        }
                    },
                }
            },
            "image/png": _PICTURE,
            "image/jpeg": _PICTURE,
            "image/webp": _PICTURE,
        },
    }
}


def routes(
    models: Mapping[str, ServedModel], settings: Settings, pool: ThreadPoolExecutor
) -> APIRouter:
    """``/v1``: classify, models and samples.

    Args:
        models: by name, in their order.
        settings: the limits.
        pool: where photos are read and details computed, away from the event loop.
    """
    router = APIRouter(prefix="/v1", tags=["Fitting Room"])
    limits = Limits(file_bytes=settings.body_bytes, megapixels=settings.megapixels)

    @router.post(
        "/classify",
        openapi_extra=_BODY,
        responses={200: {"model": Classified}, **_REFUSALS},
        response_class=JSONResponse,
    )
    async def classify(request: Request, details: bool = False) -> JSONResponse:
        """Name the garment on each picture, or say why not; with details, show how."""
        most = settings.detailed_pictures if details else settings.pictures
        uploads = await read_uploads(request, most)
        photos = await _each(pool, lambda upload: _read(upload, limits), uploads)
        images = np.stack([photo.image for photo in photos])
        said = await asyncio.gather(*(model.answers(images) for model in models.values()))
        answers: list[dict[str, Any]] = []
        for row, upload in enumerate(uploads):
            for model, rows in zip(models.values(), said, strict=True):
                answers.append(_answer(upload.file, rows[row], model.name))
        if details:
            shown = await _each(pool, _shown, photos)
            pairs = [(photo, model) for photo in photos for model in models.values()]
            looked = await _each(pool, lambda pair: _looked(pair[0].image, pair[1]), pairs)
            for at, (answer, more) in enumerate(zip(answers, looked, strict=True)):
                answer.update({**shown[at // len(models)], **more})
        return JSONResponse({"models": list(models), "answers": answers})

    @router.get("/models", response_model=Models)
    async def describe_models() -> dict[str, Any]:
        """The models that answer, with their classes and what is known of them."""
        return {
            "models": [
                {
                    "name": model.name,
                    "classes": list(model.classes),
                    "accuracy": model.accuracy,
                    "parameters": model.parameters,
                }
                for model in models.values()
            ]
        }

    samples = JSONResponse({"samples": _samples()}).body

    @router.get("/samples", responses={200: {"model": Samples}}, response_class=JSONResponse)
    async def some_garments() -> JSONResponse:
        """Some garments of the embedded sample, none of which a model was trained on."""
        response = JSONResponse(None)
        response.body = samples
        response.init_headers()
        return response

    return router


async def _each(
    pool: ThreadPoolExecutor, function: Callable[[Any], T], values: Sequence[Any]
) -> list[T]:
    """Call a function in the pool with one value after another; stop once nobody waits any more."""
    given_up = threading.Event()

    def work() -> list[T]:
        results = []
        for value in values:
            if given_up.is_set():
                break
            results.append(function(value))
        return results

    try:
        return await asyncio.get_running_loop().run_in_executor(pool, work)
    finally:
        given_up.set()


def _read(upload: Upload, limits: Limits) -> Photo:
    try:
        return read_photo(upload.content, limits)
    except PhotoError as error:
        match error:
            case PhotoKindError():
                status = 415
            case PhotoSizeError():
                status = 413
            case _:
                status = 422
        named = f"{upload.file}: " if upload.file else ""
        raise RequestError(status, f"{named}{error}") from error


def _answer(file: str | None, answer: Answer, model: str) -> dict[str, Any]:
    return {
        "file": file,
        **answer.to_json(),
        "sentence": answer.sentence,
        "probabilities": [round(float(each), _DIGITS) for each in answer.probabilities],
        "model": model,
    }


def _shown(photo: Photo) -> dict[str, Any]:
    """What became of a photo, which every model is shown alike."""
    return {
        "image": _png(photo.image),
        "stages": [
            {"name": stage.name, "sentence": stage.sentence, "picture": _png(stage.picture)}
            for stage in photo.stages
        ],
        "warnings": list(photo.warnings),
    }


def _looked(image: UInt8, model: ServedModel) -> dict[str, Any]:
    """Where a model looked, and what is like it in its eyes."""
    explanation = model.model.explain(image)
    return {
        "explanation": [[round(float(each), _DIGITS) for each in row] for row in explanation],
        "nearest": [
            _garment(each.image, each.label, model.classes)
            for each in model.model.nearest(image, _NEAREST)
        ],
    }


def _samples() -> list[dict[str, Any]]:
    """Some of each class; of the test half, which no model learns from, and shown, not scored."""
    dataset = find_dataset("sample")
    half = dataset.open_test()
    return [
        _garment(half.images[at], label, dataset.classes)
        for label in range(len(dataset.classes))
        for at in np.flatnonzero(half.labels == label)[:_SAMPLES_A_CLASS]
    ]


def _garment(image: UInt8, label: int, classes: Sequence[str]) -> dict[str, Any]:
    return {"class": classes[label], "label": int(label), "image": _png(image)}


def _png(picture: UInt8) -> str:
    """PNG in base64."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode()
