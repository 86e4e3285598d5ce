"""The page's rows of running servers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from upcloud_sdk.ci import LeftDisk, LiveServer, LiveView, Phase, RecordedBuild, RecordedServer
from upcloud_sdk.ci.record.changes import MILLION
from upcloud_sdk.ci.record.claims import Refused
from upcloud_sdk.ci.record.queries import Wanted
from upcloud_sdk.ci.web.live import COLUMNS, limit_document, now_document

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def row(**values: Any) -> LiveServer:  # noqa: ANN401 - of all kinds
    defaults: dict[str, Any] = {"uuid": "00f4", "state": "started", "held_by": "this master", "worker": "linux"}
    return LiveServer(**{**defaults, **values})


def document(*rows: LiveServer) -> dict[str, Any]:
    return now_document(LiveView(at=NOW, servers=rows))


@pytest.mark.parametrize("values", [*({"phase": each} for each in Phase), {"state": "maintenance"}, {"state": "error"}])
def test_each_state_has_a_phase_and_words(values: dict[str, Any]) -> None:
    [server] = document(row(**values))["servers"]
    assert server["phase"] in {"booting", "installing", "building", "idle", "stopping", "failed", "other"}
    assert server["state"]


def test_a_server_of_an_image_by_recipe_says_how_old_the_image_is() -> None:
    values: dict[str, Any] = {"phase": Phase.IDLE, "asked": NOW, "seen": NOW}
    made = NOW - timedelta(days=3)
    record = RecordedServer(id="1", image="tools 2fd00e8dc812 2026-11-23", image_made=made, **values)
    other = RecordedServer(id="2", image="Debian GNU/Linux 13 (Trixie)", **values)
    first, second, third = document(row(record=record), row(record=other), row())["servers"]
    assert (first["image"], first["image_age"]) == (record.image, 3 * 86_400)
    assert second["image_age"] is third["image_age"] is None


def test_a_state_from_the_future_is_shown_as_it_is() -> None:
    [server] = document(row(state="hibernating"))["servers"]
    assert (server["phase"], server["state"]) == ("other", "hibernating")


def test_the_progress_of_the_api_is_in_the_row() -> None:
    [server] = document(row(api_state="maintenance", progress=40))["servers"]
    assert (server["progress"], server["api_state"]) == (40, "maintenance")


def test_the_hourly_cost_is_the_sum_of_created_servers_with_a_price_by_currency() -> None:
    priced: dict[str, Any] = {"hourly": Decimal("0.02"), "currency": "EUR"}
    said = document(
        row(**priced), row(**priced), row(uuid=None, **priced), row(), row(hourly=Decimal("0.02"), currency="USD")
    )
    assert said["hourly"] == [
        {"currency": "EUR", "amount": pytest.approx(0.04)},
        {"currency": "USD", "amount": pytest.approx(0.02)},
    ]
    assert said["unpriced"] == 1


def test_a_server_that_nobody_holds_costs_what_the_others_cost() -> None:
    left = row(held_by="nobody", hourly=Decimal("0.02"), cost=Decimal("0.06"), currency="EUR")
    said = document(row(hourly=Decimal("0.02"), currency="EUR"), left)
    assert said["hourly"] == [{"currency": "EUR", "amount": pytest.approx(0.04)}]
    assert (said["left"][0]["hourly"], said["left"][0]["cost"], said["left"][0]["currency"]) == (0.02, 0.06, "EUR")


def test_a_server_that_nobody_holds_is_listed_as_left_over_with_its_reap_time() -> None:
    said = document(row(), row(held_by="nobody", master="m", reaped_by=NOW + timedelta(minutes=5)))
    assert len(said["servers"]) == 1
    [left] = said["left"]
    assert left["reaped_by"] == NOW.timestamp() + 300
    assert left["owner"] == "m"


def test_the_reap_time_of_a_server_of_an_unknown_owner_is_not_known() -> None:
    [left] = document(row(held_by="nobody", owner="somebody", reaped_by=NOW))["left"]
    assert (left["owner"], left["reaped_by"]) == ("somebody", None)


def test_a_disk_that_nobody_holds_is_left_over_beside_the_servers() -> None:
    disk = LeftDisk(uuid="01dd", title="os", master="m", state="online", reaped_by=NOW)
    said = now_document(LiveView(at=NOW, servers=(row(held_by="nobody"),), disks=(disk,)))
    assert [(each["kind"], each["uuid"]) for each in said["left"]] == [("server", "00f4"), ("disk", "01dd")]
    assert said["left"][1] == {
        "kind": "disk", "uuid": "01dd", "worker": "os", "state": "online", "owner": "m", "ends": None, "age": None,
        "hourly": None, "cost": None, "currency": None, "reaped_by": NOW.timestamp(),
    }  # fmt: skip


def many() -> LiveView:
    runs = RecordedBuild(server="1", build="7", builder="docs", number=3, began=NOW)
    servers = (
        row(uuid="3", worker="Pool-1", zone="a", plan="x", phase=Phase.BUILDING, build=runs, age=9.0, master="m"),
        row(uuid="1", worker="pool-2", zone="b", plan="x", phase=Phase.IDLE, age=5.0, cost=Decimal(2), paid_until=NOW),
        row(uuid="2", worker="other", zone="a", plan="y", phase=Phase.IDLE, age=7.0, cost=Decimal(1)),
    )
    return LiveView(at=NOW, servers=servers)


@pytest.mark.parametrize(
    ("wanted", "uuids"),
    [
        ({}, "312"),
        ({"state": "idle"}, "12"),
        ({"worker": "POOL"}, "31"),
        ({"builder": "docs"}, "3"),
        ({"zone": "a", "plan": "y"}, "2"),
        ({"sort": "age"}, "123"),
        ({"sort": "-age"}, "321"),
        ({"sort": "-cost"}, "123"),
        ({"sort": "cost"}, "213"),
        ({"offset": 1, "most": 1}, "1"),
        ({"offset": 9}, ""),
        ({"sort": "password"}, "312"),
    ],
)
def test_servers_are_found_sorted_and_shown_a_part_at_a_time(wanted: dict[str, Any], uuids: str) -> None:
    said = now_document(many(), Wanted(**wanted))
    assert "".join(server["uuid"] for server in said["servers"]) == uuids


@pytest.mark.parametrize("column", list(COLUMNS))
def test_servers_can_be_sorted_by_each_column(column: str) -> None:
    for sign in ("", "-"):
        assert len(now_document(many(), Wanted(sort=sign + column))["servers"]) == 3


def test_the_groups_are_those_of_the_other_filters_and_the_choices_those_of_all() -> None:
    said = now_document(many(), Wanted(state="idle", zone="a"))
    assert (said["states"], said["count"], said["all"]) == ({"building": 1, "idle": 1}, 1, 3)
    assert said["choices"]["plan"] == ["x", "y"]
    assert said["choices"]["builder"] == ["docs"]


def test_a_limit_says_what_is_spent_claimed_and_left() -> None:
    spent, claimed = 3 * MILLION, MILLION
    limit = Refused(limit="per_month", allowed=10 * MILLION, spent=spent, claimed=claimed, currency="EUR", again=NOW)
    said = limit_document(limit)
    assert (said["spent"], said["claimed"], said["left"], said["allowed"]) == (2, 1, 7, 10)
    assert said["again"] == NOW.timestamp()
    full = limit_document(Refused(limit="max_servers", allowed=2, spent=3, wanted=1))
    assert (full["spent"], full["left"]) == (3, 0)
