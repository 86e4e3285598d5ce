"""When a `Standby` keeps servers."""

from __future__ import annotations

import time
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest

from tests.skips import WINDOWS
from upcloud_sdk.placement import Standby

if TYPE_CHECKING:
    from collections.abc import Generator

MONDAY = datetime(2026, 11, 23)  # noqa: DTZ001 - the master's local time
KEPT = Standby(workers=["a", "b"], start="07:45", end="18:00")


@pytest.mark.parametrize(
    ("worker", "day", "hour", "minute", "left"),
    [
        ("a", 0, 7, 44, 0),
        ("a", 0, 7, 45, 10.25 * 3600),
        ("b", 4, 17, 59, 60),
        ("b", 4, 18, 0, 0),
        ("a", 5, 12, 0, 0),
        ("c", 0, 12, 0, 0),
    ],
)
def test_a_server_is_kept_on_its_days_from_start_to_end(
    worker: str, day: int, hour: int, minute: int, left: float
) -> None:
    assert KEPT.seconds_left(worker, MONDAY.replace(day=23 + day, hour=hour, minute=minute)) == left


@pytest.fixture
def berlin(monkeypatch: pytest.MonkeyPatch) -> Generator[None]:
    """Local time in Berlin: 02:00 to 03:00 does not exist on 29 March 2026, and exists twice on 25 October."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Europe/Berlin")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.skipif(not hasattr(time, "tzset"), reason=WINDOWS)
@pytest.mark.usefixtures("berlin")
@pytest.mark.parametrize(
    ("moment", "start", "end", "hours"),
    [
        # The night has 23 or 25 hours. A server stays until this local time.
        ("2026-03-29T01:00+01:00", "00:30", "18:00", 16),
        ("2026-03-29T12:00+02:00", "00:30", "18:00", 6),
        ("2026-10-25T01:00+02:00", "00:30", "18:00", 18),
        # 02:30 does not exist. The scheduler requests the build at 03:30, an hour after 01:30.
        ("2026-03-29T03:15+02:00", "02:30", "06:00", 0),
        ("2026-03-29T03:30+02:00", "02:30", "06:00", 2.5),
        ("2026-03-29T01:30+01:00", "00:30", "02:30", 1),
        # This time exists twice. The first counts.
        ("2026-10-25T02:15+02:00", "02:30", "06:00", 0),
        ("2026-10-25T02:30+02:00", "02:30", "06:00", 4.5),
        ("2026-10-25T02:15+01:00", "02:30", "06:00", 3.75),
        ("2026-10-25T02:15+02:00", "00:30", "02:30", 0.25),
        ("2026-10-25T02:15+01:00", "00:30", "02:30", 0),
    ],
)
def test_a_server_stays_as_long_on_the_nights_on_which_the_clocks_change(
    moment: str, start: str, end: str, hours: float
) -> None:
    kept = Standby(workers=["a"], start=start, end=end, days=range(7))
    now = datetime.fromtimestamp(datetime.fromisoformat(moment).timestamp())  # noqa: DTZ006 - the master's local time
    assert kept.seconds_left("a", now) == hours * 3600


def test_each_begun_hour_of_each_server_and_day_is_paid() -> None:
    assert round(KEPT.hours_a_month()) == round(2 * 11 * 5 * 365.25 / 12 / 7)


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"workers": []}, "at least one"),
        ({"workers": "ci-1"}, "at least one name"),
        ({"start": "8"}, 'start is a time such as "07:45"'),
        ({"end": 18}, 'end is a time such as "07:45"'),
        ({"end": "07:00"}, "is not after start"),
        ({"days": [7]}, "from 0 .Monday. to 6"),
        ({"days": []}, "a list of numbers"),
    ],
)
def test_invalid_times_and_days_are_refused(given: dict[str, Any], problem: str) -> None:
    usual: dict[str, Any] = {"workers": ["a"], "start": "07:45", "end": "18:00"}
    usual = {name: value for name, value in usual.items() if name not in given}
    with pytest.raises(ValueError, match=problem):
        Standby(**usual, **given)
