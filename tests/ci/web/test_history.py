"""The page's document of past servers: totals, failures, servers."""

from __future__ import annotations

import gzip
import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.ci.record.conftest import cluster, opened, sqlite, url
from tests.ci.record.lives import NOON, asked, at, build, change, life
from upcloud_sdk.ci import Phase
from upcloud_sdk.ci.web.history import MOST_SERVERS, history

if TYPE_CHECKING:
    from collections.abc import Callable

    from upcloud_sdk.ci import BuildChange, Record, ServerChange

    Opened = Callable[..., Record]

__all__ = ["cluster", "opened", "sqlite", "url"]

EVENING = at(6 * 60)


def said(record: Record, *changes: ServerChange | BuildChange, **options: Any) -> dict[str, Any]:  # noqa: ANN401 - handed on
    for each in changes:
        record.tell(each)
    values: dict[str, Any] = {"since": at(-24 * 60), "now": EVENING, **options}
    return record.ask(lambda connection: history(connection, **values)).result(30)


def today(record: Record, *changes: ServerChange | BuildChange) -> dict[str, Any]:
    total: dict[str, Any] = said(record, *changes)["totals"][0]
    return total


def test_hours_that_are_paid_are_those_that_builds_used_and_the_idle_rest(opened: Opened, url: str) -> None:
    sums = today(opened(url), *life("a"))
    assert (sums["servers"], sums["builds"], sums["hours_paid"]) == (1, 1, 2)
    assert sums["hours_used"] == pytest.approx(89 / 60)
    assert sums["hours_used"] + sums["hours_idle"] == pytest.approx(2)
    assert sums["money"] == [{"currency": "EUR", "amount": pytest.approx(0.2)}]


def test_a_server_that_is_up_counts_until_now(opened: Opened, url: str) -> None:
    sums = today(opened(url), *life("a")[:6])
    assert (sums["servers"], sums["hours_paid"]) == (1, 6)
    assert sums["hours_used"] == pytest.approx(6)


def test_hours_paid_before_midnight_do_not_count_for_today(opened: Opened, url: str) -> None:
    midnight = (NOON.replace(hour=0) - NOON).total_seconds() / 60
    document = said(opened(url), *life("a", begin=midnight - 90, end=midnight + 60))
    this_day, this_month = document["totals"]
    assert (this_day["hours_paid"], this_month["hours_paid"]) == (1, 3)
    assert (this_day["servers"], this_month["servers"]) == (0, 1)


def test_the_hours_of_a_month_are_those_of_the_bill(opened: Opened, url: str) -> None:
    end = NOON.replace(day=1, hour=0) + timedelta(days=31)
    begin = (NOON.replace(day=1, hour=0) - NOON).total_seconds() / 60
    record = opened(url)
    document = said(record, *life("a", begin=begin, end=begin + 31 * 24 * 60), now=end - timedelta(minutes=1))
    assert document["totals"][1]["hours_paid"] == 672


def test_sums_do_not_depend_on_restarts(opened: Opened, url: str) -> None:
    first = opened(url)
    before = said(first, *life("a"), *life("b")[:6])["totals"]
    first.close(30)
    assert said(opened(url))["totals"] == before


def test_a_start_that_failed_is_a_failure_and_no_server(opened: Opened, url: str) -> None:
    record = opened(url)
    document = said(
        record,
        asked("a", builder="all", number=3, build="9", error="no room"),
        change("a", 1, Phase.GONE),
    )
    [failure] = document["failures"]
    assert failure["reason"] == "no room"
    assert failure["builds"] == [{"builder": "all", "number": 3, "id": 9, "result": None}]
    assert (document["totals"][0]["servers"], document["totals"][0]["failures"]) == (0, 1)


def test_amounts_in_two_currencies_are_not_added_up_and_unknown_ones_are_counted(opened: Opened, url: str) -> None:
    record = opened(url)
    unpriced = [asked("c"), *life("c")[1:]]
    unpriced[0] = asked("c", hourly=None, currency=None)
    sums = today(record, *life("a"), *life("b", currency="USD"), *unpriced)
    assert [each["currency"] for each in sums["money"]] == ["EUR", "USD"]
    assert (sums["hours_paid"], sums["hours_unpriced"]) == (6, 2)


def test_quantiles_are_values_that_were_seen(opened: Opened, url: str) -> None:
    record = opened(url)
    record.tell(asked("a"))
    for number in range(1, 101):
        record.tell(build("a", number, 1, 2, queued=float(number)))
    assert today(record)["queue"] == {"median": 50, "p95": 95, "of": 100}
    assert today(record)["boot"] == {"median": None, "p95": None, "of": 0}
    for each in life("b"):
        record.tell(each)
    assert today(record)["boot"] == {"median": pytest.approx(60), "p95": pytest.approx(60), "of": 1}


def test_the_newest_servers_are_shown_and_the_others_can_be_asked_for(opened: Opened, url: str) -> None:
    record = opened(url)
    lives = [each for number in range(5) for each in life(str(number), begin=number, end=number + 60)]
    document = said(record, *lives, most=2)
    assert ([each["key"] for each in document["servers"]], document["count"]) == (["4", "3"], 5)
    assert [each["key"] for each in said(record, most=2, offset=4)["servers"]] == ["0"]


def test_only_servers_that_were_up_since_then_are_shown_and_all_count_in_the_totals(opened: Opened, url: str) -> None:
    document = said(opened(url), *life("early"), *life("late", begin=200, end=210), since=at(180))
    assert [each["key"] for each in document["servers"]] == ["late"]
    assert document["totals"][0]["servers"] == 2


def test_the_phases_and_the_end_of_a_server_are_shown(opened: Opened, sqlite: str) -> None:
    record = opened(sqlite)
    gone, up = said(record, *life("a", begin=-1), *life("b")[:4])["servers"][::-1]
    assert [each["phase"] for each in gone["phases"]] == ["booting", "installing", "building", "stopping"]
    assert (gone["how"], gone["hours"], gone["cost"]) == ("destroyed", 2, pytest.approx(0.2))
    assert (up["how"], up["end"]) == ("up", EVENING.timestamp())


def test_the_document_of_a_month_with_many_servers_is_small(opened: Opened, sqlite: str) -> None:
    record = opened(sqlite)
    for number in range(2 * MOST_SERVERS):
        for each in life(f"{number:032x}", begin=number, end=number + 50):
            record.tell(each)
    assert record.flush(60)
    document = said(record, since=at(-31 * 24 * 60), now=datetime.fromtimestamp(at(3000).timestamp(), NOON.tzinfo))
    assert (len(document["servers"]), document["count"]) == (MOST_SERVERS, 2 * MOST_SERVERS)
    assert len(gzip.compress(json.dumps(document, allow_nan=False).encode())) < 200_000
    [money] = document["totals"][1]["money"]
    assert money == {"currency": "EUR", "amount": pytest.approx(2 * MOST_SERVERS * 0.1)}
