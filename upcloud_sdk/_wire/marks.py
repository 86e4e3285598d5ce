"""Annotations of fields: how to read and write their values."""

from __future__ import annotations

import functools
import operator
import os
import socket
import types
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TYPE_CHECKING, Annotated, Self, TypeVar, cast, get_args

from pydantic import BaseModel, BeforeValidator, Field, PlainSerializer
from pydantic_core import core_schema

from upcloud_sdk._wire.frozen import FrozenDict

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler

T = TypeVar("T")


class OpenEnum(StrEnum):
    """An enumeration that accepts values that this release does not know."""

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, str):
            return None
        member = str.__new__(cls, value)
        member._name_, member._value_ = value.upper(), value
        return member

    @property
    def is_known(self) -> bool:
        """Whether this release of the SDK knows the value."""
        return type(self).__members__.get(self._name_) is self


Flag = Annotated[bool, PlainSerializer(lambda on: "yes" if on else "no", return_type=str, when_used="json")]
"""Written as "yes" or "no"."""

Switch = Annotated[bool, PlainSerializer(lambda on: "on" if on else "off", return_type=str, when_used="json")]
"""Written as "on" or "off"."""


IntText = Annotated[int, PlainSerializer(str, return_type=str, when_used="json")]
"""Written as text."""


EmptyIsNone = BeforeValidator(lambda value: value if value not in ("", {}, []) else None)
"""For fields that the API sends as "" or {} instead of null."""


def first_of(*choices: core_schema.CoreSchema) -> core_schema.CoreSchema:
    """Read a value by the first choice that fits."""
    # The name of a choice becomes a part of an error's path. By default it is the type, such as `dict[str,any]` or
    # `none`. With brackets, `reading.plain` removes it from the path, since it is not in the document.
    return core_schema.union_schema([(choice, "[choice]") for choice in choices], mode="left_to_right")


def _is_empty(kind: type) -> core_schema.CoreSchema:
    """Read "", null and {} as None."""
    empty = first_of(core_schema.none_schema(), core_schema.literal_schema([""]), core_schema.dict_schema(max_length=0))
    return core_schema.no_info_after_validator_function(lambda _: kind(), empty)


def no_list() -> core_schema.CoreSchema:
    """Read null and "" as an empty list."""
    empty = first_of(core_schema.none_schema(), core_schema.literal_schema([""]))
    return core_schema.no_info_after_validator_function(lambda _: (), empty)


def inside(key: str, inner: core_schema.CoreSchema) -> core_schema.CoreSchema:
    """Read the value under a key of an object.

    A typed dictionary with an `itemgetter` runs in C, and costs a fifth of an `AliasPath` in a model that keeps unknown
    fields.
    """
    wrapping = core_schema.typed_dict_schema(
        {key: core_schema.typed_dict_field(inner, required=True)}, config={"coerce_numbers_to_str": True}
    )
    return core_schema.no_info_after_validator_function(operator.itemgetter(key), wrapping)


class _Empty:
    """For a list that may come as "", null or {}: it is read as empty."""

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return first_of(handler(source), _is_empty(tuple))


class Inside:
    """For a list inside an object of an answer: `Inside("tag")` for `{"tags": {"tag": [...]}}`.

    It may also come without the object, or as "", null or {}, which is read as empty.
    """

    def __init__(self, key: str) -> None:
        self._key = key

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        inner = handler(source)
        return first_of(inside(self._key, first_of(inner, _is_empty(tuple))), inner, _is_empty(tuple))


Items = Annotated[tuple[T, ...], _Empty()]
"""A list of an answer, without an object around it."""


def _pairs() -> core_schema.CoreSchema:
    text = core_schema.str_schema(coerce_numbers_to_str=True)
    pair = core_schema.typed_dict_schema(
        {
            "key": core_schema.typed_dict_field(text, required=True),
            "value": core_schema.typed_dict_field(core_schema.with_default_schema(text, default="")),
        }
    )
    entry = core_schema.no_info_after_validator_function(operator.itemgetter("key", "value"), pair)
    return core_schema.no_info_after_validator_function(FrozenDict, core_schema.list_schema(entry))


def _read_labels(value: object) -> object:
    if isinstance(value, Mapping):
        mapping = cast("Mapping[str, object]", value)
        if "label" not in mapping or isinstance(mapping["label"], str):
            return mapping
        value = mapping["label"]
    if isinstance(value, list | tuple):
        return dict(map(_read_label, cast("list[object]", value)))
    return value or {}


def _mapping(value: object) -> Mapping[str, object]:
    return cast("Mapping[str, object]", value if isinstance(value, Mapping) else {})


