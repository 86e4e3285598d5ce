"""Start, stop and restart (chapters 7.4 and 16)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from upcloud_sdk.simulator.calls import Answer, ApiFault, Call, Pause
from upcloud_sdk.simulator.fields import fields, one_of, whole
from upcloud_sdk.simulator.records import Step
from upcloud_sdk.simulator.routing import Routes
from upcloud_sdk.simulator.servers import details, require_state
from upcloud_sdk.simulator.wire import server_details

if TYPE_CHECKING:
    from upcloud_sdk.simulator.cloud import Cloud
    from upcloud_sdk.simulator.records import Server

routes = Routes()

_TIMEOUT = whole(1, 3600)
_STILL_STARTED = 0.25
"""The part of a stop during which the server still says `started`."""
_START_PATIENCE = 120.0
"""Seconds after which a start that does not come to an end is answered all the same."""


@routes.post("/server/{uuid}/start")
def start_server(cloud: Cloud, call: Call) -> Answer | Pause:
    server = cloud.server(call.args["uuid"])
    with fields(call, "server", optional=True) as f:
        host = f.get("host", whole(1, 2**63), None)
        avoid = f.get("avoid_host", whole(1, 2**63), None)
    require_state(server, "stopped")
    if host is not None:
        raise ApiFault(403, "ZONE_HOST_FORBIDDEN", "A host can be chosen in a private cloud only.")
    cloud.start_boot(server)
    server.host = cloud.new_host(avoid)

    def started() -> Answer:
        if cloud.clock.real_seconds(1) is None:
            cloud.complete(server)
        return Answer(200, {"server": server_details(cloud, server)})

    due = server.steps[0].due
    return Pause(_START_PATIENCE if due is None else due - cloud.clock.now(), started)


@routes.post("/server/{uuid}/stop")
def stop_server(cloud: Cloud, call: Call) -> Answer:
    server = cloud.server(call.args["uuid"])
    with fields(call, "stop_server", optional=True) as f:
        kind = f.get("stop_type", one_of("soft", "hard"), "soft")
        timeout = f.get("timeout", _TIMEOUT, None)
    require_state(server, "started")
    answer = details(cloud, server)
    cloud.schedule(server, *_stopping(cloud, server, kind, timeout))
    return answer


@routes.post("/server/{uuid}/restart")
def restart_server(cloud: Cloud, call: Call) -> Answer:
    server = cloud.server(call.args["uuid"])
    with fields(call, "restart_server", optional=True) as f:
        kind = f.get("stop_type", one_of("soft", "hard"), "soft")
        timeout = f.get("timeout", _TIMEOUT, None)
        action = f.get("timeout_action", one_of("destroy", "ignore"), None)
        host = f.get("host", whole(1, 2**63), None)
    if action is not None and timeout is None:
        raise ApiFault(400, "TIMEOUT_MISSING", "timeout_action needs a timeout.")
    if host is not None:
        raise ApiFault(403, "ZONE_HOST_FORBIDDEN", "A host can be chosen in a private cloud only.")
    require_state(server, "started")
    answer = details(cloud, server)
    gives_up = kind == "soft" and not server.acpi and action != "destroy" and timeout is not None
    if not gives_up:
        cloud.schedule(server, *_stopping(cloud, server, kind, timeout, restart=True))
    return answer


def _stopping(cloud: Cloud, server: Server, kind: str, timeout: int | None, *, restart: bool = False) -> list[Step]:
    """The states on the way: `started` for a moment, `maintenance`, then `stopped` or `started` again."""
    now, length = cloud.clock.now(), cloud.stop_seconds
    off = now + length
    latest = None
    if kind == "soft":
        patience = 3600 if timeout is None else timeout
        latest = now + patience
        if not server.acpi:
            off = latest
    leaving = Step("power_off" if kind == "hard" else "shut_down", now + length * _STILL_STARTED)
    end = Step("restarted" if restart else "stopped", off, latest=latest)
    return [leaving, end]
