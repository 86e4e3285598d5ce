"""The audit log: who changed what (chapter 5)."""

from __future__ import annotations

import csv
import io
import json
from datetime import datetime
from typing import TYPE_CHECKING, cast

from upcloud_sdk.simulator.chapters.routing import Routes
from upcloud_sdk.simulator.records.account import AuditEntry
from upcloud_sdk.simulator.wire.calls import PLAIN_JSON, Answer, ApiFault, Call, ProblemFault
from upcloud_sdk.simulator.wire.fields import is_uuid
from upcloud_sdk.simulator.wire.formats import iso
from upcloud_sdk.simulator.wire.paging import AUDIT_LOGS, limit, number, total

if TYPE_CHECKING:
    from upcloud_sdk.simulator.state.cloud import Cloud

routes = Routes()

_LENGTH = 10_000
_VERBS = {"POST": "create", "PUT": "update", "PATCH": "update", "DELETE": "delete"}
_ACTIONS = frozenset({"attach", "clone", "detach", "start", "stop"})
_ALL_ACTIONS = [
    "create", "read", "update", "delete", "access-granted", "access-granted-kubeconfig", "access-modified",
    "access-update", "maintenance-start", "writes-enable", "attach", "clone", "detach", "login", "logout", "start",
    "stop", "owner-change",
]  # fmt: skip
_ALL_TYPES = [
    "account", "auth", "init-script", "managed-database", "managed-loadbalancer",
    "managed-loadbalancer-certificate-bundle", "managed-object-storage", "network-gateway", "server", "storage", "uks",
    "ssh-key",
]  # fmt: skip
_COLUMNS: tuple[str, ...] = (
    "time", "auth_type", "cloud_event_id", "upcloud_correlation_id", "resource_type", "action", "origin",
    "account_username", "ip_address", "resource_id",
)  # fmt: skip


def note(cloud: Cloud, call: Call, answer: Answer) -> None:
    """Record a call that changed a server, a storage or an account. Other calls are not in the log."""
    parts = call.path.split("/")[1:]
    kind = "auth" if parts[:2] == ["account", "tokens"] else parts[0]
    if call.method not in _VERBS or answer.status >= 300 or kind not in {"server", "storage", "account", "auth"}:
        return
    entry = AuditEntry(
        cloud.new_correlation_id(),
        cloud.clock.now(),
        _action(call.method, parts),
        kind,
        _target(parts, answer),
        call.user,
        "basic_auth" if call.headers.get("authorization", "").startswith("Basic ") else "api",
        cloud.new_correlation_id(),
    )
    cloud.audit_log.append(entry)
    if len(cloud.audit_log) > _LENGTH:
        del cloud.audit_log[: _LENGTH // 2]


def _action(method: str, parts: list[str]) -> str:
    """The action on the first resource in the path. Actions without a name are updates."""
    if parts[-1] in _ACTIONS:
        return parts[-1]
    deep = 3 if parts[0] == "account" else 2
    return _VERBS[method] if len(parts) <= deep else "update"


def _target(parts: list[str], answer: Answer) -> str:
    """Uuid of the call's resource: from the path, or from the answer for a new resource."""
    if parts[0] == "account":
        return parts[2] if len(parts) > 2 else ""
    return parts[1] if len(parts) > 1 and is_uuid(parts[1]) else _uuid_in(answer.document)


def _uuid_in(document: object) -> str:
    outer = cast("dict[str, object]", document) if isinstance(document, dict) else {}
    inner = next(iter(outer.values()), None)
    found = cast("dict[str, object]", inner).get("uuid") if isinstance(inner, dict) else None
    return found if isinstance(found, str) else ""


def _document(entry: AuditEntry) -> dict[str, str]:
    values = (
        iso(entry.time), entry.auth_type, entry.id, entry.correlation_id, entry.resource_type, entry.action,
        entry.origin, entry.user, entry.ip, entry.resource_id,
    )  # fmt: skip
    return dict(zip(_COLUMNS, values, strict=True))


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
    """Newest first. The offset is the number of a page. Both 0 and 1 are the first page."""
    after, before = _moment(call, "created_after"), _moment(call, "created_before")
    actions, origins, types = (_wanted(call, name) for name in ("actions", "origins", "resource_types"))
    query = call.param("q") or ""
    found = [
        entry
        for entry in reversed(cloud.audit_log)
        if (not actions or entry.action in actions)
        and (not origins or entry.origin in origins)
        and (not types or entry.resource_type in types)
        and (after is None or entry.time >= after)
        and (before is None or entry.time <= before)
        and query in f"{entry.resource_id} {entry.user} {entry.ip}"
    ]
    try:
        size = limit(call, AUDIT_LOGS)
        start = max(0, number(call, "offset", 0) - 1) * size
    except ApiFault as fault:
        raise ProblemFault(400, "INVALID_REQUEST", "Validation error.", {fault.parameter: fault.message}) from None
    headers = total(found)
    shown = [_document(entry) for entry in found[start : start + size]]
    return Answer(200, {"audit_logs": shown}, PLAIN_JSON, headers)


@routes.get("/audit-logs/filter-options")
def list_filter_options(_cloud: Cloud, _call: Call) -> Answer:
    """The allowed values of filters."""
    document = {"actions": _ALL_ACTIONS, "origins": ["api", "gui", "upcloud_internal"], "resource_types": _ALL_TYPES}
    return Answer(200, document, PLAIN_JSON)


@routes.get("/audit-logs/{id}")
def get_entry(cloud: Cloud, call: Call) -> Answer:
    """An entry with the state before and after. The simulator keeps neither."""
    entry = next((each for each in cloud.audit_log if each.id == call.args["id"]), None)
    if entry is None:
        raise ProblemFault(404, "RESOURCE_NOT_FOUND", "The entry does not exist.")
    return Answer(200, {**_document(entry), "current_state": {}, "previous_state": {}}, PLAIN_JSON)


@routes.get("/audit-logs/export")
def export_entries(cloud: Cloud, call: Call) -> Answer:
    """The whole log as one file. JSON is an object, as in the contract; an example in UpCloud's guide shows a list."""
    wanted = call.param("format") or "csv"
    documents = [_document(entry) for entry in reversed(cloud.audit_log)]
    if wanted == "json":
        return Answer(200, content_type=PLAIN_JSON, raw=json.dumps({"audit_logs": documents}).encode())
    if wanted != "csv":
        raise ProblemFault(400, "INVALID_REQUEST", "Validation error.", {"format": "Must be csv or json."})
    file = io.StringIO(newline="")
    writer = csv.DictWriter(file, _COLUMNS)
    writer.writeheader()
    writer.writerows(documents)
    return Answer(200, content_type="text/csv", raw=file.getvalue().encode())
