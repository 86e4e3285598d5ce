"""Storages: disks, backups, templates, CD-ROMs. Chapter "Storages" of the API."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from upcloud_sdk._wire import EmptyIsNone, FrozenDict, Inside, Labels, OpenEnum, Request, Resource, Time, Words, at_most
from upcloud_sdk.models.fields import TimeOfDay
from upcloud_sdk.models.tiers import StorageTier

if TYPE_CHECKING:
    from datetime import datetime

StorageKind = Literal["public", "private", "normal", "backup", "cdrom", "template", "favorite"]
"""Kinds of storages that `storages.list` can select."""


class StorageState(OpenEnum):
    """State of a storage."""

    ONLINE = "online"
    MAINTENANCE = "maintenance"
    """Being created or changed."""
    CLONING = "cloning"
    """Being read for a new clone or template."""
    BACKUPING = "backuping"
    """Being backed up."""
    SYNCING = "syncing"
    """Usable. Data is still being copied after an import or a move."""
    ERROR = "error"
    PENDING_DELETE = "pending_delete"
    """Being deleted. This state is final."""
    HIDDEN = "hidden"
    ATTACHING = "attaching"
    DETACHING = "detaching"


class StorageType(OpenEnum):
    """Type of a storage. A disk is `normal` here, and `disk` in the devices of a server."""

    NORMAL = "normal"
    BACKUP = "backup"
    CDROM = "cdrom"
    TEMPLATE = "template"


class TemplateType(OpenEnum):
    """How a template is configured at its first boot."""

    CLOUD_INIT = "cloud-init"
    """Needs `metadata=True`. Login only with SSH keys."""
    NATIVE = "native"


class StorageAccess(OpenEnum):
    """Whether a storage is public or private."""

    PUBLIC = "public"
    PRIVATE = "private"


class BackupRule(Resource):
    """Schedule of automatic backups."""

    interval: str | None = None
    """`daily`, or a day of the week: `mon` to `sun`."""
    time: str | None = None
    """`hhmm`, UTC."""
    retention: int | None = None
    """Days that a backup is kept, 1 to 1095."""


class BackupRuleSpec(Request):
    """A schedule of automatic backups, to set."""

    interval: Annotated[Literal["daily", "mon", "tue", "wed", "thu", "fri", "sat", "sun"], Words()]
    time: TimeOfDay
    """`hhmm`, UTC."""
    retention: Annotated[int, Field(ge=1), at_most(1095, "days")]
    """Days that a backup is kept, 1 to 1095."""


class StorageSummary(Resource):
    """A storage in a list."""

    uuid: str
    title: str | None = None
    type: StorageType | None = None
    state: StorageState
    size: int | None = None
    """Size in GB. For a template: the smallest possible disk."""
    access: StorageAccess | None = None
    tier: StorageTier | None = None
    """None for public templates, CD-ROMs and backups."""
    zone: str | None = None
    """None for public storages."""
    created: Time | None = None
    """None for public storages."""
    encrypted: bool | None = None
    labels: Labels = Field(default_factory=FrozenDict[str, str])
    license: Decimal | None = None
    """Price of the operating system, in credits per hour and core."""
    origin: str | None = None
    """For a backup: uuid of the backed-up storage."""
    part_of_plan: bool | None = False
    progress: Annotated[int | None, EmptyIsNone] = None
    """Progress in percent, during maintenance."""
    template_type: TemplateType | None = None


class Storage(StorageSummary):
    """A storage with all details."""

    backup_rule: Annotated[BackupRule | None, EmptyIsNone] = None
    backups: Annotated[tuple[str, ...], Inside("backup")] = ()
    """Uuids of its backups."""
    servers: Annotated[tuple[str, ...], Inside("server")] = ()
    """Uuid of the server that it is attached to: at most one."""


def age(storage: StorageSummary) -> tuple[datetime | None, str]:
    """Sort key from old to new. Public templates have no date, but increasing uuids."""
    return storage.created, storage.uuid
