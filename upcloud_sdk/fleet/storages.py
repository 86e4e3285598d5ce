"""Storages, beyond one endpoint: the labels by which the SDK finds its disks again survive a modify."""

from __future__ import annotations

from typing import TYPE_CHECKING

from upcloud_sdk._wire import uuid_of
from upcloud_sdk.models.ownership import keep_own
from upcloud_sdk.resources._base import body_of, endpoint
from upcloud_sdk.resources.storages import StorageEndpoints

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from upcloud_sdk._wire import Uuid
    from upcloud_sdk.fleet.fleet import Fleet
    from upcloud_sdk.models.storage_requests import StorageChanges
    from upcloud_sdk.models.storages import Storage
    from upcloud_sdk.resources._base import Core


class Storages(StorageEndpoints):
    """`cloud.storages`. Chapter "Storages" of the API, <https://developers.upcloud.com/1.3/9-storages/>."""

    def __init__(self, core: Core, fleet: Callable[[], Fleet]) -> None:
        super().__init__(core)
        # Only a change of labels needs it, and loading it takes as long as all of storages.
        self._fleet = fleet

    @endpoint("PUT", "/storage/{uuid}")
    async def modify(self, uuid: Uuid, changes: StorageChanges) -> Storage:
        """Change a storage; fields that are not given stay as they are. `labels` replaces all labels but the SDK's own.

        The API answers when a disk that is to grow has grown.

        Raises:
            IllegalState: it is to grow, and its server is not stopped.
        """
        uuid = uuid_of(uuid)
        # Not `changes.labels`: what is no model is refused in words by what is called next.
        labels: Mapping[str, str] | None = getattr(changes, "labels", None)
        if labels is None:
            return await super().modify(uuid, changes)
        async with self._fleet().labels.editing(uuid):
            present = (await self.get(uuid)).labels
            pairs = [{"key": key, "value": value} for key, value in keep_own(labels, present).items()]
            return await self._modify(uuid, {**body_of(changes), "labels": pairs})
