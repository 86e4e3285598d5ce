"""Minimal models of servers and disks for cleanups, so that unusual answers do not stop a cleanup."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, TypeVar

from pydantic import Field

from upcloud_sdk._transport import path_segment
from upcloud_sdk._wire import Inside, Labels, Resource, Time, many, one
from upcloud_sdk.errors import NotFound
from upcloud_sdk.models.ownership import ATTEMPT, IMAGE, IMAGE_BASE, LEASE, Ownership
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


LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


class ObservedDevice(Resource):
    """A storage device."""

    storage: str | None = None
    type: str = "disk"
    storage_title: str = ""
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
    def has_lease(self) -> bool:
        """Whether it has a lease, which may be unreadable."""
        return LEASE in self.labels

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
    created: Time = LONG_AGO

    @property
    def is_part(self) -> bool:
        """Whether it can be a part of an attempt: a disk, or an incomplete image. Backups and images are none."""
        if self.type == "template":
            return self._title_ownership is not None or {IMAGE, LEASE} <= self.labels.keys()
        return self.type not in COPIES

    @property
    def is_image(self) -> bool:
        """Whether it is a complete image."""
        return self.type == "template" and IMAGE_BASE in self.labels and LEASE not in self.labels

    @property
    def is_detached(self) -> bool:
        """Whether it is certainly a detached part. Needs an answer with all fields."""
        # A template cannot be attached.
        return self.is_part and (self.type == "template" or ("servers" in self.model_fields_set and not self.servers))

    @property
    def has_lease(self) -> bool:
        """Whether it has a lease: a label, or the title of a copy without labels."""
        return LEASE in self.labels or self._title_ownership is not None

    @property
    def ownership(self) -> Ownership:
        """Owner and lease: by its labels, or by its title as long as it has none.

        Without labels, only the lease of its server counts: its own ended when it was made.
        """
        return self._title_ownership or Ownership.read(self.labels)

    @property
    def _title_ownership(self) -> Ownership | None:
        # If the answer has no labels at all, it shows nothing.
        if ATTEMPT in self.labels or "labels" not in self.model_fields_set:
            return None
        owned = Ownership.read_title(self.title)
        return None if owned is None else replace(owned, lease=self.created)


T = TypeVar("T", bound=ObservedServer | ObservedStorage)

# Also a strict client cleans up, whatever it cannot read.
OBSERVED_SERVER = one(ObservedServer, "server", is_lenient=True)
OBSERVED_STORAGE = one(ObservedStorage, "storage", is_lenient=True)
OBSERVED_SERVERS = many(ObservedServer, "servers", "server", is_lenient=True)
OBSERVED_STORAGES = many(ObservedStorage, "storages", "storage", is_lenient=True)


async def list_at(
    transport: Transport, path: str, read: Envelope[tuple[T, ...]], labels: LabelFilter | None = None
) -> tuple[T, ...]:
    """The items of a list, without those that have no readable uuid."""
    return await whole_list(transport, path, read, label_params(labels))


async def list_servers(transport: Transport, labels: LabelFilter) -> Sequence[ObservedServer]:
    """The servers with these labels, without those that have no readable uuid."""
    return await list_at(transport, "/server", OBSERVED_SERVERS, labels)


async def list_private(transport: Transport) -> Sequence[ObservedStorage]:
    """All storages of the account, without those that cannot be read."""
    return await list_at(transport, "/storage/private", OBSERVED_STORAGES)


async def get_server(transport: Transport, uuid: str) -> ObservedServer:
    """A server with all fields."""
    return await transport.call("GET", f"/server/{path_segment(uuid, 'uuid')}", OBSERVED_SERVER)


async def get_storage(transport: Transport, uuid: str) -> ObservedStorage:
    """A storage with all fields."""
    return await transport.call("GET", f"/storage/{path_segment(uuid, 'uuid')}", OBSERVED_STORAGE)


# --- the members of an attempt ----------------------------------------------------------------------------------------


async def servers_of(transport: Transport, attempt: str) -> list[ObservedServer]:
    """The servers of an attempt: one or none."""
    # The filter may return others by mistake. The same below.
    found = await list_servers(transport, {ATTEMPT: attempt})
    return [server for server in found if server.labels.get(ATTEMPT) == attempt]


async def disks_of(transport: Transport, attempt: str) -> list[ObservedStorage]:
    """The disks and incomplete images of an attempt, attached or not, also those that have no labels yet."""
    found = await list_private(transport)
    return [disk for disk in found if disk.is_part and disk.ownership.attempt == attempt]


async def attached_disks(transport: Transport, server: ObservedServer) -> dict[str, str | None]:
    """The attempts of all storages of a server. Reads a storage if the server's answer does not have its labels."""
    found: dict[str, str | None] = {}
    for device in server.storage_devices:
        if not device.storage:
            continue
        if device.labels is not None:
            seen = ObservedStorage(uuid=device.storage, title=device.storage_title, labels=device.labels)
        else:
            try:
                seen = await get_storage(transport, device.storage)
            except NotFound:
                # It may belong to somebody else, so it must not be deleted together with the server.
                seen = ObservedStorage(uuid=device.storage)
        found[device.storage] = seen.ownership.attempt
    return found
