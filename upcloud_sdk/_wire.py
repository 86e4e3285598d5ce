"""Every oddity of the wire format of UpCloud's API 1.3, once.

Booleans travel as "yes"/"no" or "on"/"off", some integers as text, lists inside an object of their singular name,
labels as pairs. Answers are read by pydantic's own lax types, without a call into Python where that is possible;
requests are written by the annotations here, in JSON mode only: `model_dump()` keeps Python values.
"""

from __future__ import annotations

import functools
import html
import json
import operator
import socket
import types
from collections.abc import Callable, Mapping
from contextlib import suppress
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TYPE_CHECKING, Annotated, Any, Generic, Self, TypeVar, cast, dataclass_transform, get_args

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    PrivateAttr,
    SecretStr,
    SerializationInfo,
    ValidationError,
)
from pydantic_core import core_schema

from upcloud_sdk._second_reading import mended

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler

    # Private to pydantic, and seen by type checkers only: its public names cannot tell them that all models are frozen.
    from pydantic._internal._model_construction import ModelMetaclass

    @dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(Field, PrivateAttr))
    class Frozen(ModelMetaclass):
        """The metaclass of models, as type checkers see it."""

else:

    class Frozen(type(BaseModel)):
        """The same at run time: `help()` of a model shows what is written under its fields."""

        @property
        def __doc__(cls) -> str:
            # Loaded by those who ask.
            from upcloud_sdk._field_docs import with_fields  # noqa: PLC0415 - see above

            return with_fields(cls, vars(cls).get("__doc__") or "")


T = TypeVar("T")

WIRE = {"wire": True}
"""The serialization context of a request: only in it a secret is written out."""


class OpenEnum(StrEnum):
    """An enumeration that admits values this release has not heard of."""

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


def _write_secret(secret: SecretStr, info: SerializationInfo) -> str:
    return secret.get_secret_value() if info.context == WIRE else str(secret)


WireSecret = Annotated[SecretStr, PlainSerializer(_write_secret, return_type=str, when_used="json")]
"""A secret of a request: written out only on its way to the API."""

EmptyIsNone = BeforeValidator(lambda value: value if value not in ("", {}, []) else None)
"""For what the API leaves empty ("" or {}) where others would say null."""


def _first_of(*choices: core_schema.CoreSchema) -> core_schema.CoreSchema:
    # The name of a choice is part of an error's path, from which `Envelope.read` drops what stands in brackets.
    return core_schema.union_schema([(choice, "[choice]") for choice in choices], mode="left_to_right")


def _is_empty(kind: type) -> core_schema.CoreSchema:
    """Reads "", null and {} as nothing."""
    empty = _first_of(
        core_schema.none_schema(), core_schema.literal_schema([""]), core_schema.dict_schema(max_length=0)
    )
    return core_schema.no_info_after_validator_function(lambda _: kind(), empty)


def _inside(key: str, inner: core_schema.CoreSchema) -> core_schema.CoreSchema:
    """Reads what stands in an object under a key.

    A typed dictionary and an `itemgetter` never leave C, and cost a fifth of what an `AliasPath` does in a model that
    keeps unknown fields.
    """
    wrapping = core_schema.typed_dict_schema(
        {key: core_schema.typed_dict_field(inner, required=True)}, config={"coerce_numbers_to_str": True}
    )
    return core_schema.no_info_after_validator_function(operator.itemgetter(key), wrapping)


class _Empty:
    """Marks a list that may come as "", null or {}: read as no items."""

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return _first_of(handler(source), _is_empty(tuple))


class Inside:
    """Marks a list of an answer that travels inside an object: `Inside("tag")` for `{"tags": {"tag": [...]}}`.

    It may also come bare, or as "", null or {}, which is no items.
    """

    def __init__(self, key: str) -> None:
        self._key = key

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        inner = handler(source)
        return _first_of(_inside(self._key, _first_of(inner, _is_empty(tuple))), inner, _is_empty(tuple))


Items = Annotated[tuple[T, ...], _Empty()]
"""A list of an answer that travels bare."""


