"""`cloud.storages`: `modify` keeps the SDK's labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from upcloud_sdk._wire import uuid_of
from upcloud_sdk.models.ownership import keep_sdk_labels
from upcloud_sdk.resources._base import body_of, endpoint
from upcloud_sdk.resources.storages import StorageEndpoints

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from upcloud_sdk._wire import Uuid
    from upcloud_sdk.fleet.fleet import Fleet
    from upcloud_sdk.models.storage_requests import StorageChanges
    from upcloud_sdk.models.storages import Storage
    from upcloud_sdk.resources._base import Core
    from upcloud_sdk.resources.policies import BackupPolicy


class Storages(StorageEndpoints):
    """`cloud.storages`. Chapter "Storages" of the API, <https://developers.upcloud.com/1.3/9-storages/>."""

    def __init__(self, core: Core, fleet: Callable[[], Fleet]) -> None:
        super().__init__(core)
        # Only a change of labels needs it, and its import doubles the import time of storages.
        self._fleet = fleet

    @endpoint("DELETE", "/storage/{uuid}")
    async def delete(self, uuid: Uuid, *, backups: BackupPolicy | None = None) -> None:
        """Delete a detached storage.

        Args:
            uuid: Uuid of the storage, or the storage itself.
            backups: What happens to its backups. None: the API's default, which keeps them.

        Raises:
            Conflict: It is attached, or in a state that does not allow this.
        """
        await super().delete(uuid, backups=backups)
        self._fleet().forget_disk(uuid_of(uuid))

    @endpoint("PUT", "/storage/{uuid}")
    async def modify(self, uuid: Uuid, changes: StorageChanges) -> Storage:
        """Change a storage. `labels` replaces all labels except the SDK's.

        For a resize, the API answers when it is done.

        Args:
            uuid: Uuid of the storage, or the storage itself.
            changes: What to change. Fields that are not given stay as they are.

        Raises:
            IllegalState: A resize needs a stopped server.
        """
        uuid = uuid_of(uuid)
        # Not `changes.labels`: if it is not a model, the next call raises a clear error.
        labels: Mapping[str, str] | None = getattr(changes, "labels", None)
        if labels is None:
            return await super().modify(uuid, changes)
        async with self._fleet().labels.editing(uuid):
            present = (await self.get(uuid)).labels
            pairs = [{"key": key, "value": value} for key, value in keep_sdk_labels(labels, present).items()]
            return await self._modify(uuid, {**body_of(changes), "labels": pairs})
