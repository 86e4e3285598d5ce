"""What one client made or holds a lease on, and has not destroyed."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from upcloud_sdk._transport import segment
from upcloud_sdk.errors import UpCloudError
from upcloud_sdk.fleet.glance import SERVER_GLANCE, STORAGE_GLANCE, ServerGlance
from upcloud_sdk.models.ownership import ATTEMPT, LEASE, OWN_LABELS, write_lease

if TYPE_CHECKING:
    from collections.abc import Mapping

    from upcloud_sdk.resources._base import Core


@dataclass(slots=True)
class Holding:
    """A server that this client answers for."""

    uuid: str
    attempt: str | None
    """The create that made it and its disks; None if it was made elsewhere."""
    lease: float | None
    """Seconds that its lease is renewed for; None if it has none."""
    ends: datetime | None
    """When the lease ends, by the API's clock."""


@dataclass(slots=True)
class Holdings:
    """What one client holds."""

    servers: dict[str, Holding] = field(default_factory=dict[str, Holding])
    unfinished: dict[str, str | None] = field(default_factory=dict[str, "str | None"])
    """Servers that could not be destroyed, with the attempt that made them, for the reaper of this process."""


async def api_now(core: Core) -> datetime:
    """Now, by the API's clock; a client that has not heard from the API asks once.

    The host's own clock counts for nothing here: one that is wrong must not kill anybody's server.
    """
    now = core.transport.api_time()
    if now is None:
        now = await core.transport.ask_time()
    # An API without a Date header has no clock to go by but ours.
    return datetime.now(UTC) if now is None else datetime.fromtimestamp(now, UTC)


async def relabel_server(
    core: Core, uuid: str, ours: Mapping[str, str | None], seen: ServerGlance | None = None
) -> ServerGlance:
    """Set or remove (None) labels of ours on a server, and leave all others as they are. Returns the server as it was.

    PUT replaces all labels, so they are read just before; what a concurrent edit changes within that moment is lost.
    """
    path = f"/server/{segment(uuid, 'uuid')}"
    if seen is None:
        seen = await core.transport.call("GET", path, SERVER_GLANCE)
    pairs = _merged(seen.labels, ours)
    await core.transport.send("PUT", path, json={"server": {"labels": {"label": pairs}}})
    return seen


async def relabel_storage(core: Core, uuid: str, ours: Mapping[str, str | None]) -> None:
    """The same for a disk."""
    path = f"/storage/{segment(uuid, 'uuid')}"
    seen = await core.transport.call("GET", path, STORAGE_GLANCE)
    await core.transport.send("PUT", path, json={"storage": {"labels": _merged(seen.labels, ours)}})


async def own_disks(core: Core, server: ServerGlance, attempt: str | None) -> list[str]:
    """The attached disks that were made with a server: those with the same attempt on their label.

    Where the server's answer does not show the labels of its disks, each is asked for.
    """
    if attempt is None:
        return []
    found: list[str] = []
    for device in server.storage_devices:
        if not device.storage:
            continue
        labels = device.labels
        if labels is None:
            path = f"/storage/{segment(device.storage, 'uuid')}"
            labels = (await core.transport.call("GET", path, STORAGE_GLANCE)).labels
        if labels.get(ATTEMPT) == attempt:
            found.append(device.storage)
    return found


async def expire(core: Core, uuid: str) -> None:
    """Move the end of a server's lease to now where the API allows it: any reaper of this owner may finish it."""
    try:
        await relabel_server(core, uuid, {LEASE: write_lease(await api_now(core))})
    except UpCloudError:
        # Best effort: the lease ends by itself, since it is no longer renewed.
        return


def _merged(present: Mapping[str, str], ours: Mapping[str, str | None]) -> list[dict[str, str]]:
    kept = {key: value for key, value in present.items() if not key.startswith("_") and key not in ours}
    written = {key: value for key, value in ours.items() if value is not None}
    return [{"key": key, "value": value} for key, value in {**kept, **written}.items()]


def keep_own(labels: Mapping[str, str], present: Mapping[str, str]) -> dict[str, str]:
    """Labels that a caller wants, with those of ours that are there: a modify must not lose them."""
    return {**labels, **{key: value for key, value in present.items() if key in OWN_LABELS}}
