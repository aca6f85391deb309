"""The service as a FastAPI application: the routes, the page, and the limits around them."""

import contextlib
import importlib.metadata
import mimetypes
import os
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.middleware.cors import CORSMiddleware
from fastapi.routing import APIRoute
from fastapi.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

from fittingroom import page
from fittingroom.serve import classify
from fittingroom.serve.batching import Batcher
from fittingroom.serve.middleware import HEALTH, LimitsMiddleware
from fittingroom.serve.models import ServedModel
from fittingroom.serve.monitoring import Monitor
from fittingroom.serve.settings import Settings

# Photos that are read at the same time: each may hold a decoded photo of the largest size.
_READERS = 2
_LARGEST_BATCH = 64  # images of several requests
# Browsers run no script that is text/plain, as the tables of some systems say.
_TYPES = {".js": "text/javascript", ".css": "text/css"}


class _Shortcut:
    """ASGI middleware that calls the one POST route itself; FastAPI describes it.

    FastAPI's own way to a route takes longer than a small model.
    """

    def __init__(self, app: ASGIApp, route: APIRoute) -> None:
        self._app = app
        self._route = route

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope.get("path") != self._route.path:
            await self._app(scope, receive, send)
            return
        scope["route"] = self._route
        if scope["method"] != "POST":
            raise HTTPException(405, "Send images by POST.", {"allow": "POST"})
        response = await self._route.endpoint(Request(scope, receive, send))
        await response(scope, receive, send)


class _Page(StaticFiles):
    """The files of the page, without the Python module that names their folder."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        if self.lookup_path(path)[1] is None:  # before the method is looked at
            raise HTTPException(404, "There is nothing at this address.")
        return await super().get_response(path, scope)

    def lookup_path(self, path: str) -> tuple[str, os.stat_result | None]:
        return super().lookup_path(path) if "__" not in path else ("", None)


def create_application(models: Sequence[ServedModel], settings: Settings) -> FastAPI:
    """The service around one model or more, to be run by an ASGI server."""
    for ending, kind in _TYPES.items():
        mimetypes.add_type(kind, ending)
    monitor = Monitor()
    graphs = [graph for served in models for graph in (served.model, served.model.small) if graph]
    batchers = {
        graph: Batcher(
            graph,
            most=_LARGEST_BATCH,
            threads=settings.threads,
            on_batch=monitor.batches.labels(graph.name).observe,
        )
        for graph in graphs
    }
    pool = ThreadPoolExecutor(_READERS, thread_name_prefix="photos")

    @contextlib.asynccontextmanager
    async def lifespan(application: FastAPI) -> AsyncIterator[None]:
        for graph, batcher in batchers.items():  # a first prediction takes longer than later ones
            await batcher.submit(np.zeros((1, *graph.shape), np.uint8))
        yield
        pool.shutdown()
        for batcher in batchers.values():
            batcher.close()

    application = FastAPI(
        title="Fitting Room",
        description="Classify garments on photos. Each answer says how sure the model is.",
        version=importlib.metadata.version("fittingroom"),
        lifespan=lifespan,
        docs_url=None,  # FastAPI's pages load scripts from other hosts
        redoc_url=None,
    )
    routes = classify.routes(models, batchers, settings, pool)
    application.include_router(routes)
    (post,) = (
        each for each in routes.routes if isinstance(each, APIRoute) and each.methods == {"POST"}
    )
    application.add_middleware(_Shortcut, route=post)
    application.add_middleware(LimitsMiddleware, settings=settings, monitor=monitor)
    if settings.origins:  # around the limits: browsers ask whether they may without a token
        application.add_middleware(
            CORSMiddleware,
            allow_origins=settings.origins,
            allow_headers=["authorization"],
            allow_methods=["GET", "POST"],
            expose_headers=["retry-after"],
        )

    async def health() -> dict[str, bool]:
        """Tell that the service runs and every model has made a prediction."""
        return {"ready": True}

    for path in HEALTH:
        application.add_api_route(path, health)

    @application.get("/metrics", response_class=Response)
    async def metrics() -> Response:
        """Counts and times for Prometheus."""
        content, kind = monitor.page()
        return Response(content, media_type=kind)

    application.mount("/", _Page(directory=page.FOLDER, html=True))
    return application
