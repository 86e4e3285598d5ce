"""Reads the record of servers: a file with owner, purpose, times, cost and end of each server. Survives restarts.

The file has JSON lines. Each line has the changed fields of one server: all its lines together are the server. Its last
line, `gone`, repeats all fields but the builds. Of a line by a newer version, the known fields are read.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, TypeVar, cast

from upcloud_sdk._json_lines import LineReader

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

N = TypeVar("N", int, float, Decimal)

VERSION = 1
_YEARS = range(2000, 3000)
"""Range of plausible times. Other times would break the count of hours."""
_CENTS = 100
_MOST = 10**12
"""Larger numbers, and numbers below zero, are not plausible. They would break sums and JSON."""

STATES = ("asked", "booting", "attaching", "building", "idle", "stopping", "gone", "left")
"""`asked`: the create is not answered yet. `attaching`: started, but its worker has not called yet. `left`: not
destroyed in time; the reaper will destroy it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildRecord:
    """A build on a server."""

    id: int
    """Buildbot's `buildid`, or the id in another CI system."""
    builder: str = ""
    number: int | None = None
    queued: float | None = None
    """Seconds from the build request until it got a server, or until one was requested."""
    began: datetime | None = None
    """When it took the server. For the first build: when the server was requested."""
    ended: datetime | None = None
    result: str | None = None
    """Such as `success`. None while it runs."""
    cost: Decimal | None = None
    """Cost in the main unit of the currency."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerRecord:
    """One server. Times are by the API's clock, if it is known, and never go back."""

    id: str
    """Id of the record. (A server that could not be created has no uuid.)"""
    state: str = "asked"
    """One of STATES, or a state of a newer version."""
    uuid: str | None = None
    master: str = ""
    owner: str = ""
    """The owner label."""
    worker: str = ""
    builder: str = ""
    """Builder of the build that it was created for."""
    number: int | None = None
    """Number of that build at its builder."""
    buildid: int | None = None
    zone: str = ""
    plan: str = ""
    image: str = ""
    image_made: datetime | None = None
    """When the image of its recipe was made. None for other images."""
    disks: tuple[str, ...] = ()
    """Uuids of its disks."""
    credits_per_hour: Decimal | None = None
    """Price per hour in cents of the account's currency. None if not known."""
    currency: str | None = None
    adopted: bool = False
    """Whether the answer to the create was lost and the server was found by its label."""
    asked: datetime | None = None
    """When it was requested, before the create was sent."""
    created: datetime | None = None
    """When its first hour began. None if it was not created."""
    made: datetime | None = None
    """When the API answered the create."""
    started: datetime | None = None
    attached: datetime | None = None
    """When its worker first called."""
    idle: datetime | None = None
    """Idle since then. None while it has a build."""
    stopping: datetime | None = None
    """When its destroy began."""
    gone: datetime | None = None
    """When it was gone, or its start failed."""
    error: str | None = None
    """Why its start failed, it was given up, or it could not be destroyed."""
    held_seconds: float | None = None
    """Seconds that builds pay for."""
    hours: int | None = None
    """Paid hours. Set when it is gone."""
    cost: Decimal | None = None
    """Cost of the paid hours, in the main unit of the currency."""
    build_count: int = 0
    builds: tuple[BuildRecord, ...] = ()
    """The oldest first."""
    seen: datetime | None = None
    """Time of its last line."""

    @property
    def hourly(self) -> Decimal | None:
        """Price per hour, in the main unit of the currency."""
        return None if self.credits_per_hour is None else self.credits_per_hour / _CENTS

    @property
    def has_failed(self) -> bool:
        """Whether something went wrong with it."""
        return self.error is not None

    @property
    def span(self) -> tuple[datetime, datetime] | None:
        """Create and end, for the bill. None if there was no server, or its end is not known."""
        if self.created is None or self.gone is None:
            return None
        return self.created, max(self.created, self.gone)

    def seconds(self, first: str, second: str) -> float | None:
        """Seconds between two of its times, such as `seconds("asked", "attached")`. None if one is not known."""
        began, ended = getattr(self, first), getattr(self, second)
        return None if began is None or ended is None else (ended - began).total_seconds()


