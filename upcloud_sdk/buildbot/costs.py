"""What builds and servers of a master cost: properties of builds, and a record in the master's base directory.

The rule is that of `upcloud_sdk.placement.costs`. Used on the reactor's thread only.
"""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from upcloud_sdk.billing import hours_by_month
from upcloud_sdk.buildbot._buildbot_api import set_property
from upcloud_sdk.placement import ServerTime, cost_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from upcloud_sdk.buildbot._buildbot_api import Master, WorkerForBuilder
    from upcloud_sdk.buildbot.server import BuildServer

RECORD = "upcloud-servers.jsonl"
"""A line each when a server is made, and when it is gone."""
_CENTS = 100


@dataclass(frozen=True, kw_only=True)
class RecordedServer:
    """What the record says of one server."""

    uuid: str
    worker: str = ""
    zone: str = ""
    plan: str = ""
    disks: list[str] = field(default_factory=list[str])
    created: str
    """By the API's clock."""
    ended: str | None = None
    """The same; None where its master did not see it go."""
    credits_per_hour: str | None = None
    """Cents of the account's currency; None where the price was not known."""
    held_seconds: float | None = None
    """Time for which builds pay."""

    @property
    def span(self) -> tuple[datetime, datetime] | None:
        """From its create to its end, if that is known."""
        if self.ended is None:
            return None
        return datetime.fromisoformat(self.created), datetime.fromisoformat(self.ended)


class Costs:
    """Keeps account of the servers of a master."""

    def __init__(self, master: Master) -> None:
        self._master = master
        self._times: dict[BuildServer, ServerTime] = {}
        self._ended: dict[tuple[int, int], Decimal] | None = None
        """What servers cost that are gone, or whose end this master did not see, by month."""

    def _time(self, server: BuildServer | None) -> ServerTime | None:
        """Who holds a server; since its create the build that it was made for."""
        if server is None or server.asked_at is None:
            return None
        if server not in self._times:
            self._times[server] = time_held = ServerTime(server.asked_at)
            time_held.hold(server.build.getProperty("buildername", ""), server.asked_at)
        return self._times[server]

    def build_started(self, server: BuildServer | None, wfb: WorkerForBuilder) -> None:
        """A build begins to hold a server that is up."""
        held = self._time(server)
        if held is not None:
            held.hold(wfb.builder_name, time.monotonic())

    def build_finished(self, server: BuildServer | None, wfb: WorkerForBuilder) -> None:
        """Give a build that has ended its cost, as properties."""
        held = self._time(server)
        if held is None or server is None:
            return
        seconds = held.release(wfb.builder_name, time.monotonic())
        builder = self._master.botmaster.builders.get(wfb.builder_name)
        build = next((each for each in builder.building if each.workerforbuilder is wfb), None) if builder else None
        if build is None or build.buildid is None or server.credits_per_hour is None:
            return
        cost = cost_of(seconds, server.credits_per_hour / _CENTS)
        facts = {"upcloud_cost": round(float(cost), 9), "upcloud_currency": server.currency}
        for name, value in facts.items():
            if value is not None:
                set_property(self._master, build.buildid, name, value)

    def server_is_made(self, server: BuildServer) -> None:
        """Record it, so that it is known of even if this master never sees its end."""
        self._write(_recorded(server))

    def server_is_gone(self, server: BuildServer) -> None:
        """Record its end."""
        if server.details is None:
            return
        held, (began, now) = self._time(server), server.billed_span()
        recorded = _recorded(server)
        began_at = datetime.fromisoformat(recorded.created).timestamp()
        ended = datetime.fromtimestamp(began_at + (now - began), UTC).isoformat()
        self._times.pop(server, None)
        held_seconds = None if held is None else round(held.held_seconds, 3)
        gone = replace(recorded, ended=ended, held_seconds=held_seconds)
        self._write(gone)
        self._count(gone)

    def spent(self, month: tuple[int, int], up: Mapping[BuildServer, Decimal]) -> Decimal:
        """What servers have cost in a month by the record, with the hours that those have begun which are up."""
        ours = {server.details.uuid for server in up if server.details is not None}
        if self._ended is None:
            self._ended = {}
            for recorded in read_record(Path(self._master.basedir)).values():
                if recorded.uuid not in ours:
                    self._count(recorded)
        running = Decimal(0)
        for server, hourly in up.items():
            began, now = (datetime.fromtimestamp(moment, UTC) for moment in server.billed_span())
            running += hours_by_month([(began, max(began, now))]).get(month, 0) * hourly
        return self._ended.get(month, Decimal(0)) + running

    def _count(self, server: RecordedServer) -> None:
        price = credits_of(server)
        if self._ended is None or price is None:
            return
        # Nobody knows when a server went whose master was killed. It has begun an hour at least.
        created = datetime.fromisoformat(server.created)
        for month, hours in hours_by_month([server.span or (created, created)]).items():
            self._ended[month] = self._ended.get(month, Decimal(0)) + hours * price / _CENTS

    def _write(self, server: RecordedServer) -> None:
        line = json.dumps(asdict(server))
        with (Path(self._master.basedir) / RECORD).open("a", encoding="utf-8") as record:
            record.write(line + "\n")


def _recorded(server: BuildServer) -> RecordedServer:
    assert server.details is not None
    details, (began, _) = server.details, server.billed_span()
    created = details.created or datetime.fromtimestamp(began, UTC)
    price = server.credits_per_hour
    return RecordedServer(
        uuid=details.uuid,
        worker=server.guest.name,
        zone=details.zone or "",
        plan=details.plan or "",
        disks=[device.storage for device in details.storage_devices if device.storage and device.type == "disk"],
        created=created.isoformat(),
        credits_per_hour=None if price is None else str(price),
    )


def read_record(basedir: Path) -> dict[str, RecordedServer]:
    """The servers of a master's record, by uuid.

    Raises:
        ValueError: a line is none of the record's; the last one may be cut off.
    """
    servers: dict[str, RecordedServer] = {}
    for document in _lines(basedir / RECORD):
        server = RecordedServer(**document)
        servers[server.uuid] = server
    return servers


def _lines(file: Path) -> Iterator[dict[str, Any]]:
    if not file.exists():
        return
    lines = file.read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines, 1):
        try:
            yield json.loads(line)
        except ValueError:
            if number < len(lines):
                raise ValueError(f"{file}, line {number}: it is not JSON") from None


def credits_of(server: RecordedServer) -> Decimal | None:
    """What an hour of it costs, in cents."""
    return None if server.credits_per_hour is None else Decimal(server.credits_per_hour)
