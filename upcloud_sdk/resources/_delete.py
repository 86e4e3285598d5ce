"""Sends a DELETE and interprets its answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from upcloud_sdk._transport import path_segment
from upcloud_sdk.errors import Conflict, ForeignAnswer, UpCloudError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from upcloud_sdk._transport import Transport


async def send_delete(transport: Transport, path: str, params: Sequence[tuple[str, str]] = ()) -> bool:
    """Send a DELETE. True if the first attempt succeeded, so that everything in the request is deleted.

    Raises:
        UpCloudError: The resource may still exist.
    """
    answer = await transport.send("DELETE", path, params=params)
    if answer.is_success and answer.content:
        # The API answers 204 without a body. Somebody else wrote this.
        raise ForeignAnswer(f"DELETE {path}", status=answer.status)
    return answer.attempt == 1


async def delete_storage(transport: Transport, uuid: str, backups: str | None = None) -> None:
    """Delete a detached storage. A copy that is being made is cancelled, which deletes it.

    Raises:
        Conflict: It is attached, or busy.
        UpCloudError: It may still exist.
    """
    path = f"/storage/{path_segment(uuid, 'uuid')}"
    try:
        await send_delete(transport, path, [] if backups is None else [("backups", backups)])
    except Conflict as conflict:
        try:
            await transport.send("POST", path + "/cancel")
        except UpCloudError:
            raise conflict from None
