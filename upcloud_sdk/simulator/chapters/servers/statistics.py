"""Statistics of servers by day, week, month and year: invented, but constant for each server."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from upcloud_sdk.simulator.chapters.routing import Routes
from upcloud_sdk.simulator.wire.calls import Answer, ApiFault, Call

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from upcloud_sdk.simulator.state.cloud import Cloud
    from upcloud_sdk.simulator.wire.calls import Document

routes = Routes()

_PERIODS = {"daily": 86_400, "weekly": 604_800, "monthly": 2_592_000, "yearly": 31_536_000}
"""In seconds."""
_KINDS = {"disk": ("bytes", "requests"), "network": ("bytes", "packets")}
_NETWORKS = ("public", "utility", "private")


def _variable(chance: random.Random, title: str, most: float, seconds: float, *, now: bool) -> Document:
    """A series of four numbers, as text."""
    average = most * chance.uniform(0.05, 0.4)
    current = most * chance.uniform(0.05, 0.9) if now else 0.0
    values = {"average": average, "current": current, "maximum": most * 0.95, "total": average * seconds}
    if seconds == 0:
        values = dict.fromkeys(values, 0.0)
    return {"title": title, **{name: f"{value:.2f}" for name, value in values.items()}}


def _answer(cloud: Cloud, call: Call, titles: Iterable[str], most: float) -> Answer:
    """Statistics of the period in the path, or of all periods."""
    server = cloud.server(call.args["uuid"])
    wanted = _checked(call, "period", [*_PERIODS])
    stats: Document = {}
    for period in _PERIODS if wanted is None else [wanted]:
        seconds = min(_PERIODS[period], max(0.0, cloud.clock.now() - server.created))
        chance = random.Random(f"{server.uuid} {call.path.partition('/stats')[2]} {period}")  # noqa: S311 - not a secret
        variables = [_variable(chance, each, most, seconds, now=server.state == "started") for each in titles]
        stats[period] = {"summary": {"variable": variables}}
    return Answer(200, {"stats": stats})


def _checked(call: Call, name: str, allowed: Sequence[str]) -> str | None:
    given = call.args.get(name)
    if given is not None and given not in allowed:
        raise ApiFault(400, f"{name.upper()}_INVALID", f"One of {', '.join(allowed)} was expected, not {given}.")
    return given


@routes.get("/server/{uuid}/stats/cpu")
@routes.get("/server/{uuid}/stats/cpu/{period}")
def get_cpu(cloud: Cloud, call: Call) -> Answer:
    return _answer(cloud, call, ["CPU usage %"], 100.0)


@routes.get("/server/{uuid}/stats/disk/{type}")
@routes.get("/server/{uuid}/stats/disk/{type}/{period}")
def get_disk(cloud: Cloud, call: Call) -> Answer:
    kind = _checked(call, "type", _KINDS["disk"])
    return _answer(cloud, call, ["Read", "Write"], 1e8 if kind == "bytes" else 1e4)


@routes.get("/server/{uuid}/stats/network/{type}")
@routes.get("/server/{uuid}/stats/network/{type}/{network}")
@routes.get("/server/{uuid}/stats/network/{type}/{network}/{period}")
def get_network(cloud: Cloud, call: Call) -> Answer:
    kind = _checked(call, "type", _KINDS["network"])
    _checked(call, "network", _NETWORKS)
    return _answer(cloud, call, ["In", "Out"], 1e7 if kind == "bytes" else 1e4)