def _pairs() -> core_schema.CoreSchema:
    text = core_schema.str_schema(coerce_numbers_to_str=True)
    pair = core_schema.typed_dict_schema(
        {
            "key": core_schema.typed_dict_field(text, required=True),
            "value": core_schema.typed_dict_field(core_schema.with_default_schema(text, default="")),
        }
    )
    entry = core_schema.no_info_after_validator_function(operator.itemgetter("key", "value"), pair)
    return core_schema.no_info_after_validator_function(dict, core_schema.list_schema(entry))


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
        raise ValueError("a label is an object with a key")  # noqa: TRY004 - pydantic reads a ValueError
    return key, fields.get("value", "")


class _Labels:
    """Marks labels: pairs, bare or inside `{"label": [...]}`, or a mapping, as users write them."""

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        mapping, pairs = handler(source), _pairs()
        return core_schema.json_or_python_schema(
            # An answer, which must be fast: nothing here calls into Python.
            _first_of(_inside("label", _first_of(pairs, _is_empty(dict))), pairs, mapping, _is_empty(dict)),
            # What users write, of whom a wrong label deserves one error and not one for each choice.
            core_schema.no_info_before_validator_function(_read_labels, mapping),
        )


@functools.lru_cache(maxsize=4096)
def _read_address(text: str) -> IPv4Address | IPv6Address:
    # An answer says each address twice, and is asked for again: the cache makes addresses nearly free. `inet_pton`
    # takes a tenth of the time that `ipaddress` takes to parse; what it does not know (a scope) `ipaddress` may.
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
    """Marks an address: text in JSON, text or an address from users."""

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
"""An address of either version of the Internet Protocol."""

AddressOrText = Annotated[Address | str, Field(union_mode="left_to_right")]
"""An address, or, where something else stands, its text."""


def _read_readable_labels(value: object) -> dict[str, str]:
    mapping = _mapping(value)
    inner = mapping.get("label", value)
    pairs: list[tuple[object, object]] = list(mapping.items())
    if isinstance(inner, list):
        listed = cast("list[object]", inner)
        pairs = [(pair.get("key"), pair.get("value", "")) for pair in map(_mapping, listed)]
    return {key: text for key, text in pairs if isinstance(key, str) and isinstance(text, str)}


def _write_labels(labels: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in labels.items()]


Labels = Annotated[dict[str, str], _Labels()]
"""Labels of an answer, wrapped (servers, server groups) or bare (everything else)."""

ReadableLabels = Annotated[dict[str, str], BeforeValidator(_read_readable_labels)]
"""Those labels of an answer that can be read: where one that is odd must not hide what the others say."""

BareLabels = Annotated[Labels, PlainSerializer(_write_labels, when_used="json")]
"""Labels of a request, written as a bare list."""

WrappedLabels = Annotated[Labels, PlainSerializer(lambda labels: {"label": _write_labels(labels)}, when_used="json")]
"""Labels of a request, written inside `{"label": [...]}`."""


class Wrapped:
    """Marks a list of a request that travels inside one object, or several: `Wrapped("interfaces", "interface")`.

    The field is annotated as `Sequence[...]`, so that a list may be given, and holds a tuple.
    """

    def __init__(self, *keys: str) -> None:
        self._keys = keys

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return core_schema.no_info_before_validator_function(
            self._unwrap,
            handler.generate_schema(types.GenericAlias(tuple, (get_args(source)[0], ...))),
            serialization=core_schema.wrap_serializer_function_ser_schema(self._wrap, when_used="json"),
        )

    def _unwrap(self, value: object) -> object:
        for key in self._keys:
            # Without its key it is no wrapping: the sequence that is expected instead says so.
            wrapping = _mapping(value)
            if key not in wrapping:
                break
            value = wrapping[key]
        return value

    def _wrap(self, value: object, serializer: core_schema.SerializerFunctionWrapHandler) -> object:
        inner = serializer(value)
        if value is None:
            return None
        for key in reversed(self._keys):
            inner = {key: inner}
        return inner


