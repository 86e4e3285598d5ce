"""The page's document of past servers: totals, failures, servers."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.ci.record.test_life import NOON, NOW, at, build, life, server
from upcloud_sdk.ci import BuildRecord, RecordReader, ServerRecord
from upcloud_sdk.ci.web.history import begin_of_day, begin_of_month, history, quantiles, totals


def test_a_server_without_a_recorded_end_ends_at_its_last_line() -> None:
    lost = server(stopping=None, gone=None, seen=at(45))
    [shown] = history([lost], up=(), since=0, now=NOW.timestamp())["servers"]
    assert shown["end"] == at(45).timestamp()
    assert shown["how"] == "not known: its master ended before it"


def test_hours_that_are_paid_are_those_that_builds_used_and_the_idle_rest() -> None:
    sums = totals("all", [life(server())], NOON.timestamp() - 60, NOW.timestamp())
    assert sums["hours_paid"] == 2
    assert sums["hours_used"] == pytest.approx(50 / 60)
    assert sums["hours_used"] + sums["hours_idle"] == pytest.approx(2)
    assert sums["money"] == [{"currency": "EUR", "amount": pytest.approx(0.05)}]
    assert sums["builds"] == 2
    assert sums["servers"] == 1


def test_hours_paid_before_midnight_do_not_count_for_today() -> None:
    midnight = begin_of_day(NOW.timestamp())
    late = datetime.fromtimestamp(midnight, UTC) - timedelta(minutes=90)
    over = server(
        build(1, -840, -700, queued=3.0),
        asked=late,
        created=late,
        started=late,
        attached=late,
        stopping=None,
        gone=late + timedelta(minutes=150),
    )
    today = totals("today", [life(over)], midnight, NOW.timestamp())
    month = totals("month", [life(over)], begin_of_month(NOW.timestamp()), NOW.timestamp())
    assert (today["hours_paid"], month["hours_paid"]) == (1, 3)
    assert (today["servers"], month["servers"]) == (0, 1)
    assert (today["queue"]["of"], month["queue"]["of"]) == (0, 1)


def test_the_month_begins_at_midnight_of_its_first_day_in_utc() -> None:
    assert begin_of_month(NOW.timestamp()) == datetime(2026, 11, 1, tzinfo=UTC).timestamp()


def test_amounts_in_two_currencies_are_not_added_up() -> None:
    lives = [life(server()), life(server(currency="USD"))]
    sums = totals("all", lives, 0, NOW.timestamp())
    assert [each["currency"] for each in sums["money"]] == ["EUR", "USD"]


def test_hours_whose_price_is_not_known_are_counted_beside_the_money() -> None:
    lives = [life(server()), life(server(credits_per_hour=None))]
    sums = totals("all", lives, 0, NOW.timestamp())
    assert sums["money"] == [{"currency": "EUR", "amount": pytest.approx(0.05)}]
    assert (sums["hours_paid"], sums["hours_unpriced"]) == (4, 2)
    [known] = history([server()], up=(), since=0, now=NOW.timestamp())["totals"][:1]
    assert known["hours_unpriced"] == 0


def test_a_start_that_failed_before_a_server_was_asked_for_has_its_build() -> None:
    refused = ServerRecord(
        id="a", worker="linux", builder="all", number=3, buildid=9, asked=at(0), gone=at(0), error="no room"
    )
    said = history([refused], up=(), since=0, now=NOW.timestamp())
    [failure] = said["failures"]
    assert failure["builds"] == [{"builder": "all", "number": 3, "id": 9, "result": None}]
    assert said["totals"][0]["servers"] == said["totals"][0]["builds"] == 0


def test_quantiles_are_values_that_were_seen() -> None:
    assert quantiles(range(1, 101)) == {"median": 50, "p95": 95, "of": 100}
    assert quantiles([7.0]) == {"median": 7.0, "p95": 7.0, "of": 1}
    assert quantiles([]) == {"median": None, "p95": None, "of": 0}


def test_only_servers_of_the_last_hours_are_shown_and_all_count_in_the_totals() -> None:
    early, late = server(id="early"), server(id="late", asked=at(200), created=at(200), gone=at(210))
    said = history([early, late], up=(), since=at(180).timestamp(), now=NOW.timestamp())
    assert [each["key"] for each in said["servers"]] == ["late"]
    assert said["totals"][0]["servers"] == 2


def test_failures_have_their_reason_and_their_build() -> None:
    said = history([server(error="to be started: not within 300 s")], up=(), since=0, now=NOW.timestamp())
    [failure] = said["failures"]
    assert failure["reason"] == "to be started: not within 300 s"
    assert failure["builds"][0]["number"] == 1
    assert said["totals"][0]["failures"] == 1


def test_a_thousand_servers_and_a_record_without_times_make_a_document() -> None:
    records = [*(server(id=str(number)) for number in range(1000)), ServerRecord(id="bare")]
    said = history(records, up=("bare",), since=0, now=NOW.timestamp())
    assert len(said["servers"]) == 1001
    json.dumps(said, allow_nan=False)


ODD: st.SearchStrategy[object] = st.sampled_from([
    float("inf"), float("nan"), 1e308, -1e308, 10**400, -5, "1e400", "-1", "NaN", "2999-12-31T23:59:59Z",
    "2000-01-01T00:00:00+23:59", "2026-11-26T00:00:00Z", True, None, "x", [], {},
])  # fmt: skip
"""Values that any field of a damaged or newer record can have."""


@settings(max_examples=100)
@given(
    line=st.dictionaries(st.sampled_from([*ServerRecord.__dataclass_fields__, "at", "ended"]), ODD, max_size=12),
    build=st.dictionaries(st.sampled_from(list(BuildRecord.__dataclass_fields__)), ODD, max_size=6),
)
def test_every_record_becomes_a_document(
    tmp_path_factory: pytest.TempPathFactory, line: dict[str, Any], build: dict[str, Any]
) -> None:
    path = tmp_path_factory.getbasetemp() / "odd.jsonl"
    path.write_text(json.dumps({"id": "a", **line, "build": {"id": 1, **build}}) + "\n")
    records = list(RecordReader(path).read().values())
    for up in ((), ("a",)):
        json.dumps(history(records, up=up, since=0, now=NOW.timestamp()), allow_nan=False)
