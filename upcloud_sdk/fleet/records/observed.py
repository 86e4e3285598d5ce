"""Minimal models of servers and disks for cleanups, so that unusual answers do not stop a cleanup."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, TypeVar

from pydantic import Field

from upcloud_sdk._transport import path_segment
from upcloud_sdk._wire import Inside, Labels, Resource, many, one
from upcloud_sdk.errors import NotFound
from upcloud_sdk.models.ownership import ATTEMPT, Ownership
from upcloud_sdk.resources._base import label_params
from upcloud_sdk.resources._paging import whole_list

if TYPE_CHECKING:
    from collections.abc import Sequence

    from upcloud_sdk._transport import Transport
    from upcloud_sdk._wire import Envelope
    from upcloud_sdk.resources._base import Labels as LabelFilter

COPIES = frozenset({"backup", "template", "cdrom"})
"""Types of storages that are not disks, and are never created with a server."""


UNREADABLE = "unreadable"
"""The state if the answer has none. Then try everything that may help."""


class ObservedDevice(Resource):
    """A storage device."""

    storage: str | None = None
    type: str = "disk"
    labels: Labels | None = None


class ObservedServer(Resource):
    """A server. Lists do not have its devices."""

    uuid: str
    state: str = UNREADABLE
    created: object = None
    """Seconds since 1970, or any value from the API."""
    labels: Labels = Field(default_factory=dict)
    storage_devices: Annotated[tuple[ObservedDevice, ...], Inside("storage_device")] = ()

    @property
    def ownership(self) -> Ownership:
        """Owner and lease, from its labels."""
        return Ownership.read(self.labels)


class ObservedStorage(Resource):
    """A disk. Lists do not have its server."""

    uuid: str
    zone: str | None = None
    state: str = ""
    title: str = ""
    type: str = ""
    """`normal` for a disk. Others are templates, backups and CD-ROMs."""
    labels: Labels = Field(default_factory=dict)
    servers: Annotated[tuple[object, ...], Inside("server")] = ()
    """Uuids. One that cannot be read counts too."""

    @property
    def is_detached(self) -> bool:
        """Whether it is certainly a detached disk. Needs an answer with all fields."""
        return "servers" in self.model_fields_set and not self.servers and self.type not in COPIES

    @property
    def ownership(self) -> Ownership:
        """Owner and lease, from its labels."""
        return Ownership.read(self.labels)


T = TypeVar("T", bound=ObservedServer | ObservedStorage)

# Also a strict client cleans up, whatever it cannot read.
SERVER = one(ObservedServer, "server", is_lenient=True)
STORAGE = one(ObservedStorage, "storage", is_lenient=True)
SERVERS = many(ObservedServer, "servers", "server", is_lenient=True)
STORAGES = many(ObservedStorage, "storages", "storage", is_lenient=True)


async def list_at(
    transport: Transport, path: str, read: Envelope[tuple[T, ...]], labels: LabelFilter | None = None
) -> tuple[T, ...]:
    """The items of a list, without those that have no readable uuid."""
    return await whole_list(transport, path, read, label_params(labels))


async def list_servers(transport: Transport, labels: LabelFilter) -> Sequence[ObservedServer]:
    """The servers with these labels, without those that have no readable uuid."""
    return await list_at(transport, "/server", SERVERS, labels)


async def list_storages(transport: Transport, labels: LabelFilter) -> Sequence[ObservedStorage]:
    """The same for storages."""
    return await list_at(transport, "/storage", STORAGES, labels)


async def get_server(transport: Transport, uuid: str) -> ObservedServer:
    """A server with all fields."""
    return await transport.call("GET", f"/server/{path_segment(uuid, 'uuid')}", SERVER)


async def get_storage(transport: Transport, uuid: str) -> ObservedStorage:
    """A storage with all fields."""
    return await transport.call("GET", f"/storage/{path_segment(uuid, 'uuid')}", STORAGE)


# --- the members of an attempt ----------------------------------------------------------------------------------------


async def servers_of(transport: Transport, attempt: str) -> list[ObservedServer]:
    """The servers of an attempt: one or none."""
    # The filter may return others by mistake. The same below.
    found = await list_servers(transport, {ATTEMPT: attempt})
    return [server for server in found if server.labels.get(ATTEMPT) == attempt]


async def disks_of(transport: Transport, attempt: str) -> list[ObservedStorage]:
    """The disks of an attempt, attached or not."""
    found = await list_storages(transport, {ATTEMPT: attempt})
    return [disk for disk in found if disk.labels.get(ATTEMPT) == attempt and disk.type not in COPIES]


async def attached_disks(transport: Transport, server: ObservedServer) -> dict[str, dict[str, str]]:
    """The labels of all storages of a server. Reads them if its answer does not have them."""
    found: dict[str, dict[str, str]] = {}
    for device in server.storage_devices:
        if not device.storage:
            continue
        labels = device.labels
        if labels is None:
            try:
                labels = (await get_storage(transport, device.storage)).labels
            except NotFound:
                labels = {}  # It may belong to somebody else, so it must not be deleted together with the server.
        found[device.storage] = labels
    return found
