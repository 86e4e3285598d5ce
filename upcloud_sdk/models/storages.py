"""Storages: disks, backups, templates, CD-ROMs. Chapter "Storages" of the API."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from upcloud_sdk._wire import EmptyIsNone, FrozenDict, Inside, Labels, OpenEnum, Request, Resource, Time, Words, at_most
from upcloud_sdk.models.fields import Clock
from upcloud_sdk.models.tiers import StorageTier

if TYPE_CHECKING:
    from datetime import datetime

StorageKind = Literal["public", "private", "normal", "backup", "cdrom", "template", "favorite"]
"""What `storages.list` can be narrowed to."""


class StorageState(OpenEnum):
    """Where a storage is in its life."""

    ONLINE = "online"
    MAINTENANCE = "maintenance"
    """Being made or changed."""
    CLONING = "cloning"
    """The source of a clone or a template that is being made."""
    BACKUPING = "backuping"
    """Being backed up."""
    SYNCING = "syncing"
    """Usable; data is still being copied after an import or a move."""
    ERROR = "error"
    PENDING_DELETE = "pending_delete"
    """On its way out: it will never be in another state."""
    HIDDEN = "hidden"
    ATTACHING = "attaching"
    DETACHING = "detaching"


class StorageType(OpenEnum):
    """What a storage is. A disk is `normal` here and `disk` inside a server."""

    NORMAL = "normal"
    BACKUP = "backup"
    CDROM = "cdrom"
    TEMPLATE = "template"


class TemplateType(OpenEnum):
    """How a template is set up at its first boot."""

    CLOUD_INIT = "cloud-init"
    """Needs `metadata=True` and takes SSH keys only."""
    NATIVE = "native"


class StorageAccess(OpenEnum):
    """Whose a storage is."""

    PUBLIC = "public"
    PRIVATE = "private"


class BackupRule(Resource):
    """When a storage is backed up by itself."""

    interval: str | None = None
    """`daily`, or a day of the week: `mon` to `sun`."""
    time: str | None = None
    """`hhmm`, UTC."""
    retention: int | None = None
    """Days that a backup is kept, 1 to 1095."""


class BackupRuleSpec(Request):
    """When a storage is to be backed up by itself."""

    interval: Annotated[Literal["daily", "mon", "tue", "wed", "thu", "fri", "sat", "sun"], Words()]
    time: Clock
    """`hhmm`, UTC."""
    retention: Annotated[int, Field(ge=1), at_most(1095, "days")]
    """Days that a backup is kept, 1 to 1095."""


class StorageSummary(Resource):
    """A storage as a list shows it."""

    uuid: str
    title: str | None = None
    type: StorageType | None = None
    state: StorageState
    size: int | None = None
    """GB. Of a template: the smallest disk that it fits on."""
    access: StorageAccess | None = None
    tier: StorageTier | None = None
    """None on public templates, CD-ROMs and backups."""
    zone: str | None = None
    """None on public storages."""
    created: Time | None = None
    """None on public storages."""
    encrypted: bool | None = None
    labels: Labels = Field(default_factory=FrozenDict[str, str])
    license: Decimal = Decimal(0)
    """Credits an hour and core that the operating system costs."""
    origin: str | None = None
    """Of a backup: the storage that it is a backup of."""
    part_of_plan: bool = False
    progress: Annotated[int | None, EmptyIsNone] = None
    """Percent, while in maintenance."""
    template_type: TemplateType | None = None


class Storage(StorageSummary):
    """A storage in full."""

    backup_rule: Annotated[BackupRule | None, EmptyIsNone] = None
    backups: Annotated[tuple[str, ...], Inside("backup")] = ()
    """Uuids of its backups."""
    servers: Annotated[tuple[str, ...], Inside("server")] = ()
    """Uuids of the servers that it is attached to: one at most."""


def age(storage: StorageSummary) -> tuple[datetime | None, str]:
    """A key that sorts storages from old to new; public templates have no date, their uuids count upwards."""
    return storage.created, storage.uuid
