"""Immutable mappings for frozen models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Generic, NoReturn, TypeVar, cast

from pydantic import AfterValidator

K = TypeVar("K")
V = TypeVar("V")


class FrozenDict(dict[K, V], Generic[K, V]):
    """An immutable dict, which therefore has a hash. `dict(...)`, `|` and `copy` return a mutable dict."""

    __slots__ = ()

    def __hash__(self) -> int:  # type: ignore[override]  # a dict has no hash, since it is mutable
        return hash(frozenset(self.items()))

    def __reduce__(self) -> tuple[type[FrozenDict[K, V]], tuple[dict[K, V]]]:
        return type(self), (dict(self),)

    def _refuse(self, *_: object, **__: object) -> NoReturn:
        raise TypeError("models cannot be changed: make a copy, such as {**server.labels, 'a': 'b'}")

    __setitem__ = __delitem__ = __ior__ = _refuse  # pyright: ignore[reportAssignmentType]  # these change a dict
    clear = pop = popitem = setdefault = update = _refuse  # pyright: ignore[reportAssignmentType]  # these too


def freeze(value: Any) -> Any:  # noqa: ANN401 - any JSON
    """Make a JSON value immutable."""
    if isinstance(value, Mapping):
        return FrozenDict({key: freeze(inner) for key, inner in cast("Mapping[str, Any]", value).items()})
    if isinstance(value, list | tuple):
        return tuple(map(freeze, cast("list[Any]", value)))
    return value


Frozen = AfterValidator(FrozenDict)
"""For a mapping in an answer."""

Json = Annotated[dict[str, Any], AfterValidator(freeze)]
"""A JSON object, kept as the API sent it."""
