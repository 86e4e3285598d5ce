"""What a month cost. Chapter "Accounts" of the API."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, cast

from pydantic import BeforeValidator, Field, model_validator

from upcloud_sdk._wire import EmptyIsNone, Frozen, FrozenDict, Items, Json, Labels, Resource


def _number_if_it_is_one(value: object) -> object:
    if isinstance(value, str):
        try:
            return Decimal(value)
        except ArithmeticError:
            return value
    return value


class BillingDetail(Resource):
    """What a resource cost while it was as described here; amounts in the summary's currency."""

    amount: Decimal = Decimal(0)
    hours: Decimal = Decimal(0)
    plan: str | None = None
    zone: str | None = None
    size: Decimal | None = None
    """GB."""
    cores: int | None = None
    memory: int | None = None
    """MiB."""
    firewall: Annotated[Decimal | str | None, BeforeValidator(_number_if_it_is_one), EmptyIsNone] = None
    """What it cost; the API may write a word here."""
    licenses: Annotated[Decimal | None, EmptyIsNone] = None
    simple_backup: Annotated[Decimal | str | None, BeforeValidator(_number_if_it_is_one), EmptyIsNone] = None
    billable_size_gib: Decimal | None = None
    labels: Labels = Field(default_factory=FrozenDict[str, str])


class BilledResource(Resource):
    """What one resource cost."""

    resource_id: str | None = None
    amount: Decimal = Decimal(0)
    hours: Decimal = Decimal(0)
    details: Items[BillingDetail] = ()


class BilledKind(Resource):
    """What the resources of one kind cost together."""

    total_amount: Decimal = Decimal(0)
    resources: Items[BilledResource] = ()


def _gather(document: object, into: str) -> object:
    """Moves what stands under names of its own, beside the sum, into a field."""
    if not isinstance(document, Mapping) or into in document:
        return document  # pyright: ignore[reportUnknownVariableType]  # whatever it is, pydantic says what is wrong with it
    fields = cast("Mapping[str, object]", document)
    named: dict[str, object] = {key: value for key, value in fields.items() if isinstance(value, Mapping)}
    return {key: value for key, value in fields.items() if key not in named} | {into: named}


class ResourceBilling(Resource):
    """What one resource cost in a month."""

    currency: str | None = None
    """Such as `EUR`."""
    total_amount: Decimal = Decimal(0)
    daily_sums: Annotated[dict[str, Decimal], Frozen] = Field(default_factory=FrozenDict[str, Decimal])
    """What each day came to, by its date."""
    details: Json = Field(default_factory=FrozenDict[str, Any])
    """As the API writes them."""


class BillingCategory(Resource):
    """What a part of the bill, such as `servers`, came to."""

    total_amount: Decimal = Decimal(0)
    kinds: Annotated[dict[str, BilledKind], Frozen] = Field(default_factory=FrozenDict[str, BilledKind])
    """By kind of resource, such as `server`."""

    @model_validator(mode="before")
    @classmethod
    def _kinds_have_names(cls, document: object) -> object:
        return _gather(document, "kinds")


class BillingSummary(Resource):
    """The bill of a month."""

    currency: str | None = None
    """Such as `EUR`."""
    total_amount: Decimal | None = None
    categories: Annotated[dict[str, BillingCategory], Frozen] = Field(default_factory=FrozenDict[str, BillingCategory])
    """By the name of a part, such as `servers`, `managed_databases`."""

    @model_validator(mode="before")
    @classmethod
    def _categories_have_names(cls, document: object) -> object:
        return _gather(document, "categories")
