"""Storages and CD-ROMs of servers."""

from __future__ import annotations

from typing import Literal

from upcloud_sdk._transport import path_segment
from upcloud_sdk._wire import Uuid, one, uuid_of
from upcloud_sdk.models.servers import Server
from upcloud_sdk.resources._base import Namespace, endpoint

SERVER = one(Server, "server")


class StorageDevices(Namespace):
    """Disks and CD-ROM drives of servers. Chapter "Storage devices" of the API."""

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
        """Attach a disk, or add a CD-ROM drive, empty or with a CD-ROM.

        To a running server you can attach `virtio` and `scsi` only. A server has at most 16 storages.

        Args:
            uuid: Uuid of the server, or the server itself.
            storage: A storage of the same zone. None: an empty drive, with type "cdrom".
            type: "disk" or "cdrom".
            address: Where to attach it, such as `virtio:1`. `virtio` alone is the next free address of that bus. None:
                the API chooses.
            boot_disk: Boot from this disk.

        Raises:
            Conflict: The storage or the address is in use, or the server's state does not allow it.
        """
        if storage is None and type == "disk":
            raise ValueError("a disk needs `storage`, the uuid of the disk; only a CD-ROM drive can be empty")
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
        """Detach the storage at this address from the server.

        The storage may be busy for a moment: `storages.wait_for_state(..., "online")` waits for it.

        Args:
            uuid: Uuid of the server, or the server itself.
            address: The address, such as `virtio:1`; not the storage's uuid.

        Raises:
            Conflict: Nothing is attached at this address, or the server's state does not allow it.
        """
        if address.count(":") == 0:
            raise ValueError(f"address is {address!r}: give the device's address on the server, such as 'virtio:1'")
        return await self._device(uuid, "storage/detach", {"address": address})

    @endpoint("POST", "/server/{uuid}/cdrom/load")
    async def load_cdrom(self, uuid: Uuid, storage: Uuid) -> Server:
        """Put a CD-ROM into the drive of a server.

        Args:
            uuid: Uuid of the server, or the server itself.
            storage: Uuid of the CD-ROM's storage, or the storage itself.

        Raises:
            Conflict: The server has no drive.
        """
        return await self._device(uuid, "cdrom/load", {"storage": _checked(storage)})

    @endpoint("POST", "/server/{uuid}/cdrom/eject")
    async def eject_cdrom(self, uuid: Uuid) -> Server:
        """Remove the CD-ROM from the drive of a server.

        Raises:
            Conflict: The server has no drive.
        """
        return await self._device(uuid, "cdrom/eject", None)

    async def _device(self, uuid: Uuid, action: str, device: dict[str, str] | None) -> Server:
        path = f"/server/{path_segment(uuid, 'uuid')}/{action}"
        document = None if device is None else {"storage_device": device}
        return await self._transport.call("POST", path, SERVER, json=document)


def _checked(storage: Uuid) -> str:
    path_segment(storage, "uuid of the storage")
    return uuid_of(storage)
