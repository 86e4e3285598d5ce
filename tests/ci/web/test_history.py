"""The page's document of past servers: totals, failures, servers."""

from __future__ import annotations

import gzip
import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.ci.record.conftest import cluster, opened, sqlite, url
from tests.ci.record.lives import CENT, NOON, asked, at, build, change, life
from upcloud_sdk.ci import Phase
from upcloud_sdk.ci.record.queries import Wanted
from upcloud_sdk.ci.web.history import MOST_NAMES, history

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from upcloud_sdk.ci import BuildChange, Record, ServerChange
    from upcloud_sdk.ci.web.history import Part

    Opened = Callable[..., Record]

__all__ = ["cluster", "opened", "sqlite", "url"]

EVENING, YESTERDAY = at(6 * 60), at(-24 * 60)


def said(
    record: Record,
    *changes: ServerChange | BuildChange,
    part: Part = "servers",
    since: datetime = YESTERDAY,
    now: datetime = EVENING,
    **wanted: Any,  # noqa: ANN401 - of all kinds
) -> dict[str, Any]:
    for each in changes:
        record.tell(each)
    return record.ask(
        lambda connection: history(connection, part, since=since, now=now, wanted=Wanted(**wanted))
    ).result(30)


def costs(record: Record, *changes: ServerChange | BuildChange, now: datetime = EVENING) -> dict[str, Any]:
    return said(record, *changes, part="costs", now=now)


def today(record: Record, *changes: ServerChange | BuildChange) -> dict[str, Any]:
    total: dict[str, Any] = costs(record, *changes)["totals"][0]
    return total


def keys(document: dict[str, Any]) -> list[str]:
    return [each["key"] for each in document["servers"]]


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
    document = costs(opened(url), *life("a", begin=midnight - 90, end=midnight + 60))
    this_day, this_month, _ = document["totals"]
    assert (this_day["hours_paid"], this_month["hours_paid"]) == (1, 3)
    assert (this_day["servers"], this_month["servers"]) == (0, 1)


def test_the_hours_of_a_month_are_those_of_the_bill(opened: Opened, url: str) -> None:
    end = NOON.replace(day=1, hour=0) + timedelta(days=31)
    begin = (NOON.replace(day=1, hour=0) - NOON).total_seconds() / 60
    record = opened(url)
    document = costs(record, *life("a", begin=begin, end=begin + 31 * 24 * 60), now=end - timedelta(minutes=1))
    assert document["totals"][1]["hours_paid"] == 672


def test_sums_do_not_depend_on_restarts(opened: Opened, url: str) -> None:
    first = opened(url)
    before = costs(first, *life("a"), *life("b")[:6])
    first.close(30)
    assert costs(opened(url)) == before


def test_a_start_that_failed_is_a_failure_and_no_server(opened: Opened, url: str) -> None:
    record = opened(url)
    sums = today(
        record,
        asked("a", builder="all", number=3, build="9", error="no room"),
        change("a", 1, Phase.GONE),
    )
    [failure] = said(record, part="health")["failures"]
    assert (failure["reason"], failure["uuid"]) == ("no room", None)
    assert failure["builds"] == [{"builder": "all", "number": 3, "id": 9, "result": None}]
    assert (sums["servers"], sums["failures"]) == (0, 1)


def test_amounts_in_two_currencies_are_not_added_up_and_unknown_ones_are_counted(opened: Opened, url: str) -> None:
    record = opened(url)
    unpriced = [asked("c"), *life("c")[1:]]
    unpriced[0] = asked("c", hourly=None, currency=None)
    sums = today(record, *life("a"), *life("b", currency="USD"), *unpriced)
    assert [each["currency"] for each in sums["money"]] == ["EUR", "USD"]
    assert (sums["hours_paid"], sums["unknown"]) == (6, 2)


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
    assert (keys(document), document["count"]) == (["4", "3"], 5)
    assert keys(said(record, most=2, offset=4)) == ["0"]


