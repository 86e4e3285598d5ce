"""Zones, plans, sizes and prices. Chapters "Zones", "Plans", "Server sizes" and "Prices" of the API."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, cast

from pydantic import Field, model_validator

from upcloud_sdk._wire import Frozen, FrozenDict, Resource, Time
from upcloud_sdk.models.tiers import StorageTier


class Zone(Resource):
    """A data centre."""

    id: str
    """Such as `fi-hel1`."""
    description: str | None = None
    public: bool | None = None
    """False for a private cloud's zone."""
    parent_zone: str | None = None
    """For a private zone: its public zone."""


class Plan(Resource):
    """A plan: size and price of servers."""

    name: str
    core_number: int | None = None
    memory_amount: int | None = None
    """MiB."""
    storage_size: int | None = None
    """Storage included in the price, in GB. 0 for plans without storage (cloud native and GPU plans)."""
    storage_tier: StorageTier | None = None
    """Tier of that storage. None for plans without storage."""
    public_traffic_out: int | None = None
    """Outgoing traffic included in the price, in GiB per month."""
    gpu_amount: int | None = None
    gpu_model: str | None = None
    family: str | None = None
    """`starter`, `premium`, `cloud_native`, `gpu`, `general_purpose`, `developer`. None if not known."""
    current_offering: bool | None = None
    """Whether it is on sale. None if not in the answer."""


class ServerSize(Resource):
    """A valid pair of cores and memory for a server of the plan `custom`."""

    core_number: int | None = None
    memory_amount: int | None = None
    """MiB."""


class ServerSizeLimits(Resource):
    """Limits for servers of the plan `custom`."""

    core_number_min: int | None = None
    core_number_max: int | None = None
    memory_amount_min: int | None = None
    """MiB."""
    memory_amount_max: int | None = None
    """MiB."""
    memory_amount_step: int | None = None
    """MiB."""


class Currency(Resource):
    """A currency for accounts."""

    code: str | None = None
    """Such as `EUR`."""
    rate: Decimal | None = None
    """Exchange rate: amount per euro."""
    updated: Time | None = None


class Vlan(Resource):
    """A VLAN of a zone."""

    id: int
    access: str | None = None
    description: str | None = None
    default: bool | None = None


class Price(Resource):
    """Price of an item in a zone."""

    amount: Decimal | None = None
    """Amount that the price is for. Memory is sold per 256 MiB, storage per GB, requests per million."""
    price: Decimal | None = None
    """Credits (cents of the account's currency) per hour for that amount."""


class ZonePrices(Resource):
    """The price list of a zone."""

    name: str
    """Id of the zone."""
    items: Annotated[dict[str, Price], Frozen] = Field(default_factory=FrozenDict[str, Price])
    """Prices by the API's item names: `server_plan_1xCPU-1GB`, `server_core`, `server_memory`, `storage_maxiops` …"""

    @model_validator(mode="before")
    @classmethod
    def _gather(cls, value: object) -> object:
        """The API sends the items next to the name. Move them into the field `items`."""
        if not isinstance(value, Mapping) or "items" in value:
            return value  # pyright: ignore[reportUnknownVariableType]  # pydantic reports the error
        fields = cast("Mapping[str, object]", value)
        own = {name: field for name, field in fields.items() if not isinstance(field, Mapping)}
        return {**own, "items": {name: field for name, field in fields.items() if name not in own}}


class GpuAvailability(Resource):
    """How many servers of a GPU plan are available."""

    amount: int | None = None


class ZoneDevices(Resource):
    """Available devices of a zone."""

    gpu_plans: Annotated[dict[str, GpuAvailability], Frozen] = Field(default_factory=FrozenDict[str, GpuAvailability])
    """Availability by name of the plan."""
