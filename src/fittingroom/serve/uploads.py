"""Pictures as a request brings them: one as raw bytes, or several as a form; never on a disk."""

import logging
from dataclasses import dataclass

from fastapi import Request
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from fittingroom.errors import RequestError

FIELD = "pictures"
_LONGEST_NAME = 255

# The parser warns of every form that is broken: anybody could fill the log with it.
logging.getLogger("python_multipart").setLevel(logging.ERROR)


@dataclass(frozen=True)
class Upload:
    """One picture's bytes, and what the client calls it; nothing else that it says is believed."""

    file: str | None
    content: bytes


class _InMemory(MultiPartParser):
    # The body was held to its limit before: no part of it need go to a temporary file.
    spool_max_size = 2**62


async def read_uploads(request: Request, most: int) -> list[Upload]:
    """The pictures of a request.

    Args:
        request: its body a form with files under ``pictures``, or the bytes of one picture.
        most: how many pictures are allowed.

    Raises:
        RequestError: 415 for a body of another kind, 413 for too many pictures, 422 for a form that
            cannot be read or has none.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        return await _read_form(request, most)
    if kind.startswith("image/") or kind == "application/octet-stream":
        content = await request.body()
        if not content:
            raise RequestError(422, "Expected a picture. Received no bytes.")
        return [Upload(None, content)]
    raise RequestError(
        415,
        f"Expected a form (multipart/form-data) with files under '{FIELD}', or one picture with "
        f"its content type. Received {kind[:80] or 'no content type'}.",
    )


async def _read_form(request: Request, most: int) -> list[Upload]:
    try:
        parser = _InMemory(request.headers, request.stream(), max_files=most, max_fields=0)
        form = await parser.parse()
    except MultiPartException as error:
        if error.message.startswith("Too many files"):
            raise RequestError(413, f"Expected at most {most} pictures. Received more.") from error
        raise RequestError(
            422,
            f"Expected a form with files under '{FIELD}' and nothing else. Received one that "
            f"cannot be read: {error.message[:200]}",
        ) from error
    except (KeyError, ValueError) as error:  # a form without a boundary, or with an impossible one
        raise RequestError(422, "Expected a form with a boundary. Received one without.") from error
    try:
        uploads = [await _upload(name, value) for name, value in form.multi_items()]
    finally:
        await form.close()
    if not uploads:
        raise RequestError(422, f"Expected files under '{FIELD}'. Received none.")
    return uploads


async def _upload(name: str, value: UploadFile | str) -> Upload:
    if name != FIELD or not isinstance(value, UploadFile):
        raise RequestError(422, f"Expected files under '{FIELD}'. Received '{_text(name)[:80]}'.")
    file = _text(value.filename or "")[:_LONGEST_NAME] or None
    content = await value.read()
    if not content:
        named = f"{file}: " if file else ""
        raise RequestError(422, f"{named}Expected a picture. Received an empty file.")
    return Upload(file, content)


def _text(given: str) -> str:
    """What an answer can repeat: a form chooses its own encoding, and half a character with it."""
    return given.encode("utf-8", "replace").decode()
