"""The audit log: who changed what (chapter 5)."""

from __future__ import annotations

import csv
import io
import json
from datetime import datetime
from typing import TYPE_CHECKING, cast

from upcloud_sdk.simulator.account_records import AuditEntry
from upcloud_sdk.simulator.calls import PLAIN_JSON, Answer, Call, ProblemFault
from upcloud_sdk.simulator.fields import is_uuid
from upcloud_sdk.simulator.routing import Routes
from upcloud_sdk.simulator.wire import iso

if TYPE_CHECKING:
    from upcloud_sdk.simulator.cloud import Cloud

routes = Routes()

_LENGTH = 10_000
_MOST, _DEFAULT = 200, 50
_VERBS = {"POST": "create", "PUT": "modify", "PATCH": "modify", "DELETE": "delete"}
_COLUMNS: tuple[str, ...] = (
    "id",
    "created_at",
    "action",
    "origin",
    "resource_type",
    "resource_id",
    "username",
    "ip_address",
)


def note(cloud: Cloud, call: Call, answer: Answer) -> None:
    """Write down a call that has changed something."""
    if call.method not in _VERBS or not 200 <= answer.status < 300:
        return
    parts = call.path.split("/")[1:]
    if parts[0].startswith("_"):  # the simulator's own control
        return
    action = parts[-1] if call.method == "POST" and parts[-1].isalpha() and len(parts) > 1 else _VERBS[call.method]
    created = _uuid_in(answer.document) if call.method == "POST" else ""
    target = created or next((part for part in parts[1:] if is_uuid(part)), parts[1] if len(parts) > 1 else "")
    entry = AuditEntry(
        cloud.new_uuid("audit"), cloud.clock.now(), action, parts[0].replace("-", "_"), target, call.user
    )
    cloud.audit_log.append(entry)
    if len(cloud.audit_log) > _LENGTH:
        del cloud.audit_log[: _LENGTH // 2]


def _uuid_in(document: object) -> str:
    """The uuid of what an answer is about."""
    if not isinstance(document, dict):
        return ""
    outer = cast("dict[str, object]", document)
    inner = next(iter(outer.values()), None)
    found = outer.get("id") or (cast("dict[str, object]", inner).get("uuid") if isinstance(inner, dict) else None)
    return found if isinstance(found, str) else ""


def _document(entry: AuditEntry) -> dict[str, str]:
    values = (
        entry.id,
        iso(entry.created_at),
        entry.action,
        entry.origin,
        entry.resource_type,
        entry.resource_id,
        entry.user,
        entry.ip,
    )
    return dict(zip(_COLUMNS, values, strict=True))


def _number(call: Call, name: str, default: int, most: int) -> int:
    given = call.param(name)
    if given is None:
        return default
    if not given.isascii() or not given.isdigit() or int(given) > most:
        raise ProblemFault(400, "INVALID_REQUEST", "Validation error.", {name: f"Must be a number from 0 to {most}."})
    return int(given)


def _moment(call: Call, name: str) -> float | None:
    given = call.param(name)
    if given is None:
        return None
    try:
        return datetime.fromisoformat(given).timestamp()
    except ValueError:
        reason = {name: "Must be a moment such as 2026-01-01T00:00:00Z."}
        raise ProblemFault(400, "INVALID_REQUEST", "Validation error.", reason) from None


def _wanted(call: Call, name: str) -> set[str]:
    """The values of a filter, repeated or separated by commas."""
    return {value for given in call.params(name) for value in given.split(",")}


@routes.get("/audit-logs")
def list_entries(cloud: Cloud, call: Call) -> Answer:
    """Newest first. The offset counts so that 0 and 1 both begin with the first entry."""
    after, before = _moment(call, "created_after"), _moment(call, "created_before")
    actions, origins, types = (_wanted(call, name) for name in ("actions", "origins", "resource_types"))
    query = call.param("q") or ""
    found = [
        entry
        for entry in reversed(cloud.audit_log)
        if (not actions or entry.action in actions)
        and (not origins or entry.origin in origins)
        and (not types or entry.resource_type in types)
        and (after is None or entry.created_at >= after)
        and (before is None or entry.created_at <= before)
        and query in f"{entry.resource_id} {entry.user} {entry.ip}"
    ]
    start = max(0, _number(call, "offset", 0, 10**9) - 1)
    limit = _number(call, "limit", _DEFAULT, _MOST)
    headers = {"Upcloud-Total-Count": str(len(found))}
    return Answer(200, [_document(entry) for entry in found[start : start + limit]], PLAIN_JSON, headers)


@routes.get("/audit-logs/export")
def export_entries(cloud: Cloud, call: Call) -> Answer:
    """All of it, as one file."""
    wanted = call.param("format") or "json"
    documents = [_document(entry) for entry in reversed(cloud.audit_log)]
    if wanted == "json":
        return Answer(200, content_type=PLAIN_JSON, raw=json.dumps(documents).encode())
    if wanted != "csv":
        raise ProblemFault(400, "INVALID_REQUEST", "Validation error.", {"format": "Must be csv or json."})
    file = io.StringIO(newline="")
    writer = csv.DictWriter(file, _COLUMNS)
    writer.writeheader()
    writer.writerows(documents)
    return Answer(200, content_type="text/csv", raw=file.getvalue().encode())
