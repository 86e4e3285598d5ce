"""Changes the SDK's labels and keeps other labels. The API can only replace all labels of a resource."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

import anyio

from upcloud_sdk._transport import path_segment
from upcloud_sdk.fleet.records.observed import OBSERVED_SERVER, OBSERVED_STORAGE, get_storage

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

    from upcloud_sdk._transport import Transport
    from upcloud_sdk.fleet.records.observed import ObservedServer


class LabelEditor:
    """Changes labels for one client. Its tasks do not overwrite each other's changes.

    If somebody else changes labels between a read and the next PUT, that change is lost.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._locks: WeakValueDictionary[str, anyio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def editing(self, uuid: str) -> AsyncGenerator[None]:
        """A lock, to hold from reading a resource's labels until they are written."""
        async with self._locks.setdefault(uuid, anyio.Lock()):
            yield

    async def write_server(self, seen: ObservedServer, ours: Mapping[str, str | None]) -> None:
        """Set or remove (None) the SDK's labels on a server that was just read. Must be called within `editing`."""
        document = {"server": {"labels": {"label": _merged(seen.labels, ours)}}}
        await self._transport.call("PUT", f"/server/{path_segment(seen.uuid, 'uuid')}", OBSERVED_SERVER, json=document)

    async def edit_storage(self, uuid: str, ours: Mapping[str, str | None]) -> Mapping[str, str]:
        """Set or remove (None) the SDK's labels on a storage. Returns its old labels."""
        async with self.editing(uuid):
            seen = await get_storage(self._transport, uuid)
            if any(seen.labels.get(key) != value for key, value in ours.items()):
                await self.write_storage(uuid, seen.labels, ours)
        return seen.labels

    async def write_storage(
        self, uuid: str, present: Mapping[str, str], ours: Mapping[str, str | None], title: str | None = None
    ) -> None:
        """Set or remove (None) the SDK's labels on a storage with these labels, and set its title."""
        document = {"labels": _merged(present, ours), **({} if title is None else {"title": title})}
        path = f"/storage/{path_segment(uuid, 'uuid')}"
        await self._transport.call("PUT", path, OBSERVED_STORAGE, json={"storage": document})


def _merged(present: Mapping[str, str], ours: Mapping[str, str | None]) -> list[dict[str, str]]:
    # The API's labels start with `_`. It keeps them, and refuses them in a request.
    kept = {key: value for key, value in present.items() if not key.startswith("_") and key not in ours}
    written = {key: value for key, value in ours.items() if value is not None}
    return [{"key": key, "value": value} for key, value in {**kept, **written}.items()]
