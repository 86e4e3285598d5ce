"""Zones, plans, sizes, time zones, public templates (chapters 6 and 18)."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from upcloud_sdk.simulator.chapters.routing import Routes
from upcloud_sdk.simulator.wire.calls import Answer, Call
from upcloud_sdk.simulator.wire.formats import iso

if TYPE_CHECKING:
    from upcloud_sdk.simulator.state.cloud import Cloud

routes = Routes()


@cache
def _sizes() -> list[dict[str, str]]:
    return [
        {"core_number": str(cores), "memory_amount": str(memory)}
        for cores in range(1, 21)
        for memory in range(1024, 131_073, 1024)
    ]


@routes.get("/zone")
def list_zones(cloud: Cloud, _call: Call) -> Answer:
    return Answer(200, {"zones": {"zone": list(cloud.catalog.zones.values())}})


@routes.get("/plan")
def list_plans(cloud: Cloud, _call: Call) -> Answer:
    return Answer(200, {"plans": {"plan": list(cloud.catalog.plans.values())}})


@routes.get("/server_size")
def list_sizes(_cloud: Cloud, _call: Call) -> Answer:
    return Answer(200, {"server_sizes": {"server_size": _sizes()}})


@routes.get("/timezone")
def list_timezones(cloud: Cloud, _call: Call) -> Answer:
    return Answer(200, {"timezones": {"timezone": cloud.catalog.timezones}})


@routes.get("/server_size/limits")
def get_size_limits(_cloud: Cloud, _call: Call) -> Answer:
    """Limits for servers without a plan."""
    limits = {
        "core_number_min": 1,
        "core_number_max": 20,
        "memory_amount_min": 1024,
        "memory_amount_max": 131_072,
        "memory_amount_step": 1024,
    }
    return Answer(200, {"server_size_limits": limits})


@routes.get("/vnc_keymap")
def list_keymaps(_cloud: Cloud, _call: Call) -> Answer:
    return Answer(200, {"keymaps": {"keymap": ["de", "en-gb", "en-us", "es", "fi", "fr", "nl", "no", "pl", "sv"]}})


@routes.get("/zone/{zone}/vlans")
def list_vlans(cloud: Cloud, call: Call) -> Answer:
    """One VLAN in each private zone, none in public zones."""
    zone = cloud.catalog.zone(call.args["zone"])
    private = cloud.catalog.zones[zone]["public"] == "no"
    vlans = [{"id": 1, "access": "private", "description": f"VLAN of {zone}", "default": 1}] if private else []
    return Answer(200, {"zone_vlans": {"vlan": vlans}})


_RATES = {"EUR": 1.0, "USD": 1.08, "GBP": 0.86, "SEK": 11.3, "SGD": 1.45}
"""Invented rates, for testing code that reads rates."""


@routes.get("/currency")
def list_currencies(cloud: Cloud, _call: Call) -> Answer:
    updated = iso(cloud.clock.now() // 86_400 * 86_400)
    documents = [{"code": code, "rate": rate, "updated": updated} for code, rate in _RATES.items()]
    return Answer(200, {"currencies": {"currency": documents}})
