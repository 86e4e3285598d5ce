"""What all models of answers and of requests have in common."""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, cast, dataclass_transform

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    SerializationInfo,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from upcloud_sdk._misuse import MODEL_ATTRIBUTES_MEANT, did_you_mean
from upcloud_sdk._wire.frozen import FrozenDict, Json
from upcloud_sdk._wire.secrets import WIRE

if TYPE_CHECKING:
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

    if not TYPE_CHECKING:  # Type checkers would take every name for one that exists.

        def __getattr__(self, name: str) -> object:
            try:
                return super().__getattr__(name)
            except AttributeError as error:
                if name.startswith("_"):
                    raise
                kind = type(self)
                names = {*kind.model_fields, *(each for each, what in vars(kind).items() if isinstance(what, property))}
                advice = did_you_mean(name, names, MODEL_ATTRIBUTES_MEANT)
                raise AttributeError(f"{error}{advice}", name=name, obj=self) from None

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

    extra: Json = Field(default_factory=FrozenDict[str, Any], repr=False)
    """What this release does not know, merged into the document that is sent: where both say something, this counts."""

    @model_serializer(mode="wrap")
    def _merge_extra(self, write: SerializerFunctionWrapHandler, info: SerializationInfo) -> dict[str, Any]:
        document: dict[str, Any] = write(self)
        if not self.extra or info.context == WIRE:
            document.pop("extra", None)
        return merged(document, self.extra) if info.context == WIRE else document

    def wire(self) -> dict[str, Any]:
        """The JSON document that the API reads, secrets included; what is None is left out."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True, context=WIRE)


def merged(document: dict[str, Any], extra: Mapping[str, Any]) -> dict[str, Any]:
    """A document with more in it: objects are merged, labels are added, anything else is replaced."""
    result = dict(document)
    for key, value in extra.items():
        present = result.get(key)
        if isinstance(present, dict) and isinstance(value, Mapping):
            value = merged(cast("dict[str, Any]", present), cast("Mapping[str, Any]", value))  # noqa: PLW2901 - both of them
        elif isinstance(present, list) and key in {"labels", "label"}:
            value = [*cast("tuple[Any, ...]", present), *value]  # noqa: PLW2901 - both of them
        result[key] = value
    return result


class Changes(Request):
    """A change: only the fields that were given are sent."""

    _nullable: frozenset[str] = frozenset()
    """Fields for which None has a meaning of its own (to detach, to clear) and travels as null."""

    @model_validator(mode="after")
    def _labels_have_a_field(self) -> Self:
        if "labels" in self.extra:
            raise ValueError("extra has labels: write labels={...}, which keeps the labels of the SDK's own")
        return self

    def wire(self) -> dict[str, Any]:
        """The JSON document that the API reads: what was given, and null only where null means something."""
        document = self.model_dump(mode="json", by_alias=True, exclude_unset=True, context=WIRE)
        kept = self._nullable | self.extra.keys()
        return {key: value for key, value in document.items() if value is not None or key in kept}
