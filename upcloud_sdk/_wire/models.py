"""Base classes of all models of answers and requests."""

from __future__ import annotations

import html
import inspect
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

from upcloud_sdk._wire.frozen import FrozenDict, Json
from upcloud_sdk._wire.secrets import WIRE

if TYPE_CHECKING:
    # Private in pydantic, and only for type checkers: pydantic's public names cannot declare all models as frozen.
    from pydantic._internal._model_construction import ModelMetaclass

    @dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(Field, PrivateAttr))
    class Frozen(ModelMetaclass):
        """The metaclass of models, as type checkers see it."""

else:

    class Frozen(type(BaseModel)):
        """The metaclass at run time: `help()` of a model shows the descriptions of its fields."""

        @property
        def __doc__(cls) -> str:
            # Loaded only when it is needed.
            from upcloud_sdk._field_docs import with_fields  # noqa: PLC0415 - see above

            return with_fields(cls, vars(cls).get("__doc__") or "")


def _add_docs(schema: dict[str, Any], model: type[BaseModel]) -> None:
    """Add descriptions of a model and its fields to its JSON schema, which web frameworks show."""
    from upcloud_sdk._field_docs import fields_of  # noqa: PLC0415 - loaded only when it is needed

    schema["description"] = inspect.cleandoc(vars(model)["__doc__"] or "")
    written = fields_of(model)
    for name, field in schema.get("properties", {}).items():
        if name in written and written[name].doc:
            field["description"] = written[name].doc


class _Model(BaseModel, metaclass=Frozen):
    model_config = ConfigDict(
        frozen=True,
        defer_build=True,
        hide_input_in_errors=True,
        protected_namespaces=(),
        json_schema_extra=_add_docs,
    )


class Resource(_Model):
    """Data from the API. Frozen. Fields that this release does not know are kept, but `repr` does not show them."""

    model_config = ConfigDict(
        extra="allow",
        # The API may send a number where text is expected.
        coerce_numbers_to_str=True,
    )

    def __repr_args__(self) -> list[tuple[str, object]]:
        """Only declared fields: an unknown field may be a password."""
        return [
            (name, value)
            for name, field in type(self).model_fields.items()
            if field.repr and (value := getattr(self, name)) not in (None, ())
        ]

    def _repr_html_(self) -> str:
        """For notebooks: the same fields as `repr`."""
        shown = ((str(name), str(value)) for name, value in self.__repr_args__())
        rows = "".join(f"<tr><th>{html.escape(name)}</th><td>{html.escape(text)}</td></tr>" for name, text in shown)
        return f"<table><caption>{type(self).__name__}</caption>{rows}</table>"


class Request(_Model):
    """Data for a request. Frozen. Misspelt fields are refused."""

    model_config = ConfigDict(extra="forbid")

    extra: Json = Field(default_factory=FrozenDict[str, Any], repr=False)
    """Fields that this release does not know. Merged into the sent document, where they override other fields."""

    @model_serializer(mode="wrap")
    def _merge_extra(self, write: SerializerFunctionWrapHandler, info: SerializationInfo) -> dict[str, object]:
        # Not `Any`, since pydantic 2.10 looks for that name in the modules of models.
        document: dict[str, Any] = write(self)
        if not self.extra or info.context == WIRE:
            document.pop("extra", None)
        return merged(document, self.extra) if info.context == WIRE else document

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """A copy, with other values for some fields, which are checked as those of a new model.

        Raises:
            ValidationError: A field is misspelt, or its value does not fit.
        """
        copied = super().model_copy(deep=deep)
        if not update:
            return copied
        given = {name: getattr(copied, name) for name in self.model_fields_set}
        return type(self).model_validate({**given, **update})

    def wire(self) -> dict[str, Any]:
        """The JSON document for the API, with secrets. Fields that are None are left out."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True, context=WIRE)


def merged(document: dict[str, Any], extra: Mapping[str, Any]) -> dict[str, Any]:
    """Merge more fields into a document: objects are merged, labels are added, other values are replaced."""
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
    """Data for a change. Only fields that are given are sent."""

    _nullable: frozenset[str] = frozenset()
    """Fields for which None has a meaning (detach, clear) and is sent as null."""

    @model_validator(mode="after")
    def _labels_have_a_field(self) -> Self:
        if "labels" in self.extra:
            raise ValueError("extra contains labels: write labels={...}, which keeps the SDK's labels")
        return self

    def wire(self) -> dict[str, Any]:
        """The JSON document for the API: the given fields, with null only where it has a meaning."""
        document = self.model_dump(mode="json", by_alias=True, exclude_unset=True, context=WIRE)
        kept = self._nullable | self.extra.keys()
        return {key: value for key, value in document.items() if value is not None or key in kept}
