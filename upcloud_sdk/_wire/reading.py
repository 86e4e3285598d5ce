"""Reads an answer that does not fit its model. Correct answers never get here, so this costs them no time.

The API usually leaves out missing values. Sometimes it sends null, "", {} or [] instead. If a field does not allow
that, it counts as missing. Any other value that cannot be read costs its field, its item of a list, or its entry of a
mapping, and is logged with its path. A strict client raises an error instead.

The validator is made from the schema of the models: each optional field and each item is wrapped in a function that
catches its error.
"""

from __future__ import annotations

import logging
import re
from types import NoneType
from typing import TYPE_CHECKING, Any, NamedTuple, cast, get_args

from pydantic import ValidationError
from pydantic_core import PydanticOmit, SchemaValidator, core_schema

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from pydantic import BaseModel

    Handler = Callable[[object], object]
    Info = core_schema.ValidationInfo[Any]
    Schema = dict[str, Any]

log = logging.getLogger("upcloud_sdk")


class Reading:
    """How a client reads answers: it logs each problem once, or raises if it is strict."""

    def __init__(self, *, strict: bool = False) -> None:
        self.strict = strict
        self._told: set[tuple[str, str | None]] = set()

    def tell(self, loss: Loss) -> None:
        """Log a loss, once per place in a model."""
        if self._is_new(re.sub(r"\[\d+\]", "[]", loss.path), loss.uuid if loss.instead is None else None):
            whose = f" of {loss.uuid}" if loss.uuid else ""
            log.warning(
                "%s%s cannot be read (%s): it is %s", loss.path, whose, loss.problem, loss.instead or "left out"
            )

    def tell_invalid(self, model: str, problem: str) -> None:
        """Log an answer with invalid text, once per model."""
        if self._is_new(model, problem):
            log.warning("an answer with %s is not valid JSON (%s): invalid characters are replaced", model, problem)

    def _is_new(self, place: str, detail: str | None) -> bool:
        is_new = (place, detail) not in self._told
        self._told.add((place, detail))
        return is_new


STRICT = Reading(strict=True)


class Loss(NamedTuple):
    """A value that cannot be read."""

    path: str
    """Its path, such as `Server.ip_addresses[0].family`."""
    uuid: str | None
    """The uuid of the innermost resource around it."""
    problem: str
    instead: str | None
    """What is read instead. None for an item, which is left out."""


class Attempt:
    """One reading of an answer: where it is, and what it could not read."""

    def __init__(self, *, is_strict: bool) -> None:
        self.is_strict = is_strict
        self.losses: list[Loss] = []
        self.indexes: list[int] = []
        """The index in each list around the value."""
        self._steps: list[tuple[str, object]] = []

    def read(self, step: str, value: object, handler: Handler) -> object:
        """Read a value one step further down. If it cannot be read, what is lost in it does not matter."""
        lost = len(self.losses)
        self._steps.append((step, value))
        try:
            return handler(value)
        except ValidationError:
            del self.losses[lost:]
            raise
        finally:
            self._steps.pop()

    def lose(self, step: str, error: ValidationError, instead: str | None, value: object = None) -> None:
        """Note a value that cannot be read."""
        path = "".join([*(passed for passed, _ in self._steps), step])
        around = [_uuid_of(value), *(_uuid_of(each) for _, each in reversed(self._steps))]
        self.losses.append(Loss(path, next(filter(None, around), None), _problem(error), instead))


class _Missing(NamedTuple):
    """The value of a field that counts as missing."""

    value: object


_CONFIG = core_schema.CoreConfig(coerce_numbers_to_str=True, hide_input_in_errors=True)
"""The part of the models' configuration that their fields need."""


def tolerant(schema: object) -> SchemaValidator:
    """A validator of the same models that gives up what it cannot read. Its context is an `Attempt`."""
    return SchemaValidator(_tolerant(schema), _CONFIG)


def below(name: str, schema: Any) -> Any:  # noqa: ANN401 - pydantic's schemas
    """Begin the paths of losses with this name."""

    def read(value: object, handler: Handler, info: Info) -> object:
        return info.context.read(name, value, handler)

    return core_schema.with_info_wrap_validator_function(read, schema)


def plain(place: Iterable[int | str]) -> tuple[int | str, ...]:
    """A pydantic error location, without the parts in brackets, which are not in the document."""
    return tuple(part for part in place if not str(part).endswith("]"))


def deepest(error: ValidationError) -> tuple[tuple[int | str, ...], str]:
    """The place and the message of an error. If a value has several allowed forms, that of the one read furthest."""
    found = [(plain(each["loc"]), each["msg"]) for each in error.errors(include_url=False, include_context=False)]
    return max(found, key=lambda each: len(each[0]))


def uuid_in(document: object, place: Sequence[int | str]) -> str | None:
    """The uuid of the innermost resource around a place in a document."""
    found, here = _uuid_of(document), cast("Any", document)
    for part in place:
        try:
            here = here[part]
        except (LookupError, TypeError):
            break
        found = _uuid_of(here) or found
    return found


def _uuid_of(value: object) -> str | None:
    uuid = cast("dict[str, object]", value).get("uuid") if isinstance(value, dict) else None
    return uuid if isinstance(uuid, str) else None


