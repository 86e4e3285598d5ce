"""Servers that the budget allows, and those that wait."""

from __future__ import annotations

import time
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from upcloud_sdk.ci import Costs, Price, ServerLog, Spending
from upcloud_sdk.placement import Budget

if TYPE_CHECKING:
    from pathlib import Path

    from upcloud_sdk.ci import ServerRecord

PRICE = Price(Decimal(2), "EUR", Decimal(0))
ROOM_FOR_TWO = Budget(per_hour=4)


class Server:
    """A server that begins its first hour now."""

    def billed_span(self) -> tuple[float, float]:
        return time.time(), time.time()


class Kept(Spending):
    """Spending that stores its refusals."""

    def __init__(self, folder: Path) -> None:
        self.refusals: list[str] = []
        self.costs = Costs(ServerLog(folder / "servers.jsonl"), self._history)
        super().__init__(self.costs, self.refusals.append)

    async def _history(self) -> tuple[ServerRecord, ...]:
        return ()


@pytest.fixture
def spending(tmp_path: Path) -> Kept:
    return Kept(tmp_path)


def test_a_server_that_does_not_fit_waits_until_another_one_is_gone(spending: Kept) -> None:
    first, second, third = (Server() for _ in range(3))
    assert [spending.reserve("one", each, PRICE, ROOM_FOR_TWO) for each in (first, second)] == [None, None]
    refused = spending.reserve("one", third, PRICE, ROOM_FOR_TWO)
    assert refused == f"{spending.refusals[0]}; its build waits"
    assert spending.refusals[0].endswith(" EUR")
    assert not spending.has_room("one", ROOM_FOR_TWO)
    spending.release(first)
    assert spending.has_room("one", ROOM_FOR_TWO)
    assert spending.reserve("one", third, PRICE, ROOM_FOR_TWO) is None


def test_the_next_server_of_a_worker_that_has_taken_a_build_counts_if_its_price_is_known(spending: Kept) -> None:
    spending.claim("one")
    assert spending.reserve("one", Server(), PRICE, ROOM_FOR_TWO) is None
    assert spending.has_room("one", ROOM_FOR_TWO)
    spending.claim("one")
    assert not spending.has_room("one", ROOM_FOR_TWO)
    spending.release_claim("one")
    assert spending.has_room("one", ROOM_FOR_TWO)


def test_a_server_that_can_never_fit_is_an_error(spending: Kept) -> None:
    with pytest.raises(ValueError, match="less than an hour of one server"):
        spending.reserve("one", Server(), PRICE, Budget(per_hour=1))
    assert spending.refusals == []


def test_a_server_whose_price_is_not_known_waits(spending: Kept) -> None:
    assert "is not known" in str(spending.reserve("one", Server(), None, ROOM_FOR_TWO))
    assert not spending.has_room_for_image(None, ROOM_FOR_TWO)
    assert spending.has_room_for_image(None, None)


async def test_what_the_server_of_an_image_has_cost_stays_counted(spending: Kept) -> None:
    await spending.costs.load()
    image, budget = Server(), Budget(per_month=3)
    assert spending.has_room_for_image(PRICE, budget)
    spending.count_image(image, PRICE)
    spending.release_image(image)
    assert not spending.has_room_for_image(PRICE, budget)
    assert spending.refusals == []
    assert "are spent" in str(spending.reserve("one", Server(), PRICE, budget))
