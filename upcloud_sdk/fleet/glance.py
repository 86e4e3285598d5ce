"""As much of a server or a disk as looking after it needs: an answer with a surprise in it must not stop a clean-up."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from upcloud_sdk._wire import Inside, Labels, Resource, many, one
from upcloud_sdk.models.ownership import Ownership


class DeviceGlance(Resource):
    """A storage device."""

    storage: str = ""
    labels: Labels | None = None


class ServerGlance(Resource):
    """A server; its devices are known only from an answer that shows it in full."""

    uuid: str
    state: str
    labels: Labels = Field(default_factory=dict)
    storage_devices: Annotated[tuple[DeviceGlance, ...], Inside("storage_device")] = ()

    @property
    def ownership(self) -> Ownership:
        """What its labels say of its owner."""
        return Ownership.read(self.labels)


class StorageGlance(Resource):
    """A disk; what it is attached to is known only from an answer that shows it in full."""

    uuid: str
    state: str
    labels: Labels = Field(default_factory=dict)
    servers: Annotated[tuple[str, ...], Inside("server")] = ()

    @property
    def ownership(self) -> Ownership:
        """What its labels say of its owner."""
        return Ownership.read(self.labels)


SERVER_GLANCE = one(ServerGlance, "server")
SERVER_GLANCES = many(ServerGlance, "servers", "server")
STORAGE_GLANCE = one(StorageGlance, "storage")
STORAGE_GLANCES = many(StorageGlance, "storages", "storage")
