"""Images from a request: photos, or pixels. Nothing is written to disk."""

import logging
from collections.abc import Callable
from typing import TypeVar

import numpy as np
from fastapi import HTTPException, Request
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from fittingroom.errors import PhotoError, PhotoKindError, PhotoSizeError
from fittingroom.photos import WEB_FORMATS, Limits, Photo, open_photo
from fittingroom.photos.arithmetic import SIDE
from fittingroom.predictions import UInt8

T = TypeVar("T")

FIELD = "images"
PHOTOS = tuple(f"image/{kind.lower()}" for kind in WEB_FORMATS)
PIXELS = "application/octet-stream"
Upload = tuple[str | None, bytes]  # a photo's file name and its bytes

# The parser warns about every broken form, so that anybody could fill the log.
logging.getLogger("python_multipart").setLevel(logging.ERROR)


class _InMemory(MultiPartParser):
    # The body's size was checked before, so that no part has to go to a temporary file.
    spool_max_size = 2**62


def content_type(request: Request) -> str:
    """The content type of a request without its parameters, in lower case."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def read_pixels(body: bytes, most: int) -> UInt8:
    """Images in the data set's own format, as their bytes alone: uint8 ``(N, 28, 28)``.

    Raises:
        HTTPException: 422 for another number of bytes, 413 for more than ``most`` images.
    """
    count, rest = divmod(len(body), SIDE * SIDE)
    if rest or not count:
        raise HTTPException(
            422,
            f"The body has {len(body):,} bytes, which is not a multiple of 784. Send 28 × 28 bytes "
            "for each image, or a photo with its own content type.",
        )
    if count > most:
        raise _too_many(most)
    return np.frombuffer(body, np.uint8).reshape(count, SIDE, SIDE)


async def read_uploads(request: Request, most: int) -> list[Upload]:
    """The photos in a form, under ``images``, or the one that is a request's whole body.

    Raises:
        HTTPException: 415 for another kind of body, 413 for more than ``most`` photos, 422 for a
            form that cannot be read or is empty.
    """
    kind = content_type(request)
    if kind.startswith("image/"):
        return [(None, await request.body())]
    if kind != "multipart/form-data":
        raise HTTPException(
            415,
            f"The content type is {kind[:80] or 'missing'}. Send a form (multipart/form-data) with "
            f"files under '{FIELD}', one photo as {', '.join(PHOTOS)}, or pixels as {PIXELS}.",
        )
    try:
        parser = _InMemory(request.headers, request.stream(), max_files=most, max_fields=0)
        form = await parser.parse()
    except MultiPartException as error:
        if error.message.startswith("Too many files"):
            raise _too_many(most) from error
        if error.message.startswith("Too many fields"):
            raise _not_files() from error
        raise HTTPException(422, f"The form cannot be read: {error.message[:200]}") from error
    except (KeyError, ValueError) as error:
        raise HTTPException(422, "The form has no boundary, or an impossible one.") from error
    try:
        files = [(name, file) for name, file in form.multi_items() if isinstance(file, UploadFile)]
        if not files or any(name != FIELD for name, _ in files):
            raise _not_files()
        return [(_text(file.filename or "") or None, await file.read()) for _, file in files]
    finally:
        await form.close()


def open_upload(upload: Upload, limits: Limits, use: Callable[[Photo], T]) -> T:
    """Decode a photo and use it, or refuse it by HTTP; only what is made of it is kept."""
    file, content = upload
    try:
        return use(open_photo(content, limits))
    except PhotoError as error:
        status = {PhotoKindError: 415, PhotoSizeError: 413}.get(type(error), 422)
        raise HTTPException(status, f"{file}: {error}" if file else str(error)) from error


def _too_many(most: int) -> HTTPException:
    return HTTPException(413, f"The request has more than {most} images. Send at most {most}.")


def _not_files() -> HTTPException:
    return HTTPException(
        422,
        f"The form must have files under '{FIELD}' (curl -F {FIELD}=@photo.jpg), and nothing else.",
    )


def _text(given: str) -> str:
    """A name that JSON can hold: a form may choose an encoding that gives half a character."""
    return given.encode("utf-8", "replace").decode()
