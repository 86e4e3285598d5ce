"""A record compared with bills."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from upcloud_sdk.ci import Phase, RecordedBuild, RecordedServer
from upcloud_sdk.ci.money.reconciliation import reconcile, reconcile_bills
from upcloud_sdk.ci.record.changes import MILLION
from upcloud_sdk.models import BillingSummary

if TYPE_CHECKING:
    from upcloud_sdk.billing import Anchor

NEW_YEAR = datetime(2027, 1, 1, tzinfo=UTC)
DECEMBER, JANUARY = (2026, 12), (2027, 1)


def bill(hours: dict[str, int], owner: str = "") -> BillingSummary:
    labels = [{"key": "upcloud_sdk_owner", "value": owner}] if owner else []
    resources = [
        {"resource_id": uuid, "hours": n, "amount": n * 1.0, "details": [{"amount": n * 1.0, "labels": labels}]}
        for uuid, n in hours.items()
    ]
    total = float(sum(hours.values()))
    servers = {"total_amount": total, "server": {"total_amount": total, "resources": resources}}
    return BillingSummary.model_validate({"currency": "EUR", "total_amount": total, "servers": servers})


def server(uuid: str, began: datetime, ended: datetime | None, *builds: tuple[datetime, datetime]) -> RecordedServer:
    return RecordedServer(
        id=uuid,
        phase=Phase.IDLE if ended is None else Phase.GONE,
        uuid=uuid,
        worker="bot",
        owner="me",
        asked=began,
        created=began,
        gone=ended,
        seen=ended or began,
        hourly=MILLION,
        builds=tuple(
            RecordedBuild(server=uuid, build=str(number), began=begin, ended=end)
            for number, (begin, end) in enumerate(builds)
        ),
    )


@pytest.mark.parametrize(("anchor", "december", "january"), [("create", "1.5", "2"), ("clock", "0.75", "2.75")])
def test_a_server_that_lives_in_two_months_has_each_build_in_its_month(
    anchor: Anchor, december: str, january: str
) -> None:
    began = NEW_YEAR - timedelta(hours=1, minutes=15)
    first = (began, began + timedelta(minutes=30))
    # Hours begin at a quarter to, as the create did. So the hour around midnight belongs to December.
    across = (NEW_YEAR - timedelta(minutes=15), NEW_YEAR + timedelta(hours=2, minutes=45))
    one = server("one", began, NEW_YEAR + timedelta(hours=3), first, across)
    parts = [
        reconcile({"one": one}, bill({"one": 2}), month, anchor=anchor).lines[0].builds for month in (DECEMBER, JANUARY)
    ]
    assert parts == [pytest.approx(Decimal(december)), pytest.approx(Decimal(january))]
    assert sum(parts) == pytest.approx(Decimal("3.5"))


def test_a_server_of_the_owner_that_is_not_in_the_record_is_named() -> None:
    one = server("one", NEW_YEAR, NEW_YEAR + timedelta(minutes=9))
    result = reconcile({"one": one}, bill({"one": 1, "two": 3}, owner="me"), JANUARY)
    assert [line.uuid for line in result.lines] == ["one", "two"]
    assert result.lines[1].difference.startswith("not in this record")
    assert result.others == 0


def test_a_server_of_somebody_else_is_for_others() -> None:
    one = server("one", NEW_YEAR, NEW_YEAR + timedelta(minutes=9))
    result = reconcile({"one": one}, bill({"one": 1, "two": 3}, owner="somebody"), JANUARY)
    assert [line.uuid for line in result.lines] == ["one"]
    assert result.others == 3


def test_a_month_without_servers_has_no_difference() -> None:
    one = server("one", NEW_YEAR, NEW_YEAR + timedelta(minutes=9))
    empty = BillingSummary.model_validate({"currency": "EUR", "total_amount": 0})
    assert reconcile({"one": one}, empty, DECEMBER).lines == ()


def test_of_several_bills_each_is_compared_with_its_servers_and_the_first_with_those_on_none() -> None:
    record = {name: server(name, NEW_YEAR, NEW_YEAR + timedelta(minutes=9)) for name in ("one", "two", "three")}
    results = list(reconcile_bills(record, [bill({"one": 1}), bill({"two": 1})], JANUARY))
    assert [[line.uuid for line in result.lines] for result in results] == [["one", "three"], ["two"]]
    assert [result.differs for result in results] == [True, False]
    assert str(results[1]) == (
        "1 servers: 1.00000 EUR billed, 0.00000 of it for builds, 1.00000 idle; 0.00000 for others on the same bill."
    )


def test_the_builds_of_a_server_that_is_up_count() -> None:
    began = datetime(2025, 1, 1, tzinfo=UTC)
    up = server("one", began, None, (began + timedelta(days=3), began + timedelta(days=3, minutes=30)))
    [line] = reconcile({"one": up}, bill({"one": 672}), (2025, 1)).lines
    assert line.builds == Decimal("0.5")
    assert line.difference.startswith("its end is not recorded")


def test_a_month_of_a_server_is_at_most_672_hours() -> None:
    whole = server("one", NEW_YEAR, NEW_YEAR + timedelta(days=31))
    [line] = reconcile({"one": whole}, bill({"one": 672}), JANUARY).lines
    assert line.recorded_hours == 672
    assert line.difference == ""
