"""Servers of a `Standby`: started before the working day, and kept until its end."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.buildbot._types import SUCCESS
from tests.buildbot.harness import MasterCase, pause
from tests.buildbot.quick import QuickWorker
from upcloud_sdk.buildbot import PaidHour, Standby, standby_builders, standby_scheduler
from upcloud_sdk.buildbot._buildbot.api import ConfigErrors
from upcloud_sdk.buildbot.master import placement

if TYPE_CHECKING:
    from collections.abc import Mapping


class FixedDay(datetime):
    """Local time: a Monday at noon, until the test sets another time."""

    moment = datetime(2026, 11, 23, 12)  # noqa: DTZ001 - local time

    @classmethod
    def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
        return cls.moment


class Standbys(MasterCase):
    async def test_a_standby_build_starts_a_server_that_stays_until_the_end_of_the_day(self) -> None:
        cloud = self.serve()
        self.patch(placement, "datetime", FixedDay)
        standby = Standby(workers=["bot"], start="07:45", end="18:00")
        worker = self.worker("bot", build_wait_timeout=PaidHour(), standby=standby)
        [builder], scheduler = standby_builders(standby), standby_scheduler(standby)
        config = self.configuration(worker)
        config["builders"].append(builder)
        config["schedulers"] = [scheduler]
        self.config = config
        await self.setup_master(config, startWorker=False)
        self.addCleanup(self._leave_nothing)
        assert (await self.build("standby-bot")).results == [SUCCESS]
        while worker.build_wait_timer is None:
            await pause()
        timer: Any = worker.build_wait_timer
        left = timer.getTime() - self.master.reactor.seconds()
        # Minus the time that has passed since the timer was set.
        assert timedelta(hours=6) <= timedelta(seconds=left + 120) < timedelta(hours=7, seconds=120)
        assert len(cloud.servers) == 1
        assert (await self.build("bot")).results == [SUCCESS]
        assert cloud.count("POST /server") == 1


def test_the_scheduler_asks_at_the_start_and_each_hour_until_the_end() -> None:
    standby = Standby(workers=["a", "b"], start="07:45", end="10:00", days=[0, 2])
    scheduler: Any = standby_scheduler(standby)
    settings = scheduler._config_kwargs
    assert (settings["minute"], settings["hour"], settings["dayOfWeek"]) == (45, [7, 8, 9], [0, 2])
    assert settings["builderNames"] == [builder.name for builder in standby_builders(standby)]


TIMES = st.times().map(lambda moment: f"{moment:%H:%M}")


@given(start=TIMES, end=TIMES)
def test_the_scheduler_asks_first_at_the_start_and_last_within_an_hour_of_the_end(start: str, end: str) -> None:
    assume(start < end)
    standby = Standby(workers=["a"], start=start, end=end)
    scheduler: Any = standby_scheduler(standby)
    settings = scheduler._config_kwargs
    asked = [60 * hour + settings["minute"] for hour in settings["hour"]]
    starts, ends = (60 * moment.hour + moment.minute for moment in (standby.starts, standby.ends))
    assert asked[0] == starts
    assert asked == list(range(starts, asked[-1] + 1, 60))
    assert asked[-1] < ends <= asked[-1] + 60


@pytest.mark.parametrize(
    "options",
    [{"standby": 5}, {"build_wait_timeout": 0}, {"fresh_disk": True, "build_wait_timeout": PaidHour()}],
)
def test_an_invalid_standby_is_refused(options: Mapping[str, object]) -> None:
    standby = Standby(workers=["bot"], start="07:45", end="18:00")
    with pytest.raises(ConfigErrors, match="standby is"):
        QuickWorker("bot", api_token="t", image="x", **{"standby": standby, **options})
