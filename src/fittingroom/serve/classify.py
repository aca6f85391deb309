"""The routes of the service: photos → the answer of each model."""

import asyncio
import base64
import functools
import io
import itertools
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
from fittingroom.predict import Answer, Batch, Brought, Model, batches
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
        details_of: list[list[dict[str, Any]]] = []  # each image's, by each model
        if uploads.content_type(request) == uploads.PIXELS:
            pixels = uploads.read_pixels(await request.body(), most)
            files = [None] * len(pixels)
            each_models = [_as_they_are(pixels, model) for model in asked_models]
            work = [[batch] for batch in each_models]
            for row in range(len(pixels) if details else 0):
                brought = [Brought(each.model, each.images[row]) for each in each_models]
                details_of.append(await in_pool(_all_details, brought, asked_models))
        else:
            received = await uploads.read_uploads(request, most)
            files = [file for file, _ in received]
            use = functools.partial(_bring, models=asked_models, details=details)
            opened = [await in_pool(uploads.open_upload, each, limits, use) for each in received]
            work = [batches(each) for each in zip(*(brought for brought, _ in opened), strict=True)]
            details_of = [each for _, each in opened]
        pending = [[(each, batchers[each.model].submit(each.images)) for each in of] for of in work]
        found: list[list[dict[str, Any]]] = [[] for _ in files]
        for batch, answering in (each for of in pending for each in of):
            answers = await answering
            # All at once: rounding numbers one by one takes most of an answer's time.
            rounded = np.round(answers.probabilities, _DIGITS)
            for row, answer, shares in zip(batch.rows, answers, rounded, strict=True):
                found[row].append(_answer(files[row], answer, shares))
        for of_image, shown in zip(found, details_of, strict=True) if details else ():
            for each, values in zip(of_image, shown, strict=True):
                each.update(values)
        # orjson writes arrays as they are; Python's own json takes longer than a small model.
        content = orjson.dumps(
            {"models": names, "answers": list(itertools.chain.from_iterable(found))},
            option=orjson.OPT_SERIALIZE_NUMPY,
        )
        return Response(content, media_type="application/json")

    @router.get("/models", response_model=Models)
    async def describe_models() -> dict[str, Any]:
        """Describe the models of this service: their classes, accuracy and size."""
        described = enumerate(models)
        return {
            "models": [each.as_dict(f"v1/models/{number}/learning") for number, each in described]
        }

    @router.get("/models/{number}/learning", responses={404: {"model": ServiceRefusal}})
    async def describe_learning(number: int) -> dict[str, Any]:
        """Tell how a model learned, epoch by epoch, if its run kept that."""
        if number not in range(len(models)) or models[number].learning is None:
            raise HTTPException(404, "No model of that number with a record of how it learned.")
        return dict(models[number].learning or {})

    @router.get("/samples", response_model=Samples)
    async def list_samples() -> dict[str, Any]:
        """Give some garments of the embedded sample, if a model knows them; none was trained on."""
        return samples

    return router


def _as_they_are(pixels: UInt8, model: Model) -> Batch:
    """Images of 28×28 for a model; one of photos takes them as photos."""
    answering = model.small or model
    if not answering.takes_photos:
        return Batch(answering, range(len(pixels)), pixels)
    (batch,) = batches([answering.bring(Photo(np.dstack([each] * 3))) for each in pixels])
    return batch


def _bring(
    photo: Photo, models: Sequence[Model], details: bool
) -> tuple[list[Brought], list[dict[str, Any]]]:
    """A photo as each model takes it, and if asked for, the details of each answer."""
    brought = [model.bring(photo) for model in models]
    return brought, _all_details(brought, models, photo) if details else []


def _all_details(
    brought: Sequence[Brought], models: Sequence[Model], photo: Photo | None = None
) -> list[dict[str, Any]]:
    return [
        _details(each, model.small or model, photo)
        for each, model in zip(brought, models, strict=True)
    ]


def _answer(file: str | None, answer: Answer, probabilities: Float32) -> dict[str, Any]:
    return {
        "file": file,
        **answer.to_json(),
        "sentence": answer.sentence,
        "probabilities": probabilities,
    }


def _details(brought: Brought, small: Model, photo: Photo | None) -> dict[str, Any]:
    """What a model saw, which regions mattered to it, and what one of 28×28 images would see."""
    explanation = brought.model.explain(brought)
    values: dict[str, Any] = {
        "image": _png(brought.image),
        "warnings": list(brought.warnings),
        "explanation": np.round(explanation, _DIGITS),
        "stages": None if brought.model.takes_photos else [],
    }
    if small.takes_photos:
        return values
    if photo is not None:
        try:
            converted = photo.converted(small.preparation)
        except PhotoEmptyError:
            return values
        values["stages"] = [
            {"name": stage.name, "sentence": stage.sentence, "image": _png(stage.image)}
            for stage in converted.stages
        ]
        if small is not brought.model:
            brought = Brought(small, converted.image, converted.warnings)
            (answer,) = small.answers(brought.image[None])
            values["small"] = {
                "image": _png(brought.image),
                "warnings": brought.warnings,
                **_answer(None, answer, answer.probabilities),
            }
    if small.classes == GARMENTS:
        nearest = small.nearest(brought, _NEAREST)
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
