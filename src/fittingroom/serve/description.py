"""The OpenAPI description: what FastAPI writes, what goes past it, and a page to read it on."""

from collections.abc import Mapping
from html import escape
from typing import Any

from fastapi import FastAPI

from fittingroom.serve.models import ServedModel
from fittingroom.serve.protocol import INFER
from fittingroom.serve.tensors import INPUT, SIDE

_TENSOR = {
    "type": "object",
    "required": ["name", "datatype", "shape"],
    "properties": {
        "name": {"type": "string"},
        "datatype": {"type": "string"},
        "shape": {"type": "array", "items": {"type": "integer"}},
        "parameters": {"type": "object"},
        "data": {"type": "array", "items": {}},
    },
}
_INPUT = {
    **_TENSOR,
    "properties": {
        "name": {"const": INPUT},
        "datatype": {"const": "UINT8"},
        "shape": {
            "type": "array",
            "items": {"type": "integer"},
            "description": f"[N, {SIDE}, {SIDE}]",
        },
        "parameters": {
            "type": "object",
            "properties": {"binary_data_size": {"type": "integer", "minimum": 0}},
        },
        "data": {"type": "array", "items": {}, "description": "0–255, nested or flat"},
    },
}
_BINARY = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}


def _infer(names: list[str]) -> dict[str, Any]:
    refused = {
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["error"],
                    "properties": {"error": {"type": "string"}},
                }
            }
        }
    }
    request = {
        "type": "object",
        "required": ["inputs"],
        "properties": {
            "id": {"type": "string", "maxLength": 256},
            "parameters": {
                "type": "object",
                "properties": {"binary_data_output": {"type": "boolean"}},
            },
            "inputs": {"type": "array", "minItems": 1, "maxItems": 1, "items": _INPUT},
            "outputs": {
                "type": "array",
                "minItems": 1,
                "items": {
                    "type": "object",
                    "required": ["name"],
                    "properties": {
                        "name": {"type": "string"},
                        "parameters": {
                            "type": "object",
                            "properties": {"binary_data": {"type": "boolean"}},
                        },
                    },
                },
            },
        },
    }
    answer = {
        "type": "object",
        "required": ["model_name", "outputs"],
        "properties": {
            "model_name": {"type": "string"},
            "id": {"type": "string"},
            "outputs": {"type": "array", "items": _TENSOR},
        },
    }
    return {
        "tags": ["Open Inference Protocol"],
        "summary": "Infer",
        "description": "What a model says of arrays: JSON, or JSON followed by the tensor's bytes.",
        "operationId": "infer",
        "parameters": [
            {
                "name": "name",
                "in": "path",
                "required": True,
                "schema": {"type": "string", "enum": names},
            },
            {
                "name": "Inference-Header-Content-Length",
                "in": "header",
                "required": False,
                "description": "Bytes of JSON, where binary data follows.",
                "schema": {"type": "integer", "minimum": 1},
            },
        ],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": request}, **_BINARY},
        },
        "responses": {
            "200": {
                "description": "The outputs.",
                "content": {"application/json": {"schema": answer}, **_BINARY},
            },
            **{
                status: {"description": words, **refused}
                for status, words in (
                    ("400", "Not as the protocol says."),
                    ("404", "No such model."),
                    ("413", "Too many bytes."),
                    ("415", "A compressed body."),
                    ("429", "Too many requests at once; Retry-After says when to come back."),
                    ("503", "Not answered in time; Retry-After says when to come back."),
                )
            },
        },
    }


def describe(application: FastAPI, models: Mapping[str, ServedModel]) -> None:
    """Add to an application's description what is answered before its routing."""
    written = application.openapi

    def openapi() -> dict[str, Any]:
        description = written()
        description["paths"].setdefault(INFER, {"post": _infer(list(models))})
        return description

    application.openapi = openapi  # type: ignore[method-assign]


def description_page(description: Mapping[str, Any]) -> str:
    """The description as a page without a script: every route, what it takes and answers."""
    parts = []
    for path, methods in description["paths"].items():
        for method, route in methods.items():
            answers = "".join(
                f"<li>{escape(status)}: {escape(answer['description'])}</li>"
                for status, answer in route["responses"].items()
            )
            takes = ", ".join(route.get("requestBody", {}).get("content", ()))
            parts.append(
                f"<h2><code>{method.upper()} {escape(path)}</code></h2>"
                f"<p>{escape(route.get('description', ''))}</p>"
                + (f"<p>Takes {escape(takes)}.</p>" if takes else "")
                + f"<ul>{answers}</ul>"
            )
    title = f"{description['info']['title']} {description['info']['version']}: routes"
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><h1>{escape(title)}</h1>"
        f"<p>{escape(description['info']['description'])} "
        '<a href="openapi.json">The whole description as JSON.</a></p>' + "".join(parts) + "</html>"
    )
