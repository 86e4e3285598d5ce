"""The current servers as rows: data from the API, joined with the records of masters. Sends no request."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from upcloud_sdk._identity import run_id
from upcloud_sdk.billing import hours_started, paid_until
from upcloud_sdk.ci.record.changes import Phase
from upcloud_sdk.models.ownership import OWNER, Ownership

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping
    from decimal import Decimal

    from upcloud_sdk.ci.record.recorded import RecordedBuild, RecordedServer
    from upcloud_sdk.models import ServerSummary, StorageSummary

GRACE = 60.0
"""Reapers wait this many seconds after the end of a lease."""
_REAPED_EVERY = 300.0
"""Seconds between two rounds of a reaper."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveServer:
    """One running or requested server."""

    uuid: str | None
    """None until its create is answered."""
    title: str = ""
    owner: str = ""
    """Its owner label."""
    master: str = ""
    """Name of the master that owns it. Empty if not known."""
    worker: str = ""
    """Name of its worker. Empty if only another master knows it; the title contains it."""
    build: RecordedBuild | None = None
    """The newest build that runs on it or waits for it."""
    zone: str = ""
    plan: str = ""
    phase: Phase | None = None
    """Where it is in its life, if the record tells."""
    state: str
    """The same as text. Without a record: the API's state."""
    api_state: str | None = None
    """The API's state. None if the API does not list the server (yet or any more)."""
    progress: int | None = None
    """Progress in per cent. The API gives it in some states."""
    created: datetime | None = None
    age: float | None = None
    """Seconds."""
    paid_until: datetime | None = None
    """End of the paid hour."""
    hourly: Decimal | None = None
    """Price per hour, in the main unit of the currency. None if not known."""
    currency: str | None = None
    cost: Decimal | None = None
    """Cost of all hours begun so far."""
    held_by: Literal["this master", "another master", "nobody"]
    lease_ends: datetime | None = None
    reaped_by: datetime | None = None
    """Latest time of its destroy, if nobody holds it. None if somebody holds it, or the time is not known."""
    record: RecordedServer | None = None
    """Its record, if this process or an earlier process of this master created it."""

    def __str__(self) -> str:
        state = self.state if self.progress is None else f"{self.state}, {self.progress} %"
        parts = [f"{self.plan} in {self.zone}: {state}"]
        if self.build is not None:
            parts.append(f"build {self.build.builder} {self.build.number}")
        if self.age is not None:
            parts.append(f"for {self.age / 60:.0f} min")
        if self.paid_until is not None:
            parts.append(f"paid until {self.paid_until:%H:%M} UTC")
        if self.cost is not None:
            parts.append(f"{self.cost:.2f} {self.currency or ''}".strip())
        parts.append(f"held by {self.held_by}" if not self.master else f"held by {self.held_by} ({self.master})")
        if self.reaped_by is not None:
            parts.append(f"destroyed by {self.reaped_by:%H:%M} UTC")
        return ", ".join([*parts, self.uuid or "not made yet"])


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftDisk:
    """A detached disk of a server that is gone. Nobody holds it."""

    uuid: str
    title: str = ""
    owner: str = ""
    """Its owner label."""
    master: str = ""
    """Name of the master that made it. Empty if not known."""
    worker: str = ""
    """Name of the worker of its server. Empty if not known; the title contains it."""
    zone: str = ""
    size: int | None = None
    """GB."""
    state: str
    """The API's state."""
    lease_ends: datetime | None = None
    reaped_by: datetime | None = None
    """Latest time of its deletion. None if not known."""

    def __str__(self) -> str:
        size = "" if self.size is None else f" of {self.size} GB"
        parts = [f"disk{size} in {self.zone}: {self.state}, held by nobody"]
        if self.reaped_by is not None:
            parts.append(f"deleted by {self.reaped_by:%H:%M} UTC")
        return ", ".join([*parts, self.uuid])


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveView:
    """The running servers of masters, at one time."""

    at: datetime
    """By the API's clock. By this host's if no API answers."""
    servers: tuple[LiveServer, ...] = ()
    """The oldest first."""
    disks: tuple[LeftDisk, ...] = ()
    """Left-over disks. The one with the oldest lease is first."""
    problems: tuple[str, ...] = ()
    """Why servers may be missing: a sentence each."""

    @classmethod
    def of(
        cls,
        listed: Iterable[ServerSummary],
        orphaned: Iterable[StorageSummary],
        up: Collection[RecordedServer],
        *,
        at: datetime,
        master_of: Callable[[str], str | None],
        earlier: Collection[RecordedServer] = (),
        exclusive: Collection[str] = (),
        problems: Iterable[str] = (),
    ) -> LiveView:
        """Join the lists of an account with records. What belongs to no master is left out.

        Args:
            listed: The servers that the API lists.
            orphaned: Detached disks of servers that are gone. See `AccountCache.orphaned_disks`.
            up: The recorded servers of this process that are not gone.
            at: The time by the API's clock.
            master_of: The name of the master with an owner label. Empty: a master whose name is not known. None: no
                master.
            earlier: Other recorded servers. Those that are not gone are shown even if the API does not list them, when
                there are problems.
            exclusive: Owners that no other process uses: nobody holds the servers of their earlier processes.
            problems: Why servers may be missing.
        """
        names: dict[str, str | None] = {}

        def is_of_a_master(labels: Mapping[str, str]) -> bool:
            owner = labels.get(OWNER, "")
            if owner not in names:
                names[owner] = master_of(owner)
            return names[owner] is not None

        servers = [server for server in listed if is_of_a_master(server.labels)]
        disks = [disk for disk in orphaned if is_of_a_master(disk.labels)]
        masters = {owner: name for owner, name in names.items() if name}
        problems, owners = tuple(problems), frozenset(exclusive)
        rows = _servers(servers, up, earlier, at=at, masters=masters, exclusive=owners)
        if problems:
            shown = {row.uuid for row in rows}
            rows += [_unlisted(each, at, owners) for each in earlier if each.is_open and each.uuid not in shown]
        left = _left_disks(disks, up, earlier, at=at, masters=masters, exclusive=owners)
        return cls(
            at=at,
            servers=tuple(sorted(rows, key=lambda row: (row.created or at, row.title))),
            disks=tuple(sorted(left, key=lambda row: (row.lease_ends or at, row.uuid))),
            problems=problems,
        )


