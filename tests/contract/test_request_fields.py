"""The SDK can send every field of the contract's requests. `exceptions.json` lists the fields that are left out."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast, get_args

import pytest

from tests.contract.contract import NO_CONTRACT, Json, Operation, Schema, contract, resolved
from tests.contract.test_contract import REQUESTS, is_excepted, operation_of_case, sent_requests
from upcloud_sdk._wire import Request, Wrapped

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.sdk.cases import Case

pytestmark = [pytest.mark.anyio, pytest.mark.skipif(contract() is None, reason=NO_CONTRACT)]


@pytest.fixture
def anyio_backend() -> str:
    """One event loop is enough: requests do not depend on it."""
    return "asyncio"


def cases() -> list[Any]:
    """All cases of each operation that has fields to send."""
    found: dict[str, tuple[Operation, list[Case]]] = {}
    for case in REQUESTS:
        operation = operation_of_case(case)
        if operation is not None and operation.body() is not None:
            found.setdefault(operation.name, (operation, []))[1].append(case)
    return [pytest.param(*found[name], id=name) for name in sorted(found)]


def names_of(schema: Schema, seen: tuple[str, ...] = ()) -> Iterator[str]:
    """The names of all fields of a schema, at any depth."""
    if (reference := schema.get("$ref")) in seen:
        return
    seen = (*seen, reference) if reference else seen
    schema = resolved(schema)
    for name, each in schema.get("properties", {}).items():
        yield name
        if name != "labels":  # a mapping in the SDK
            yield from names_of(each, seen)
    for key in ("allOf", "oneOf", "anyOf"):
        for each in schema.get(key, ()):
            yield from names_of(each, seen)
    if "items" in schema:
        yield from names_of(schema["items"], seen)


def keys_of(document: Json) -> Iterator[str]:
    """The names of all fields of a document, at any depth."""
    if isinstance(document, dict):
        for key, value in cast("dict[str, Json]", document).items():
            yield key
            yield from keys_of(value)
    elif isinstance(document, list):
        for each in cast("list[Json]", document):  # type: ignore[redundant-cast]  # for pyright
            yield from keys_of(each)


def fields_of(model: type[Request], seen: set[type[Request]]) -> Iterator[str]:
    """The names under which a model, and those in its fields, are sent."""
    if model in seen:
        return
    seen.add(model)
    for name, field in model.model_fields.items():
        yield field.serialization_alias or field.alias or name
        for each in parts_of(field.annotation, *field.metadata):
            if isinstance(each, Wrapped):
                yield from each.keys
            elif isinstance(each, type) and issubclass(each, Request):
                for kind in (each, *each.__subclasses__()):
                    yield from fields_of(kind, seen)


def parts_of(*annotations: object) -> Iterator[object]:
    """What annotations consist of, at any depth."""
    for each in annotations:
        yield each
        yield from parts_of(*get_args(each))


@pytest.mark.parametrize(("operation", "cases"), cases())
async def test_every_field_of_a_request_can_be_sent(
    operation: Operation, cases: list[Case], monkeypatch: pytest.MonkeyPatch
) -> None:
    models: set[type[Request]] = set()
    dump = Request.model_dump

    def recorded(self: Request, **options: Any) -> dict[str, Any]:  # noqa: ANN401 - pydantic's own options
        models.add(type(self))
        return dump(self, **options)

    monkeypatch.setattr(Request, "model_dump", recorded)
    can_be_sent: set[str] = set()
    for case in cases:
        for sent in await sent_requests(case, case.status, case.answer):
            can_be_sent |= set(keys_of(json.loads(sent.content))) if sent.content else set()
    for model in models:
        can_be_sent |= set(fields_of(model, set()))
    body = operation.body()
    assert body is not None
    missing = sorted(set(names_of(body)) - can_be_sent)
    unknown = [name for name in missing if not is_excepted("unsent", f"{operation.name} {name}")]
    assert unknown == [], unknown
