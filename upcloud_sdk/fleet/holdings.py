"""What one client made or holds a lease on, and has not destroyed; how labels of ours are changed."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from upcloud_sdk._transport import segment
from upcloud_sdk.errors import NotFound, UpCloudError
from upcloud_sdk.fleet.glance import SERVER_GLANCE, STORAGE_GLANCE, STORAGE_GLANCES, ServerGlance, StorageGlance
from upcloud_sdk.models.ownership import ATTEMPT, LEASE, own_labels, write_lease
from upcloud_sdk.resources._base import label_params
from upcloud_sdk.resources._paging import whole_list

if TYPE_CHECKING:
    from collections.abc import Mapping

    from upcloud_sdk.resources._base import Core
    from upcloud_sdk.resources.policies import BackupPolicy, StoragePolicy


@dataclass(slots=True)
class Holding:
    """A server that this client answers for."""

    uuid: str
    attempt: str | None
    """The create that made it and its disks; None if it was made elsewhere."""
    lease: float | None
    """Seconds that its lease is renewed for; None if it has none, or is not renewed any more."""
    ends: datetime | None
    """When the lease ends, by the API's clock."""
    made: float | None = None
    """When this client made it, by the clock that it waits by."""


@dataclass(frozen=True, slots=True)
class Leftover:
    """A server that could not be destroyed: what the reaper of this process needs to finish it."""

    attempt: str | None
    storages: StoragePolicy
    backups: BackupPolicy | None
    labels: Mapping[str, str] | None
    """The labels of ours that were last seen on it; None if it was never seen."""

    def is_unchanged(self, seen: ServerGlance, now: datetime) -> bool:
        """Whether the server is still ours to destroy: nobody took, renewed or kept it since."""
        if self.labels is None:
            return True
        mine, theirs = dict(self.labels), own_labels(seen.labels)
        had, has = mine.pop(LEASE, None), theirs.pop(LEASE, None)
        if mine != theirs or (had is None) != (has is None):
            return False
        lease = seen.ownership.lease
        return had == has or (lease is not None and lease <= now)


@dataclass(slots=True)
class Holdings:
    """What one client holds."""

    servers: dict[str, Holding] = field(default_factory=dict[str, Holding])
    unfinished: dict[str, Leftover] = field(default_factory=dict[str, Leftover])
    """Servers that could not be destroyed, by uuid."""


async def api_now(core: Core) -> datetime:
    """Now, by the API's clock; a client that has not heard from the API asks once.

    The host's own clock counts for nothing here: one that is wrong must not kill anybody's server.
    """
    if core.transport.api_time() is None:
        await core.transport.ask_time()
    return api_time(core)


def api_time(core: Core) -> datetime:
    """Now, by the clock of an API that has been heard from."""
    now = core.transport.api_time()
    # An API without a Date header has no clock to go by but ours.
    return datetime.now(UTC) if now is None else datetime.fromtimestamp(now, UTC)


async def relabel_server(core: Core, seen: ServerGlance, ours: Mapping[str, str | None]) -> None:
    """Set or remove (None) labels of ours on a server that was just seen, and leave all others as they are.

    PUT replaces all labels; what a concurrent edit changes between the look and it is lost.
    """
    labels = {"label": _merged(seen.labels, ours)}
    await core.transport.send("PUT", f"/server/{segment(seen.uuid, 'uuid')}", json={"server": {"labels": labels}})


async def relabel_storage(core: Core, uuid: str, ours: Mapping[str, str | None]) -> None:
    """The same for a disk, which is looked at first."""
    path = f"/storage/{segment(uuid, 'uuid')}"
    seen = await core.transport.call("GET", path, STORAGE_GLANCE)
    await core.transport.send("PUT", path, json={"storage": {"labels": _merged(seen.labels, ours)}})


async def own_disks(core: Core, server: ServerGlance, attempt: str | None) -> list[str]:
    """The attached disks that were made with a server: those with the same attempt on their label."""
    if attempt is None:
        return []
    labels = await disk_labels(core, server)
    return [uuid for uuid, pairs in labels.items() if pairs.get(ATTEMPT) == attempt]


async def disk_labels(core: Core, server: ServerGlance) -> dict[str, dict[str, str]]:
    """The labels of all storages that are attached to a server.

    Where the server's answer does not show them, each storage is asked for.
    """
    found: dict[str, dict[str, str]] = {}
    for device in server.storage_devices:
        if not device.storage:
            continue
        labels = device.labels
        if labels is None:
            try:
                path = f"/storage/{segment(device.storage, 'uuid')}"
                labels = (await core.transport.call("GET", path, STORAGE_GLANCE)).labels
            except NotFound:
                continue
        found[device.storage] = labels
    return found


async def disks_of(core: Core, attempt: str) -> list[StorageGlance]:
    """The disks that were made by a create, wherever they are now."""
    params = label_params({ATTEMPT: attempt})
    found = await whole_list(core.transport, "/storage", STORAGE_GLANCES, params)
    # What the filter let through by mistake is not ours.
    return [storage for storage in found if storage.labels.get(ATTEMPT) == attempt]


async def expire(core: Core, uuid: str, attempt: str | None, *, disks: bool) -> None:
    """Move the end of a lease to now where the API allows it: any reaper of this owner may finish what was begun."""
    ours = {LEASE: write_lease(await api_now(core))}
    try:
        seen = await core.transport.call("GET", f"/server/{segment(uuid, 'uuid')}", SERVER_GLANCE)
        if LEASE in seen.labels:
            await relabel_server(core, seen, ours)
    except UpCloudError:
        pass  # Best effort: the lease ends by itself, since it is no longer renewed.
    try:
        for disk in await disks_of(core, attempt) if disks and attempt is not None else ():
            if LEASE in disk.labels:
                await relabel_storage(core, disk.uuid, ours)
    except UpCloudError:
        return


def _merged(present: Mapping[str, str], ours: Mapping[str, str | None]) -> list[dict[str, str]]:
    # The API's own labels start with `_`: it keeps them, and refuses to be sent them.
    kept = {key: value for key, value in present.items() if not key.startswith("_") and key not in ours}
    written = {key: value for key, value in ours.items() if value is not None}
    return [{"key": key, "value": value} for key, value in {**kept, **written}.items()]
