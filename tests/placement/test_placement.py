"""How long an idle server is kept, and which server gets a build."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from upcloud_sdk.billing import HOUR, Anchor, hours_started
from upcloud_sdk.placement import PaidHour, UsualDurations, best_fit, idle_seconds

BEGAN = 1_764_000_000.0


@pytest.mark.parametrize(
    ("minutes", "stays"),
    [(1, 57 * 60), (57, 60), (58, 0), (59, 0), (60, 58 * 60), (61, 57 * 60), (118, 0), (121, 57 * 60)],
)
def test_an_idle_server_stays_until_a_margin_before_the_end_of_the_hour_that_is_paid(minutes: int, stays: int) -> None:
    assert PaidHour(margin=120).idle_seconds(BEGAN, BEGAN + 60 * minutes) == stays


def test_with_the_anchor_clock_the_hour_ends_at_the_full_hour() -> None:
    full = 490_000 * HOUR
    assert PaidHour(margin=120, anchor="clock").idle_seconds(full - 600, full - 300) == 180
    assert PaidHour(margin=120).idle_seconds(full - 600, full - 300) == HOUR - 420


def test_a_number_means_seconds_as_in_buildbot() -> None:
    assert idle_seconds(600, BEGAN, BEGAN + 3599) == 600
    assert idle_seconds(PaidHour(), BEGAN, BEGAN + 600) == 2880


@given(st.floats(0, 50 * HOUR), st.floats(0, 3599), st.sampled_from(["create", "clock"]))
def test_staying_idle_never_costs_another_hour(lived: float, margin: float, anchor: Anchor) -> None:
    now = BEGAN + lived
    stays = PaidHour(margin=margin, anchor=anchor).idle_seconds(BEGAN, now)
    paid = hours_started(BEGAN, now + 1e-3, anchor=anchor)
    assert hours_started(BEGAN, now + stays, anchor=anchor) <= paid


@pytest.mark.parametrize("margin", [-1, 3600, 4000, True, "120", float("nan")])
def test_a_margin_beyond_an_hour_is_refused(margin: float) -> None:
    with pytest.raises(ValueError, match="margin is a number of seconds from 0 to below 3600"):
        PaidHour(margin=margin)


def test_an_unknown_anchor_is_refused() -> None:
    with pytest.raises(ValueError, match="'create' or 'clock'"):
        PaidHour(anchor="boot")  # type: ignore[arg-type]  # that is the point


def test_a_build_gets_the_server_whose_paid_time_just_covers_it() -> None:
    free = {"a": 3000.0, "b": 700.0, "c": 100.0}
    assert best_fit(free, 600) == "b"
    assert best_fit(free, 50) == "c"
    assert best_fit(free, 700) == "b"


def test_if_no_server_covers_a_build_the_one_with_most_paid_time_gets_it() -> None:
    free = {"a": 30.0, "b": 700.0, "c": 100.0}
    assert best_fit(free, 1000) == "b"
    assert best_fit(free, None) == "b"


def test_without_a_free_server_nothing_is_chosen() -> None:
    assert best_fit({}, 600) is None


def test_the_usual_duration_is_the_median_of_the_last_builds() -> None:
    usual = UsualDurations()
    assert usual.of("linux") is None
    for seconds in (10, 500, 20):
        usual.learn("linux", seconds)
    usual.learn("mac", 7)
    assert usual.of("linux") == 20
    for _ in range(9):
        usual.learn("linux", 100)
    assert usual.of("linux") == 100
    assert usual.of("mac") == 7
