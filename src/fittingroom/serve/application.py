"""The service as one ASGI application: the routes, the page, and the gate before them."""

import asyncio
import contextlib
import importlib.metadata
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from fittingroom import page
from fittingroom.errors import FittingRoomError, RequestError
from fittingroom.serve import classify, protocol
from fittingroom.serve.batching import Pace
from fittingroom.serve.description import describe, description_page
from fittingroom.serve.gate import Gate
from fittingroom.serve.models import Loaded, ServedModel
from fittingroom.serve.monitoring import Monitor
from fittingroom.serve.replies import refusal
from fittingroom.serve.settings import Settings

# Photos that are read at the same time: each may hold a decoded picture of the largest size.
_READERS = 2


def create_application(models: Sequence[Loaded], settings: Settings | None = None) -> Gate:
    """The service, to be run by an ASGI server.

    Args:
        models: what answers, in order; at least one.
        settings: the limits and the token; None for the defaults.
    """
    settings = settings or Settings()
    monitor, pace = Monitor(), Pace()
    served = {each.name: ServedModel(each, settings, monitor, pace) for each in models}
    pool = ThreadPoolExecutor(_READERS, thread_name_prefix="photos")

    @contextlib.asynccontextmanager
    async def lifespan(application: FastAPI) -> AsyncIterator[None]:
        warming = asyncio.create_task(_warm_up(list(served.values()), pool))
        yield
        await warming
        pool.shutdown()
        for model in served.values():
            model.close()

    application = FastAPI(
        title="Fitting Room",
        description="Names garments on photos, says how sure it is, and when it does not know.",
        version=importlib.metadata.version("fittingroom"),
        lifespan=lifespan,
        docs_url=None,  # FastAPI's pages load scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,
    )
    application.include_router(classify.routes(served, settings, pool))
    application.include_router(protocol.routes(served))
    _add_watching(application, served, monitor)
    _add_errors(application)
    describe(application, served)

    @application.get("/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        return HTMLResponse(description_page(application.openapi()))

    # After all routes, and not as one of them: it would answer their paths to any other method.
    application.router.default = StaticFiles(directory=page.FOLDER, html=True)
    return Gate(application, protocol.direct_routes(served), settings, monitor, pace)


async def _warm_up(models: Sequence[ServedModel], pool: ThreadPoolExecutor) -> None:
    """Have every model ready; then, beside the first requests, what details are told from."""
    await asyncio.gather(*(model.warm_up() for model in models))
    black = np.zeros((28, 28), np.uint8)
    for model in models:
        with contextlib.suppress(FittingRoomError):  # which whoever asks is told
            await asyncio.get_running_loop().run_in_executor(pool, model.model.nearest, black)


def _add_watching(application: FastAPI, served: dict[str, ServedModel], monitor: Monitor) -> None:
    """What those ask who keep the service running."""

    @application.get("/healthz", tags=["Watching"])
    async def health() -> dict[str, bool]:
        """Whether the server runs."""
        return {"live": True}

    @application.get("/readyz", tags=["Watching"], responses={503: {"description": "Not yet."}})
    async def ready() -> JSONResponse:
        """Whether every model has made a first prediction."""
        done = all(model.ready for model in served.values())
        return JSONResponse({"ready": done}, 200 if done else 503)

    @application.get(
        "/metrics",
        tags=["Watching"],
        response_class=Response,
        responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
    )
    async def metrics() -> Response:
        """Counts and times, as Prometheus reads them."""
        content, content_type = monitor.page()
        return Response(content, headers={"content-type": content_type})


def _add_errors(application: FastAPI) -> None:
    """Every refusal in the same form, whoever refuses."""

    def answer(request: Request, status: int, message: str, headers: Any = None) -> Response:
        reply = refusal(request.url.path, status, message)
        given = {name.decode(): value.decode() for name, value in reply.headers}
        return Response(reply.body, status, {**given, **(headers or {})}, "application/json")

    @application.exception_handler(RequestError)
    async def refused(request: Request, error: RequestError) -> Response:
        return answer(request, error.status, str(error))

    @application.exception_handler(HTTPException)
    async def unknown(request: Request, error: HTTPException) -> Response:
        return answer(request, error.status_code, f"{error.detail}.", error.headers)

    @application.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        where = ".".join(str(each) for each in first["loc"])
        return answer(request, 422, f"{first['msg']} ({where}).")
