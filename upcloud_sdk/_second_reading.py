"""What is tried with an answer that cannot be read as it came, before it is said to be unreadable.

The API leaves out what is not there, nearly always: where it says null, "", {} or [] instead, and a field cannot have
that, it is read as if it were not there. A list of an answer may also come without its inner wrapping, as null or "".
Anything else that cannot be read is read as if it were not there either, and the log says so, unless the client is
strict: an optional field, an item of a list, an entry of a mapping.
All that costs nothing where answers are as they should be.
"""

from __future__ import annotations

import json
import logging
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, cast, get_args, get_origin

from pydantic import BaseModel

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pydantic.fields import FieldInfo
    from pydantic_core import ErrorDetails

Json = object

ROUNDS = 20
"""How often something may be given up of one answer: each round sees all that is wrong but what hid behind that."""

log = logging.getLogger("upcloud_sdk")


class Reading:
    """How a client reads: what is not as it should be, it names once, or refuses if it is strict."""

    def __init__(self, *, strict: bool = False) -> None:
        self.strict = strict
        self._told: set[tuple[str, str | None]] = set()

    def tell(self, loss: Loss) -> None:
        """Name what cannot be read, unless the same place of such an answer was named before."""
        place = (re.sub(r"\[\d+\]", "[]", loss.path), loss.uuid if loss.is_item else None)
        if place in self._told or self.strict:
            return
        self._told.add(place)
        whose = f" of {loss.uuid}" if loss.uuid else ""
        what = "left out" if loss.is_item else loss.instead
        log.warning("%s%s cannot be read (%s): it is %s", loss.path, whose, loss.problem, what)


STRICT = Reading(strict=True)


@dataclass(slots=True)
class Loss:
    """What is given up, so that the rest of an answer can be read."""

    path: str
    """Such as `Server.ip_addresses[0].family`."""
    uuid: str | None
    """Of the innermost thing around it that has one."""
    problem: str
    instead: str
    is_item: bool
    holder: dict[str, Json] | list[Json]
    key: str | int

    def give_up(self) -> None:
        """Take it out of the document."""
        if isinstance(self.holder, list):
            del self.holder[int(self.key)]
        else:
            self.holder.pop(str(self.key), None)


def parsed(content: bytes) -> Json:
    """The document of an answer; None where it is no JSON."""
    try:
        return cast("Json", json.loads(content))
    except (ValueError, RecursionError):
        return None


def fill_in(document: Json, problems: Sequence[ErrorDetails], path: Sequence[str]) -> bool:
    """Take what is empty out of a document, so that it counts as not there; whether there was anything.

    `problems` are those of the first reading, `path` leads to what is wanted of the answer.
    """
    changed = len(path) == 2 and _wrap(document, *path)
    for problem in problems:
        changed |= problem["loc"] not in ((), tuple(path)) and _drop(document, problem["loc"])
    return changed


def give_up(kind: object, document: Json, problems: Sequence[ErrorDetails], path: Sequence[str]) -> list[Loss]:
    """Take what cannot be read out of a document; the losses: none where something has to be there."""
    losses = {(id(loss.holder), loss.key): loss for loss in _losses(kind, document, problems, path)}
    # From behind, so that what is left of a list stays at its place meanwhile.
    for loss in sorted(losses.values(), key=lambda loss: loss.key if isinstance(loss.key, int) else 0, reverse=True):
        loss.give_up()
    return list(losses.values())


def uuid_in(document: Json, place: Sequence[int | str]) -> str | None:
    """The uuid of the innermost thing around a place of a document."""
    found: str | None = None
    for length in range(len(place) + 1):
        here = document
        for part in place[:length]:
            here = _at(here, part)
        uuid = _at(here, "uuid")
        found = uuid if isinstance(uuid, str) else found
    return found


def plain(place: Iterable[int | str]) -> tuple[int | str, ...]:
    """A place in a document, as pydantic says it, without the names in brackets that are in no document."""
    return tuple(part for part in place if not str(part).endswith("]"))


def deepest(problems: Sequence[ErrorDetails]) -> dict[tuple[int | str, ...], str]:
    """Problems by their places: of what may come in several ways, the way that was read furthest was meant."""
    found: dict[tuple[int | str, ...], str] = {}
    for problem in problems:
        found.setdefault(plain(problem["loc"]), problem["msg"])
    outer = {place[:length] for place in found for length in range(len(place))}
    return {place: message for place, message in found.items() if place not in outer}


