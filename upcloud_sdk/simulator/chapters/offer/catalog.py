"""What the API offers: zones, plans, sizes, time zones, public templates (chapters 6 and 18)."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from upcloud_sdk.simulator.chapters.routing import Routes
from upcloud_sdk.simulator.wire.calls import Answer, Call

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
