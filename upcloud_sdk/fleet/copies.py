"""Copies of storages that are made for a server: they belong to its attempt, and are deleted with it.

The API takes no labels in these requests, and a process may die before it writes labels. So the title first ends with
the owner (as a hash), run and attempt of the server. As soon as the API accepts it, a request of its own gives the copy
its plain title and its labels. `destroy` knows the uuids, and the reaper finds the copies by labels or title. So it is
with the disk of `rebuild_disk`.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Literal

from upcloud_sdk._identity import run_id
from upcloud_sdk._transport import path_segment
from upcloud_sdk._wire import Document
from upcloud_sdk.errors import NotFound, UpCloudError
from upcloud_sdk.fleet.records.observed import get_server
from upcloud_sdk.fleet.records.records import State
from upcloud_sdk.models.ownership import ATTEMPT, Ownership
from upcloud_sdk.resources._base import ResourceKind
from upcloud_sdk.resources._one_create import create_owned
from upcloud_sdk.resources.storages import STORAGE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from upcloud_sdk.fleet.fleet import Fleet
    from upcloud_sdk.models.storages import Storage

log = logging.getLogger("upcloud_sdk")

COPY_TIMEOUT = 180.0
"""Seconds to wait for the answer to a copy."""

_COPY = ResourceKind("/storage", "storage", "storages", is_copied=True)


class Copies:
    """The copies that are made for servers of one client."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet

    async def make(
        self,
        server: str,
        source: str,
        action: Literal["clone", "templatize"],
        document: Mapping[str, Any],
        labels: Mapping[str, str] | None = None,
    ) -> Storage:
        """Copy a storage for a server, exactly once. The copy is not complete yet: wait, then call `label`.

        If the caller is cancelled, the client deletes the copy.

        Raises:
            ValueError: The SDK did not create the server, so the copy could not be found later.
            OutcomeUnknown: No answer came, and no copy was found. A late one is deleted.
        """
        owned = await self.ownership(server)
        if owned.attempt is None:
            raise ValueError(
                f"server {server} has no attempt label: a disk created for it would not be deleted with it"
            )
        core, title = self._fleet.core, document["title"]
        made = await create_owned(
            core,
            _COPY,
            Document({**document, "title": owned.marked(title)}),
            STORAGE,
            attempt=owned.attempt,
            timeout=COPY_TIMEOUT,
            source=f"/storage/{path_segment(source, 'uuid')}/{action}",
            on_made=lambda copy: self._fleet.add_copies(server, {copy.uuid}),
        )
        await self.label(server, made.uuid, made.labels, title, labels)
        return made

    async def label(
        self,
        server: str,
        copy: str,
        present: Mapping[str, str],
        title: str,
        labels: Mapping[str, str] | None = None,
    ) -> None:
        """Give a copy its title and labels, if it has none. If the API refuses it, its title still says whose it is.

        `present`: the labels that it has now.
        """
        if ATTEMPT in present:
            return
        try:
            owned = await self.ownership(server)
            await self._fleet.labels.write_storage(copy, present, {**owned.labels(), **(labels or {})}, title)
        except UpCloudError as error:
            log.debug("storage %s, made for server %s, could not get its labels yet: %s", copy, server, error)

    async def ownership(self, server: str) -> Ownership:
        """Owner, attempt and lease of a server."""
        record = self._fleet.records.get(server)
        if record is not None and record.state is State.HELD:
            return Ownership(self._fleet.core.owner, run_id(), record.attempt, record.ends)
        try:
            return (await get_server(self._fleet.core.transport, server)).ownership
        except NotFound:
            if record is None:
                raise
            # Its copies are still deleted with it.
            return Ownership(self._fleet.core.owner, run_id(), record.attempt, record.ends)
