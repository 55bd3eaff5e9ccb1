"""The operations of the HTTP side as data, and the OpenAPI 3.1 document made of them.

A route exists by being an `Operation` in this list, so the document cannot say more or less than is served.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from http import HTTPStatus
from typing import Any

from aiohttp import web
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from web.contract import ProblemDetails
from web.middleware import Readers
from web.problem import MEDIA_TYPE as PROBLEM_TYPE
from web.problem import REFUSALS, Handler

_JSON = "application/json"
_PARAMETER = re.compile(r"\{(\w+)(?::((?:[^{}]|\{[^{}]*\})*))?\}")  # {name} or {name:regular expression}
_REFERENCES = "#/components/schemas/{model}"


class Credential(Enum):
    """What goes into `Authorization: Bearer …`."""

    PUBLISHABLE_KEY = "publishableKey"
    VISIT_TOKEN = "visitToken"  # noqa: S105  the name of a scheme
    OWNER = "owner"


_CREDENTIALS = {
    Credential.PUBLISHABLE_KEY: "The shop's publishable key, `pk_…`.",
    Credential.VISIT_TOKEN: "The token of a shopper's visit, from `POST /v1/sessions`.",
}
# An owner's call takes either.
_OWNERS_SCHEMES: dict[str, Any] = {
    "secretKey": {
        "type": "http",
        "scheme": "bearer",
        "description": "The shop's secret key, `sk_…`. Never in a browser.",
    },
    "login": {
        "type": "apiKey",
        "in": "cookie",
        "name": "__Host-vitrine",
        "description": "A person's login, from `POST /v1/login` and its second factor; `vitrine` without https.",
    },
}


@dataclass(frozen=True)
class Body:
    """What a request carries: a model as JSON, or another media type with its schema."""

    model: type[BaseModel] | None = None
    media_type: str = _JSON
    schema: Mapping[str, Any] = field(default_factory=lambda: {"type": "string"})


@dataclass(frozen=True)
class Answer:
    """A success: its status, and what it carries."""

    status: int
    says: str
    model: type[BaseModel] | None = None
    media_type: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Operation:
    """One method on one path, with all that a client has to know. `problems` are the codes it may refuse with.

    links: the `Link` headers with which OPTIONS on the path answers whoever shows a credential.
    """

    method: str
    path: str
    handler: Handler
    summary: str
    answers: Sequence[Answer]
    problems: Sequence[str] = ()
    body: Body | None = None
    credential: Credential | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    readers: Readers | None = None
    links: Callable[[web.Request], Awaitable[Sequence[str]]] | None = None
    counted: bool = True  # by the address that asks

    @property
    def refusals(self) -> set[str]:
        """`problems`, what counting may refuse with, and what a path that is not of the described form is."""
        counted = {"rate-limited"} if self.counted else set()
        formed = {"not-found"} if any(form for _, form in self.parameters) else set()
        return {*self.problems, *counted, *formed}

    @property
    def parameters(self) -> list[tuple[str, str]]:
        """The parameters of the path, each with the regular expression that it has to match, or nothing."""
        return _PARAMETER.findall(self.path)

    @property
    def pattern(self) -> str:
        """The path as aiohttp and OpenAPI name it, without the regular expressions."""
        return _PARAMETER.sub(r"{\1}", self.path)


def document(operations: Iterable[Operation], *, version: str) -> dict[str, Any]:
    """The OpenAPI document of these operations."""
    operations = list(operations)
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        paths.setdefault(operation.pattern, {})[operation.method.lower()] = _operation(operation)
    schemes = {
        credential.value: {"type": "http", "scheme": "bearer", "description": says}
        for credential, says in _CREDENTIALS.items()
    } | _OWNERS_SCHEMES
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Vitrine",
            "version": version,
            "description": "Streaming try-on. Errors are RFC 9457 problems with a stable `code`.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {"schemas": _schemas(operations), "securitySchemes": schemes},
    }


def _operation(operation: Operation) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": operation.handler.__name__,
        "summary": operation.summary,
        "responses": {str(answer.status): _answer(answer) for answer in operation.answers},
    }
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": _text(form)} for name, form in operation.parameters
    ]
    parameters += [
        {"name": name, "in": place, "required": False, "description": says, "schema": {"type": "string"}}
        for place, named in (("header", operation.headers), ("query", operation.query))
        for name, says in named.items()
    ]
    if parameters:
        described["parameters"] = parameters
    if operation.body:
        content = {operation.body.media_type: {"schema": _schema_of(operation.body)}}
        described["requestBody"] = {"required": True, "content": content}
    if operation.credential is Credential.OWNER:
        described["security"] = [{scheme: []} for scheme in _OWNERS_SCHEMES]
    elif operation.credential:
        described["security"] = [{operation.credential.value: []}]
    for status, codes in _by_status(operation.refusals).items():
        described["responses"][str(status)] = _problem(status, codes)
    return described


def _text(form: str) -> dict[str, Any]:
    return {"type": "string", "pattern": f"^(?:{form})$"} if form else {"type": "string", "minLength": 1}


def _answer(answer: Answer) -> dict[str, Any]:
    described: dict[str, Any] = {"description": answer.says}
    if answer.model:
        described["content"] = {_JSON: {"schema": _reference(answer.model)}}
    elif answer.media_type:
        described["content"] = {answer.media_type: {"schema": {"type": "string"}}}
    if answer.headers:
        described["headers"] = {
            name: {"description": says, "schema": {"type": "string"}} for name, says in answer.headers.items()
        }
    return described


def _by_status(codes: Iterable[str]) -> dict[int, list[str]]:
    grouped: dict[int, list[str]] = {}
    for code in sorted(codes):
        grouped.setdefault(REFUSALS[code][0], []).append(code)
    return dict(sorted(grouped.items()))


def _problem(status: int, codes: list[str]) -> dict[str, Any]:
    says = "; ".join(f"`{code}`: {REFUSALS[code][1]}" for code in codes)
    schema = {"allOf": [_reference(ProblemDetails), {"properties": {"code": {"enum": codes}}}]}
    return {"description": f"{HTTPStatus(status).phrase}. {says}.", "content": {PROBLEM_TYPE: {"schema": schema}}}


def _schema_of(body: Body) -> dict[str, Any]:
    return _reference(body.model) if body.model else dict(body.schema)


def _reference(model: type[BaseModel]) -> dict[str, Any]:
    return {"$ref": _REFERENCES.format(model=model.__name__)}


def _schemas(operations: Iterable[Operation]) -> dict[str, Any]:
    models: dict[type[BaseModel], None] = {ProblemDetails: None}
    for operation in operations:
        models |= {answer.model: None for answer in operation.answers if answer.model}
        if operation.body and operation.body.model:
            models[operation.body.model] = None
    wanted = [(model, "validation") for model in models]
    _, definitions = models_json_schema(wanted, ref_template=_REFERENCES)  # type: ignore[arg-type]
    return dict(definitions["$defs"])
