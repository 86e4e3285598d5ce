"""Requests for storages. Chapter "Storages" of the API."""

from __future__ import annotations

from typing import Any

from upcloud_sdk._wire import Changes, Flag, Request
from upcloud_sdk.models.fields import CheckedBareLabels, Size, Tier, Title
from upcloud_sdk.models.storages import BackupRuleSpec


class StorageSpec(Request):
    """A disk to create."""

    zone: str
    """Id of the zone. Must be the zone of its servers."""
    title: Title
    """1 to 255 characters."""
    size: Size
    """GB, 1 to 4096."""
    tier: Tier | None = None
    """`maxiops` is the fastest, `hdd` the cheapest. None: the API chooses."""
    encrypted: Flag | None = None
    """Whether it is encrypted at rest. Cannot be changed later. API's default: no."""
    backup_rule: BackupRuleSpec | None = None
    """Automatic backups. Not together with a server's `simple_backup`."""
    labels: CheckedBareLabels | None = None


class StorageChanges(Changes):
    """Changes to a storage."""

    title: Title | None = None
    size: Size | None = None
    """New size in GB, larger than now. Stop its server first, and call `storages.resize_filesystem` afterwards."""
    filesystem_resize: Flag | None = None
    """Whether the last partition and its file system grow too, as with `storages.resize_filesystem`."""
    backup_rule: BackupRuleSpec | None = None
    """`backup_rule=None` ends automatic backups."""
    labels: CheckedBareLabels | None = None
    """Replaces all labels, except the API's and the SDK's labels, which `storages.modify` keeps."""

    def wire(self) -> dict[str, Any]:
        """The JSON document for the API. `backup_rule=None` is sent as `{}`."""
        document = super().wire()
        if "backup_rule" in self.model_fields_set and self.backup_rule is None:
            document["backup_rule"] = {}
        return document


class StorageCloneSpec(Request):
    """A copy of a disk, with the same size."""

    zone: str
    """Id of a zone. May differ from the zone of the source."""
    title: Title
    tier: Tier | None = None
    """API's default: the tier of the source."""
    encrypted: Flag | None = None
    """Whether the copy is encrypted at rest. An existing disk can be encrypted only by cloning it."""
