"""Which call of the client belongs to which request: one row an endpoint.

A recorded request is made again by its row, and must come out as it was recorded: the same method, path and query.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from upcloud_sdk import ServerChanges, ServerSpec, StorageDeviceSpec

if TYPE_CHECKING:
    from upcloud_sdk import UpCloud

Query = Mapping[str, list[str]]
Call = Callable[["UpCloud", re.Match[str], Query], Awaitable[object]]

UUID = r"(?P<id>[0-9a-f-]{36}|invalid)"

SPEC = ServerSpec(
    zone="fi-hel2",
    plan="1xCPU-1GB",
    hostname="a",
    title="a",
    storage_devices=(StorageDeviceSpec.clone("01000000-0000-4000-8000-000020060100"),),
)


def _labels(query: Query) -> dict[str, str | None] | None:
    pairs = (label.partition("=") for label in query.get("label", []))
    return {key: value if mark else None for key, mark, value in pairs} or None


def _one(query: Query, name: str) -> Any:  # noqa: ANN401 - one of the words that the API knows
    return query.get(name, [None])[0]


@dataclass(frozen=True, slots=True)
class Row:
    """An endpoint, and the call that reaches it."""

    method: str
    path: str
    """An expression for the path below /1.3, without its query and without a slash at the end."""
    call: Call


ROWS = [
    Row("GET", r"/account", lambda c, m, q: c.account.get()),
    Row("GET", r"/plan", lambda c, m, q: c.plans.list()),
    Row("GET", r"/zone", lambda c, m, q: c.zones.list()),
    Row("GET", r"/server", lambda c, m, q: c.servers.list(labels=_labels(q))),
    Row("GET", rf"/server/{UUID}", lambda c, m, q: c.servers.get(m["id"])),
    Row("POST", r"/server", lambda c, m, q: c.servers.create(SPEC)),
    Row("PUT", rf"/server/{UUID}", lambda c, m, q: c.servers.modify(m["id"], ServerChanges(title="b"))),
    Row("DELETE", rf"/server/{UUID}", lambda c, m, q: c.servers.delete(m["id"], storages="storages" in q)),
    Row("POST", rf"/server/{UUID}/start", lambda c, m, q: c.servers.start(m["id"])),
    Row("POST", rf"/server/{UUID}/stop", lambda c, m, q: c.servers.stop(m["id"])),
    Row(
        "GET",
        r"/storage(/(?P<kind>public|private|normal|backup|cdrom|template|favorite))?",
        lambda c, m, q: c.storages.list(m["kind"], labels=_labels(q)),  # type: ignore[arg-type]  # one of the kinds
    ),
    Row("GET", rf"/storage/{UUID}", lambda c, m, q: c.storages.get(m["id"])),
    Row("DELETE", rf"/storage/{UUID}", lambda c, m, q: c.storages.delete(m["id"], backups=_one(q, "backups"))),
]


def find(method: str, path: str) -> tuple[Row, re.Match[str]] | None:
    """The row of a request, its path without its query."""
    for row in ROWS:
        match = re.fullmatch(row.path, path.rstrip("/"))
        if row.method == method and match:
            return row, match
    return None
