"""Storages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from upcloud_sdk._transport import segment
from upcloud_sdk._wire import many, one, uuid_of
from upcloud_sdk.models.storages import Storage, StorageKind, StorageState, StorageSummary
from upcloud_sdk.resources._base import Labels, Makeable, body_of, endpoint, label_params
from upcloud_sdk.resources._filters import Direction, order, words
from upcloud_sdk.resources.policies import BackupPolicy, awaited_state, check_word
from upcloud_sdk.resources.storage_imports import StorageImports
from upcloud_sdk.resources.templates import choose
from upcloud_sdk.waiting import fails_on_error, poll

if TYPE_CHECKING:
    from collections.abc import Mapping

    from upcloud_sdk._wire import Uuid
    from upcloud_sdk.models.storage_requests import StorageChanges, StorageCloneSpec, StorageSpec
    from upcloud_sdk.resources.templates import Which

_STORAGE = one(Storage, "storage")
_RESIZE_BACKUP = one(Storage, "resize_backup")
_STORAGES = many(StorageSummary, "storages", "storage")

StorageOrder = Literal["created", "size", "tier", "title", "type", "zone"]

CREATE_TIMEOUT = 60.0
"""Seconds: the API answers a create when the disk is there, in about ten."""
MODIFY_TIMEOUT = 90.0
"""Seconds: the API answers when a disk has grown, in about ten."""
FILESYSTEM_TIMEOUT = 180.0
"""Seconds: the API answers when a file system has grown, which took 14 on an empty disk."""


class StorageEndpoints(StorageImports):
    """The endpoints of storages. Chapter "Storages" of the API."""

    @endpoint("GET", "/storage/{uuid}")
    async def get(self, uuid: Uuid) -> Storage:
        """A storage in full."""
        return await self._transport.call("GET", _path(uuid), _STORAGE)

    @endpoint("POST", "/storage")
    async def create(self, spec: StorageSpec) -> Storage:
        """A new, empty disk. The API answers when it is there. Where an answer is lost it is found and adopted.

        A caller that is cancelled has no disk: the client deletes what the create makes.

        Raises:
            OutcomeUnknown: no answer came, and no disk was found; its `label` is what to look for.
            NoCapacity, LimitReached: there is no room.
        """
        kind = Makeable("/storage", "storage", "storages")
        return await self._core.creator.create(kind, body_of(spec), _STORAGE, timeout=CREATE_TIMEOUT)

    @endpoint("PUT", "/storage/{uuid}")
    async def modify(self, uuid: Uuid, changes: StorageChanges) -> Storage:
        """Change a storage; fields that are not given stay as they are. A growing disk is answered when it has grown.

        Raises:
            IllegalState: it is to grow, and its server is not stopped.
        """
        return await self._modify(uuid, body_of(changes))

    async def _modify(self, uuid: Uuid, changes: Mapping[str, Any]) -> Storage:
        body = {"storage": changes}
        return await self._transport.call("PUT", _path(uuid), _STORAGE, json=body, timeout=MODIFY_TIMEOUT)

    @endpoint("POST", "/storage/{uuid}/clone")
    async def clone(self, uuid: Uuid, spec: StorageCloneSpec) -> Storage:
        """A new disk with the contents of another, in state "maintenance": `wait_for_state` tells when it is online.

        The source is to be detached, or its server stopped. The API takes no labels here: `modify` gives them.

        Raises:
            IllegalState: the source is in a state that does not allow this.
            OutcomeUnknown: no answer came: look through `list()` before you try again.
        """
        return await self._copy(uuid, "clone", body_of(spec))

    @endpoint("POST", "/storage/{uuid}/templatize")
    async def templatize(self, uuid: Uuid, title: str) -> Storage:
        """A new template with the contents of a disk, in state "maintenance": `wait_for_state` tells when it is online.

        Raises:
            IllegalState: the disk is in a state that does not allow this.
            OutcomeUnknown: no answer came: look through `list("template")` before you try again.
        """
        return await self._copy(uuid, "templatize", {"title": _title(title)})

    @endpoint("POST", "/storage/{uuid}/backup")
    async def backup(self, uuid: Uuid, title: str) -> Storage:
        """A backup of a disk, in state "maintenance": `wait_for_state` tells when it is online. Its server may run.

        Raises:
            IllegalState: the disk is in a state that does not allow this.
            OutcomeUnknown: no answer came: the disk's `backups` show whether there is one more.
        """
        return await self._copy(uuid, "backup", {"title": _title(title)})

    async def _copy(self, uuid: Uuid, action: str, document: dict[str, Any]) -> Storage:
        path = f"{_path(uuid)}/{action}"
        return await self._transport.call("POST", path, _STORAGE, json={"storage": document}, timeout=CREATE_TIMEOUT)

    @endpoint("POST", "/storage/{uuid}/restore")
    async def restore(self, backup_uuid: Uuid) -> None:
        """Write a backup, given by its own uuid, over the disk that it was made of. Its server is to be stopped.

        The disk is then in state "maintenance": `wait_for_state`, with the disk's uuid, tells when it is online.

        Raises:
            IllegalState: the disk, or its server, is in a state that does not allow this.
        """
        await self._transport.send("POST", f"{_path(backup_uuid)}/restore", timeout=MODIFY_TIMEOUT)

    @endpoint("POST", "/storage/{uuid}/cancel")
    async def cancel(self, uuid: Uuid) -> None:
        """Stop the making of a clone, given by its own uuid, and delete it.

        Raises:
            Conflict: it is not being made.
        """
        await self._transport.send("POST", f"{_path(uuid)}/cancel")

    @endpoint("POST", "/storage/{uuid}/resize")
    async def resize_filesystem(self, uuid: Uuid) -> Storage:
        """Let the last partition and its file system (ext3, ext4, XFS, NTFS) fill a disk that has grown.

        The API answers when it is done. What comes back is the backup that was made before: delete it when all is well.

        Raises:
            IllegalState: the disk is not online, or its server is not stopped.
            Conflict: there is no such file system.
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
        """Attach a storage to a server, given by its uuid: what `servers.attach_storage` does, from this side.

        `address`: such as `virtio:1`; a bare bus (`virtio`) means its next free address; None: the API chooses.

        Raises:
            Conflict: the storage is in use, the address is, or the server's state does not allow it.
        """
        segment(server, "uuid of the server")
        check_word(type, Literal["disk", "cdrom"], "type")
        document = {"server": uuid_of(server), "type": type}
        if address is not None:
            document["address"] = address
        if boot_disk:
            document["boot_disk"] = "1"
        path = f"{_path(uuid)}/attach"
        return await self._transport.call("POST", path, _STORAGE, json={"storage_device": document})

    @endpoint("POST", "/storage/{uuid}/detach")
    async def detach(self, uuid: Uuid) -> Storage:
        """Detach a storage from its server.

        Raises:
            Conflict: it is attached to nothing, or the server's state does not allow it.
        """
        return await self._transport.call("POST", f"{_path(uuid)}/detach", _STORAGE)

    @endpoint("POST", "/storage/{uuid}/favorite")
    async def favorite(self, uuid: Uuid) -> None:
        """Put a storage among the favourites, which `list("favorite")` shows."""
        await self._transport.send("POST", f"{_path(uuid)}/favorite")

    @endpoint("DELETE", "/storage/{uuid}/favorite")
    async def unfavorite(self, uuid: Uuid) -> None:
        """Take a storage from the favourites."""
        await self._transport.send("DELETE", f"{_path(uuid)}/favorite")

    @endpoint("DELETE", "/storage/{uuid}")
    async def delete(self, uuid: Uuid, *, backups: BackupPolicy | None = None) -> None:
        """Delete a storage that is attached to nothing. `backups`: what becomes of its backups; API's default: keep.

        Raises:
            Conflict: it is attached, or in a state that does not allow this.
        """
        params: list[tuple[str, str]] = []
        if backups is not None:
            check_word(backups, BackupPolicy, "backups")
            params.append(("backups", backups))
        await self._transport.send("DELETE", _path(uuid), params=params)

    async def find_template(self, which: Which) -> StorageSummary:
        """The template that `which` means; where an expression or a function fits several, the newest.

        Raises:
            NoMatch: there is none; `candidates` are the titles that come closest.
            Ambiguous: several templates have exactly this title.
        """
        return choose(which, await self.list("template"))

    async def wait_for_state(self, uuid: Uuid, state: StorageState | str, *, timeout: float) -> Storage:
        """The storage, once it is in this state.

        Raises:
            ResourceFailed: it reached "error".
            NotFound: it is gone.
            WaitTimeout: it was not there within `timeout` seconds; 0 looks once.
        """
        uuid = uuid_of(uuid)
        wanted = awaited_state(state, StorageState, "storage")

        def reached(storage: Storage) -> bool:
            fails_on_error("storage", uuid, storage.state, wanted)
            return storage.state == wanted

        what = f"storage {uuid} to be {wanted}"
        with self._transport.open_state.required(what):
            return await poll(lambda: self.get(uuid), reached, policy=self._core.waits, timeout=timeout, what=what)
        raise AssertionError("the block returns, or raises")

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
        """Storages of a kind, or all, public ones too; with `labels`, those that have all of them.

        `access`: of a kind that is a type, such as "template", only the public or the private ones. `search`: those
        that the API finds by this text. `sort_by`: created, size, tier, title, type or zone, `order_by`: "asc" or
        "desc". All of them, asked for a hundred at a time; `page_size` asks for fewer.

        Raises:
            ValueError: `page_size` is not from 1 to 100, or a word is none that the API knows.
        """
        path = "/storage"
        if kind is not None:
            check_word(kind, StorageKind, "kind")
            path += f"/{kind}"
        if access is not None:
            check_word(access, Literal["public", "private"], "access")
            if kind not in {None, "normal", "backup", "cdrom", "template"}:
                raise ValueError(f"access goes with a type of storages, not with {kind!r}")
            path += f"/{access}"
        params = [*label_params(labels), *words(search=search), *order(sort_by, order_by, StorageOrder)]
        return await self._list(path, _STORAGES, params, page_size=page_size)


def _path(uuid: Uuid) -> str:
    return f"/storage/{segment(uuid, 'uuid')}"


def _title(title: str) -> str:
    if not 1 <= len(title) <= 255:
        raise ValueError("a title has 1 to 255 characters")
    return title
