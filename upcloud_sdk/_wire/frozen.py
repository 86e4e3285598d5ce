"""Mappings that cannot be changed: a model that is frozen holds no others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Generic, NoReturn, TypeVar, cast

from pydantic import AfterValidator

K = TypeVar("K")
V = TypeVar("V")


class FrozenDict(dict[K, V], Generic[K, V]):
    """A dict that cannot be changed, and so has a hash. `dict(...)`, `|` and `copy` make one that can."""

    __slots__ = ()

    def __hash__(self) -> int:  # type: ignore[override]  # a dict has none, since it changes
        return hash(frozenset(self.items()))

    def __reduce__(self) -> tuple[type[FrozenDict[K, V]], tuple[dict[K, V]]]:
        return type(self), (dict(self),)

    def _refuse(self, *_: object, **__: object) -> NoReturn:
        raise TypeError("a model and what it holds cannot be changed: make a copy, such as {**server.labels, 'a': 'b'}")

    __setitem__ = __delitem__ = __ior__ = _refuse  # pyright: ignore[reportAssignmentType]  # these change a dict
    clear = pop = popitem = setdefault = update = _refuse  # pyright: ignore[reportAssignmentType]  # these too


def freeze(value: Any) -> Any:  # noqa: ANN401 - any JSON
    """A JSON value that cannot be changed."""
    if isinstance(value, Mapping):
        return FrozenDict({key: freeze(inner) for key, inner in cast("Mapping[str, Any]", value).items()})
    if isinstance(value, list | tuple):
        return tuple(map(freeze, cast("list[Any]", value)))
    return value


Frozen = AfterValidator(FrozenDict)
"""Marks a mapping of an answer."""

Json = Annotated[dict[str, Any], AfterValidator(freeze)]
"""An object of JSON that is held as it came."""
