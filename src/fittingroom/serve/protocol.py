"""The routes of the Open Inference Protocol, version 2, over HTTP."""

import importlib.metadata
from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from fittingroom.errors import RequestError
from fittingroom.serve.gate import Direct, Headers
from fittingroom.serve.models import ServedModel
from fittingroom.serve.replies import Reply
from fittingroom.serve.tensors import INPUT, SIDE, read_request, write_answer

INFER = "/v2/models/{name}/infer"


def direct_routes(models: Mapping[str, ServedModel]) -> dict[str, tuple[str, Direct]]:
    """For each model, the path of its inference and what answers there."""
    return {INFER.format(name=name): (INFER, _infer(model)) for name, model in models.items()}


def _infer(model: ServedModel) -> Direct:
    async def infer(headers: Headers, body: bytes) -> Reply:
        length = headers.get(b"inference-header-content-length")
        images, asked = read_request(body, length, model.output_names)
        return write_answer(model.name, asked, await model.arrays(images))

    return infer


def routes(models: Mapping[str, ServedModel]) -> APIRouter:
    """The routes that say what is there and whether it is ready."""
    router = APIRouter(prefix="/v2", tags=["Open Inference Protocol"])

    def known(name: str) -> ServedModel:
        if name not in models:
            raise RequestError(
                404, f"Expected a model among {', '.join(models)}. Received another name."
            )
        return models[name]

    @router.get("/health/live")
    async def live() -> dict[str, bool]:
        """Whether the server runs."""
        return {"live": True}

    @router.get("/health/ready", responses={503: {"description": "Not yet."}})
    async def ready() -> JSONResponse:
        """Whether every model has made a first prediction."""
        return _ready({}, all(model.ready for model in models.values()))

    @router.get("")
    async def server() -> dict[str, Any]:
        """What this server is."""
        return {
            "name": "fittingroom",
            "version": importlib.metadata.version("fittingroom"),
            "extensions": ["binary_tensor_data"],
        }

    @router.get("/models/{name}")
    async def model(name: str) -> dict[str, Any]:
        """What a model takes and gives."""
        found = known(name)
        return {
            "name": found.name,
            "platform": "onnxruntime_onnx",
            "inputs": [{"name": INPUT, "datatype": "UINT8", "shape": [-1, SIDE, SIDE]}],
            "outputs": [
                {"name": each.name, "datatype": each.datatype, "shape": [-1, *each.row]}
                for each in found.outputs
            ],
        }

    @router.get("/models/{name}/ready", responses={503: {"description": "Not yet."}})
    async def model_ready(name: str) -> JSONResponse:
        """Whether a model has made a first prediction."""
        return _ready({"name": name}, known(name).ready)

    @router.post("/models/{name}/infer", include_in_schema=False)
    async def infer_with_unknown(name: str) -> None:
        """Those of known models are answered before: see :func:`direct_routes`."""
        known(name)

    return router


def _ready(named: dict[str, str], ready: bool) -> JSONResponse:
    return JSONResponse({**named, "ready": ready}, 200 if ready else 503)
