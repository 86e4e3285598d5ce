"""Labels of ours, changed without losing those of others: the API replaces all labels of a thing at once."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

import anyio

from upcloud_sdk._transport import segment
from upcloud_sdk.fleet.observed import SERVER, STORAGE, get_storage

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

    from upcloud_sdk._transport import Transport
    from upcloud_sdk.fleet.observed import ObservedServer


class LabelEditor:
    """Changes labels for one client, whose tasks do not undo each other's changes.

    What somebody else changes between a look and the PUT that follows it is lost.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._locks: WeakValueDictionary[str, anyio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def editing(self, uuid: str) -> AsyncGenerator[None]:
        """Held from reading the labels of a thing until they are written."""
        async with self._locks.setdefault(uuid, anyio.Lock()):
            yield

    async def write_server(self, seen: ObservedServer, ours: Mapping[str, str | None]) -> None:
        """Set or remove (None) labels of ours on a server that was just seen. To be called within `editing`."""
        document = {"server": {"labels": {"label": _merged(seen.labels, ours)}}}
        await self._transport.call("PUT", f"/server/{segment(seen.uuid, 'uuid')}", SERVER, json=document)

    async def edit_storage(self, uuid: str, ours: Mapping[str, str | None]) -> Mapping[str, str]:
        """Set or remove (None) labels of ours on a storage; its labels as they were."""
        async with self.editing(uuid):
            seen = await get_storage(self._transport, uuid)
            if any(seen.labels.get(key) != value for key, value in ours.items()):
                document = {"storage": {"labels": _merged(seen.labels, ours)}}
                await self._transport.call("PUT", f"/storage/{segment(uuid, 'uuid')}", STORAGE, json=document)
        return seen.labels


def _merged(present: Mapping[str, str], ours: Mapping[str, str | None]) -> list[dict[str, str]]:
    # The API's own labels start with `_`: it keeps them, and refuses to be sent them.
    kept = {key: value for key, value in present.items() if not key.startswith("_") and key not in ours}
    written = {key: value for key, value in ours.items() if value is not None}
    return [{"key": key, "value": value} for key, value in {**kept, **written}.items()]
