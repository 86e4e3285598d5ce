"""Servers: checks of states, sizes, details (chapter 7)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from upcloud_sdk.simulator.rules import documents
from upcloud_sdk.simulator.wire.calls import Answer, ApiFault
from upcloud_sdk.simulator.wire.fields import Fields, text, whole

if TYPE_CHECKING:
    from upcloud_sdk.simulator.records.records import Server
    from upcloud_sdk.simulator.state.cloud import Cloud


def state_illegal(server: Server) -> ApiFault:
    """The error for calls that the server's state does not allow."""
    message = f"The operation is not allowed while the server {server.uuid} is in state '{server.state}'."
    return ApiFault(409, "SERVER_STATE_ILLEGAL", message)


def require_state(server: Server, *states: str) -> None:
    if server.state not in states:
        raise state_illegal(server)


def details(cloud: Cloud, server: Server, status: int = 200) -> Answer:
    return Answer(status, {"server": documents.server_details(cloud, server)})


def read_new_size(cloud: Cloud, server: Server, f: Fields) -> tuple[str, int, int]:
    """Read plan, cores and memory of a change."""
    size = read_size(cloud, f, server)
    changed = size != (server.plan, server.core_number, server.memory_amount)
    if changed and server.state != "stopped":
        raise ApiFault(409, "HOT_RESIZE_NOT_ENABLED", f"Hot resize is not enabled for the server {server.uuid}.")
    return size


def read_size(cloud: Cloud, f: Fields, server: Server | None = None) -> tuple[str, int, int]:
    """Read plan, cores and MiB of a request. Default: the server's, or `custom` with 1 core and 1024 MiB."""
    cores = f.get("core_number", whole(1, 1000), None)
    memory = f.get("memory_amount", whole(1, 100_000_000), None)
    default = "custom" if cores is not None or memory is not None or server is None else server.plan
    name = f.get("plan", text(), default)
    if name != "custom":
        plan = cloud.catalog.plans.get(name)
        if plan is None:
            raise ApiFault(400, "PLAN_INVALID", f"The plan {name} does not exist.")
        own = (plan["core_number"], plan["memory_amount"])
        if server is not None and (cores or own[0], memory or own[1]) == own:  # the official client sends all
            cores = memory = None
        if cores is not None:
            raise ApiFault(403, "PLAN_CORE_NUMBER_ILLEGAL", f"The plan {name} determines the number of cores.")
        if memory is not None:
            raise ApiFault(403, "PLAN_MEMORY_AMOUNT_ILLEGAL", f"The plan {name} determines the amount of memory.")
        return name, *own
    cores = cores if cores is not None else (server.core_number if server else 1)
    memory = memory if memory is not None else (server.memory_amount if server else 1024)
    if not cloud.catalog.has_size(cores, memory):
        raise ApiFault(400, "CORE_MEMORY_UNSUPPORTED", f"No server size has {cores} cores and {memory} MiB of memory.")
    return "custom", cores, memory
