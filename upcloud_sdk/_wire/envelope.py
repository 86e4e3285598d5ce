"""Reads the value inside an answer: the API puts it into one or two outer objects."""

from __future__ import annotations

import functools
import json
import types
from typing import TYPE_CHECKING, Generic, TypeVar, cast, get_args, get_origin

from pydantic import BaseModel, ConfigDict, ValidationError

from upcloud_sdk._second_reading import ROUNDS, STRICT, Loss, Reading, deepest, fill_in, give_up, uuid_in
from upcloud_sdk._wire.json_text import parse_json
from upcloud_sdk._wire.marks import inside

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic import GetCoreSchemaHandler
    from pydantic_core import ErrorDetails, core_schema

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

    @functools.cached_property
    def _validate(self) -> Callable[[bytes], T]:
        kind, path = self._kind, self._path

        class Answer(BaseModel):
            """Has no fields. It validates the value inside an answer."""

            model_config = ConfigDict(hide_input_in_errors=True)

            @classmethod
            def __get_pydantic_core_schema__(cls, _: object, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
                return functools.reduce(lambda inner, key: inside(key, inner), reversed(path), handler(kind))

        # Not through `model_validate_json`, which costs as much as ten fields and is not needed here.
        return cast("Callable[[bytes], T]", Answer.__pydantic_validator__.validate_json)

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
        document = _parsed(content)
        is_strict = reading.strict and not self._is_lenient
        if document is not None and not is_strict and (problem := _invalid_json(error)):
            reading.tell_invalid(self.name, problem)
            try:
                return self._validate(json.dumps(document).encode())
            except ValidationError as still:
                error = still
        losses: list[Loss] = []
        repaired = fill_in(document, _problems(error), self._path)
        for _ in range(ROUNDS):
            if repaired:
                try:
                    read = self._validate(json.dumps(document).encode())
                except ValidationError as still:
                    error = still
                else:
                    for loss in losses:
                        reading.tell(loss)
                    return read
            given_up = [] if is_strict else give_up(self._kind, document, _problems(error), self._path)
            if not given_up:
                break
            losses += given_up
            repaired = True
        return self._unreadable(document, error)

    def _unreadable(self, document: object, error: ValidationError) -> Unreadable:
        places = deepest(_problems(error))
        place = max(places, key=len)
        path = ".".join(map(str, place or self._path))
        unreadable = Unreadable(self.name, path, places[place], uuid_in(document, place))
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


def _parsed(content: bytes) -> object:
    try:
        return parse_json(content)
    except ValueError:
        return None


def _invalid_json(error: ValidationError) -> str | None:
    """What is not valid JSON in an answer."""
    problem = _problems(error)[0]
    if problem["type"] != "json_invalid":
        return None
    return problem["msg"].removeprefix("Invalid JSON: ").partition(" at line ")[0]


def _problems(error: ValidationError) -> list[ErrorDetails]:
    return error.errors(include_url=False, include_context=False)


def one(kind: type[T], key: str, *, is_lenient: bool = False) -> Envelope[T]:
    """Reads `{"server": {...}}`."""
    return Envelope(kind, key, is_lenient=is_lenient)


def many(kind: type[T], outer: str, inner: str, *, is_lenient: bool = False) -> Envelope[tuple[T, ...]]:
    """Reads `{"servers": {"server": [...]}}`."""
    # This type is made from a value, which type checkers cannot follow.
    kinds = cast("type[tuple[T, ...]]", types.GenericAlias(tuple, (kind, ...)))
    return Envelope(kinds, outer, inner, is_lenient=is_lenient)
