"""Budgets per hour and per month."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from upcloud_sdk.placement.budget import Budget

PRICE = Decimal("0.02")


def test_a_budget_per_hour_counts_running_servers() -> None:
    budget = Budget(per_hour=0.05)
    assert budget.refusal(up=[PRICE], hourly=PRICE, spent=Decimal(900)) is None
    refusal = budget.refusal(up=[PRICE, PRICE], hourly=PRICE, spent=Decimal(0))
    assert refusal == "the budget of 0.05 an hour has no room: with this server it would be 0.06"


def test_a_budget_per_month_counts_the_cost_so_far() -> None:
    budget = Budget(per_month=10)
    assert budget.refusal(up=[], hourly=PRICE, spent=Decimal("9.98")) is None
    refusal = budget.refusal(up=[], hourly=PRICE, spent=Decimal("9.99"))
    assert refusal == "the budget of 10 a month has no room: 9.99 are spent"


def test_a_server_that_exactly_uses_up_the_budget_is_allowed() -> None:
    assert Budget(per_hour=0.3).refusal(up=[Decimal("0.1")] * 2, hourly=Decimal("0.1"), spent=Decimal(0)) is None


@pytest.mark.parametrize(
    ("budget", "problem"),
    [
        (Budget(per_hour=0.01), "per_hour=0.01 is less than an hour of one server, 0.02 EUR"),
        (Budget(per_month=0.01), "per_month=0.01 is less than an hour of one server, 0.02 EUR"),
        (Budget(per_month=1, currency="USD"), "the budget is in USD, the account in EUR"),
        (Budget(per_month=1, currency="EUR"), None),
        (Budget(per_hour=0.02), None),
    ],
)
def test_a_budget_below_the_price_of_one_server_is_a_problem(budget: Budget, problem: str | None) -> None:
    assert budget.problem(currency="EUR", hourly=PRICE) == problem


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"per_hour": 0},
        {"per_hour": -1},
        {"per_month": "much"},
        {"per_month": float("nan")},
        {"per_month": float("inf")},
        {"per_hour": True},
        {"per_hour": 1, "currency": "eur"},
        {"per_hour": 1, "currency": "Euro"},
        {"per_hour": 1, "currency": 978},
    ],
)
def test_an_invalid_budget_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"per_hour|currency|amount"):
        Budget(**options)
