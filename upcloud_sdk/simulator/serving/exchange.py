"""Runs the steps of a call to its answer, and waits between them by the API's clock. For asyncio and trio."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import anyio

from upcloud_sdk.simulator.serving.dispatch import Delivery

if TYPE_CHECKING:
    from collections.abc import Generator

    from upcloud_sdk.simulator.records.clock import Clock

PATIENCE = 600.0
"""Real seconds after which a call without an answer is dropped, so that nothing hangs forever."""
_LOOK = 0.005


def next_step(exchange: Generator[float, None, Delivery]) -> Delivery | float:
    """The answer, or the time of the next step."""
    try:
        return next(exchange)
    except StopIteration as end:
        delivery: Delivery = end.value
        return delivery


async def run_exchange(exchange: Generator[float, None, Delivery], held: Delivery | float, clock: Clock) -> Delivery:
    """Continue from the first `next_step` to the answer."""
    try:
        while not isinstance(held, Delivery):
            await _until(held, clock)
            held = next_step(exchange)
        return held
    finally:
        exchange.close()


async def _until(due: float, clock: Clock) -> None:
    with anyio.move_on_after(PATIENCE):
        if math.isinf(due):
            await anyio.sleep_forever()
        while (left := due - clock.now()) > 0:
            real = clock.real_seconds(left)
            await anyio.sleep(_LOOK if real is None else real)