def test_only_servers_that_were_up_since_then_are_shown_and_all_count_in_the_totals(opened: Opened, url: str) -> None:
    record = opened(url)
    document = said(record, *life("early"), *life("late", begin=200, end=210), since=at(180))
    assert keys(document) == ["late"]
    assert today(record)["servers"] == 2


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({"worker": "LARGE"}, ["b"]),
        ({"worker": "%"}, []),
        ({"builder": "all"}, ["c", "b", "a"]),
        ({"builder": "docs"}, ["d"]),
        ({"zone": "de-fra1"}, ["c"]),
        ({"plan": "small", "worker": "w"}, ["d", "c", "a"]),
        ({"state": "up"}, ["c"]),
        ({"state": "failed"}, ["d"]),
        ({"state": "destroyed"}, ["b", "a"]),
    ],
)
def test_servers_are_found_by_state_worker_builder_zone_and_plan(
    opened: Opened, url: str, wanted: dict[str, Any], found: list[str]
) -> None:
    record = opened(url)
    failed = [asked("d", 3, builder="docs", error="no room"), change("d", 4, Phase.GONE)]
    lives = [*life("a"), *life("b", begin=1, worker="pool-large-1"), *life("c", begin=2, zone="de-fra1")[:6], *failed]
    document = said(record, *lives, **wanted)
    assert (keys(document), document["count"]) == (found, len(found))
    assert document["choices"]["zone"] == ["de-fra1", "fi-hel1"]
    if set(wanted) == {"state"}:
        assert document["states"] == {"up": 1, "destroyed": 2, "failed": 1}


@pytest.mark.parametrize(
    "column",
    ["worker", "zone", "asked", "queue", "boot", "attach", "up", "hours", "cost", "uuid", "builder", "plan", "state"],
)
def test_servers_are_sorted_by_each_column_and_what_there_is_not_is_last(opened: Opened, url: str, column: str) -> None:
    record = opened(url)
    first, second = life("a", worker="a", zone="a"), life("b", begin=5, end=500, worker="b", zone="b")
    second[3:5] = [change("b", 9, Phase.STARTED), change("b", 19, Phase.ATTACHED)]
    first[2], second[2] = build("a", 1, 0, queued=1.0), build("b", 1, 5, queued=2.0)
    never = asked("c", 9, worker="c", zone="c", error="no room", hourly=None)
    said(record, *first, *second, never)
    rising, falling = (keys(said(record, sort=sign + column)) for sign in ("", "-"))
    if column in {"builder", "plan"}:
        assert rising == falling == ["c", "b", "a"]  # alike: the newest first
    elif column in {"worker", "zone", "asked"}:
        assert (rising, falling) == (["a", "b", "c"], ["c", "b", "a"])
    elif column == "up":
        assert rising == ["a", "c", "b"]
    elif column == "state":
        assert (rising, falling) == (["b", "a", "c"], ["c", "b", "a"])
    else:
        assert (rising, falling) == (["a", "b", "c"], ["b", "a", "c"])


def test_an_unknown_column_leaves_the_order(opened: Opened, sqlite: str) -> None:
    assert keys(said(opened(sqlite), *life("a"), *life("b", begin=1), sort="-password")) == ["b", "a"]


def test_the_phases_and_the_end_of_a_server_are_shown(opened: Opened, sqlite: str) -> None:
    record = opened(sqlite)
    gone, up = said(record, *life("a", begin=-1), *life("b")[:4])["servers"][::-1]
    assert [each["phase"] for each in gone["phases"]] == ["booting", "installing", "building", "stopping"]
    assert (gone["how"], gone["hours"], gone["cost"]) == ("destroyed", 2, pytest.approx(0.2))
    assert (up["how"], up["end"]) == ("up", EVENING.timestamp())


