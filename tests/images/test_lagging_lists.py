"""Lists that show the state of some time ago: a bake leaves complete images, or nothing after one reap."""

from __future__ import annotations

import pytest

from tests.images.lagging import LENGTH, STEP, ZONES, ended

pytestmark = pytest.mark.anyio

LAGS = [0, 5, 20, 45]


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.parametrize("lag", LAGS)
async def test_a_bake_that_succeeds_leaves_only_its_images(lag: float) -> None:
    assert sorted(each.zone or "" for each in await ended("Ctrl-C", 10_000, lag)) == sorted(ZONES)


@pytest.mark.parametrize("how", ["Ctrl-C", "SIGKILL"])
@pytest.mark.parametrize(("second", "lag"), [(86, 45), (104, 20), (121, 45), (139, 45)])
async def test_a_bake_that_ends_while_it_copies_leaves_nothing_incomplete(how: str, second: float, lag: float) -> None:
    await ended(how, second, lag)  # type: ignore[arg-type]  # one of the two words


@pytest.mark.full
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.parametrize("lag", LAGS)
@pytest.mark.parametrize("how", ["Ctrl-C", "SIGKILL"])
async def test_a_bake_that_ends_at_any_second_leaves_nothing_incomplete(how: str, lag: float) -> None:
    for second in range(1, LENGTH, STEP):
        try:
            await ended(how, second + 0.5, lag)  # type: ignore[arg-type]  # one of the two words
        except Exception as error:
            error.add_note(f"{how} after {second} s")
            raise


@pytest.mark.full
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.parametrize("lag", LAGS)
async def test_a_bake_that_loses_any_answer_leaves_nothing_incomplete(lag: float) -> None:
    for number in range(0, 60, STEP):
        try:
            await ended("Ctrl-C", 10_000, lag, lost=number)
        except Exception as error:
            error.add_note(f"without the answer {number}")
            raise
