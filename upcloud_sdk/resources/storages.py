"""Storages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from upcloud_sdk._background import WhileOpen
from upcloud_sdk._transport import path_segment
from upcloud_sdk._wire import many, one, uuid_of
from upcloud_sdk.models.storages import Storage, StorageKind, StorageState, StorageSummary
from upcloud_sdk.resources._base import Labels, ResourceKind, body_of, endpoint, label_params
from upcloud_sdk.resources._filters import Direction, sort_params, words
from upcloud_sdk.resources._one_create import create_labelled
from upcloud_sdk.resources.policies import BackupPolicy, awaited_state, check_word
from upcloud_sdk.resources.storage_imports import StorageImports
from upcloud_sdk.resources.templates import choose
from upcloud_sdk.waiting import fails_on_error, poll

if TYPE_CHECKING:
    from collections.abc import Mapping

    from upcloud_sdk._wire import Uuid
    from upcloud_sdk.models.storage_requests import StorageChanges, StorageCloneSpec, StorageSpec
    from upcloud_sdk.resources.templates import Which

STORAGE = one(Storage, "storage")
_RESIZE_BACKUP = one(Storage, "resize_backup")
_STORAGES = many(StorageSummary, "storages", "storage")

StorageOrder = Literal["created", "size", "tier", "title", "type", "zone"]

CREATE_TIMEOUT = 60.0
"""Limit for a create, in seconds: the API answers when the disk exists, after about 10 s."""
MODIFY_TIMEOUT = 90.0
"""Limit for a resize, in seconds: the API answers when the disk has grown, after about 10 s."""
FILESYSTEM_TIMEOUT = 180.0
"""Limit for the resize of a file system, in seconds: the API answers when it is done. An empty disk took 14 s."""


class StorageEndpoints(StorageImports):
    """The endpoints of storages. Chapter "Storages" of the API."""

    @endpoint("GET", "/storage/{uuid}")
    async def get(self, uuid: Uuid) -> Storage:
        """A storage with all its fields."""
        return await self._transport.call("GET", _path(uuid), STORAGE)

    @endpoint("POST", "/storage")
    async def create(self, spec: StorageSpec) -> Storage:
        """Create an empty disk. The API answers when it exists.

        If the answer is lost, the disk is found by its label. If the caller is cancelled, the client deletes the disk.

        Raises:
            OutcomeUnknown: No answer came, and no disk was found. Look for the label in the error's `label`.
            NoCapacity, LimitReached: The zone is full, or the account's limit is reached.
        """
        kind = ResourceKind("/storage", "storage", "storages")
        return await create_labelled(self._core, kind, body_of(spec), STORAGE, timeout=CREATE_TIMEOUT)

    @endpoint("PUT", "/storage/{uuid}")
    async def modify(self, uuid: Uuid, changes: StorageChanges) -> Storage:
        """Change a storage. Fields that are not given stay as they are. For a resize, the API answers when it is done.

        Raises:
            IllegalState: A resize needs a stopped server.
        """
        return await self._modify(uuid, body_of(changes))

    async def _modify(self, uuid: Uuid, changes: Mapping[str, Any]) -> Storage:
        body = {"storage": changes}
        return await self._transport.call("PUT", _path(uuid), STORAGE, json=body, timeout=MODIFY_TIMEOUT)

    @endpoint("POST", "/storage/{uuid}/clone")
    async def clone(self, uuid: Uuid, spec: StorageCloneSpec) -> Storage:
        """Copy a storage to a new disk, in state "maintenance". `wait_for_state` waits until it is online.

        The source must be detached, or its server stopped. The API takes no labels here; `modify` adds them.

        Args:
            uuid: Uuid of the storage, or the storage itself.
            spec: Title, zone, tier and labels of the new disk.

        Raises:
            IllegalState: The source is in a state that does not allow this.
            OutcomeUnknown: No answer came. Check `list()` before you try again.
        """
        return await self._copy(uuid, "clone", body_of(spec))

    @endpoint("POST", "/storage/{uuid}/templatize")
    async def templatize(self, uuid: Uuid, title: str) -> Storage:
        """Create a template from a disk, in state "maintenance". `wait_for_state` waits until it is online.

        Args:
            uuid: Uuid of the storage, or the storage itself.
            title: Title of the template.

        Raises:
            IllegalState: The disk is in a state that does not allow this.
            OutcomeUnknown: No answer came. Look through `list("template")` before you try again.
        """
        return await self._copy(uuid, "templatize", {"title": _title(title)})

    @endpoint("POST", "/storage/{uuid}/backup")
    async def backup(self, uuid: Uuid, title: str) -> Storage:
        """Back up a disk. The backup is in state "maintenance". `wait_for_state` waits until it is online.

        The disk's server may run.

        Args:
            uuid: Uuid of the storage, or the storage itself.
            title: Title of the backup.

        Raises:
            IllegalState: The disk is in a state that does not allow this.
            OutcomeUnknown: No answer came. Check the disk's `backups` before you try again.
        """
        return await self._copy(uuid, "backup", {"title": _title(title)})

    async def _copy(self, uuid: Uuid, action: str, document: dict[str, Any]) -> Storage:
        path = f"{_path(uuid)}/{action}"
        return await self._transport.call("POST", path, STORAGE, json={"storage": document}, timeout=CREATE_TIMEOUT)

    @endpoint("POST", "/storage/{uuid}/restore")
    async def restore(self, backup_uuid: Uuid) -> None:
        """Restore a backup to its disk, which is overwritten. The disk's server must be stopped.

        The disk is then in state "maintenance". `wait_for_state`, with the disk's uuid, waits until it is online.

        Args:
            backup_uuid: Uuid of the backup, or the backup itself.

        Raises:
            IllegalState: The disk, or its server, is in a state that does not allow this.
        """
        await self._transport.send("POST", f"{_path(backup_uuid)}/restore", timeout=MODIFY_TIMEOUT)

    @endpoint("POST", "/storage/{uuid}/cancel")
    async def cancel(self, uuid: Uuid) -> None:
        """Stop an incomplete clone and delete it.

        Args:
            uuid: Uuid of the new disk, or the disk itself.

        Raises:
            Conflict: The clone is complete.
        """
        await self._transport.send("POST", f"{_path(uuid)}/cancel")

    @endpoint("POST", "/storage/{uuid}/resize")
    async def resize_filesystem(self, uuid: Uuid) -> Storage:
        """Grow the last partition and its file system (ext3, ext4, XFS, NTFS) to the size of the disk.

        The API answers when it is done. It makes a backup first, which this method returns. Delete it if all is well.

        Raises:
            IllegalState: The disk is not online, or its server is not stopped.
            Conflict: The disk has no such file system.
        """
        path = f"{_path(uuid)}/resize"
        return await self._transport.call("POST", path, _RESIZE_BACKUP, timeout=FILESYSTEM_TIMEOUT)

    @endpoint("POST", "/storage/{uuid}/attach")
    async def attach(
        self,
        uuid: str,
        server: str,
        *,
        type: Literal["disk", "cdrom"] = "disk",
        address: str | None = None,
        boot_disk: bool = False,
    ) -> Storage:
        """Attach a storage to a server, as `servers.attach_storage` does.

        Args:
            uuid: Uuid of the storage, or the storage itself.
            server: Uuid of the server, or the server itself.
            type: "disk" or "cdrom".
            address: Where to attach it, such as `virtio:1`. `virtio` alone is the next free address of that bus. None:
                the API chooses.
            boot_disk: Boot from this disk.

        Raises:
            Conflict: The storage or the address is in use, or the server's state does not allow it.
        """
        path_segment(server, "uuid of the server")
        check_word(type, Literal["disk", "cdrom"], "type")
        document = {"server": uuid_of(server), "type": type}
        if address is not None:
            document["address"] = address
        if boot_disk:
            document["boot_disk"] = "1"
        path = f"{_path(uuid)}/attach"
        return await self._transport.call("POST", path, STORAGE, json={"storage_device": document})

    @endpoint("POST", "/storage/{uuid}/detach")
    async def detach(self, uuid: Uuid) -> Storage:
        """Detach a storage from its server.

        Raises:
            Conflict: It is not attached, or the server's state does not allow it.
        """
        return await self._transport.call("POST", f"{_path(uuid)}/detach", STORAGE)

    @endpoint("POST", "/storage/{uuid}/favorite")
    async def favorite(self, uuid: Uuid) -> None:
        """Add a storage to the favourites, which `list("favorite")` lists."""
        await self._transport.send("POST", f"{_path(uuid)}/favorite")

    @endpoint("DELETE", "/storage/{uuid}/favorite")
    async def unfavorite(self, uuid: Uuid) -> None:
        """Remove a storage from the favourites."""
        await self._transport.send("DELETE", f"{_path(uuid)}/favorite")

    @endpoint("DELETE", "/storage/{uuid}")
    async def delete(self, uuid: Uuid, *, backups: BackupPolicy | None = None) -> None:
        """Delete a detached storage.

        Args:
            uuid: Uuid of the storage, or the storage itself.
            backups: What happens to its backups. None: the API's default, which keeps them.

        Raises:
            Conflict: It is attached, or in a state that does not allow this.
        """
        params: list[tuple[str, str]] = []
        if backups is not None:
            check_word(backups, BackupPolicy, "backups")
            params.append(("backups", backups))
        await self._transport.send("DELETE", _path(uuid), params=params)

    async def find_template(self, which: Which) -> StorageSummary:
        """Find a template. If several match an expression or a function, the newest is returned.

        Args:
            which: A short name such as `debian-13`, an exact title, a uuid, a compiled regular expression, or a
                function of the template.

        Raises:
            NoMatch: No template matches. `candidates` has the most similar titles.
            Ambiguous: Several templates have exactly this title.
        """
        return choose(which, await self.list("template"))

    async def wait_for_state(self, uuid: Uuid, state: StorageState | str, *, timeout: float) -> Storage:
        """Wait until the storage is in this state, and return it.

        Args:
            uuid: Uuid of the storage, or the storage itself.
            state: The state to wait for, such as "online".
            timeout: Seconds to wait. 0 reads the state once.

        Raises:
            ResourceFailed: The storage is in "error".
            NotFound: The storage is gone.
            WaitTimeout: The storage was not in this state within `timeout` seconds.
        """
        uuid = uuid_of(uuid)
        wanted = awaited_state(state, StorageState, "storage")

        def reached(storage: Storage) -> bool:
            fails_on_error("storage", uuid, storage.state, wanted)
            return storage.state == wanted

        what = f"storage {uuid} to be {wanted}"
        with WhileOpen(self._transport.open_state, what):
            return await poll(lambda: self.get(uuid), reached, policy=self._core.waits, timeout=timeout, what=what)
        raise AssertionError("unreachable: the block returns or raises")

    @endpoint("GET", "/storage")
    @endpoint("GET", "/storage/{kind}")
    @endpoint("GET", "/storage/{type}/{access}")
    async def list(
        self,
        kind: StorageKind | None = None,
        *,
        access: Literal["public", "private"] | None = None,
        labels: Labels | None = None,
        search: str | None = None,
        sort_by: StorageOrder | None = None,
        order_by: Direction | None = None,
        page_size: int | None = None,
    ) -> tuple[StorageSummary, ...]:
        """List storages, public ones too. The list is always complete; the SDK reads all pages.

        Args:
            kind: Only storages of this kind, such as "template" or "disk". None: all.
            access: Only "public" or only "private" storages. Needs a kind that is a type, such as "template".
            labels: Only storages with all of these labels.
            search: Only storages in which the API finds this text.
            sort_by: created, size, tier, title, type or zone.
            order_by: `asc` or `desc`. None: the API's default.
            page_size: Storages per request, 1 to 100. None: 100.

        Raises:
            ValueError: `page_size` is not from 1 to 100, or the API does not know a word.
        """
        path = "/storage"
        if kind is not None:
            check_word(kind, StorageKind, "kind")
            path += f"/{kind}"
        if access is not None:
            check_word(access, Literal["public", "private"], "access")
            if kind not in {None, "normal", "backup", "cdrom", "template"}:
                raise ValueError(f"access needs a kind that is a type of storages, not {kind!r}")
            path += f"/{access}"
        params = [*label_params(labels), *words(search=search), *sort_params(sort_by, order_by, StorageOrder)]
        return await self._list(path, _STORAGES, params, page_size=page_size)


def _path(uuid: Uuid) -> str:
    return f"/storage/{path_segment(uuid, 'uuid')}"


def _title(title: str) -> str:
    if not 1 <= len(title) <= 255:
        raise ValueError("a title has 1 to 255 characters")
    return title