def _servers(
    listed: Iterable[ServerSummary],
    up: Collection[RecordedServer],
    earlier: Iterable[RecordedServer],
    *,
    at: datetime,
    masters: Mapping[str, str],
    exclusive: Collection[str],
) -> list[LiveServer]:
    """For the arguments see `LiveView.of`. `masters`: names by owner label."""
    held = {record.uuid: record for record in up if record.uuid is not None}
    known = {record.uuid: record for record in earlier if record.uuid is not None}
    rows: list[LiveServer] = []
    for server in listed:
        ours = held.pop(server.uuid, None)
        record = ours or known.get(server.uuid)
        owned = Ownership.read(server.labels)
        holder, reaped_by = _holder(owned, ours, at, is_exclusive=owned.owner in exclusive)
        row = LiveServer(
            uuid=server.uuid,
            title=server.title or "",
            owner=owned.owner or "",
            master=masters.get(owned.owner or "", "" if record is None else record.master),
            zone=server.zone or "",
            plan=server.plan or "",
            phase=None if ours is None else ours.phase,
            state=str(server.state if ours is None else ours.phase),
            api_state=str(server.state),
            progress=server.progress,
            held_by=holder,
            lease_ends=owned.lease,
            reaped_by=reaped_by,
        )
        rows.append(replace(row, **_known(record, server.created, at, runs=ours is not None)))
    # Not listed by the API: the create is not answered yet, or the list lags.
    unlisted = [*held.values(), *(record for record in up if record.uuid is None)]
    return rows + [_unlisted(record, at) for record in unlisted]


