"""Phases, paid hours and cost of a server, from its record."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from upcloud_sdk.ci import Phase, RecordedBuild, RecordedServer
from upcloud_sdk.ci.record.changes import ServerChange
from upcloud_sdk.ci.record.life import Life

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
NOW = NOON + timedelta(hours=6)
PRICE = 25_000
"""Millionths."""


def at(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


def build(number: int, began: float, ended: float | None, **values: Any) -> RecordedBuild:  # noqa: ANN401 - of all kinds
    end = None if ended is None else at(ended)
    return RecordedBuild(
        server="a", build=str(number), builder="all", number=number, began=at(began), ended=end, **values
    )


def server(*builds: RecordedBuild, **values: Any) -> RecordedServer:  # noqa: ANN401 - of all kinds
    """A server requested at noon, started after 1 minute, attached after 2, with builds, and gone after 90 minutes."""
    defaults: dict[str, Any] = {
        "id": "a",
        "phase": Phase.GONE,
        "seen": at(90),
        "uuid": "00f4239c",
        "worker": "linux",
        "hourly": PRICE,
        "currency": "EUR",
        "asked": at(0),
        "created": at(0),
        "started": at(1),
        "attached": at(2),
        "stopping": at(89),
        "gone": at(90),
        "builds": builds or (build(1, 0, 30), build(2, 40, 60)),
    }
    return RecordedServer(**{**defaults, **values})


def life(record: RecordedServer, *, now: datetime = NOW) -> Life:
    return Life(record, now.timestamp())


def phases(found: Life) -> list[tuple[str, float, float]]:
    noon = NOON.timestamp()
    return [(phase, (begin - noon) / 60, (end - noon) / 60) for phase, begin, end in found.phases]


def test_a_server_boots_installs_builds_idles_and_stops() -> None:
    assert phases(life(server())) == [
        ("booting", 0, 1),
        ("installing", 1, 2),
        ("building", 2, 30),
        ("idle", 30, 40),
        ("building", 40, 60),
        ("idle", 60, 89),
        ("stopping", 89, 90),
    ]


def test_builds_at_the_same_time_are_one_span() -> None:
    found = phases(life(server(build(1, 0, 30), build(2, 10, 50))))
    assert ("building", 2, 50) in found
    assert [phase for phase, _, _ in found].count("building") == 1


def test_a_server_that_is_up_goes_on_until_now() -> None:
    up = server(build(1, 0, None), stopping=None, gone=None)
    assert phases(life(up, now=at(20)))[-1] == ("building", 2, 20)


def test_a_start_that_failed_is_seen_as_failed_and_costs_nothing_if_nothing_was_made() -> None:
    failed = server(
        build(1, 0, 5), uuid=None, created=None, started=None, attached=None, stopping=None, gone=at(5), error="no room"
    )
    assert phases(life(failed)) == [("booting", 0, 5), ("failed", 5, 5)]
    assert life(failed).hours == 0
    assert life(failed).cost == 0


def test_clocks_that_jump_make_no_phase_negative() -> None:
    jumped = server(started=at(-50), attached=at(500), stopping=at(-3), gone=at(40))
    spans = [(begin, end) for _, begin, end in life(jumped).phases]
    assert all(begin <= end for begin, end in spans)
    assert spans == sorted(spans)
    assert spans[-1][1] == at(40).timestamp()


def test_a_server_that_ends_before_it_begins_is_shown_without_length() -> None:
    found = life(server(gone=at(-30)))
    assert found.end == found.begin
    assert found.hours == 1


def test_hours_and_costs_are_those_of_started_hours() -> None:
    found = life(server())
    assert found.hours == 2
    assert found.cost == pytest.approx(0.05)


def test_a_month_costs_at_most_672_hours() -> None:
    march = datetime(2026, 3, 1, tzinfo=UTC)
    whole = server(created=march, stopping=None, gone=march + timedelta(days=31))
    assert life(whole).hours == 672


def test_a_build_holds_a_server_until_the_server_stops() -> None:
    assert life(server(build(1, 0, 95), stopping=at(60))).held == [(at(0).timestamp(), at(60).timestamp())]


def test_a_late_change_does_not_revive_a_server_that_is_gone() -> None:
    late = ServerChange(id="a", at=at(91), phase=Phase.BUILDING)
    assert server().after(late).phase is Phase.GONE


def test_the_first_reason_of_a_failure_is_kept() -> None:
    failed = server(error="no room").after(ServerChange(id="a", at=at(91), error="its start was cancelled"))
    assert failed.error == "no room"
