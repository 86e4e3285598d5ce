"""Start, stop and restart (chapters 7.4 and 16)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from upcloud_sdk.simulator.chapters.routing import Routes
from upcloud_sdk.simulator.records.records import Step
from upcloud_sdk.simulator.rules.documents import server_details
from upcloud_sdk.simulator.rules.placement import choose_host, read_host_choice, runs_windows
from upcloud_sdk.simulator.rules.servers import details, require_state
from upcloud_sdk.simulator.state.guest_backend import boot_device
from upcloud_sdk.simulator.wire.calls import Answer, ApiFault, Call, Pause
from upcloud_sdk.simulator.wire.fields import fields, one_of, text, whole

if TYPE_CHECKING:
    from upcloud_sdk.simulator.records.records import Server
    from upcloud_sdk.simulator.state.cloud import Cloud

routes = Routes()

_TIMEOUT = whole(1, 3600)
_REASON = text(1, 200)
_STILL_STARTED = 0.25
"""Part of a stop during which the server is still `started`."""
_SOFT_PATIENCE = 3600
"""Limit for a soft stop without a timeout, in seconds."""
_KILL_PATIENCE = 10.0
"""Limit for the end of a powered-off guest, in seconds."""
_START_PATIENCE = 120.0
"""A start is answered after this many seconds, even if it has not ended."""


@routes.post("/server/{uuid}/start")
def start_server(cloud: Cloud, call: Call) -> Answer | Pause:
    server = cloud.server(call.args["uuid"])
    with fields(call, "server", optional=True) as f:
        choice = read_host_choice(cloud, f, server.zone)
        start_type = f.get("start_type", one_of("sync", "async"), "sync")
        f.get("reason", _REASON, None)
    require_state(server, "stopped")
    cloud.check_credits()
    server.host = choose_host(cloud, server, choice, windows=runs_windows(cloud, server))
    boots = boot_device(server.devices)
    cloud.admit_guest(server, cloud.any_storage(boots.storage) if boots is not None else None)
    cloud.note_event(server, "server_start_init")
    cloud.start_boot(server)

    if start_type == "async":
        return details(cloud, server)

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
        f.get("reason", _REASON, None)
    require_state(server, "started")
    answer = details(cloud, server)
    cloud.note_event(server, "server_shutdown")
    cloud.schedule(server, *_steps_to_stop(cloud, server, "stopped", kind, timeout))
    return answer


@routes.post("/server/{uuid}/restart")
def restart_server(cloud: Cloud, call: Call) -> Answer:
    server = cloud.server(call.args["uuid"])
    with fields(call, "restart_server", optional=True) as f:
        kind = f.get("stop_type", one_of("soft", "hard"), "soft")
        timeout = f.get("timeout", _TIMEOUT, None)
        action = f.get("timeout_action", one_of("destroy", "ignore"), None)
        read_host_choice(cloud, f, server.zone)
        f.get("reason", _REASON, None)
    if action is not None and timeout is None:
        raise ApiFault(400, "TIMEOUT_MISSING", "timeout_action needs a timeout.")
    require_state(server, "started")
    answer = details(cloud, server)
    ignored = "resumed" if action == "ignore" else None
    cloud.schedule(server, *_steps_to_stop(cloud, server, "restarted", kind, timeout, ignored=ignored))
    return answer


def _steps_to_stop(
    cloud: Cloud, server: Server, event: str, stop_type: str, timeout: int | None, *, ignored: str | None = None
) -> list[Step]:
    """Steps to `event`: a moment of `started`, then `maintenance`. If the guest ignores the stop: `ignored`."""
    now, length = cloud.clock.now(), cloud.stop_seconds
    leave = now + length * _STILL_STARTED
    if stop_type == "hard":
        return [Step("power_off", leave), Step(event, now + length, latest=now + length + _KILL_PATIENCE)]
    latest = now + (_SOFT_PATIENCE if timeout is None else timeout)
    if server.acpi:
        return [Step("shut_down", leave), Step(event, now + length, latest=latest, otherwise=ignored)]
    return [Step("shut_down", leave), Step(ignored or event, latest)]
