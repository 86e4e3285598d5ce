"""Events of a server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from upcloud_sdk.simulator.chapters.routing import Routes
from upcloud_sdk.simulator.wire.calls import Answer, ApiFault, Call
from upcloud_sdk.simulator.wire.formats import iso

if TYPE_CHECKING:
    from upcloud_sdk.simulator.state.cloud import Cloud

routes = Routes()

_MOST = 10_000


@routes.get("/events/{server}/{range}")
def list_events(cloud: Cloud, call: Call) -> Answer:
    """Newest first: `count` events from `offset`, as in `/events/{server}/0,100`."""
    server = cloud.server(call.args["server"])
    parts = call.args["range"].split(",")
    if len(parts) != 2 or not all(part.isascii() and part.isdigit() for part in parts):
        raise ApiFault(400, "OFFSET_INVALID", "An offset and a count such as 0,100 were expected.")
    offset, count = int(parts[0]), int(parts[1])
    if not 1 <= count <= _MOST:
        raise ApiFault(400, "COUNT_INVALID", f"A count from 1 to {_MOST} was expected.")
    found = [each for each in reversed(cloud.events) if each.server == server.uuid][offset : offset + count]
    documents = [{"server": each.server, "time": iso(each.time), "type": each.type} for each in found]
    return Answer(200, {"events": {"event": documents}})
