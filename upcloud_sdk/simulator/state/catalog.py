"""Zones, plans, sizes, time zones, public templates (chapters 6 and 18)."""

from __future__ import annotations

import json
from functools import cache
from importlib import resources
from typing import NotRequired, TypedDict, cast

from upcloud_sdk.simulator.records.records import Storage
from upcloud_sdk.simulator.wire.calls import ApiFault

PUBLIC_HOSTS = tuple(5_872_304_771 + n * 107_374_182 for n in range(10))
"""Hosts of public zones. Each zone has these. Their ids need more than 32 bits."""


class Zone(TypedDict):
    id: str
    description: str
    public: str
    parent_zone: NotRequired[str]


class Plan(TypedDict):
    name: str
    core_number: int
    memory_amount: int
    storage_size: int
    storage_tier: str | None
    public_traffic_out: int
    gpu_amount: NotRequired[int]
    gpu_model: NotRequired[str]
    family: NotRequired[str]
    current_offering: NotRequired[str]


class _Template(TypedDict):
    uuid: str
    title: str
    size: int
    template_type: str
    license: float
    os: dict[str, str]


class _Disc(TypedDict):
    uuid: str
    title: str
    size: int


class _Data(TypedDict):
    zones: list[Zone]
    plans: list[Plan]
    templates: list[_Template]
    cdroms: list[_Disc]
    timezones: list[str]


@cache
def _data() -> _Data:
    text = resources.files("upcloud_sdk.simulator.state").joinpath("catalog.json").read_text(encoding="utf-8")
    return cast("_Data", json.loads(text))


_FAMILIES = {
    "STARTER": "starter",
    "PREMIUM": "premium",
    "CLOUDNATIVE": "cloud_native",
    "GPU": "gpu",
    "DEV": "developer",
}
_ON_SALE = frozenset({"starter", "premium", "cloud_native", "gpu"})
"""Plan families on sale. Since 2026-04-15, new servers of general purpose and developer plans are refused."""


def _as_sold(plan: Plan) -> Plan:
    family = _FAMILIES.get(plan["name"].partition("-")[0], "general_purpose")
    return {**plan, "family": family, "current_offering": "yes" if family in _ON_SALE else "no"}


class Catalog:
    """The catalogue of one simulator. Tests may change its dictionaries, for example to remove a plan."""

    def __init__(self) -> None:
        data = _data()
        self.zones: dict[str, Zone] = {zone["id"]: zone for zone in data["zones"]}
        self.plans: dict[str, Plan] = {plan["name"]: _as_sold(plan) for plan in data["plans"]}
        self.timezones = data["timezones"]
        self.os_labels = {template["uuid"]: template["os"] for template in data["templates"]}
        self.storages: dict[str, Storage] = {}
        """The public templates and installation discs."""
        for template in data["templates"]:
            self.storages[template["uuid"]] = Storage(
                template["uuid"],
                template["title"],
                template["size"],
                type="template",
                access="public",
                license=template["license"],
                template_type=template["template_type"],
            )
        for disc in data["cdroms"]:
            self.storages[disc["uuid"]] = Storage(
                disc["uuid"], disc["title"], disc["size"], type="cdrom", access="public"
            )

    def zone(self, zone_id: str) -> str:
        """Check the id of a zone. Raises `ApiFault`."""
        if zone_id not in self.zones:
            raise ApiFault(404, "ZONE_NOT_FOUND", f"The zone {zone_id} does not exist.")
        return zone_id

    def is_on_sale(self, plan: str) -> bool:
        """Whether new servers of this plan are sold. `custom` is not."""
        return plan in self.plans and self.plans[plan].get("current_offering") != "no"

    def has_size(self, cores: int, memory: int) -> bool:
        """Whether a server of the plan `custom` may have this size."""
        return 1 <= cores <= 20 and 1024 <= memory <= 131_072 and memory % 1024 == 0
