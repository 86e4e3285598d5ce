"""Backup rules of storages (chapter 9)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from upcloud_sdk.simulator.wire.calls import ApiFault
from upcloud_sdk.simulator.wire.fields import Fields, mapping, one_of, text, whole

if TYPE_CHECKING:
    from upcloud_sdk.simulator.wire.calls import Call

_INTERVAL = one_of("daily", "mon", "tue", "wed", "thu", "fri", "sat", "sun")
_HOUR = re.compile(r"(?:[01]\d|2[0-3])[0-5]\d")


def _hour(value: object) -> str:
    time = text()(value)
    if not _HOUR.fullmatch(time):
        raise ValueError('A time of day such as "0430" was expected.')
    return time


def read_backup_rule(f: Fields) -> dict[str, str] | None:
    """Read a backup rule. `{}`: no rule. None: not given."""
    value = f.get("backup_rule", mapping, None)
    if not value:
        return None if value is None else {}
    with Fields(value, where="backup_rule") as rule:
        return {
            "interval": rule.need("interval", _INTERVAL),
            "retention": str(rule.need("retention", whole(1, 1095))),
            "time": rule.need("time", _hour, code="HOUR"),
        }


def read_backup_policy(call: Call) -> str:
    """Read the policy of a DELETE for backups: `keep`, `keep_latest` or `delete`."""
    policy = call.param("backups") or "keep"
    if policy not in {"keep", "keep_latest", "delete"}:
        raise ApiFault(400, "BACKUP_DELETION_POLICY_INVALID", "backups must be keep, keep_latest or delete.")
    return policy
