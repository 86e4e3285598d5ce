"""What can be asked of storages. Chapter "Storages" of the API."""

from __future__ import annotations

from typing import Any

from upcloud_sdk._wire import Changes, Flag, Request
from upcloud_sdk.models.fields import CheckedBareLabels, Size, Tier, Title
from upcloud_sdk.models.storages import BackupRuleSpec


class StorageSpec(Request):
    """A disk to be made."""

    zone: str
    """Id of the zone of the servers that it is for."""
    title: Title
    """1 to 255 characters."""
    size: Size
    """GB, 1 to 4096."""
    tier: Tier | None = None
    """`maxiops` is the fastest, `hdd` the cheapest. None: the API's choice."""
    encrypted: Flag | None = None
    """Whether it is encrypted at rest; cannot be changed later. API's default: no."""
    backup_rule: BackupRuleSpec | None = None
    """When it is backed up by itself; not together with a server's `simple_backup`."""
    labels: CheckedBareLabels | None = None


class StorageChanges(Changes):
    """What is to change on a storage."""

    title: Title | None = None
    size: Size | None = None
    """GB, more than now. Its server must be stopped; `storages.resize_filesystem` then makes the room usable."""
    filesystem_resize: Flag | None = None
    """Whether the last partition and its file system grow with it, as by `storages.resize_filesystem`."""
    backup_rule: BackupRuleSpec | None = None
    """None: no more backups by itself."""
    labels: CheckedBareLabels | None = None
    """Replaces all labels but the SDK's own, which `storages.modify` keeps, and the API's."""

    def wire(self) -> dict[str, Any]:
        """The JSON document that the API reads; no backup rule travels as `{}`."""
        document = super().wire()
        if "backup_rule" in self.model_fields_set and self.backup_rule is None:
            document["backup_rule"] = {}
        return document


class StorageCloneSpec(Request):
    """A disk to be made as a copy of another, of the same size."""

    zone: str
    """Id of a zone, which may be another than the source's."""
    title: Title
    tier: Tier | None = None
    """API's default: the source's."""
    encrypted: Flag | None = None
    """Whether the copy is encrypted at rest: the way to encrypt what is not."""
