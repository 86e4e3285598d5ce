"""Each fault at each request of a server's life: nothing is left, and no create makes two servers."""

from __future__ import annotations

from typing import Any

import pytest

from tests.reliability.lives import FAULTS, LIVES, hit, requests_of

pytestmark = pytest.mark.anyio

SHORT: dict[str, Any] = {"boot_seconds": 6, "stop_seconds": 2}
LONG: dict[str, Any] = {"boot_seconds": 12, "stop_seconds": 4}

each_fault = pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)


@each_fault
async def test_a_fault_at_any_request_of_a_servers_life_leaves_nothing(fault: dict[str, Any]) -> None:
    life = LIVES["alone"]
    for number in range(await requests_of(life, **SHORT)):
        await hit(life, number, fault, **SHORT)


@pytest.mark.full
@each_fault
@pytest.mark.parametrize("life", LIVES.values(), ids=LIVES)
async def test_a_fault_at_any_request_of_more_complex_lives_leaves_nothing(life: Any, fault: dict[str, Any]) -> None:  # noqa: ANN401 - a coroutine function of LIVES
    for number in range(await requests_of(life, **LONG)):
        await hit(life, number, fault, **LONG)
