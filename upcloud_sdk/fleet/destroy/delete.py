"""Sends one DELETE and interprets its answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from upcloud_sdk.errors import ForeignAnswer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from upcloud_sdk._transport import Transport


async def send_delete(transport: Transport, path: str, params: Sequence[tuple[str, str]] = ()) -> bool:
    """Send a DELETE. True if the first attempt succeeded, so that everything in the request is deleted.

    Raises:
        UpCloudError: The resource may still exist.
    """
    attempts: list[None] = []
    answer = await transport.send("DELETE", path, params=params, on_send=lambda: attempts.append(None))
    if answer.is_success and answer.content:
        # The API answers 204 without a body. Somebody else wrote this.
        raise ForeignAnswer(f"DELETE {path}", status=answer.status)
    return len(attempts) == 1
