"""The routes of the service: photos → the answer of each model."""

import asyncio
import base64
import io
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import numpy as np
import orjson
from fastapi import APIRouter, HTTPException, Request, Response
from PIL import Image

from fittingroom.classes import GARMENTS
from fittingroom.data import find_dataset
from fittingroom.errors import PhotoEmptyError
from fittingroom.photos import WEB_FORMATS, Limits, Photo
from fittingroom.predict import Answer, Batch, Model, batches
from fittingroom.predictions import Float32, UInt8
from fittingroom.serve import uploads
from fittingroom.serve.batching import Batcher
from fittingroom.serve.models import ServedModel
from fittingroom.serve.schemas import Models, Samples, ServiceAnswer, ServiceRefusal
from fittingroom.serve.settings import Settings

T = TypeVar("T")

_TRUE, _FALSE = ("1", "on", "true", "yes"), ("0", "off", "false", "no")
_SAMPLES_A_CLASS = 3
_NEAREST = 5
_DIGITS = 6  # of a probability
_MOST_IMAGES = 64  # in one request
_MOST_DETAILED = 8  # with details, which take far longer
_MEGAPIXELS = 16  # of one photo
_REFUSALS: dict[int | str, dict[str, Any]] = {
    status: {"model": ServiceRefusal} for status in (401, 413, 415, 422, 429, 503)
}
_BINARY = {"type": "string", "format": "binary"}
_FORM = {
    "type": "object",
    "required": [uploads.FIELD],
    "additionalProperties": False,
    "properties": {uploads.FIELD: {"type": "array", "minItems": 1, "items": _BINARY}},
}
_SCHEMAS = {"multipart/form-data": _FORM} | dict.fromkeys(
    (*uploads.PHOTOS, uploads.PIXELS), _BINARY
)
# What FastAPI can't see, since the route reads the request itself: its own parsing takes longer.
_REQUEST = {
    "parameters": [{"name": "details", "in": "query", "schema": {"type": "boolean"}}],
    "requestBody": {
        "required": True,
        "content": {kind: {"schema": schema} for kind, schema in _SCHEMAS.items()},
    },
}


