"""Storages and CD-ROMs of servers."""

from __future__ import annotations

from typing import Literal

from upcloud_sdk._transport import segment
from upcloud_sdk._wire import Uuid, one, uuid_of
from upcloud_sdk.models.servers import Server
from upcloud_sdk.resources._base import Namespace, endpoint

SERVER = one(Server, "server")


class StorageDevices(Namespace):
    """What is attached to servers. Chapter "Storage devices" of the API."""

    @endpoint("POST", "/server/{uuid}/storage/attach")
    async def attach_storage(
        self,
        uuid: Uuid,
        storage: Uuid | None = None,
        *,
        type: Literal["disk", "cdrom"] = "disk",
        address: str | None = None,
        boot_disk: bool = False,
    ) -> Server:
        """Attach a disk, or add a CD-ROM drive, empty or with a CD-ROM in it.

        `storage`: uuid of a storage of the same zone; None is an empty drive of type "cdrom".
        `address`: such as `virtio:1`; a bare bus (`virtio`) means its next free address; None: the API chooses.
        On a server that runs only `virtio` and `scsi` can be attached. A server has 16 storages at most.

        Raises:
            Conflict: the storage is in use, the address is, or the server's state does not allow it.
        """
        if storage is None and type == "disk":
            raise ValueError("a disk needs `storage`, the uuid of the disk; only a drive for CD-ROMs can be empty")
        document: dict[str, str] = {"type": type}
        if storage is not None:
            document["storage"] = _checked(storage)
        if address is not None:
            document["address"] = address
        if boot_disk:
            document["boot_disk"] = "1"
        return await self._device(uuid, "storage/attach", document)

    @endpoint("POST", "/server/{uuid}/storage/detach")
    async def detach_storage(self, uuid: Uuid, address: str) -> Server:
        """Detach what has this address on the server, such as `virtio:1`; not by the uuid of the storage.

        The storage may be busy for a moment: `storages.wait_for_state(..., "online")` tells when it is not.

        Raises:
            Conflict: nothing has the address, or the server's state does not allow it.
        """
        if address.count(":") == 0:
            raise ValueError(f"address is {address!r}: give the device's address on the server, such as 'virtio:1'")
        return await self._device(uuid, "storage/detach", {"address": address})

    @endpoint("POST", "/server/{uuid}/cdrom/load")
    async def load_cdrom(self, uuid: Uuid, storage: Uuid) -> Server:
        """Put a CD-ROM, by the uuid of its storage, into the drive of a server.

        Raises:
            Conflict: the server has no drive.
        """
        return await self._device(uuid, "cdrom/load", {"storage": _checked(storage)})

    @endpoint("POST", "/server/{uuid}/cdrom/eject")
    async def eject_cdrom(self, uuid: Uuid) -> Server:
        """Take the CD-ROM out of the drive of a server.

        Raises:
            Conflict: the server has no drive.
        """
        return await self._device(uuid, "cdrom/eject", None)

    async def _device(self, uuid: Uuid, action: str, device: dict[str, str] | None) -> Server:
        path = f"/server/{segment(uuid, 'uuid')}/{action}"
        document = None if device is None else {"storage_device": device}
        return await self._transport.call("POST", path, SERVER, json=document)


def _checked(storage: Uuid) -> str:
    segment(storage, "uuid of the storage")
    return uuid_of(storage)