def _read_label(pair: object) -> tuple[object, object]:
    fields = _mapping(pair)
    key = fields.get("key")
    if not isinstance(key, str):
        raise ValueError("a label is an object with a key")  # noqa: TRY004 - pydantic needs a ValueError
    return key, fields.get("value", "")


class _Labels:
    """For labels: pairs, with or without `{"label": [...]}` around them, or a mapping from users."""

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        mapping, pairs = core_schema.no_info_after_validator_function(FrozenDict, handler(source)), _pairs()
        return core_schema.json_or_python_schema(
            # An answer. Must be fast, so nothing here calls into Python.
            first_of(inside("label", first_of(pairs, _is_empty(FrozenDict))), pairs, mapping, _is_empty(FrozenDict)),
            # Input of users. A wrong label gives one error, not one for each choice.
            core_schema.no_info_before_validator_function(_read_labels, mapping),
        )


class _Time:
    """For a time. Without a time zone it is UTC. Seconds since 1970 are accepted too."""

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        zoneless = core_schema.no_info_after_validator_function(
            lambda time: time.replace(tzinfo=UTC), core_schema.datetime_schema(tz_constraint="naive")
        )
        return first_of(core_schema.datetime_schema(tz_constraint="aware"), zoneless)


Time = Annotated[datetime, _Time()]
"""A time in an answer, with time zone."""


@functools.lru_cache(maxsize=4096)
def _read_address(text: str) -> IPv4Address | IPv6Address:
    # An answer contains each address twice, and is read repeatedly. So the cache makes addresses nearly free.
    # `inet_pton` takes a tenth of the time of `ipaddress`. Only `ipaddress` knows scopes.
    try:
        if ":" in text:
            return IPv6Address(socket.inet_pton(socket.AF_INET6, text))
        return IPv4Address(socket.inet_pton(socket.AF_INET, text))
    except OSError:
        pass
    try:
        return ip_address(text)
    except ValueError:
        raise ValueError("not an IP address") from None


class _Address:
    """For an address: text in JSON, text or an address object from users."""

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        address = core_schema.is_instance_schema((IPv4Address, IPv6Address), cls_repr="IPv4Address or IPv6Address")
        return core_schema.json_or_python_schema(
            core_schema.no_info_after_validator_function(_read_address, core_schema.str_schema()),
            core_schema.no_info_before_validator_function(
                lambda value: _read_address(value) if isinstance(value, str) else value, address
            ),
            serialization=core_schema.to_string_ser_schema(when_used="json"),
        )


Address = Annotated[IPv4Address | IPv6Address, _Address()]
"""An IPv4 or IPv6 address."""

AddressOrText = Annotated[Address | str, Field(union_mode="left_to_right")]
"""An address. If the API sends anything else: its text."""


def _write_labels(labels: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in labels.items()]


Labels = Annotated[dict[str, str], _Labels()]
"""Labels of an answer: inside `{"label": [...]}` (servers, server groups) or as a plain list (others)."""

BareLabels = Annotated[Labels, PlainSerializer(_write_labels, when_used="json")]
"""Labels of a request, written as a plain list."""

WrappedLabels = Annotated[Labels, PlainSerializer(lambda labels: {"label": _write_labels(labels)}, when_used="json")]
"""Labels of a request, written inside `{"label": [...]}`."""


class Wrapped:
    """For a list of a request inside one or more objects: `Wrapped("interfaces", "interface")`.

    The field's annotation is `Sequence[...]`, so that users can give a list. The model holds a tuple.
    """

    def __init__(self, *keys: str) -> None:
        self.keys = keys

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return core_schema.no_info_before_validator_function(
            self._unwrap,
            handler.generate_schema(types.GenericAlias(tuple, (get_args(source)[0], ...))),
            serialization=core_schema.wrap_serializer_function_ser_schema(self._wrap, when_used="json"),
        )

    def _unwrap(self, value: object) -> object:
        if isinstance(value, str | os.PathLike | BaseModel):
            raise ValueError("this must be a list: write [...] around it, also for a single item")  # noqa: TRY004 - pydantic needs a ValueError
        for key in self.keys:
            # Without its key, it is not the object. Then the error of the expected sequence is reported.
            wrapping = _mapping(value)
            if key not in wrapping:
                break
            value = wrapping[key]
        return value

    def _wrap(self, value: object, serializer: core_schema.SerializerFunctionWrapHandler) -> object:
        inner = serializer(value)
        if value is None:
            return None
        for key in reversed(self.keys):
            inner = {key: inner}
        return inner
