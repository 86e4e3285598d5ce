"""As much of a server or a disk as looking after it needs: an answer with a surprise in it must not stop a clean-up."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from upcloud_sdk._wire import Inside, ReadableLabels, Resource, many, one
from upcloud_sdk.models.ownership import Ownership

COPIES = frozenset({"backup", "template", "cdrom"})
"""Types of storages that are no disks, and that nobody of ours has made with a server."""


UNREADABLE = "unreadable"
"""The state of what says none: all that may help is tried."""


class DeviceGlance(Resource):
    """A storage device."""

    storage: str | None = None
    type: str = "disk"
    labels: ReadableLabels | None = None


class ServerGlance(Resource):
    """A server; its devices are known only from an answer that shows it in full."""

    uuid: str
    state: str = UNREADABLE
    labels: ReadableLabels = Field(default_factory=dict)
    storage_devices: Annotated[tuple[DeviceGlance, ...], Inside("storage_device")] = ()

    @property
    def ownership(self) -> Ownership:
        """What its labels say of its owner."""
        return Ownership.read(self.labels)


class StorageGlance(Resource):
    """A disk; what it is attached to is known only from an answer that shows it in full."""

    uuid: str
    state: str = UNREADABLE
    type: str = ""
    """`normal` for a disk; the rest are templates, backups and discs."""
    labels: ReadableLabels = Field(default_factory=dict)
    servers: Annotated[tuple[str, ...], Inside("server")] = ()

    @property
    def is_loose(self) -> bool:
        """Whether it is a disk that is known to be attached to nothing, from an answer that shows it in full."""
        return "servers" in self.model_fields_set and not self.servers and self.type not in COPIES

    @property
    def ownership(self) -> Ownership:
        """What its labels say of its owner."""
        return Ownership.read(self.labels)


SERVER_GLANCE = one(ServerGlance, "server")
SERVER_GLANCES = many(ServerGlance, "servers", "server")
STORAGE_GLANCE = one(StorageGlance, "storage")
STORAGE_GLANCES = many(StorageGlance, "storages", "storage")
