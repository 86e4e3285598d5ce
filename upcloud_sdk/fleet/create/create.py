"""Creates a server exactly once, with the SDK's labels on the server and its disks."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from upcloud_sdk._wire import Document
from upcloud_sdk.events import ServerEvent
from upcloud_sdk.fleet.create.idempotent_create import Creation, create_once, with_labels
from upcloud_sdk.fleet.records.api_time import api_now
from upcloud_sdk.fleet.records.identity import new_attempt, run_id
from upcloud_sdk.models.ownership import Ownership
from upcloud_sdk.resources._base import Makeable, body_of
from upcloud_sdk.resources.server_storages import SERVER

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from upcloud_sdk.models.server_requests import ServerSpec
    from upcloud_sdk.models.servers import Server
    from upcloud_sdk.resources._base import Core

CREATE_TIMEOUT = 60.0
"""Seconds to wait for the answer to a create. The API needs about two."""

_SERVERS = Makeable("/server", "server", "servers", wraps_labels=True)


class Created(NamedTuple):
    """A new server and its labels."""

    server: Server
    owned: Ownership
    disks: frozenset[str] | None
    """The disks that were created with it. None if the answer did not name them all."""


async def create_server(
    core: Core,
    spec: ServerSpec,
    *,
    lease: float | None,
    remove: Callable[[str], None],
    on_late: Callable[[Server], None] | None,
) -> Created:
    """Create one server. Must run in a task that the client owns.

    `lease`: seconds from now. `remove` starts the destroy of a server without a holder, which `on_late` gets before.

    Raises:
        OutcomeUnknown: No answer came, and nothing was found. The client keeps searching, and destroys a late server.
    """
    ends = None if lease is None else await api_now(core) + timedelta(seconds=lease)
    owned = Ownership(core.owner, run_id(), new_attempt(), ends)
    creation = Creation(
        kind=_SERVERS,
        document=labelled(spec, owned.labels()),
        attempt=str(owned.attempt),
        read=SERVER,
        remove=remove,
        timeout=CREATE_TIMEOUT,
        on_late=on_late,
    )
    began = core.emit.now()
    server, happened = await create_once(core.transport, core.background, core.waits, creation)
    now = core.emit.now()
    core.emit(
        ServerEvent(
            at=now, uuid=server.uuid, happened=happened, state=server.state, title=server.title, seconds=now - began
        )
    )
    given = {device.storage for device in spec.storage_devices if device.action == "attach"}
    devices = (device.storage for device in server.storage_devices if device.type == "disk" and device.storage)
    disks = frozenset(storage for storage in devices if storage not in given)
    wanted = sum(device.action != "attach" for device in spec.storage_devices)
    return Created(server, owned, disks if len(disks) == wanted else None)


def labelled(spec: ServerSpec, ours: Mapping[str, str]) -> Document:
    """The document of a create, with the SDK's labels on the server and on each new disk."""
    document = with_labels(body_of(spec), ours, wrapped=True)
    devices: list[dict[str, Any]] = document["storage_devices"]["storage_device"]
    made = [each if each.get("action") == "attach" else with_labels(each, ours, wrapped=False) for each in devices]
    return Document({**document, "storage_devices": {"storage_device": made}})