class Resource(BaseModel, metaclass=Frozen):
    """Something the API told us. Frozen. Fields that this release does not know are kept, but never shown."""

    model_config = ConfigDict(
        frozen=True,
        extra="allow",
        # Text that looks like a number may come as one.
        coerce_numbers_to_str=True,
        defer_build=True,
        hide_input_in_errors=True,
        protected_namespaces=(),
    )

    def __repr_args__(self) -> list[tuple[str, object]]:
        """Declared fields only: a field unknown today may be tomorrow's password."""
        return [
            (name, value)
            for name, field in type(self).model_fields.items()
            if field.repr and (value := getattr(self, name)) not in (None, ())
        ]

    def _repr_html_(self) -> str:
        """What a notebook shows: the same fields as `repr`."""
        shown = ((str(name), str(value)) for name, value in self.__repr_args__())
        rows = "".join(f"<tr><th>{html.escape(name)}</th><td>{html.escape(text)}</td></tr>" for name, text in shown)
        return f"<table><caption>{type(self).__name__}</caption>{rows}</table>"


class Request(BaseModel, metaclass=Frozen):
    """Something we ask for. Frozen; a misspelt field is an error here, not a mystery there."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        defer_build=True,
        hide_input_in_errors=True,
        protected_namespaces=(),
    )

    def wire(self) -> dict[str, Any]:
        """The JSON document that the API reads, secrets included; what is None is left out."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True, context=WIRE)


class Changes(Request):
    """A change: only the fields that were given are sent."""

    _nullable: frozenset[str] = frozenset()
    """Fields for which None has a meaning of its own (to detach, to clear) and travels as null."""

    def wire(self) -> dict[str, Any]:
        """The JSON document that the API reads: what was given, and null only where null means something."""
        document = self.model_dump(mode="json", by_alias=True, exclude_unset=True, context=WIRE)
        return {key: value for key, value in document.items() if value is not None or key in self._nullable}


class Unreadable(Exception):
    """An answer is not what the model says. Names the model and the path inside it, never a value."""

    def __init__(self, model: str, path: str, problem: str) -> None:
        super().__init__(model, path, problem)
        self.model, self.path, self.problem = model, path, problem


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
                return functools.reduce(lambda inner, key: _inside(key, inner), reversed(path), handler(kind))

        # Called past `model_validate_json`, which costs as much as ten fields and adds nothing here.
        return cast("Callable[[bytes], T]", Answer.__pydantic_validator__.validate_json)

    def read(self, content: bytes) -> T:
        """The value inside an answer.

        Raises:
            Unreadable: it is not JSON, or not what the model says.
        """
        try:
            return self._validate(content)
        except ValidationError as error:
            problems = error.errors(include_url=False, include_context=False)
            again = mended(content, problems, self._path)
            if again is not None:
                with suppress(ValidationError):
                    return self._validate(again)
            # What may come in several ways has a problem for each way: the one that was read furthest was meant.
            deepest = max(problems, key=lambda problem: len(problem["loc"]))
            # Names such as "tuple[Server, ...]" are pydantic's for the branches of a union, and in no document.
            inside = [str(part) for part in deepest["loc"] if not str(part).endswith("]")]
            raise Unreadable(self.name, ".".join(inside or self._path), deepest["msg"]) from error

    def is_wrapped(self, content: bytes) -> bool:
        """Whether an answer that could not be read has the shape of this one on its outside, or is only part of one."""
        try:
            document = json.loads(content)
        except (ValueError, RecursionError):
            return content.lstrip()[:1] in {b"{", b"["}
        return not self._path or (isinstance(document, dict) and self._path[0] in document)


def one(kind: type[T], key: str) -> Envelope[T]:
    """Reads `{"server": {...}}`."""
    return Envelope(kind, key)


def many(kind: type[T], outer: str, inner: str) -> Envelope[tuple[T, ...]]:
    """Reads `{"servers": {"server": [...]}}`."""
    # A type made from a value: no annotation can say that.
    kinds = cast("type[tuple[T, ...]]", types.GenericAlias(tuple, (kind, ...)))
    return Envelope(kinds, outer, inner)
