"""Documents of a master with many servers and long names, made by the code of the page: for pictures of each state."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from upcloud_sdk.buildbot.www.resources import hours_of, part_of, wanted_of
from upcloud_sdk.ci import BuildChange, LeftDisk, LiveServer, LiveView, Phase, Record, RecordedBuild, ServerChange
from upcloud_sdk.ci.record.claims import Refused
from upcloud_sdk.ci.web.history import history
from upcloud_sdk.ci.web.live import left_document, limit_document, now_document

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.buildbot.www._playwright import Route
    from tests.buildbot.www.page_view import View

NOW = datetime.now(UTC).replace(day=20, hour=12, minute=20, second=0, microsecond=0)
LONG = "integration-tests-of-the-storage-layer-on-linux"[:46]
LONGEST = "nightly build of everything, with sanitizers, on all releases that are supported xx"[:82]
BUILDERS = ("docs", LONG, LONGEST, "runtests")
PHASES = (Phase.BUILDING, Phase.BUILDING, Phase.BUILDING, Phase.IDLE, Phase.MADE, Phase.STARTED)
ZONES, PLANS = ("fi-hel1", "de-fra1"), ("PREMIUM-2xCPU-4GB", "1xCPU-1GB")
LATE = (
    "the worker on server {uuid} has not attached within attach_timeout=300 s; its log is /var/log/cloud-init.log, and "
    "what it says of the worker is at its end: look whether it can reach the master at ci.example.com:9989"
)
REASONS = (LATE, "1xCPU-1GB in fi-hel1 was refused: SERVER_RESOURCES_UNAVAILABLE (HTTP 409)")
MONTH = Refused(
    limit="per_month", allowed=120_000_000, spent=97_400_000, claimed=100_000, wanted=25_000, currency="EUR",
    again=datetime(2027, 1, 1, tzinfo=UTC),
)  # fmt: skip
LIMITS = (Refused(limit="max_servers", allowed=80, spent=62, claimed=4, wanted=1), MONTH)
REACHED = Refused(
    limit="per_month", allowed=97_400_000, spent=97_400_000, wanted=25_000, currency="EUR",
    again=datetime(2027, 1, 1, tzinfo=UTC),
)  # fmt: skip


def _uuid(number: int) -> str:
    return f"00{number * 7919 % 0xFFFFFF:06x}-1fa3-4b1e-9d1c-{number:012x}"


def _worker(number: int) -> str:
    return f"ci-worker-large-pool-{number}" if number % 2 else f"linux-{number}"


def up(number: int) -> LiveServer:
    """A server that is up."""
    phase, age = PHASES[number % len(PHASES)], 240.0 + number * 47
    build = None
    if phase is not Phase.IDLE:
        builder = BUILDERS[number % len(BUILDERS)]
        build = RecordedBuild(server="s", build=str(number), builder=builder, number=number + 100, began=NOW)
    is_booting = phase is Phase.MADE
    return LiveServer(
        uuid=_uuid(number), title=f"buildbot-{_worker(number)}", owner="o", master="ci", worker=_worker(number),
        build=build, zone=ZONES[number % 2], plan=PLANS[number % 3 % 2], phase=phase, state=str(phase),
        api_state="maintenance" if is_booting else "started", progress=40 if is_booting else None,
        created=NOW - timedelta(seconds=age), age=age, paid_until=NOW + timedelta(seconds=3600 - age % 3600),
        hourly=Decimal("0.025"), currency="EUR", cost=Decimal("0.025") * (1 + int(age // 3600)), held_by="this master",
    )  # fmt: skip


def left() -> tuple[LiveServer, LeftDisk]:
    """A server and a disk that nobody holds."""
    server = LiveServer(
        uuid=_uuid(9001), title="buildbot-gone", owner="o", master="ci", worker="gone", state="started",
        api_state="started", age=8000.0, hourly=Decimal("0.025"), currency="EUR", cost=Decimal("0.075"),
        held_by="nobody", lease_ends=NOW, reaped_by=NOW + timedelta(minutes=4),
    )  # fmt: skip
    return server, LeftDisk(uuid=_uuid(9002), title="left-os", owner="buildbot-0123456789ab", state="online", size=25)


def lives(count: int) -> Iterator[ServerChange | BuildChange]:
    """Servers of the last two months, half of them of the last hours, and some starts that failed."""
    for number in range(count):
        back = timedelta(minutes=7 * number) if number % 2 else timedelta(hours=3 * number)
        asked, key = NOW - timedelta(minutes=30) - back, f"{number:032x}"
        facts: dict[str, Any] = {
            "master": "ci", "owner": "o", "worker": _worker(number), "builder": BUILDERS[number % len(BUILDERS)],
            "number": number + 100, "build": str(number), "zone": ZONES[number % 2], "plan": PLANS[number % 3 % 2],
            "image": f"tools 2fd00e8dc812 2026-11-{number % 3 + 1:02}", "hourly": 25_000, "currency": "EUR",
        }  # fmt: skip
        yield ServerChange(id=key, at=asked, phase=Phase.ASKED, **facts)
        if number % 9 == 5:
            yield ServerChange(id=key, at=asked, error=REASONS[number % 2].format(uuid=_uuid(number)))
            yield ServerChange(id=key, at=asked + timedelta(seconds=3), phase=Phase.GONE)
            continue
        yield ServerChange(id=key, at=asked, phase=Phase.MADE, uuid=_uuid(number), created=asked)
        boot, attach, end = (timedelta(seconds=each + number % 13) for each in (31, 52, 700 + 160 * (number % 11)))
        build: dict[str, Any] = {"server": key, "build": str(number), "builder": facts["builder"], "began": asked}
        yield BuildChange(at=asked, number=number + 100, queued=2.5, **build)
        yield ServerChange(id=key, at=asked + boot, phase=Phase.STARTED)
        yield ServerChange(id=key, at=asked + attach, phase=Phase.ATTACHED)
        yield ServerChange(id=key, at=asked + attach, phase=Phase.BUILDING)
        yield BuildChange(at=asked + end, ended=asked + end, result="success", cost=5000 + number, **build)
        yield ServerChange(id=key, at=asked + end, phase=Phase.STOPPING)
        yield ServerChange(id=key, at=asked + end + timedelta(seconds=9), phase=Phase.GONE)


class Staged:
    """So many servers that are up, and as many that were."""

    def __init__(self, count: int, folder: Path) -> None:
        rest, disks = ([left()[0]], [left()[1]]) if count else ([], [])
        self.view = LiveView(at=NOW, servers=(*map(up, range(count)), *rest), disks=tuple(disks))
        self.limits: tuple[Refused, ...] = LIMITS if count else ()
        self.notes: list[str] = []
        self.problem: str | None = None
        self._record = Record(f"sqlite:///{folder / 'staged.sqlite'}")
        for change in lives(count):
            self._record.tell(change)
        self._record.flush(60)

    def document(self, url: str) -> dict[str, Any]:
        """What a master would answer."""
        parts = urlsplit(url)
        arguments = {
            name.encode(): [value.encode() for value in values] for name, values in parse_qs(parts.query).items()
        }
        common: dict[str, Any] = {
            "master": "ci", "time": NOW.timestamp(), "notes": self.notes, "builders": dict.fromkeys(BUILDERS, 1),
            "workers": {_worker(number): 1 for number in range(600)},
        }  # fmt: skip
        wanted = wanted_of(arguments)
        if parts.path.endswith("now.json"):
            limits = [limit_document(each) for each in self.limits]
            return {**common, **now_document(self.view, wanted), "limits": limits}
        if self.problem is not None:
            return {**common, "problem": self.problem}
        part, since = part_of(arguments), NOW - timedelta(hours=hours_of(arguments))
        said = self._record.ask(
            lambda connection: history(connection, part, since=since, now=NOW, wanted=wanted)
        ).result(60)
        return {**common, "part": part, "left": left_document(self.view), **said}

    def answer(self, route: Route) -> None:
        """Answer for the master."""
        route.fulfill(json=self.document(route.request.url))

    def serve(self, view: View) -> None:
        """Answer the page in this browser."""
        for document in ("now", "before"):
            # Playwright remembers a bound method in its object, and so in copies of that.
            view.page.route(f"**/{document}.json*", lambda route: self.answer(route))  # noqa: PLW0108

    def close(self) -> None:
        """Close the record."""
        self._record.close(30)
