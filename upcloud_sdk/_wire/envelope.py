"""How an answer is opened: what is wanted of it stands inside objects with its name."""

from __future__ import annotations

import functools
import json
import types
from typing import TYPE_CHECKING, Generic, TypeVar, cast

from pydantic import BaseModel, ConfigDict, ValidationError

from upcloud_sdk._second_reading import ROUNDS, STRICT, Loss, Reading, deepest, fill_in, give_up, parsed, uuid_in
from upcloud_sdk._wire.marks import inside

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic import GetCoreSchemaHandler
    from pydantic_core import ErrorDetails, core_schema

T = TypeVar("T")


class Unreadable(Exception):
    """An answer is not what the model says. Names the model, the path inside it and the uuid, never another value."""

    def __init__(self, model: str, path: str, problem: str, uuid: str | None = None) -> None:
        super().__init__(model, path, problem, uuid)
        self.model, self.path, self.problem, self.uuid = model, path, problem, uuid


class Envelope(Generic[T]):
    """How one answer is read: validated whole in one pass over its bytes, then taken out of its wrapping."""

    def __init__(self, kind: type[T], *path: str) -> None:
        self._kind, self._path = kind, path
        self.name = getattr(kind, "__name__", str(kind))

    @functools.cached_property
    def _validate(self) -> Callable[[bytes], T]:
        kind, path = self._kind, self._path

        class Answer(BaseModel):
            """Has no fields: what it validates is the value inside an answer."""

            model_config = ConfigDict(hide_input_in_errors=True)

            @classmethod
            def __get_pydantic_core_schema__(cls, _: object, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
                return functools.reduce(lambda inner, key: inside(key, inner), reversed(path), handler(kind))

        # Called past `model_validate_json`, which costs as much as ten fields and adds nothing here.
        return cast("Callable[[bytes], T]", Answer.__pydantic_validator__.validate_json)

    def read(self, content: bytes, reading: Reading = STRICT) -> T:
        """The value inside an answer.

        Raises:
            Unreadable: it is not JSON, or not what the model says.
        """
        try:
            return self._validate(content)
        except ValidationError as error:
            return self._read_again(content, error, reading)

    def _read_again(self, content: bytes, error: ValidationError, reading: Reading) -> T:
        document = parsed(content)
        losses: list[Loss] = []
        mended = fill_in(document, _problems(error), self._path)
        for _ in range(ROUNDS):
            if mended:
                try:
                    read = self._validate(json.dumps(document).encode())
                except ValidationError as still:
                    error = still
                else:
                    for loss in losses:
                        reading.tell(loss)
                    return read
            given_up = [] if reading.strict else give_up(self._kind, document, _problems(error), self._path)
            if not given_up:
                break
            losses += given_up
            mended = True
        raise self._unreadable(document, error) from error

    def _unreadable(self, document: object, error: ValidationError) -> Unreadable:
        places = deepest(_problems(error))
        place = max(places, key=len)
        path = ".".join(map(str, place or self._path))
        return Unreadable(self.name, path, places[place], uuid_in(document, place))

    def is_wrapped(self, content: bytes) -> bool:
        """Whether an answer that could not be read has the shape of this one on its outside, or is only part of one."""
        try:
            document = json.loads(content)
        except (ValueError, RecursionError):
            return content.lstrip()[:1] in {b"{", b"["}
        return not self._path or (isinstance(document, dict) and self._path[0] in document)


def _problems(error: ValidationError) -> list[ErrorDetails]:
    return error.errors(include_url=False, include_context=False)


def one(kind: type[T], key: str) -> Envelope[T]:
    """Reads `{"server": {...}}`."""
    return Envelope(kind, key)


def many(kind: type[T], outer: str, inner: str) -> Envelope[tuple[T, ...]]:
    """Reads `{"servers": {"server": [...]}}`."""
    # A type made from a value: no annotation can say that.
    kinds = cast("type[tuple[T, ...]]", types.GenericAlias(tuple, (kind, ...)))
    return Envelope(kinds, outer, inner)
