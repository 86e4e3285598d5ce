"""What is said of a claim that is refused."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest

from tests.ci.record.lives import CENT
from upcloud_sdk.ci.record.changes import MILLION
from upcloud_sdk.ci.record.claims import Refused

FIGURE = re.compile(r"\d+\.\d+")


@pytest.mark.parametrize("limit", ["per_hour", "per_month"])
def test_the_figures_that_were_compared_are_told_so_that_they_differ(limit: str) -> None:
    refused = Refused(limit=limit, allowed=20_000, spent=14_880, wanted=7_440, claimed=7_440, currency="EUR")  # type: ignore[arg-type] # one of them
    allowed, spent, claimed, wanted = (round(float(each) * MILLION) for each in FIGURE.findall(str(refused)))
    assert (allowed, spent, claimed, wanted) == (20_000, 14_880, 7_440, 7_440)
    assert spent + wanted > allowed


def test_a_figure_has_two_digits_at_least() -> None:
    assert "the budget of 0.50 an hour has no room" in str(Refused(limit="per_hour", allowed=50 * CENT))


def test_a_month_that_is_used_up_says_when_the_next_one_begins() -> None:
    refused = Refused(limit="per_month", allowed=CENT, spent=CENT, again=datetime(2027, 1, 1, tzinfo=UTC))
    assert str(refused).endswith("; a new month begins on 2027-01-01")
