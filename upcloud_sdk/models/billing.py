"""Bill of a month. Chapter "Accounts" of the API."""

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
    """Cost of a resource in one configuration, in the currency of the summary."""

    amount: Decimal | None = None
    hours: Decimal | None = None
    plan: str | None = None
    zone: str | None = None
    size: Decimal | None = None
    """GB."""
    cores: int | None = None
    memory: int | None = None
    """MiB."""
    firewall: Annotated[Decimal | str | None, BeforeValidator(_number_if_it_is_one), EmptyIsNone] = None
    """Cost of the firewall. The API may also send a word."""
    licenses: Annotated[Decimal | None, EmptyIsNone] = None
    simple_backup: Annotated[Decimal | str | None, BeforeValidator(_number_if_it_is_one), EmptyIsNone] = None
    billable_size_gib: Decimal | None = None
    labels: Labels = Field(default_factory=FrozenDict[str, str])


class BilledResource(Resource):
    """Cost of one resource."""

    resource_id: str | None = None
    amount: Decimal | None = None
    hours: Decimal | None = None
    details: Items[BillingDetail] = ()


class BilledKind(Resource):
    """Cost of all resources of one kind."""

    total_amount: Decimal | None = None
    resources: Items[BilledResource] = ()


def _gather(document: object, into: str) -> object:
    """Move all keys but the known fields into the field `into`."""
    if not isinstance(document, Mapping) or into in document:
        return document  # pyright: ignore[reportUnknownVariableType]  # pydantic reports the error
    fields = cast("Mapping[str, object]", document)
    named: dict[str, object] = {key: value for key, value in fields.items() if isinstance(value, Mapping)}
    return {key: value for key, value in fields.items() if key not in named} | {into: named}


class ResourceBilling(Resource):
    """Cost of one resource in a month."""

    currency: str | None = None
    """Such as `EUR`."""
    total_amount: Decimal | None = None
    daily_sums: Annotated[dict[str, Decimal], Frozen] = Field(default_factory=FrozenDict[str, Decimal])
    """Cost per day, by date."""
    details: Json = Field(default_factory=FrozenDict[str, Any])
    """Details in the API's format."""


class BillingCategory(Resource):
    """A part of the bill, such as `servers`."""

    total_amount: Decimal | None = None
    kinds: Annotated[dict[str, BilledKind], Frozen] = Field(default_factory=FrozenDict[str, BilledKind])
    """Cost by kind of resource, such as `server`."""

    @model_validator(mode="before")
    @classmethod
    def _kinds_have_names(cls, document: object) -> object:
        return _gather(document, "kinds")


class BillingSummary(Resource):
    """Bill of a month."""

    currency: str | None = None
    """Such as `EUR`."""
    total_amount: Decimal | None = None
    categories: Annotated[dict[str, BillingCategory], Frozen] = Field(default_factory=FrozenDict[str, BillingCategory])
    """Parts of the bill by name, such as `servers` and `managed_databases`."""

    @model_validator(mode="before")
    @classmethod
    def _categories_have_names(cls, document: object) -> object:
        return _gather(document, "categories")