def _losses(kind: object, document: Json, problems: Sequence[ErrorDetails], path: Sequence[str]) -> list[Loss]:
    losses: list[Loss] = []
    for place, message in deepest(problems).items():
        if place[: len(path)] != tuple(path):
            return []
        holder = document
        for part in path:
            holder = _at(holder, part)
        loss = _loss(kind, holder, place[len(path) :], message)
        if loss is None:
            return []
        losses.append(loss)
    return losses


class _Step(NamedTuple):
    """Where the walk to a problem is: what is expected there, and how many of it."""

    kind: type[BaseModel] | None
    is_many: bool

    @classmethod
    def into(cls, annotation: object) -> _Step:
        models: list[type[BaseModel]] = []
        many = False
        todo = [annotation]
        while todo:
            each = todo.pop()
            many |= get_origin(each) in {tuple, dict}
            if isinstance(each, type) and get_origin(each) is None and issubclass(each, BaseModel):
                models.append(each)
            todo.extend(get_args(each))
        return cls(models[0] if models else None, many)

    def field(self, key: int | str) -> FieldInfo | None:
        if self.kind is None or self.is_many:
            return None
        fields = self.kind.model_fields
        return fields.get(str(key))


def _loss(kind: object, holder: Json, place: Sequence[int | str], message: str) -> Loss | None:
    """What has to be given up for a problem: the innermost around it that need not be there; None if there is none."""
    step, found = _Step.into(kind), None
    path = getattr(step.kind or kind, "__name__", str(kind))
    uuid = uuid_in(holder, ())
    for number, part in enumerate(place):
        field = step.field(part)
        # In the place of a list or mapping, text that leads to a list is the wrapping of it.
        wraps = step.is_many and isinstance(part, str) and isinstance(_at(holder, part), list)
        is_item = step.is_many and not wraps and _is_there(holder, part)
        if not wraps:
            path += f"[{part}]" if isinstance(part, int) else f".{part}"
        if _is_there(holder, part) and (is_item or (field is not None and not field.is_required())):
            instead = "None" if field is None else repr(field.get_default(call_default_factory=True, validated_data={}))
            why = message if number == len(place) - 1 else f"{_dotted(place[number + 1 :])}: {message}"
            found = Loss(path, uuid, why, instead, is_item, cast("dict[str, Json] | list[Json]", holder), part)
        if field is not None:
            step = _Step.into(field.annotation)
        elif not wraps:
            step = _Step(step.kind, is_many=False)
        if _is_there(holder, part):
            holder = _at(holder, part)
            uuid = uuid_in(holder, ()) or uuid
            if found is not None and found.is_item and found.key == part:
                found.uuid = uuid
    return found


def _dotted(place: Iterable[int | str]) -> str:
    return ".".join(map(str, place))


def _is_there(holder: Json, key: int | str) -> bool:
    if isinstance(holder, list):
        return isinstance(key, int) and 0 <= key < len(cast("list[Json]", holder))
    return isinstance(holder, dict) and key in cast("dict[int | str, Json]", holder)


def _at(holder: Json, key: int | str) -> Json:
    if not _is_there(holder, key):
        return None
    return cast("dict[int | str, Json]", holder)[key]


def _is_empty(value: Json) -> bool:
    return value in (None, "", {}, [])


def _wrap(document: Json, outer: str, inner: str) -> bool:
    """Make `{outer: {inner: [...]}}` of a list that came bare, and an empty list of null and ""."""
    if not isinstance(document, dict) or outer not in document:
        return False
    fields = cast("dict[str, Json]", document)
    inside = fields[outer]
    if isinstance(inside, dict) and inner in inside:
        inside = cast("dict[str, Json]", inside)[inner]
        if inside not in (None, ""):
            return False
    if not isinstance(inside, list) and inside not in (None, ""):
        return False
    fields[outer] = {inner: inside or []}
    return True


def _drop(document: Json, place: Iterable[int | str]) -> bool:
    """Take out the empty field at a place."""
    *way, key = plain(place)
    holder = document
    for part in way:
        if not _is_there(holder, part):
            return False
        holder = _at(holder, part)
    if isinstance(holder, list) or not _is_there(holder, key) or not _is_empty(_at(holder, key)):
        return False
    del cast("dict[int | str, Json]", holder)[key]
    return True