def _problem(error: ValidationError) -> str:
    place, message = deepest(error)
    return f"{'.'.join(map(str, place))}: {message}" if place else message


def _tolerant(part: object, model: type[BaseModel] | None = None) -> Any:  # noqa: ANN401 - pydantic's schemas
    """A copy of a schema, or of a part of it, in which optional fields and items may be unreadable."""
    if isinstance(part, list):
        return [_tolerant(each, model) for each in cast("list[object]", part)]
    if isinstance(part, tuple):
        return tuple(_tolerant(each, model) for each in cast("tuple[object, ...]", part))
    if not isinstance(part, dict):
        return part
    schema = dict(cast("Schema", part))
    kind = schema.get("type")
    if kind == "model":
        model = cast("type[BaseModel]", schema["cls"])
    for key in schema.keys() - _NO_SCHEMAS:
        # The fields are by name, and a name may be that of a key.
        fields: Schema | None = schema[key] if key == "fields" else None
        schema[key] = (
            _tolerant(schema[key], model)
            if fields is None
            else {name: _tolerant(field, model) for name, field in fields.items()}
        )
    change = _CHANGES.get(kind) if isinstance(kind, str) else None
    return change(schema, model) if change else schema


_NO_SCHEMAS = frozenset({"cls", "config", "default", "expected", "function", "metadata", "serialization"})


def _change_model(schema: Schema, model: type[BaseModel]) -> object:
    # Not a schema of the type `model`, for which pydantic would take the validator that the class has already.
    def construct(read: tuple[dict[str, object], dict[str, object] | None, set[str]]) -> BaseModel:
        values, extra, given = read
        missing = {name: value.value for name, value in values.items() if isinstance(value, _Missing)}
        return model.model_construct(given - missing.keys(), **{**values, **missing, **(extra or {})})

    return core_schema.no_info_after_validator_function(construct, schema["schema"], ref=schema.get("ref"))


def _change_fields(schema: Schema, model: type[BaseModel]) -> object:
    schema["extra_behavior"] = model.model_config.get("extra", "ignore")
    for name, field in schema["fields"].items():
        inner = field["schema"]
        if inner["type"] == "default":
            is_nullable = NoneType in get_args(model.model_fields[name].annotation)
            inner["schema"] = _optional(f".{name}", inner, is_nullable=is_nullable)
        else:
            field["schema"] = below(f".{name}", inner)
    return schema


def _optional(step: str, schema: Schema, *, is_nullable: bool) -> object:
    def default() -> object:
        return schema["default_factory"]() if "default_factory" in schema else schema["default"]

    def read(value: object, handler: Handler, info: Info) -> object:
        attempt: Attempt = info.context
        try:
            return attempt.read(step, value, handler)
        except ValidationError as error:
            if _is_empty(value):
                return _Missing(default())
            if attempt.is_strict:
                raise
            instead = None if is_nullable else default()
            attempt.lose(step, error, repr(instead))
            return _Missing(instead)

    return core_schema.with_info_wrap_validator_function(read, schema["schema"])


def _change_typed_dict(schema: Schema, _: object) -> object:
    """In an entry, such as a label, only an empty value counts as missing. Any other one costs the entry."""
    for field in schema["fields"].values():
        inner = field["schema"]
        if inner["type"] == "default":
            inner["schema"] = core_schema.no_info_wrap_validator_function(_default_if_empty(inner), inner["schema"])
    return schema


def _default_if_empty(schema: Schema) -> Callable[[object, Handler], object]:
    return lambda value, handler: schema["default"] if _is_empty(value) else handler(value)


def _change_items(schema: Schema, _: object) -> object:
    """For lists, and for mappings by the number of their entry."""
    key = "values_schema" if schema["type"] == "dict" else "items_schema"
    items = schema.get(key)
    if items is None:
        return schema
    schema[key] = [_item(each) for each in cast("list[object]", items)] if isinstance(items, list) else _item(items)
    return core_schema.with_info_wrap_validator_function(_read_list, cast("Any", schema))


def _read_list(value: object, handler: Handler, info: Info) -> object:
    attempt: Attempt = info.context
    attempt.indexes.append(-1)
    try:
        return handler(value)
    finally:
        attempt.indexes.pop()


def _item(schema: Any) -> object:  # noqa: ANN401 - pydantic's schemas
    def read(value: object, handler: Handler, info: Info) -> object:
        attempt: Attempt = info.context
        attempt.indexes[-1] += 1
        step = f"[{attempt.indexes[-1]}]"
        try:
            return attempt.read(step, value, handler)
        except ValidationError as error:
            if attempt.is_strict:
                raise
            attempt.lose(step, error, None, value)
            raise PydanticOmit from None

    return core_schema.with_info_wrap_validator_function(read, schema)


def _is_empty(value: object) -> bool:
    return value in (None, "", {}, [])


_CHANGES: dict[str, Callable[[Schema, Any], object]] = {
    "model": _change_model,
    "model-fields": _change_fields,
    "typed-dict": _change_typed_dict,
    "list": _change_items,
    "tuple": _change_items,
    "dict": _change_items,
}
