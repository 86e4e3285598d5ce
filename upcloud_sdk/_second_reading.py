"""Second attempt to read an answer that does not fit its model.

The API usually leaves out missing values. Sometimes it sends null, "", {} or [] instead. If a field does not allow
that, it counts as missing. A list may also come without its inner key, or as null or "". Other unreadable parts count
as missing too, or as None, and are logged: optional fields, items of lists, entries of mappings. A strict client raises
an error instead. Correct answers never get here, so this costs them no time.
"""

from __future__ import annotations

import logging
import re
from types import NoneType
from typing import TYPE_CHECKING, NamedTuple, cast, get_args, get_origin

from pydantic import BaseModel

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pydantic.fields import FieldInfo
    from pydantic_core import ErrorDetails

Json = object

ROUNDS = 20
"""Maximum number of repair rounds per answer. One round finds all problems that are not hidden by others."""

log = logging.getLogger("upcloud_sdk")


class Reading:
    """How a client reads answers: it logs each problem once, or raises if it is strict."""

    def __init__(self, *, strict: bool = False) -> None:
        self.strict = strict
        self._told: set[tuple[str, str | None]] = set()

    def tell(self, loss: Loss) -> None:
        """Log a loss, once per place in a model."""
        place = (re.sub(r"\[\d+\]", "[]", loss.path), loss.uuid if loss.is_item else None)
        if place in self._told:
            return
        self._told.add(place)
        whose = f" of {loss.uuid}" if loss.uuid else ""
        what = "left out" if loss.is_item else loss.instead
        log.warning("%s%s cannot be read (%s): it is %s", loss.path, whose, loss.problem, what)

    def tell_invalid(self, model: str, problem: str) -> None:
        """Log an answer with invalid text, once per model."""
        if (model, problem) not in self._told:
            self._told.add((model, problem))
            log.warning("an answer with %s is not valid JSON (%s): invalid characters are replaced", model, problem)


STRICT = Reading(strict=True)


class Loss(NamedTuple):
    """A part that is removed, so that the rest of the answer can be read."""

    path: str
    """Its path, such as `Server.ip_addresses[0].family`."""
    uuid: str | None
    """The uuid of the innermost resource around it."""
    problem: str
    instead: str
    is_item: bool
    becomes_none: bool
    """Whether its field can be None, also if the field has another default."""
    holder: dict[str, Json] | list[Json]
    key: str | int

    def give_up(self) -> None:
        """Remove the part from the document, or make it None."""
        if isinstance(self.holder, list):
            del self.holder[int(self.key)]
        elif self.becomes_none and self.holder[str(self.key)] is not None:
            self.holder[str(self.key)] = None
        else:
            self.holder.pop(str(self.key), None)


def fill_in(document: Json, problems: Sequence[ErrorDetails], path: Sequence[str]) -> bool:
    """Remove empty values from a document, so that they count as missing. True if there were any.

    `problems` are the errors of the first reading. `path` is the path to the wanted part of the answer.
    """
    changed = len(path) == 2 and _wrap(document, *path)
    for problem in problems:
        changed |= problem["loc"] not in ((), tuple(path)) and _drop(document, problem["loc"])
    return changed


def give_up(kind: object, document: Json, problems: Sequence[ErrorDetails], path: Sequence[str]) -> list[Loss]:
    """Remove unreadable parts of a document and return them. Empty if a required part is unreadable."""
    losses = {(id(loss.holder), loss.key): loss for loss in _losses(kind, document, problems, path)}
    # From the end, so that the indexes of the other items stay valid.
    for loss in sorted(losses.values(), key=lambda loss: loss.key if isinstance(loss.key, int) else 0, reverse=True):
        loss.give_up()
    return list(losses.values())


def uuid_in(document: Json, place: Sequence[int | str]) -> str | None:
    """The uuid of the innermost resource around a place in a document."""
    found: str | None = None
    for length in range(len(place) + 1):
        here = document
        for part in place[:length]:
            here = _at(here, part)
        uuid = _at(here, "uuid")
        found = uuid if isinstance(uuid, str) else found
    return found


def plain(place: Iterable[int | str]) -> tuple[int | str, ...]:
    """A pydantic error location, without the parts in brackets, which are not in the document."""
    return tuple(part for part in place if not str(part).endswith("]"))


def deepest(problems: Sequence[ErrorDetails]) -> dict[tuple[int | str, ...], str]:
    """Problems by location. If a value has several allowed forms, use the form that was read furthest."""
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
    """A step on the path to a problem: the expected model there, and whether it is a list of it."""

    kind: type[BaseModel] | None
    is_many: bool
    is_of_models: bool = False
    """Whether it is a JSON object of models by name. (Labels are sent as a list of pairs instead.)"""

    @classmethod
    def into(cls, annotation: object) -> _Step:
        models: list[type[BaseModel]] = []
        many = mapping = False
        todo = [annotation]
        while todo:
            each = todo.pop()
            many |= get_origin(each) in {tuple, dict}
            mapping |= get_origin(each) is dict
            if isinstance(each, type) and get_origin(each) is None and issubclass(each, BaseModel):
                models.append(each)
            todo.extend(get_args(each))
        return cls(models[0] if models else None, many, mapping and bool(models))

    def field(self, key: int | str) -> FieldInfo | None:
        if self.kind is None or self.is_many:
            return None
        fields = self.kind.model_fields
        return fields.get(str(key))


def _loss(kind: object, holder: Json, place: Sequence[int | str], message: str) -> Loss | None:
    """The innermost optional part that contains a problem, to be removed. None if there is none."""
    step, found = _Step.into(kind), None
    path = getattr(step.kind or kind, "__name__", str(kind))
    uuid = uuid_in(holder, ())
    for number, part in enumerate(place):
        field = step.field(part)
        # A text key at the place of a list is the inner key of the list.
        is_list = isinstance(part, str) and isinstance(_at(holder, part), list)
        wraps = step.is_many and not step.is_of_models and is_list
        is_item = step.is_many and not wraps and _is_there(holder, part)
        if not wraps:
            path += f"[{part}]" if isinstance(part, int) else f".{part}"
        if _is_there(holder, part) and (is_item or (field is not None and not field.is_required())):
            becomes_none = field is not None and NoneType in get_args(field.annotation)
            default = None if field is None else field.get_default(call_default_factory=True, validated_data={})
            instead = repr(None if becomes_none else default)
            why = message if number == len(place) - 1 else f"{_dotted(place[number + 1 :])}: {message}"
            container = cast("dict[str, Json] | list[Json]", holder)
            found = Loss(path, uuid, why, instead, is_item, becomes_none, container, part)
        if field is not None:
            step = _Step.into(field.annotation)
        elif not wraps:
            step = _Step(step.kind, is_many=False)
        if _is_there(holder, part):
            holder = _at(holder, part)
            uuid = uuid_in(holder, ()) or uuid
            if found is not None and found.is_item and found.key == part:
                found = found._replace(uuid=uuid)
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
    """Turn a list without its inner key into `{outer: {inner: [...]}}`, and null and "" into an empty list."""
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
    """Remove the empty field at this location."""
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
