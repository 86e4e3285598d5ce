"""Incomplete images, which are deleted with the server that bakes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from upcloud_sdk._transport import path_segment
from upcloud_sdk.errors import Conflict, NotFound, UpCloudError
from upcloud_sdk.fleet.records.observed import STORAGES, list_at
from upcloud_sdk.models.ownership import incomplete_title

if TYPE_CHECKING:
    from upcloud_sdk._transport import Transport
    from upcloud_sdk.fleet.records.observed import ObservedStorage


async def unfinished(transport: Transport, attempt: str) -> list[ObservedStorage]:
    """The incomplete templates of an attempt's server, and their source disks, by their titles."""
    found = await list_at(transport, "/storage/private", STORAGES)
    return [each for each in found if each.title == incomplete_title(attempt)]


async def delete_unfinished(transport: Transport, attempt: str) -> None:
    """Delete incomplete templates and their source disks.

    Raises:
        Conflict: One is still being created and cannot be cancelled. Try again later.
    """
    for each in await unfinished(transport, attempt):
        path = f"/storage/{path_segment(each.uuid, 'uuid')}"
        try:
            await transport.send("DELETE", path)
        except NotFound:
            continue
        except Conflict as conflict:
            try:
                await transport.send("POST", path + "/cancel")
            except UpCloudError:
                raise conflict from None
