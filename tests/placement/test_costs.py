"""Costs of builds and idle time add up to the bill."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from upcloud_sdk.placement.costs import ServerCost, ServerTime, cost_of

PRICE = Decimal("0.018")


def test_the_first_build_pays_for_the_boot_and_the_rest_is_idle() -> None:
    time = ServerTime(1000)
    time.hold("first", 1000)
    assert time.release("first", 1345) == 345
    time.hold("second", 1500)
    assert time.release("second", 1600) == 100
    cost = ServerCost.of(time, 4480, PRICE)
    assert (cost.hours, cost.held_seconds) == (1, 445)
    assert cost.idle == PRICE - cost_of(445, PRICE)


def test_builds_at_once_share_each_second() -> None:
    time = ServerTime(0)
    time.hold("a", 0)
    time.hold("b", 100)
    assert time.seconds("a", 150) == 125
    assert time.release("b", 200) == 50
    assert time.release("a", 300) == 250
    assert time.held_seconds == 300


def test_a_build_that_holds_nothing_costs_nothing() -> None:
    assert ServerTime(0).release("never seen", 100) == 0


STEPS = st.lists(st.tuples(st.integers(0, 3), st.floats(0, 4000)), max_size=30)


@given(STEPS, st.sampled_from(["create", "clock"]))
def test_costs_of_builds_and_idle_time_are_the_bill(steps: list[tuple[int, float]], anchor: str) -> None:
    time, now, builds = ServerTime(5000.0), 5000.0, Decimal(0)
    held: set[int] = set()
    for build, seconds in steps:
        now += seconds
        if build in held:
            held.remove(build)
            builds += cost_of(time.release(build, now), PRICE)
        else:
            held.add(build)
            time.hold(build, now)
    for build in held:
        builds += cost_of(time.release(build, now), PRICE)
    cost = ServerCost.of(time, now + 60, PRICE, anchor="clock" if anchor == "clock" else "create")
    assert float(builds + cost.idle) == pytest.approx(float(cost.total), abs=1e-9)
    assert cost.idle >= Decimal("-1e-9")
