"""The record of servers: writing it, and reading it again, also when it is damaged."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from upcloud_sdk.ci import BuildRecord, RecordReader, ServerLog, ServerRecord

if TYPE_CHECKING:
    from pathlib import Path

LONG = 30.0
CREATED = datetime(2026, 11, 25, 10, 0, 0, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "upcloud-servers.jsonl"


@pytest.fixture
def clock() -> Clock:
    return Clock()


def read(path: Path) -> list[ServerRecord]:
    return list(RecordReader(path).read().values())


def one_life(log: ServerLog, clock: Clock) -> ServerRecord:
    """Record a server: its create is sent after 2 s and answered 3 s later, and it is gone after an hour and 10 s."""
    entry = log.begin(worker="linux-1", builder="tests", number=7, buildid=12, zone="fi-hel1", plan="2xCPU-4GB")
    entry.build_began(BuildRecord(id=12, builder="tests", number=7, began=entry.record.asked))
    clock.now += 3
    entry.note_made(CREATED.timestamp(), clock.now - 1, uuid="00aa", disks=("01bb",))
    entry.note("priced", credits_per_hour=Decimal("1.79"), currency="EUR")
    clock.now += 30
    entry.note("started", started=entry.moment(), state="attaching")
    clock.now += 10
    entry.note("attached", attached=entry.moment(), state="building")
    clock.now += 100
    entry.build_ended(12, result="success", cost=Decimal("0.001"))
    entry.note("idle", idle=entry.moment(), state="idle")
    clock.now += 3459
    entry.note("stopping", stopping=entry.moment(), state="stopping")
    clock.now += 10
    entry.finish(held_seconds=142.0)
    return entry.record


def test_a_server_is_read_as_it_was_written(path: Path, clock: Clock) -> None:
    log = ServerLog(path, clock=clock)
    record = one_life(log, clock)
    assert log.close(LONG)
    assert read(path) == [record]
    assert log.up == {}


def test_times_are_by_the_apis_clock_from_the_request_on(path: Path, clock: Clock) -> None:
    record = one_life(ServerLog(path, clock=clock), clock)
    seconds = {
        name: record.seconds("created", name) for name in ("asked", "made", "started", "attached", "idle", "gone")
    }
    assert seconds == {"asked": -2, "made": 1, "started": 31, "attached": 41, "idle": 141, "gone": 3610}
    assert record.created == CREATED


def test_the_last_line_has_hours_and_cost_and_all_but_the_builds(path: Path, clock: Clock) -> None:
    log = ServerLog(path, clock=clock)
    record = one_life(log, clock)
    assert log.close(LONG)
    last = json.loads(path.read_text().splitlines()[-1])
    assert (record.hours, record.cost) == (2, Decimal("0.0358"))
    assert (last["event"], last["hours"], last["cost"], last["currency"]) == ("gone", 2, "0.0358", "EUR")
    path.write_text(json.dumps(last) + "\n")
    [server] = read(path)
    assert server.builds == ()
    assert (server.asked, server.worker, server.build_count) == (record.asked, "linux-1", 1)


def test_a_server_that_was_not_created_costs_nothing_and_has_the_reason(path: Path, clock: Clock) -> None:
    log = ServerLog(path, clock=clock)
    entry = log.begin(worker="linux-1")
    entry.note("failed", error="no template 'x'")
    entry.finish()
    assert log.close(LONG)
    [server] = read(path)
    assert (server.uuid, server.span, server.hours, server.cost) == (None, None, 0, Decimal(0))
    assert (server.has_failed, server.error, server.state) == (True, "no template 'x'", "gone")


def test_nothing_is_recorded_for_a_server_after_its_end(path: Path, clock: Clock) -> None:
    log = ServerLog(path, clock=clock)
    entry = log.begin()
    entry.finish()
    entry.note("idle", state="idle")
    entry.build_began(BuildRecord(id=1))
    entry.finish()
    assert log.close(LONG)
    assert len(path.read_text().splitlines()) == 2
    assert log.up == {}


def test_a_build_is_recorded_once_however_often_it_is_told(path: Path, clock: Clock) -> None:
    log = ServerLog(path, clock=clock)
    entry = log.begin()
    for _ in range(2):
        entry.build_began(BuildRecord(id=1))
    entry.build_ended(2, result="success", cost=None)
    assert [build.id for build in entry.record.builds] == [1]


def test_a_clock_of_the_host_that_is_set_back_changes_no_duration(
    path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = ServerLog(path, clock=clock)
    entry = log.begin()
    monkeypatch.setattr("time.time", lambda: 0.0)
    clock.now += 60
    entry.note("idle", idle=entry.moment())
    assert entry.record.seconds("asked", "idle") == 60


def test_a_server_that_ends_before_it_begins_costs_an_hour(path: Path) -> None:
    began = CREATED.isoformat()
    path.write_text(json.dumps({"id": "a", "created": began, "gone": (CREATED - timedelta(days=1)).isoformat()}) + "\n")
    [server] = read(path)
    assert server.span == (CREATED, CREATED)


def test_a_listener_gets_each_change_and_a_failing_one_has_no_effect(
    path: Path, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    log = ServerLog(path, clock=clock)
    told: list[str] = []

    def fail(_record: ServerRecord, _event: str) -> None:
        raise ZeroDivisionError

    def tell(_record: ServerRecord, event: str) -> None:
        told.append(event)

    log.listeners += [fail, tell]
    one_life(log, clock)
    assert told == [
        "asked", "build began", "made", "priced", "started", "attached", "build ended", "idle", "stopping", "gone",
    ]  # fmt: skip
    assert "a listener of the record failed" in caplog.text


def test_a_server_that_the_reaper_has_found_gets_its_end(path: Path, clock: Clock) -> None:
    first = ServerLog(path, clock=clock)
    entry = first.begin(worker="linux-1")
    entry.note_made(CREATED.timestamp(), clock.now, uuid="00aa", credits_per_hour=Decimal(2))
    assert first.close(LONG)
    second = ServerLog(path, clock=clock)
    second.reaped(["00aa"], read(path))
    assert second.close(LONG)
    [server] = read(path)
    assert server.gone is not None
    assert server.span is not None
    assert (server.state, server.worker) == ("gone", "linux-1")
    assert server.cost == server.hours * Decimal("0.02") if server.hours else False


# --- lines of other versions ------------------------------------------------------------------------------------------


def test_the_known_fields_of_a_line_by_a_newer_version_are_read(path: Path) -> None:
    line = {
        "v": 9, "id": "a", "event": "hibernated", "state": "hibernating", "worker": "linux-1", "mood": {"good": True},
        "asked": 1764064800, "hours": "many", "disks": "none", "zone": None, "cost": "NaN",
        "build": {"id": 3, "builder": "tests", "result": ["success"], "weight": 3},
    }  # fmt: skip
    path.write_text(json.dumps(line) + "\n")
    reader = RecordReader(path)
    [server] = reader.read().values()
    assert reader.newest_version == 9
    assert server == ServerRecord(
        id="a", state="hibernating", worker="linux-1", builds=(BuildRecord(id=3, builder="tests"),)
    )


def test_lines_without_a_version_are_read(path: Path) -> None:
    began, ended = CREATED.isoformat(), (CREATED + timedelta(hours=1)).isoformat()
    old: dict[str, Any] = {"uuid": "1", "worker": "one", "created": began, "ended": None, "credits_per_hour": "1.79"}
    path.write_text("".join(json.dumps(line) + "\n" for line in (old, {**old, "ended": ended})))
    [server] = read(path)
    assert server.span == (CREATED, CREATED + timedelta(hours=1))
    assert server.hourly == Decimal("0.0179")


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "yesterday", "", 5])
def test_an_impossible_time_is_none(path: Path, moment: object) -> None:
    path.write_text(json.dumps({"id": "a", "created": moment, "gone": moment}) + "\n")
    [server] = read(path)
    assert (server.created, server.gone, server.span) == (None, None, None)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
FIELDS = st.sampled_from([*ServerRecord.__dataclass_fields__, "at", "v", "event", "build", "ended"])


@settings(max_examples=50)
@given(lines=st.lists(st.dictionaries(FIELDS, JSON, max_size=8), max_size=4))
def test_a_record_is_read_whatever_a_line_contains(
    tmp_path_factory: pytest.TempPathFactory, lines: list[dict[str, Any]]
) -> None:
    path = tmp_path_factory.getbasetemp() / "anything.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    for server in read(path):
        assert isinstance(server.builds, tuple)
        assert server.span is None or server.span[0] <= server.span[1]


def test_a_thousand_servers_are_read_and_forgotten_when_they_are_old(path: Path, clock: Clock) -> None:
    log = ServerLog(path, clock=clock)
    for _ in range(1000):
        one_life(log, clock)
    assert log.close(LONG)
    reader = RecordReader(path)
    assert len(reader.read()) == 1000
    assert len(reader.read(CREATED + timedelta(hours=1))) == 1000
    assert reader.read(CREATED + timedelta(hours=2)) == {}
