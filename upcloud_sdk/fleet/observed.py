"""As much of a server or a disk as looking after it needs: an answer with a surprise in it must not stop a clean-up."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Annotated, Self, TypeVar, cast

from pydantic import Field, ValidationError, model_validator

from upcloud_sdk._transport import segment
from upcloud_sdk._wire import Inside, ReadableLabels, Resource, many, one
from upcloud_sdk.errors import NotFound
from upcloud_sdk.models.ownership import ATTEMPT, Ownership
from upcloud_sdk.resources._base import label_params
from upcloud_sdk.resources._paging import whole_list

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic import ModelWrapValidatorHandler

    from upcloud_sdk._transport import Transport
    from upcloud_sdk._wire import Envelope
    from upcloud_sdk.resources._base import Labels

log = logging.getLogger("upcloud_sdk")

COPIES = frozenset({"backup", "template", "cdrom"})
"""Types of storages that are no disks, and that nobody of ours has made with a server."""


UNREADABLE = "unreadable"
"""The state of what says none: all that may help is tried."""


class ObservedDevice(Resource):
    """A storage device."""

    storage: str | None = None
    type: str = "disk"
    labels: ReadableLabels | None = None


class ObservedServer(Resource):
    """A server; its devices are known only from an answer that shows it in full."""

    uuid: str
    state: str = UNREADABLE
    labels: ReadableLabels = Field(default_factory=dict)
    storage_devices: Annotated[tuple[ObservedDevice, ...], Inside("storage_device")] = ()

    @property
    def ownership(self) -> Ownership:
        """What its labels say of its owner."""
        return Ownership.read(self.labels)


class ObservedStorage(Resource):
    """A disk; what it is attached to is known only from an answer that shows it in full."""

    uuid: str
    state: str = ""
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


T = TypeVar("T", bound=ObservedServer | ObservedStorage)

NO_UUID = "?"
"""How the uuid of an entry begins that has none."""


def _read_or_blank(kind: type[T], value: object, read: ModelWrapValidatorHandler[T]) -> T:
    try:
        return read(value)
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False)[0]["msg"]
        log.warning("an entry of a list cannot be read as %s, and is left out: %s", kind.__name__, problem)
        return cast("T", kind.model_construct(uuid=f"{NO_UUID}{hash(repr(value))}", state="", labels={}))


class ListedServer(ObservedServer):
    """A server in a list; one that cannot be read is one without labels, which is nobody's to judge."""

    @model_validator(mode="wrap")
    @classmethod
    def _read(cls, value: object, read: ModelWrapValidatorHandler[Self]) -> Self:
        return _read_or_blank(cls, value, read)


class ListedStorage(ObservedStorage):
    """The same for a storage."""

    @model_validator(mode="wrap")
    @classmethod
    def _read(cls, value: object, read: ModelWrapValidatorHandler[Self]) -> Self:
        return _read_or_blank(cls, value, read)


SERVER = one(ObservedServer, "server")
STORAGE = one(ObservedStorage, "storage")
SERVERS = many(ListedServer, "servers", "server")
STORAGES = many(ListedStorage, "storages", "storage")


async def _list(transport: Transport, path: str, read: Envelope[tuple[T, ...]], labels: Labels) -> list[T]:
    found = await whole_list(transport, path, read, label_params(labels))
    return [each for each in found if not each.uuid.startswith(NO_UUID)]


async def list_servers(transport: Transport, labels: Labels) -> Sequence[ObservedServer]:
    """The servers with these labels, those left out that cannot be read."""
    return await _list(transport, "/server", SERVERS, labels)


async def list_storages(transport: Transport, labels: Labels) -> Sequence[ObservedStorage]:
    """The same for storages."""
    return await _list(transport, "/storage", STORAGES, labels)


async def get_server(transport: Transport, uuid: str) -> ObservedServer:
    """A server in full."""
    return await transport.call("GET", f"/server/{segment(uuid, 'uuid')}", SERVER)


async def get_storage(transport: Transport, uuid: str) -> ObservedStorage:
    """A storage in full."""
    return await transport.call("GET", f"/storage/{segment(uuid, 'uuid')}", STORAGE)


# --- the members of an attempt ----------------------------------------------------------------------------------------


async def servers_of(transport: Transport, attempt: str) -> list[ObservedServer]:
    """The servers that a create made: one, or none."""
    # What the filter let through by mistake is not ours; so in all that follows.
    found = await list_servers(transport, {ATTEMPT: attempt})
    return [server for server in found if server.labels.get(ATTEMPT) == attempt]


async def disks_of(transport: Transport, attempt: str) -> list[ObservedStorage]:
    """The disks that a create made, wherever they are now."""
    found = await list_storages(transport, {ATTEMPT: attempt})
    return [disk for disk in found if disk.labels.get(ATTEMPT) == attempt and disk.type not in COPIES]


async def attached_disks(transport: Transport, server: ObservedServer) -> dict[str, dict[str, str]]:
    """The labels of all storages that are attached to a server; those that its answer does not show are asked for."""
    found: dict[str, dict[str, str]] = {}
    for device in server.storage_devices:
        if not device.storage:
            continue
        labels = device.labels
        if labels is None:
            try:
                labels = (await get_storage(transport, device.storage)).labels
            except NotFound:
                continue
        found[device.storage] = labels
    return found
