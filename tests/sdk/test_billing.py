"""The billed hours of a server."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from upcloud_sdk.billing import (
    HOURS_A_MONTH,
    Anchor,
    hours_billed,
    hours_by_month,
    is_metered,
    next_hour_begins,
)

NOON = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
QUARTER_TO = NOON - timedelta(minutes=15)
HOUR = timedelta(hours=1)

ANCHORS = st.sampled_from(["create", "clock"])
MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - hypothesis adds the zone
SPANS = st.timedeltas(timedelta(0), timedelta(days=100))


@pytest.mark.parametrize(
    ("lived", "from_create", "by_the_clock"),
    [
        (timedelta(0), 1, 1),
        (timedelta(minutes=9), 1, 1),
        (timedelta(minutes=15), 1, 1),
        (timedelta(minutes=16), 1, 2),
        (timedelta(hours=1), 1, 2),
        (timedelta(hours=1, seconds=1), 2, 2),
        (timedelta(hours=1, minutes=15, seconds=1), 2, 3),
    ],
)
def test_each_started_hour_is_billed(lived: timedelta, from_create: int, by_the_clock: int) -> None:
    assert hours_billed(QUARTER_TO, QUARTER_TO + lived) == from_create
    assert hours_billed(QUARTER_TO, QUARTER_TO + lived, anchor="clock") == by_the_clock


def test_the_next_hour_begins_by_the_create_or_by_the_clock() -> None:
    assert next_hour_begins(QUARTER_TO, NOON) == QUARTER_TO + HOUR
    assert next_hour_begins(QUARTER_TO, QUARTER_TO) == QUARTER_TO + HOUR
    assert next_hour_begins(QUARTER_TO, QUARTER_TO + HOUR) == QUARTER_TO + 2 * HOUR
    assert next_hour_begins(QUARTER_TO, QUARTER_TO, anchor="clock") == NOON
    assert next_hour_begins(QUARTER_TO, NOON, anchor="clock") == NOON + HOUR


@given(MOMENTS, SPANS, ANCHORS)
def test_a_server_is_never_billed_for_less_than_it_lived(began: datetime, lived: timedelta, anchor: Anchor) -> None:
    hours = hours_billed(began, began + lived, anchor=anchor)
    assert hours * HOUR >= lived
    assert hours * HOUR < lived + 2 * HOUR


@given(MOMENTS, SPANS, SPANS, ANCHORS)
def test_a_longer_life_is_never_billed_for_fewer_hours(
    began: datetime, lived: timedelta, more: timedelta, anchor: Anchor
) -> None:
    short, long = began + lived, began + lived + more
    assert hours_billed(began, short, anchor=anchor) <= hours_billed(began, long, anchor=anchor)


@given(MOMENTS, SPANS, ANCHORS)
def test_the_rest_of_a_started_hour_is_already_paid(began: datetime, lived: timedelta, anchor: Anchor) -> None:
    now = began + lived + timedelta(seconds=1)
    ends = next_hour_begins(began, now, anchor=anchor)
    assert now < ends <= now + HOUR
    paid = hours_billed(began, now, anchor=anchor)
    assert hours_billed(began, ends, anchor=anchor) == paid
    assert hours_billed(began, ends + timedelta(seconds=1), anchor=anchor) == paid + 1


@given(MOMENTS, SPANS, ANCHORS)
def test_the_hours_of_all_months_add_up_except_those_beyond_the_monthly_maximum(
    began: datetime, lived: timedelta, anchor: Anchor
) -> None:
    months = hours_by_month([(began, began + lived)], anchor=anchor)
    total = hours_billed(began, began + lived, anchor=anchor)
    assert sum(months.values()) <= total
    if lived < timedelta(hours=HOURS_A_MONTH - 1):
        assert sum(months.values()) == total
    assert all(0 < hours <= HOURS_A_MONTH for hours in months.values())


def test_a_whole_month_is_billed_as_672_hours() -> None:
    october = (datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC))
    assert hours_by_month([october]) == {(2026, 10): 672}


def test_an_hour_belongs_to_the_month_in_which_it_begins() -> None:
    began = datetime(2026, 10, 31, 23, 30, tzinfo=UTC)
    assert hours_by_month([(began, began + HOUR)]) == {(2026, 10): 1}
    assert hours_by_month([(began, began + HOUR)], anchor="clock") == {(2026, 10): 1, (2026, 11): 1}


def test_two_starts_within_an_hour_cost_two_hours_by_the_create_and_one_by_the_clock() -> None:
    minute = timedelta(minutes=1)
    periods = [(NOON + 5 * minute, NOON + 10 * minute), (NOON + 20 * minute, NOON + 30 * minute)]
    assert hours_by_month(periods) == {(2026, 11): 2}
    assert hours_by_month(periods, anchor="clock") == {(2026, 11): 1}


@pytest.mark.parametrize(
    ("plan", "state", "billed"),
    [
        ("STARTER-2xCPU-4GB", "started", True),
        ("STARTER-2xCPU-4GB", "stopped", True),
        ("PREMIUM-1xCPU-1GB", "stopped", True),
        ("1xCPU-1GB", "stopped", True),
        ("custom", "stopped", True),
        ("CLOUDNATIVE-1xCPU-4GB", "started", True),
        ("CLOUDNATIVE-1xCPU-4GB", "stopped", False),
        ("CLOUDNATIVE-1xCPU-4GB", "maintenance", True),
        ("GPU-8xCPU-64GB-1xL40S", "stopped", False),
        ("GPU-8xCPU-64GB-1xL40S", "error", True),
    ],
)
def test_only_cloud_native_and_gpu_plans_are_not_billed_while_stopped(plan: str, state: str, billed: bool) -> None:
    assert is_metered(plan, state) is billed


def test_time_zones_do_not_matter() -> None:
    helsinki = timezone(timedelta(hours=2))
    assert hours_billed(NOON.astimezone(helsinki), NOON + HOUR) == 1
    half = timezone(timedelta(hours=5, minutes=30))
    assert hours_billed(NOON.astimezone(half), NOON + HOUR, anchor="clock") == 1


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        hours_billed(NOON.replace(tzinfo=None), NOON)


def test_local_times_are_compared_as_utc_when_the_clock_is_set_back() -> None:
    helsinki = ZoneInfo("Europe/Helsinki")
    began = datetime(2026, 10, 25, 3, 30, tzinfo=helsinki)
    ended = datetime(2026, 10, 25, 3, 5, tzinfo=helsinki, fold=1)
    assert hours_billed(began, ended) == 1
    assert next_hour_begins(began, ended) == datetime(2026, 10, 25, 1, 30, tzinfo=UTC)
    assert hours_by_month([(began, ended)]) == {(2026, 10): 1}


def test_an_end_before_the_create_is_refused() -> None:
    with pytest.raises(ValueError, match="is before"):
        next_hour_begins(NOON, QUARTER_TO)
