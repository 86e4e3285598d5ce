"""Creates a server exactly once, with the SDK's labels on the server and its disks."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from upcloud_sdk._identity import new_attempt, run_id, warn_of_default_owner
from upcloud_sdk._wire import Document
from upcloud_sdk.events import ServerEvent
from upcloud_sdk.fleet.create.capacity import REFUSALS, Capacity, SpecChoice
from upcloud_sdk.fleet.records.api_time import api_now
from upcloud_sdk.fleet.records.records import Record
from upcloud_sdk.models.ownership import Ownership
from upcloud_sdk.resources._base import ResourceKind, body_of
from upcloud_sdk.resources._one_create import OneCreate, with_labels
from upcloud_sdk.resources.server_storages import SERVER

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from upcloud_sdk._background import Operation
    from upcloud_sdk.errors import LeaseLost
    from upcloud_sdk.fleet.destroy.server_destroyer import ServerDestroyer
    from upcloud_sdk.fleet.records.renewal import Renewal
    from upcloud_sdk.models.server_requests import ServerSpec
    from upcloud_sdk.models.servers import Server
    from upcloud_sdk.resources._base import Core

CREATE_TIMEOUT = 60.0
"""Seconds to wait for the answer to a create. The API needs about two."""

_SERVERS = ResourceKind("/server", "server", "servers", wraps_labels=True)


class ServerCreator:
    """Creates the servers of one client, each exactly once."""

    def __init__(self, core: Core, renewal: Renewal, destroyer: ServerDestroyer) -> None:
        self._core, self._renewal, self._destroyer = core, renewal, destroyer
        self._capacity = Capacity(core.waits.clock, core.emit)

    async def create_first(
        self,
        operation: Operation[Any],
        specs: Sequence[ServerSpec],
        *,
        lease: float | None,
        patience: float,
        on_lost: Callable[[LeaseLost], None] | None,
        on_late: Callable[[Server], None] | None,
    ) -> Server:
        """Create a server from the first spec that is not refused, in a task of the client, and manage its lease.

        Raises:
            OutcomeUnknown: No answer came, and nothing was found. The client keeps searching, and destroys a late
                server.
            NoCapacity, LimitReached: All were refused.
        """
        if lease is not None:
            warn_of_default_owner(self._core.owner)
        choice = SpecChoice(self._capacity, specs, patience)
        while True:
            spec = await choice.next_spec()
            try:
                server, record = await self._create_one(operation, spec, lease, on_late)
            except REFUSALS as error:
                choice.note_refusal(spec, error)
            else:
                record.on_lost = on_lost
                self._renewal.hold(record)
                self._capacity.note_success(spec)
                return server

    async def _create_one(
        self,
        operation: Operation[Any],
        spec: ServerSpec,
        lease: float | None,
        on_late: Callable[[Server], None] | None,
    ) -> tuple[Server, Record]:
        core = self._core
        ends = None if lease is None else await api_now(core) + timedelta(seconds=lease)
        owned = Ownership(core.owner, run_id(), new_attempt(), ends)
        create = OneCreate(
            core=core,
            kind=_SERVERS,
            document=labelled(spec, owned.labels()),
            attempt=str(owned.attempt),
            read=SERVER,
            remove=self._destroyer.start_destroy,
            timeout=CREATE_TIMEOUT,
            on_late=on_late,
        )
        began = core.emit.now()
        server, happened = await create.post_create(operation)
        now = core.emit.now()
        core.emit(
            ServerEvent(
                at=now, uuid=server.uuid, happened=happened, state=server.state, title=server.title, seconds=now - began
            )
        )
        record = Record(
            server.uuid,
            attempt=owned.attempt,
            disks=_made_disks(spec, server),
            seconds=lease,
            ends=ends,
            made=core.waits.clock.now(),
            labels=owned.labels(),
        )
        return server, record


def _made_disks(spec: ServerSpec, server: Server) -> frozenset[str] | None:
    """The disks that were created with a server. None if the answer does not name them all."""
    given = {device.storage for device in spec.storage_devices if device.action == "attach"}
    devices = (device.storage for device in server.storage_devices if device.type == "disk" and device.storage)
    disks = frozenset(storage for storage in devices if storage not in given)
    wanted = sum(device.action != "attach" for device in spec.storage_devices)
    return disks if len(disks) == wanted else None


def labelled(spec: ServerSpec, ours: Mapping[str, str]) -> Document:
    """The document of a create, with the SDK's labels on the server and on each new disk."""
    document = with_labels(body_of(spec), ours, wrapped=True)
    devices: list[dict[str, Any]] = document["storage_devices"]["storage_device"]
    made = [each if each.get("action") == "attach" else with_labels(each, ours, wrapped=False) for each in devices]
    return Document({**document, "storage_devices": {"storage_device": made}})