# --- reading ----------------------------------------------------------------------------------------------------------


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _plausible(value: N) -> N:
    if not 0 <= value <= _MOST:
        raise ValueError
    return value


def _whole(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError
    return _plausible(value)


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError
    return float(_plausible(value))


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value


def _amount(value: object) -> Decimal:
    amount = Decimal(_text(value))
    if amount.is_nan():
        raise ValueError
    return _plausible(amount)


def _moment(value: object) -> datetime:
    moment = datetime.fromisoformat(_text(value))
    if moment.year not in _YEARS:
        raise ValueError
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise TypeError
    return tuple(map(_text, cast("list[object]", value)))


_READ: dict[str, Callable[[object], object]] = {
    "str": _text,
    "str | None": _text,
    "int": _whole,
    "int | None": _whole,
    "float | None": _number,
    "bool": _flag,
    "Decimal | None": _amount,
    "datetime | None": _moment,
    "tuple[str, ...]": _texts,
}
"""Reader for a field, by its annotation."""
_SERVER = {each.name: _READ[str(each.type)] for each in fields(ServerRecord) if each.name not in {"builds", "seen"}}
_BUILD = {each.name: _READ[str(each.type)] for each in fields(BuildRecord)}


def _values(document: Mapping[str, object], readers: Mapping[str, Callable[[object], object]]) -> dict[str, Any]:
    """The known fields of a document. None is kept if a field is optional."""
    values: dict[str, Any] = {}
    for name in document.keys() & readers.keys():
        value = document[name]
        if value is None:
            if name in _MAY_BE_NONE:
                values[name] = None
            continue
        try:
            values[name] = readers[name](value)
        except (TypeError, ValueError, InvalidOperation):
            continue
    return values


_MAY_BE_NONE = {each.name for kind in (ServerRecord, BuildRecord) for each in fields(kind) if "None" in str(each.type)}


def _folded(before: ServerRecord | None, document: Mapping[str, object]) -> ServerRecord | None:
    """Add a line to a server. None if the line belongs to no server."""
    # Lines from before version 1 have no id.
    key = document.get("id", document.get("uuid"))
    if not isinstance(key, str):
        return before
    if "ended" in document:
        document = {**document, "gone": document["ended"]}
    record = before or ServerRecord(id=key)
    values = _values({**document, "id": key}, _SERVER)
    at = _values({"seen": document.get("at")}, {"seen": _moment}).get("seen") or record.seen
    builds = record.builds
    build: object = document.get("build")
    if isinstance(build, dict):
        found = _values(cast("dict[str, object]", build), _BUILD)
        if "id" in found:
            builds = _with_build(builds, found)
    return replace(record, **values, builds=builds, seen=at)


def _with_build(builds: tuple[BuildRecord, ...], found: dict[str, Any]) -> tuple[BuildRecord, ...]:
    for position in range(len(builds) - 1, -1, -1):
        if builds[position].id == found["id"]:
            return (*builds[:position], replace(builds[position], **found), *builds[position + 1 :])
    return (*builds, BuildRecord(**found))


class RecordReader:
    """Reads a record file, and later the lines added since. Blocks on the disk. Use it in one thread only."""

    def __init__(self, path: Path) -> None:
        self._lines = LineReader(path)
        self._servers: dict[str, ServerRecord] = {}
        self.newest_version = 0
        """Highest version of a line, to report lines of a newer version."""

    @property
    def unreadable(self) -> int:
        """Number of lines that could not be read. They are left out."""
        return self._lines.unreadable

    def read(self, since: datetime | None = None) -> dict[str, ServerRecord]:
        """Read the servers by record id, the oldest first. A missing file is an empty record.

        Args:
            since: Leave out servers whose last line is older.

        Raises:
            OSError: The file cannot be read.
        """
        for document in self._lines.read():
            version: object = document.get("v")
            if isinstance(version, int):
                self.newest_version = max(self.newest_version, version)
            key = document.get("id", document.get("uuid"))
            record = _folded(self._servers.get(key) if isinstance(key, str) else None, document)
            if record is not None:
                self._servers[record.id] = record
        if since is not None:
            self._servers = {
                key: each for key, each in self._servers.items() if each.seen is None or each.seen >= since
            }
        return dict(self._servers)
