from __future__ import annotations

from tests.sdk import documents
from tests.sdk.cases.case import DISK, Call, Case, Json
from upcloud_sdk.models import (
    BackupRuleSpec,
    ImportState,
    StorageChanges,
    StorageCloneSpec,
    StorageSpec,
    StorageState,
)

_RULE = BackupRuleSpec(interval="daily", time="0430", retention=30)
_BEING_MADE = documents.storage(state="maintenance", progress="0")
IMPORT = {
    "storage_import": {
        "uuid": "07a1b2c3-d4e5-4f60-8a7b-0123456789a1",
        "state": "cancelling",
        "source": "http_import",
        "source_location": "https://example.com/image",
        "created": "2026-11-24T09:00:00Z",
        "completed": "",
        "read_bytes": 10,
        "written_bytes": 0,
        "client_content_length": 100,
        "client_content_type": "application/octet-stream",
        "md5sum": "",
        "sha256sum": "",
        "error_code": "",
        "error_message": "",
    }
}

_NOTHING_SAID: Json = {}
_ACTIONS: list[tuple[Call, str]] = [
    (lambda c: c.storages.restore(DISK), f"POST /storage/{DISK}/restore"),
    (lambda c: c.storages.cancel(DISK), f"POST /storage/{DISK}/cancel"),
    (lambda c: c.storages.favorite(DISK), f"POST /storage/{DISK}/favorite"),
    (lambda c: c.storages.unfavorite(DISK), f"DELETE /storage/{DISK}/favorite"),
]
"""Calls whose answer has no document, or one without information."""

CASES = [
    Case(
        call=lambda c: c.storages.list(labels={"env": "test"}),
        sends="GET /storage?label=env%3Dtest&limit=100&offset=0",
        answer=documents.storages({"title": "a"}),
        look=lambda storages: storages[0].title,
        sees="a",
    ),
    Case(
        call=lambda c: c.storages.list("favorite"),
        sends="GET /storage/favorite",
        answer=documents.storages(),
        sees=(),
    ),
    Case(
        call=lambda c: c.storages.get(DISK),
        sends=f"GET /storage/{DISK}",
        answer=documents.storage(title="a"),
        look=lambda storage: storage.title,
        sees="a",
    ),
    Case(
        call=lambda c: c.storages.create(
            StorageSpec(
                zone="fi-hel1",
                title="data",
                size=10,
                tier="standard",
                encrypted=True,
                backup_rule=_RULE,
                labels={"env": "test"},
            )
        ),
        sends="POST /storage",
        body={
            "storage": {
                "zone": "fi-hel1",
                "title": "data",
                "size": 10,
                "tier": "standard",
                "encrypted": "yes",
                "backup_rule": {"interval": "daily", "time": "0430", "retention": 30},
                "labels": [{"key": "env", "value": "test"}],
            }
        },
        owned=True,
        status=201,
        answer=documents.storage(state="online"),
        look=lambda storage: storage.state,
        sees=StorageState.ONLINE,
    ),
    Case(
        call=lambda c: c.storages.modify(DISK, StorageChanges(size=20, backup_rule=None)),
        sends=f"PUT /storage/{DISK}",
        body={"storage": {"size": 20, "backup_rule": {}}},
        status=202,
        answer=documents.storage(size=20, backup_rule={}),
        look=lambda storage: (storage.size, storage.backup_rule),
        sees=(20, None),
    ),
    Case(
        call=lambda c: c.storages.delete(DISK, backups="delete"),
        sends=f"DELETE /storage/{DISK}?backups=delete",
        status=204,
        sees=None,
    ),
    Case(
        call=lambda c: c.storages.clone(DISK, StorageCloneSpec(zone="fi-hel2", title="copy", tier="maxiops")),
        sends=f"POST /storage/{DISK}/clone",
        body={"storage": {"zone": "fi-hel2", "title": "copy", "tier": "maxiops"}},
        status=201,
        answer=_BEING_MADE,
        look=lambda storage: (storage.state, storage.progress),
        sees=(StorageState.MAINTENANCE, 0),
    ),
    Case(
        call=lambda c: c.storages.templatize(DISK, "golden"),
        sends=f"POST /storage/{DISK}/templatize",
        body={"storage": {"title": "golden"}},
        status=201,
        answer=_BEING_MADE,
        look=lambda storage: storage.state,
        sees=StorageState.MAINTENANCE,
    ),
    Case(
        call=lambda c: c.storages.backup(DISK, "before"),
        sends=f"POST /storage/{DISK}/backup",
        body={"storage": {"title": "before"}},
        status=201,
        answer=_BEING_MADE,
        look=lambda storage: storage.state,
        sees=StorageState.MAINTENANCE,
    ),
    *[
        Case(call=call, sends=sends, status=status, answer=answer, sees=None)
        for status, answer in ((204, None), (200, _NOTHING_SAID))
        for call, sends in _ACTIONS
    ],
    Case(
        call=lambda c: c.storages.resize_filesystem(DISK),
        sends=f"POST /storage/{DISK}/resize",
        answer={"resize_backup": documents.storage(type="backup", title="Resize Backup")["storage"]},
        look=lambda backup: (backup.type, backup.title),
        sees=("backup", "Resize Backup"),
    ),
    Case(
        call=lambda c: c.storages.get_import(DISK),
        sends=f"GET /storage/{DISK}/import",
        answer=IMPORT,
        look=lambda found: (found.completed, found.read_bytes, found.client_content_length),
        sees=(None, 10, 100),
    ),
    Case(
        call=lambda c: c.storages.cancel_import(DISK),
        sends=f"POST /storage/{DISK}/import/cancel",
        answer=IMPORT,
        look=lambda found: found.state,
        sees=ImportState.CANCELLING,
    ),
]
