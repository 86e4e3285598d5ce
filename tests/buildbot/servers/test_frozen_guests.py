"""Guests whose machine hangs while their connection stays open: they neither answer nor disconnect.

Tests marked `full` run in `make races`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from twisted.internet import defer

from tests.buildbot._types import CANCELLED, RETRY, SUCCESS
from tests.buildbot.harness import MasterCase, pause, until
from upcloud_sdk.buildbot.servers import heartbeat

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from tests.buildbot.harness import Outcome
    from tests.buildbot.quick import QuickWorker

ANSWERS_WITHIN = 5
"""Seconds: far more than a healthy guest needs."""


class FrozenCase(MasterCase):
    """A master that pings its guests often."""

    def setUp(self) -> None:
        super().setUp()
        self.patch(heartbeat, "_ASK_EVERY", 0.2)
        self.patch(heartbeat, "_LOOK_EVERY", 0.5)
        self.patch(heartbeat, "SHORTEST", ANSWERS_WITHIN)

    async def start(self, *steps: object, **options: Any) -> QuickWorker:  # noqa: ANN401 - the worker's
        self.serve()
        bot = self.worker(**options)
        await self.start_master(bot, steps=steps)
        return bot

    async def is_tried_again(self, building: Awaitable[Outcome]) -> None:
        """On a slow machine a healthy guest may be late too. Then its build is tried once more."""
        results = (await building).results
        assert (results[0], results[-1]) == (RETRY, SUCCESS)
        assert self.cloud.count("POST /server") >= 2

    async def is_idle(self, bot: QuickWorker) -> None:
        assert (await self.build()).results[-1] == SUCCESS
        while bot.building:
            await pause()

    async def begins(self) -> tuple[defer.Deferred[Outcome], Any]:
        """A build that Buildbot shows as running on its guest."""
        outcome = defer.ensureDeferred(self.build())
        builder = self.master.botmaster.builders["any"]
        while not any(build.subs for build in builder.building):
            await pause()
        return outcome, builder.building[0]

    async def runs(self) -> defer.Deferred[Outcome]:
        """A build with a running step."""
        outcome, build = await self.begins()
        while build.currentStep is None or build.currentStep.cmd is None:
            await pause()
        return outcome

    def freeze(self) -> None:
        *_, server = self.cloud.servers.values()
        self.guests.freeze(server.uuid)


class Builds(FrozenCase):
    """Builds are tried again on another server."""

    async def is_tried_again_if_its_guest_freezes_at(self, call: str) -> None:
        await self.start(attach_timeout=ANSWERS_WITHIN)
        self.guests.freezes_at = call
        await self.is_tried_again(self.build())
        assert (await self.build()).results[-1] == SUCCESS

    @pytest.mark.full
    async def test_a_build_whose_guest_hangs_during_its_login_is_tried_again(self) -> None:
        await self.is_tried_again_if_its_guest_freezes_at("getWorkerInfo")

    async def test_a_build_whose_guest_hangs_while_it_attaches_is_tried_again(self) -> None:
        await self.is_tried_again_if_its_guest_freezes_at("setBuilderList")

    @pytest.mark.full
    async def test_a_build_whose_guest_hangs_as_it_begins_is_tried_again(self) -> None:
        await self.is_tried_again_if_its_guest_freezes_at("startBuild")

    @pytest.mark.full
    async def test_a_build_whose_guest_hangs_as_its_first_step_begins_is_tried_again(self) -> None:
        await self.is_tried_again_if_its_guest_freezes_at("startCommand")

    async def test_a_build_whose_guest_hangs_while_a_step_runs_is_tried_again(self) -> None:
        gate = self.gate()
        await self.start(until(gate), attach_timeout=ANSWERS_WITHIN)
        building = await self.runs()
        self.freeze()
        while self.cloud.count("POST /server") == 1:
            await pause()
        gate.touch()
        await self.is_tried_again(building)

    async def test_a_build_that_a_user_cancels_is_cancelled(self) -> None:
        """Buildbot itself would try it again."""
        await self.start(until(self.gate()), attach_timeout=ANSWERS_WITHIN)
        building = await self.runs()
        self.freeze()
        await self.cancel(1)
        assert (await building).results == [CANCELLED]
        [build] = await self.master.data.get(("builds",))
        assert build["state_string"].startswith("cancelled (a user said so)")
        while self.cloud.servers:
            await pause()

    @pytest.mark.full
    async def test_a_build_that_gets_an_idle_guest_that_hangs_is_tried_again(self) -> None:
        bot = await self.start(attach_timeout=ANSWERS_WITHIN, build_wait_timeout=3600)
        await self.is_idle(bot)
        self.freeze()
        await self.is_tried_again(self.build())


class Servers(FrozenCase):
    """Servers of hanging guests are destroyed."""

    @pytest.mark.full
    async def test_the_server_of_an_idle_guest_that_hangs_is_destroyed(self) -> None:
        bot = await self.start(attach_timeout=ANSWERS_WITHIN, build_wait_timeout=3600)
        await self.is_idle(bot)
        self.freeze()
        while self.cloud.servers:
            await pause()
        assert (await self.build()).results[-1] == SUCCESS

    @pytest.mark.full
    async def test_the_server_of_a_guest_that_hangs_as_it_comes_back_is_destroyed(self) -> None:
        bot = await self.start(attach_timeout=ANSWERS_WITHIN, build_wait_timeout=3600)
        await self.is_idle(bot)
        *_, server = self.cloud.servers.values()
        self.guests.freeze(server.uuid, at="setBuilderList")
        assert bot.conn is not None
        bot.conn.loseConnection()
        while self.cloud.servers:
            await pause()
        assert (await self.build()).results[-1] == SUCCESS


class Masters(FrozenCase):
    """Masters stop, although a guest has ten minutes to answer."""

    async def stops(self) -> None:
        await self.tested_master.shutdown()
        assert self.cloud.servers == {}

    @pytest.mark.full
    async def test_a_master_stops_while_a_guest_hangs_that_attaches(self) -> None:
        bot = await self.start()
        self.guests.freezes_at = "setBuilderList"
        defer.ensureDeferred(self.build())
        while bot.conn is None:
            await pause()
        await self.stops()

    async def test_a_master_stops_while_a_guest_hangs_whose_build_begins(self) -> None:
        await self.start()
        self.guests.freezes_at = "startBuild"
        await self.begins()
        await self.stops()

    @pytest.mark.full
    async def test_a_master_stops_while_a_guest_hangs_whose_step_runs(self) -> None:
        await self.start(until(self.gate()))
        await self.runs()
        self.freeze()
        await self.stops()

    @pytest.mark.full
    async def test_a_master_stops_while_an_idle_guest_hangs(self) -> None:
        bot = await self.start(build_wait_timeout=3600)
        await self.is_idle(bot)
        self.freeze()
        await self.stops()
