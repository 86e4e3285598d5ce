"""Reads request bodies, and refuses unknown, missing and invalid fields.

In `with fields(call, "server") as f:`, read a required field with `f.need("title", text(1, 255))`, and an optional one
with `f.get("plan", text(), "custom")`. The end of the block refuses all fields that were not read.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Self, TypeVar, cast

from upcloud_sdk.simulator.wire.calls import ApiFault, Call

if TYPE_CHECKING:
    from types import TracebackType

V = TypeVar("V")
D = TypeVar("D")
Check = Callable[[object], V]

_UUID = re.compile(r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}")
_HOST_NAME = re.compile(r"(?!-)[A-Za-z0-9-]+(?<!-)(?:\.(?!-)[A-Za-z0-9-]+(?<!-))*\.?")
"""Longest part of a host name. Longer than in DNS: 64 characters were accepted in a recording."""


class Fields:
    """One JSON object of a request. Use as a context manager."""

    def __init__(self, values: dict[str, object], *, where: str) -> None:
        self._values, self._where = values, where
        self._asked: set[str] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        if kind is None:
            self.done()

    def done(self) -> None:
        """Refuse the fields that were not read."""
        for name in self._values:
            if name not in self._asked:
                raise ApiFault(400, "UNKNOWN_ATTRIBUTE", f"The attribute {name} is not known in {self._where}.")

    def has(self, name: str) -> bool:
        self._asked.add(name)
        return name in self._values

    def need(self, name: str, check: Check[V], *, code: str | None = None) -> V:
        """Read a required field. Refuses with `<code>_MISSING`, or `<code>_INVALID` if `check` refuses it."""
        prefix = code or name.upper()
        if not self.has(name) or self._values[name] is None:
            raise ApiFault(400, f"{prefix}_MISSING", f"The required attribute {name} is missing.")
        return self._checked(name, check, prefix)

    def get(self, name: str, check: Check[V], default: D, *, code: str | None = None) -> V | D:
        """The value of an optional field, or `default`.

        Null and an empty string that `check` refuses count as absent: the official Go client sends them for what was
        not given. Only an empty text that must not be empty, such as a title, is refused.
        """
        if not self.has(name):
            return default
        value = self._values[name]
        if value is None or value == "":
            try:
                return check(value)
            except WrongLengthError:
                pass
            except ValueError:
                return default
        return self._checked(name, check, code or name.upper())

    def _checked(self, name: str, check: Check[V], prefix: str) -> V:
        try:
            return check(self._values[name])
        except ValueError as error:
            detail = f" {error}" if str(error) else ""
            raise ApiFault(400, f"{prefix}_INVALID", f"The value of {name} is invalid.{detail}") from None

    def items(self, outer: str, inner: str, *, code: str | None = None) -> list[Fields] | None:
        """Read the objects of a list in `{outer: {inner: [...]}}`. None if it is missing.

        The official Python client sends one object without the list, and null for no list.
        """
        prefix = code or outer.upper()
        wrapped = self.get(outer, mapping, None, code=prefix)
        if wrapped is None:
            return None
        with Fields(wrapped, where=outer) as f:
            listed = f.get(inner, or_null(_one_or_more), list[object](), code=prefix)
        return None if listed is None else [Fields(_object(item, prefix), where=inner) for item in listed]

    def object(self, name: str, *, code: str | None = None) -> Fields | None:
        """Read a nested object. None if it is missing."""
        value = self.get(name, mapping, None, code=code)
        return None if value is None else Fields(value, where=name)


def _one_or_more(value: object) -> list[object]:
    return [cast("object", value)] if isinstance(value, dict) else listing(value)


def _object(value: object, prefix: str) -> dict[str, object]:
    try:
        return mapping(value)
    except ValueError:
        raise ApiFault(400, f"{prefix}_INVALID", "An object was expected in the list.") from None


def fields(call: Call, envelope: str | None, *, optional: bool = False) -> Fields:
    """The fields inside the request's outer object. With `optional`, a missing body is an empty object.

    Raises `ApiFault`: INVALID_REQUEST without a body, UNKNOWN_ATTRIBUTE for another envelope.
    """
    document = call.document()
    if document is None and optional:
        return Fields({}, where=envelope or "the request")
    if not isinstance(document, dict):
        raise ApiFault(400, "INVALID_REQUEST", "The request body must be a JSON object.")
    outer = Fields(cast("dict[str, object]", document), where="the request")
    if envelope is None:
        return outer
    for name in cast("dict[str, object]", document):
        if name != envelope:
            raise ApiFault(400, "UNKNOWN_ATTRIBUTE", f"The attribute {name} is not known; {envelope} was expected.")
    inner = outer.object(envelope, code="REQUEST")
    if inner is None:
        if optional:
            return Fields({}, where=envelope)
        raise ApiFault(400, "INVALID_REQUEST", f"The request has no {envelope}.")
    return inner


class WrongLengthError(ValueError):
    """A string is too short or too long."""


def mapping(value: object) -> dict[str, object]:
    if not isinstance(value, dict):
        raise ValueError("An object was expected.")  # noqa: TRY004 - a check raises ValueError
    return cast("dict[str, object]", value)


def listing(value: object) -> list[object]:
    if not isinstance(value, list):
        raise ValueError("A list was expected.")  # noqa: TRY004 - a check raises ValueError
    return cast("list[object]", value)


def text(shortest: int = 0, longest: int = 100_000) -> Check[str]:
    """A string with this many characters."""

    def check(value: object) -> str:
        if not isinstance(value, str):
            raise ValueError("A string was expected.")  # noqa: TRY004 - a check raises ValueError
        if not shortest <= len(value) <= longest:
            raise WrongLengthError(f"A string of {shortest} to {longest} characters was expected.")
        return value

    return check


def whole(low: int, high: int) -> Check[int]:
    """An integer in this range, as a number or as a string: clients send both."""

    def check(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int | str) or not re.fullmatch(r"-?\d{1,19}", str(value)):
            raise ValueError(f"A whole number from {low} to {high} was expected.")
        number = int(value)
        if not low <= number <= high:
            raise ValueError(f"A whole number from {low} to {high} was expected.")
        return number

    return check


def list_of(check: Check[V]) -> Check[list[V]]:
    """A list whose items all pass `check`."""
    return lambda value: [check(item) for item in listing(value)]


def one_of(*allowed: str) -> Check[str]:
    def check(value: object) -> str:
        if not isinstance(value, str) or value not in allowed:
            raise ValueError(f"One of {', '.join(allowed)} was expected.")
        return value

    return check


yes_no = one_of("yes", "no")
on_off = one_of("on", "off")


def or_null(check: Check[V]) -> Check[V | None]:
    """Also accept null, which removes something."""

    def checked(value: object) -> V | None:
        return None if value is None else check(value)

    return checked


texts = list_of(text())


def uuid(value: object) -> str:
    if not isinstance(value, str) or not is_uuid(value):
        raise ValueError("A UUID was expected.")
    return value.lower()


def is_uuid(value: str) -> bool:
    return _UUID.fullmatch(value) is not None


def host_name(value: object) -> str:
    name = text(1, 128)(value)
    if not _HOST_NAME.fullmatch(name):
        raise ValueError("A host name of letters, digits, hyphens and dots was expected.")
    return name
