"""Reads UpCloud's contract of its API, an OpenAPI document in a folder beside or above this repository."""

from __future__ import annotations

import functools
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import parse_qsl

if TYPE_CHECKING:
    from collections.abc import Iterator

Json = Any
Schema = dict[str, Any]

NO_CONTRACT = "wants UpCloud's contract, ../shared/api/contract-1.3.json: `make test` runs it where that is"
SEVERAL_TYPES = {
    "object": dict,
    "array": list,
    "string": str,
    "boolean": bool,
    "null": type(None),
}


@functools.cache
def contract() -> Schema | None:
    """The document. None if there is none."""
    found = (folder / "shared" / "api" / "contract-1.3.json" for folder in Path(__file__).resolve().parents)
    file = next((each for each in found if each.is_file()), None)
    return None if file is None else json.loads(file.read_text("utf-8"))


def resolved(schema: Schema) -> Schema:
    """The target of a reference."""
    while "$ref" in schema:
        _, kind, name = schema["$ref"].removeprefix("#/").split("/")
        schema = cast("Schema", contract())["components"][kind][name]
    return schema


@dataclass(frozen=True, eq=False)
class Operation:
    """An operation: a method and a path."""

    method: str
    path: str
    """The path below /1.3, with names in braces."""
    document: Schema
    shared: tuple[Schema, ...]

    @property
    def name(self) -> str:
        """Such as `GET /server/{uuid}`."""
        return f"{self.method} {self.path}"

    @functools.cached_property
    def pattern(self) -> re.Pattern[str]:
        """A regular expression for its paths."""
        return re.compile(re.sub(r"\{[^}]+\}", "[^/,]+", self.path.replace(".", r"\.")))

    def parameters(self, place: str) -> dict[str, Schema]:
        """The parameters by name, for example those in the query."""
        every = (resolved(each) for each in [*self.shared, *self.document.get("parameters", ())])
        return {each["name"]: each for each in every if each["in"] == place}

    def body(self) -> Schema | None:
        """The schema of the sent document."""
        request = self.document.get("requestBody")
        return None if request is None else _content(resolved(request))

    def answers(self) -> Iterator[tuple[int, Schema | None]]:
        """Success statuses, and the schemas of their documents."""
        for status, answer in self.document["responses"].items():
            if status.startswith("2"):
                yield int(status), _content(resolved(answer))

    def answer(self, status: int) -> Schema | None:
        """The schema of the answer's document for a status."""
        answers = self.document["responses"]
        found = answers.get(str(status), answers.get("default"))
        return None if found is None else _content(resolved(found))


def _content(document: Schema) -> Schema | None:
    return next((each["schema"] for each in document.get("content", {}).values() if "schema" in each), None)


@functools.cache
def operations() -> tuple[Operation, ...]:
    """All operations of the contract. Those with fewer names in braces come first."""
    document = contract() or {"paths": {}}
    found = [
        Operation(method.upper(), path.removeprefix("/1.3"), operation, tuple(item.get("parameters", ())))
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if method in {"get", "post", "put", "patch", "delete"}
    ]
    return tuple(sorted(found, key=lambda each: each.path.count("{")))


@functools.cache
def operation_of(method: str, path: str) -> Operation | None:
    """The operation of a request. `path` is without /1.3 and without query."""
    alike = [path, path.replace("/ip-address", "/ip_address")]
    return next(
        (each for each in operations() if each.method == method and any(map(each.pattern.fullmatch, alike))), None
    )


def problems(schema: Schema, value: Json, place: str = "") -> Iterator[str]:
    """The problems of a document."""
    schema = resolved(schema)
    yield from _unions(schema, value, place)
    kinds = schema.get("type")
    if kinds is not None and not any(_is(kind, value) for kind in ([kinds] if isinstance(kinds, str) else kinds)):
        yield f"{place}: {type(value).__name__} instead of {kinds}"
        return
    if "enum" in schema and value not in schema["enum"]:
        yield f"{place}: {value!r} is no word of {schema['enum']}"
    if "const" in schema and value != schema["const"]:
        yield f"{place}: {value!r} is not {schema['const']!r}"
    if isinstance(value, str):
        yield from _text(schema, value, place)
    elif isinstance(value, dict):
        yield from _object(schema, cast("dict[str, Json]", value), place)
    elif isinstance(value, list):
        for each in cast("list[Json]", value) if "items" in schema else ():  # type: ignore[redundant-cast]  # for pyright
            yield from problems(schema["items"], each, f"{place}[]")
    elif _is("number", value) and not schema.get("minimum", value) <= value <= schema.get("maximum", value):
        yield f"{place}: {value} is out of bounds"


def _is(kind: str, value: Json) -> bool:
    if kind in {"integer", "number"}:
        whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
        return not isinstance(value, bool) and (whole or (kind == "number" and isinstance(value, float)))
    return isinstance(value, SEVERAL_TYPES[kind])


def _unions(schema: Schema, value: Json, place: str) -> Iterator[str]:
    for each in schema.get("allOf", ()):
        yield from problems(each, value, place)
    for key in ("oneOf", "anyOf"):
        if key in schema:
            fits = sum(not any(problems(each, value, place)) for each in schema[key])
            if fits == 0 or (key == "oneOf" and fits > 1):
                yield f"{place}: fits {fits} of {len(schema[key])} alternatives"


def _text(schema: Schema, value: str, place: str) -> Iterator[str]:
    if not schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", len(value)):
        yield f"{place}: {len(value)} characters"
    pattern = _compiled(schema.get("pattern", ""))
    if pattern is not None and pattern.search(value) is None:
        yield f"{place}: {value!r} is not like {pattern.pattern}"


@functools.cache
def _compiled(pattern: str) -> re.Pattern[str] | None:
    try:
        return re.compile(pattern)
    except re.error:
        return None  # A pattern in another regular expression dialect.


def _object(schema: Schema, value: dict[str, Json], place: str) -> Iterator[str]:
    fields = schema.get("properties", {})
    for name in schema.get("required", ()):
        if name not in value:
            yield f"{place}.{name}: missing"
    more = schema.get("additionalProperties", True)
    for name, each in value.items():
        if name in fields:
            yield from problems(fields[name], each, f"{place}.{name}")
        elif more is False:
            yield f"{place}.{name}: unknown"
        elif isinstance(more, dict):
            yield from problems(cast("Schema", more), each, f"{place}.*")


def request_problems(operation: Operation, query: str, body: Json) -> Iterator[str]:
    """The problems of a request."""
    known = operation.parameters("query")
    given = parse_qsl(query, keep_blank_values=True)
    for name, value in given:
        if name not in known:
            yield f"?{name}: unknown"
            continue
        schema = resolved(known[name].get("schema", {}))
        schema = resolved(schema["items"]) if schema.get("type") == "array" else schema
        is_number = schema.get("type") in {"integer", "number"} and value.lstrip("-").isdigit()
        yield from problems(schema, int(value) if is_number else value, f"?{name}")
    for name, parameter in known.items():
        if parameter.get("required") and name not in dict(given):
            yield f"?{name}: missing"
    document = operation.body()
    if body is not None and document is None:
        yield "a document where none is expected"
    elif document is not None and body is not None:
        yield from problems(document, body)
