"""What can be chosen from, and what it costs. Chapters "Zones", "Plans", "Server sizes" and "Prices" of the API."""

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
    """The public zone beside a private one."""


class Plan(Resource):
    """A size that servers are sold in."""

    name: str
    core_number: int | None = None
    memory_amount: int | None = None
    """MiB."""
    storage_size: int = 0
    """GB of storage in the price; 0 where the plan brings none (cloud native and GPU plans)."""
    storage_tier: StorageTier | None = None
    """The tier of that storage; None where the plan brings none."""
    public_traffic_out: int | None = None
    """Outgoing traffic in the price, GiB a month."""
    gpu_amount: int | None = None
    gpu_model: str | None = None
    family: str | None = None
    """`starter`, `premium`, `cloud_native`, `gpu`, `general_purpose`, `developer`; None where the API does not say."""
    current_offering: bool | None = None
    """Whether it is on sale; None where the API does not say."""


class ServerSize(Resource):
    """Cores and memory that go together on a server of the plan `custom`."""

    core_number: int | None = None
    memory_amount: int | None = None
    """MiB."""


class ServerSizeLimits(Resource):
    """What a server of the plan `custom` can have."""

    core_number_min: int | None = None
    core_number_max: int | None = None
    memory_amount_min: int | None = None
    """MiB."""
    memory_amount_max: int | None = None
    """MiB."""
    memory_amount_step: int | None = None
    """MiB."""


class Currency(Resource):
    """A currency that accounts can have."""

    code: str | None = None
    """Such as `EUR`."""
    rate: Decimal | None = None
    """How much of it a euro is."""
    updated: Time | None = None


class Vlan(Resource):
    """A VLAN of a zone."""

    id: int
    access: str | None = None
    description: str | None = None
    default: bool | None = None


class Price(Resource):
    """What something costs in a zone."""

    amount: Decimal | None = None
    """How much of it the price is for: memory is sold by 256 MiB, storage by the GB, requests by the million."""
    price: Decimal | None = None
    """Credits (cents of the account's currency) an hour for that amount."""


class ZonePrices(Resource):
    """The price list of a zone."""

    name: str
    """Id of the zone."""
    items: Annotated[dict[str, Price], Frozen] = Field(default_factory=FrozenDict[str, Price])
    """By the API's names: `server_plan_1xCPU-1GB`, `server_core`, `server_memory`, `storage_maxiops` …"""

    @model_validator(mode="before")
    @classmethod
    def _gather(cls, value: object) -> object:
        """On the wire the items stand beside the name."""
        if not isinstance(value, Mapping) or "items" in value:
            return value  # pyright: ignore[reportUnknownVariableType]  # whatever came, for pydantic to refuse
        fields = cast("Mapping[str, object]", value)
        own = {name: field for name, field in fields.items() if not isinstance(field, Mapping)}
        return {**own, "items": {name: field for name, field in fields.items() if name not in own}}


class GpuAvailability(Resource):
    """How many servers of a GPU plan can be had."""

    amount: int | None = None


class ZoneDevices(Resource):
    """What devices a zone has left."""

    gpu_plans: Annotated[dict[str, GpuAvailability], Frozen] = Field(default_factory=FrozenDict[str, GpuAvailability])
    """By the name of the plan."""