def _left_disks(
    orphaned: Iterable[StorageSummary],
    up: Collection[RecordedServer],
    earlier: Iterable[RecordedServer],
    *,
    at: datetime,
    masters: Mapping[str, str],
    exclusive: Collection[str],
) -> Iterable[LeftDisk]:
    """The disks that nobody holds. Arguments as for `_servers`."""
    held = {disk for record in up if record.phase is not Phase.NOT_DESTROYED for disk in record.disks}
    known = {disk: record for record in (*earlier, *up) for disk in record.disks}
    for disk in orphaned:
        record, owned = known.get(disk.uuid), Ownership.read(disk.labels)
        is_of_earlier = owned.owner in exclusive and owned.run not in {None, run_id()}
        holder, reaped_by = _holder(owned, None, at, is_exclusive=is_of_earlier)
        if holder == "nobody" and disk.uuid not in held:
            yield LeftDisk(
                uuid=disk.uuid,
                title=disk.title or "",
                owner=owned.owner or "",
                master=masters.get(owned.owner or "", "" if record is None else record.master),
                worker="" if record is None else record.worker,
                zone=disk.zone or "",
                size=disk.size,
                state=str(disk.state),
                lease_ends=owned.lease,
                reaped_by=reaped_by,
            )


def has_lease(server: ServerSummary, now: datetime) -> bool:
    """Whether somebody holds the server: it has a lease that has not ended."""
    lease = Ownership.read(server.labels).lease
    return lease is not None and lease > now


def _unlisted(record: RecordedServer, now: datetime, exclusive: Collection[str] | None = None) -> LiveServer:
    """A server that the API does not list. `exclusive`: it is of another process, and as for `LiveView.of`."""
    holder: Literal["this master", "another master", "nobody"] = "this master"
    if record.phase is Phase.NOT_DESTROYED or (exclusive is not None and record.owner in exclusive):
        holder = "nobody"
    elif exclusive is not None:
        holder = "another master"
    row = LiveServer(
        uuid=record.uuid,
        owner=record.owner,
        master=record.master,
        zone=record.zone,
        plan=record.plan,
        phase=record.phase,
        state=str(record.phase),
        held_by=holder,
    )
    return replace(row, **_known(record, record.created, now, runs=holder == "this master"))


def _known(record: RecordedServer | None, created: datetime | None, now: datetime, *, runs: bool) -> dict[str, Any]:
    began = record.created if record is not None and record.created is not None else created
    values: dict[str, Any] = {"created": began, "record": record}
    if began is not None:
        moment = max(began, now)
        values["age"] = (moment - began).total_seconds()
        values["paid_until"] = datetime.fromtimestamp(paid_until(began.timestamp(), moment.timestamp()), UTC)
    if record is None:
        return values
    hourly = record.price
    values |= {"worker": record.worker, "hourly": hourly, "currency": record.currency}
    if hourly is not None and began is not None:
        values["cost"] = hourly * hours_started(began.timestamp(), max(began, now).timestamp())
    if runs:
        values["build"] = record.running
    return values


def _holder(
    owned: Ownership, ours: RecordedServer | None, now: datetime, *, is_exclusive: bool
) -> tuple[Literal["this master", "another master", "nobody"], datetime | None]:
    """The holder, and the time of the reap if there is none."""
    if ours is not None and ours.phase is not Phase.NOT_DESTROYED:
        return "this master", None
    has_ended = owned.lease is not None and owned.lease <= now
    if ours is None and not is_exclusive and not has_ended:
        return "another master", None
    if owned.lease is None:
        return "nobody", None
    return "nobody", max(now, owned.lease + timedelta(seconds=GRACE)) + timedelta(seconds=_REAPED_EVERY)