def test_the_documents_of_a_month_with_many_servers_are_small(opened: Opened, sqlite: str) -> None:
    record = opened(sqlite)
    for number in range(600):
        for each in life(f"{number:032x}", begin=number, end=number + 50, worker=f"ci-worker-large-pool-{number}"):
            record.tell(each)
    assert record.flush(60)
    parts: tuple[Part, ...] = ("servers", "costs", "health")
    documents = [said(record, part=part, since=at(-31 * 24 * 60), now=at(3000)) for part in parts]
    for document in documents:
        assert len(gzip.compress(json.dumps(document, allow_nan=False).encode())) < 50_000
    assert (len(documents[0]["servers"]), documents[0]["count"]) == (100, 600)
    assert documents[1]["totals"][1]["money"] == [{"currency": "EUR", "amount": pytest.approx(600 * 0.1)}]
    assert documents[1]["workers"][-1]["others"] == 600 - MOST_NAMES
    everything = [each["costs"][1]["money"][0]["amount"] for each in documents[1]["workers"]]
    assert sum(everything) == pytest.approx(600 * 0.1)


def test_costs_are_those_of_workers_and_of_builders_and_the_rest_has_no_build(opened: Opened, url: str) -> None:
    record = opened(url)
    begin = (NOON.replace(day=1, hour=0) - NOON).total_seconds() / 60
    lives = [*life("a", worker="one"), *life("b", worker="two"), *life("c", begin - 600, begin - 500, worker="one")]
    paid = [build("a", 1, 0, cost=CENT), build("c", 1, begin - 600, cost=2 * CENT)]
    document = costs(record, *lives, *paid)
    amounts = {row["name"]: [_euros(each) for each in row["costs"]] for row in document["workers"]}
    assert amounts == {"one": [0.2, 0.2, 0.2], "two": [0.2, 0.2, 0]}
    [row] = document["builders"]
    assert row["name"] == "all"
    assert [_euros(each) for each in row["costs"]] == [0.01, 0.01, 0.02]
    assert [each["unknown"] for each in row["costs"]] == [1, 1, 0]
    assert [_euros(each) for each in document["no_build"]] == [0.39, 0.39, 0.18]
    assert [_euros(each) for each in document["totals"]] == [0.4, 0.4, 0.2]


def _euros(amount: dict[str, Any]) -> float:
    return float(round(sum(each["amount"] for each in amount["money"]), 9))


def test_the_hours_of_a_day_are_those_paid_and_those_used(opened: Opened, url: str) -> None:
    [day] = costs(opened(url), *life("a"), *life("b")[:6])["days"]
    assert day == {"day": f"{NOON:%Y-%m-%d}", "paid": 8, "used": pytest.approx(89 / 60 + 6)}


def test_starts_are_counted_by_plan_zone_and_image_with_their_times(opened: Opened, url: str) -> None:
    record = opened(url)
    failed = [asked("c", 2, error="no room", zone="", plan=""), change("c", 3, Phase.GONE)]
    broken = [*life("d", image="tools")[:4], change("d", 9, Phase.STOPPING, error="it has not attached")]
    document = said(record, *life("a"), *life("b", image="tools"), *failed, *broken, part="health")
    plans = {row["name"]: (row["attached"], row["failed"]) for row in document["starts"]["plan"]}
    assert plans == {"small": (2, 1), "": (0, 1)}
    images = {row["name"]: (row["attached"], row["failed"]) for row in document["starts"]["image"]}
    assert images == {"tools": (1, 1), "": (1, 1)}
    [zone] = [row for row in document["starts"]["zone"] if row["name"]]
    assert (zone["boot"]["median"], zone["boot"]["of"]) == (pytest.approx(60), 3)
    assert (zone["attach"]["p95"], zone["attach"]["of"]) == (pytest.approx(120), 2)
    [times] = document["times"]
    assert times["boot"]["of"] == 3
    assert times["time"] <= NOON.timestamp() < times["time"] + document["step"]


def test_failures_of_one_reason_are_one_row_with_the_newest_first(opened: Opened, url: str) -> None:
    record = opened(url)
    for number in range(5):
        reason = (
            f"server 00f4{number:04}-1111-2222-3333-444455556666 was late: {number}.5 s" if number % 2 else "no room"
        )
        record.tell(asked(str(number), number, worker=f"w{number}", error=reason))
        record.tell(change(str(number), number + 1, Phase.GONE))
    document = said(record, part="health")
    assert [(row["worker"], row["count"]) for row in document["failures"]] == [("w4", 3), ("w3", 2)]
    assert document["failed"] == 5
    assert document["failures"][1]["reason"].startswith("server 00f40003-")