def routes(
    models: Sequence[ServedModel],
    batchers: Mapping[Model, Batcher],
    settings: Settings,
    pool: ThreadPoolExecutor,
) -> APIRouter:
    """``/v1``: classify, models and samples; each model that answers has its batcher.

    Photos are read, and details computed, in the pool, away from the event loop.
    """
    router = APIRouter(prefix="/v1")
    limits = Limits(settings.body_bytes, _MEGAPIXELS, formats=WEB_FORMATS)
    asked_models = [served.model for served in models]
    names = [model.name for model in asked_models]
    of_garments = any(served.model.classes == GARMENTS for served in models)
    samples = {"samples": _samples() if of_garments else []}

    async def in_pool(function: Callable[..., T], *arguments: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(pool, function, *arguments)

    @router.post(
        "/classify",
        response_model=ServiceAnswer,
        openapi_extra=_REQUEST,
        responses=_REFUSALS,
    )
    async def classify(request: Request) -> Response:
        """Classify photos, or images in the data set's format; with details, show how."""
        asked = request.query_params.get("details", "false")
        details = asked.lower() in _TRUE
        if not details and asked.lower() not in _FALSE:
            raise HTTPException(422, f"details is {asked[:20]!r}. Write true or false.")
        most = _MOST_DETAILED if details else _MOST_IMAGES
        files: list[str | None]
        photos: list[Photo]
        if uploads.content_type(request) == uploads.PIXELS:
            pixels = uploads.read_pixels(await request.body(), most)
            files = [None] * len(pixels)
            photos = [Photo(np.repeat(image[..., None], 3, axis=2)) for image in pixels]
            work = [_as_they_are(pixels, photos, model) for model in asked_models]
        else:
            received = await uploads.read_uploads(request, most)
            files = [file for file, _ in received]
            opened = [
                await in_pool(uploads.open_upload, each, limits, asked_models) for each in received
            ]
            photos = [photo for photo, _ in opened]
            work = [batches(each) for each in zip(*(brought for _, brought in opened), strict=True)]
        pending = [[(each, batchers[each.model].submit(each.images)) for each in of] for of in work]
        found: list[list[dict[str, Any]]] = [[] for _ in files]
        for batch, answering in (each for of in pending for each in of):
            answers = await answering
            # All at once: rounding numbers one by one takes most of an answer's time.
            rounded = np.round(answers.probabilities, _DIGITS)
            for row, answer, shares in zip(batch.rows, answers, rounded, strict=True):
                found[row].append(_answer(files[row], answer, shares))
        if details:
            for photo, of_photo in zip(photos, found, strict=True):
                for model, each in zip(asked_models, of_photo, strict=True):
                    each.update(await in_pool(_details, photo, model))
        # orjson writes arrays as they are; Python's own json takes longer than a small model.
        content = orjson.dumps(
            {"models": names, "answers": [each for of_photo in found for each in of_photo]},
            option=orjson.OPT_SERIALIZE_NUMPY,
        )
        return Response(content, media_type="application/json")

    @router.get("/models", response_model=Models)
    async def describe_models() -> dict[str, Any]:
        """Describe the models of this service: their classes, accuracy and size."""
        return {"models": [served.as_dict() for served in models]}

    @router.get("/samples", response_model=Samples)
    async def list_samples() -> dict[str, Any]:
        """Give some garments of the embedded sample, if a model knows them; none was trained on."""
        return samples

    return router


def _as_they_are(pixels: UInt8, photos: Sequence[Photo], model: Model) -> list[Batch]:
    """Images of 28×28, batched for a model; one of photos takes them as photos."""
    answering = model.small or model
    if answering.takes_photos:
        return batches([answering.bring(photo) for photo in photos])
    return [Batch(answering, range(len(pixels)), pixels)]


def _answer(file: str | None, answer: Answer, probabilities: Float32) -> dict[str, Any]:
    return {
        "file": file,
        **answer.to_json(),
        "sentence": answer.sentence,
        "probabilities": probabilities,
    }


def _details(photo: Photo, model: Model) -> dict[str, Any]:
    """What a model saw, which regions mattered to it, and what one of 28×28 images would see."""
    brought = model.bring(photo)
    explanation = model.explain(photo)
    values: dict[str, Any] = {
        "image": _png(brought.image),
        "warnings": list(brought.warnings),
        "explanation": [[round(each, _DIGITS) for each in row] for row in explanation.tolist()],
    }
    small = model.small or model
    if small.takes_photos:
        return values
    try:
        converted = photo.converted(small.preparation)
    except PhotoEmptyError:
        return values
    values["stages"] = [
        {"name": stage.name, "sentence": stage.sentence, "image": _png(stage.image)}
        for stage in converted.stages
    ]
    if small is not brought.model:
        (answer,) = small.answers(converted.image[None])
        values["small"] = {
            "image": _png(converted.image),
            "warnings": list(converted.warnings),
            **_answer(None, answer, answer.probabilities),
        }
    if small.classes == GARMENTS:
        nearest = model.nearest(photo, _NEAREST)
        values["nearest"] = list(map(_garment, nearest.images, nearest.labels))
    return values


def _samples() -> list[dict[str, Any]]:
    """Some of each class, of the test set: no model was trained on it. They are not scored."""
    image_set = find_dataset("sample").open_test()
    return [
        _garment(image_set.images[at], label)
        for label in range(len(GARMENTS))
        for at in np.flatnonzero(image_set.labels == label)[:_SAMPLES_A_CLASS]
    ]


def _garment(image: UInt8, label: int) -> dict[str, Any]:
    return {"class": GARMENTS[label], "label": int(label), "image": _png(image)}


def _png(image: UInt8) -> str:
    """PNG in base64."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode()
