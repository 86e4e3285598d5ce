"""Reads the value inside an answer: the API puts it into one or two outer objects."""

from __future__ import annotations

import functools
import json
import types
from typing import TYPE_CHECKING, Generic, TypeVar, cast, get_args, get_origin

from pydantic import BaseModel, ConfigDict, ValidationError

from upcloud_sdk._wire.json_text import parse_json
from upcloud_sdk._wire.marks import first_of, inside, no_list
from upcloud_sdk._wire.reading import STRICT, Attempt, Reading, below, deepest, tolerant, uuid_in

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic import GetCoreSchemaHandler
    from pydantic_core import SchemaValidator, core_schema

T = TypeVar("T")


class Unreadable(Exception):
    """An answer does not fit its model. Has the model, the path and the uuid, but no other value."""

    def __init__(self, model: str, path: str, problem: str, uuid: str | None = None) -> None:
        super().__init__(model, path, problem, uuid)
        self.model, self.path, self.problem, self.uuid = model, path, problem, uuid


class Envelope(Generic[T]):
    """Reads one kind of answer: validates the bytes in one pass, and returns the value inside."""

    def __init__(self, kind: type[T], *path: str, is_lenient: bool = False) -> None:
        self._kind, self._path = kind, path
        self._is_lenient = is_lenient
        """Whether unreadable parts are left out also by a strict client."""
        of = get_args(kind)[0] if get_origin(kind) is tuple else kind
        self.name = getattr(of, "__name__", str(of))
        """The name of the model; of a list, that of its items."""

    def _answer(self, wrap: Callable[[core_schema.CoreSchema], core_schema.CoreSchema]) -> type[BaseModel]:
        """A model without fields, which validates the value inside an answer."""
        kind = self._kind

        class Answer(BaseModel):
            model_config = ConfigDict(hide_input_in_errors=True)

            @classmethod
            def __get_pydantic_core_schema__(cls, _: object, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
                return wrap(handler(kind))

        return Answer

    @functools.cached_property
    def _validate(self) -> Callable[[bytes], T]:
        answer = self._answer(lambda inner: functools.reduce(_inside, reversed(self._path), inner))
        # Not through `model_validate_json`, which costs as much as ten fields and is not needed here.
        return cast("Callable[[bytes], T]", answer.__pydantic_validator__.validate_json)

    @functools.cached_property
    def _tolerant(self) -> SchemaValidator:
        def wrap(inner: core_schema.CoreSchema) -> core_schema.CoreSchema:
            inner = below(self.name, inner)
            if len(self._path) != 2:
                return functools.reduce(_inside, reversed(self._path), inner)
            # A list may also come without its inner key, or as null or "".
            outer, key = self._path
            return inside(outer, first_of(inside(key, first_of(inner, no_list())), inner, no_list()))

        return tolerant(self._answer(wrap).__pydantic_core_schema__)

    def read(self, content: bytes, reading: Reading = STRICT) -> T:
        """Read the value inside an answer.

        Raises:
            Unreadable: It is not JSON, or does not fit the model.
        """
        try:
            return self._validate(content)
        except ValidationError as error:
            read = self._read_again(content, error, reading)
        # The answer may contain secrets, and a traceback may show the variables of this function.
        del content
        if isinstance(read, Unreadable):
            raise read
        return read

    def _read_again(self, content: bytes, error: ValidationError, reading: Reading) -> T | Unreadable:
        is_strict = reading.strict and not self._is_lenient
        invalid = _invalid_json(error)
        try:
            document = parse_json(content)
        except ValueError:
            return self._unreadable(None, error)
        if invalid and is_strict:
            return self._unreadable(document, error)
        attempt = Attempt(is_strict=is_strict)
        try:
            read = self._tolerant.validate_json(json.dumps(document), context=attempt)
        except ValidationError as still:
            return self._unreadable(document, still)
        if invalid:
            reading.tell_invalid(self.name, invalid)
        for loss in attempt.losses:
            reading.tell(loss)
        return cast("T", read)

    def _unreadable(self, document: object, error: ValidationError) -> Unreadable:
        place, problem = deepest(error)
        unreadable = Unreadable(self.name, ".".join(map(str, place or self._path)), problem, uuid_in(document, place))
        # Without the functions that have the answer in variables.
        unreadable.__cause__ = error.with_traceback(None)
        return unreadable

    def is_wrapped(self, content: bytes) -> bool:
        """Whether an unreadable answer at least has the expected outer objects, or is incomplete."""
        try:
            document = parse_json(content)
        except ValueError:
            return content.lstrip()[:1] in {b"{", b"["}
        return not self._path or (isinstance(document, dict) and self._path[0] in document)


def _inside(inner: core_schema.CoreSchema, key: str) -> core_schema.CoreSchema:
    return inside(key, inner)


def _invalid_json(error: ValidationError) -> str | None:
    """What is not valid JSON in an answer."""
    problem = error.errors(include_url=False, include_context=False)[0]
    if problem["type"] != "json_invalid":
        return None
    return problem["msg"].removeprefix("Invalid JSON: ").partition(" at line ")[0]


def one(kind: type[T], key: str, *, is_lenient: bool = False) -> Envelope[T]:
    """Reads `{"server": {...}}`."""
    return Envelope(kind, key, is_lenient=is_lenient)


def many(kind: type[T], outer: str, inner: str, *, is_lenient: bool = False) -> Envelope[tuple[T, ...]]:
    """Reads `{"servers": {"server": [...]}}`."""
    # This type is made from a value, which type checkers cannot follow.
    kinds = cast("type[tuple[T, ...]]", types.GenericAlias(tuple, (kind, ...)))
    return Envelope(kinds, outer, inner, is_lenient=is_lenient)
