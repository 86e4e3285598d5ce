"""Each request that the life of a server sends meets each fault: the cloud ends empty, and no create makes two."""

from __future__ import annotations

from typing import Any

import pytest

from tests.reliability.lives import FAULTS, LIVES, hit, requests_of

pytestmark = pytest.mark.anyio

SHORT: dict[str, Any] = {"boot_seconds": 6, "stop_seconds": 2}
LONG: dict[str, Any] = {"boot_seconds": 12, "stop_seconds": 4}

each_fault = pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)


@each_fault
async def test_whichever_request_of_a_life_is_hit_nothing_is_left(fault: dict[str, Any]) -> None:
    life = LIVES["alone"]
    for number in range(await requests_of(life, **SHORT)):
        await hit(life, number, fault, **SHORT)


@pytest.mark.full
@each_fault
@pytest.mark.parametrize("life", LIVES.values(), ids=LIVES)
async def test_whichever_request_of_any_life_is_hit_nothing_is_left(life: Any, fault: dict[str, Any]) -> None:  # noqa: ANN401 - a coroutine function of LIVES
    for number in range(await requests_of(life, **LONG)):
        await hit(life, number, fault, **LONG)
