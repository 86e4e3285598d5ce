"""The clock of the tests, on which many tests rely."""

from __future__ import annotations

import anyio

from tests.sdk.clock import AutojumpClock


async def test_sleepers_wake_in_the_order_of_their_times() -> None:
    clock = AutojumpClock()
    woken: list[tuple[str, float]] = []

    async def sleep(name: str, *lengths: float) -> None:
        for length in lengths:
            await clock.sleep(length)
            woken.append((name, clock.now()))

    async with anyio.create_task_group() as group:
        group.start_soon(sleep, "slow", 10.0, 10.0)
        group.start_soon(sleep, "brisk", 4.0, 4.0, 4.0)
    assert woken == [("brisk", 4.0), ("brisk", 8.0), ("slow", 10.0), ("brisk", 12.0), ("slow", 20.0)]


async def test_a_limit_ends_a_sleep_at_its_own_time() -> None:
    clock = AutojumpClock()
    with clock.limit(3.0):
        await clock.sleep(10.0)
        raise AssertionError("the limit did not end it")
    assert clock.now() == 3.0
    await clock.sleep(1.0)
    assert clock.now() == 4.0


async def test_a_limit_that_is_not_reached_changes_nothing() -> None:
    clock = AutojumpClock()
    with clock.limit(3.0):
        await clock.sleep(1.0)
    await clock.sleep(10.0)
    assert clock.now() == 11.0


async def test_a_limit_of_zero_ends_at_the_first_wait() -> None:
    clock = AutojumpClock()
    with clock.limit(0.0):
        await clock.sleep(1.0)
        raise AssertionError("the limit did not end it")
    assert clock.now() == 0.0


async def test_a_second_clock_is_moved_too() -> None:
    steps: list[float] = []
    clock = AutojumpClock(moved=steps.append)
    await clock.sleep(2.5)
    await clock.sleep(0.0)
    await clock.sleep(1.0)
    assert steps == [2.5, 1.0]
    assert clock.slept == [2.5, 0.0, 1.0]
