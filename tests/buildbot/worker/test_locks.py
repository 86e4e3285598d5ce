"""Locks of Buildbot while a worker's server boots or waits, and workers that are paused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from twisted.internet import defer

from tests.buildbot._types import CANCELLED, RETRY, SUCCESS, Interpolate, ShellCommand, plugins
from tests.buildbot.harness import MasterCase, Outcome, pause
from upcloud_sdk.simulator import after_seconds, never, to_error

if TYPE_CHECKING:
    from tests.buildbot.quick import QuickWorker

WAIT = "until [ -e '%(prop:gate:-/)s' ]; do sleep 0.1; done"
"""A build that ends when the file in its property `gate` exists. Without the property it ends at once."""


class Locks(MasterCase):
    def setUp(self) -> None:
        super().setUp()
        self.may_end = self.gate()
        self.lock = plugins.util.MasterLock("one", maxCount=1).access("exclusive")

    async def start(self, *workers: QuickWorker, locks: object = ()) -> None:
        """A master with these locks on each builder."""
        steps = [ShellCommand(command=["sh", "-c", Interpolate(WAIT)])]
        self.config = self.configuration(*workers, steps=steps)
        for builder in self.config["builders"]:
            builder.locks = locks
        await self.setup_master(self.config, startWorker=False)
        self.addCleanup(self._leave_nothing)

    async def states(self) -> list[str]:
        return [build["state_string"] for build in await self.master.data.get(("builds",)) if not build["complete"]]

    async def two_that_are_claimed_at_once(self) -> tuple[defer.Deferred[Outcome], defer.Deferred[Outcome]]:
        """One of them waits for the lock that the other one holds until the gate is there, with a server of its own."""
        self.cloud.boot_next(never(), never())
        first = defer.ensureDeferred(self.build("one", gate=str(self.may_end)))
        second = defer.ensureDeferred(self.build("two", gate=str(self.may_end)))
        while len(self.cloud.servers) < 2:
            await pause()
        for server in self.cloud.servers.values():
            self.let_start(server)
        while sorted(await self.states()) != ["acquiring locks", "building"]:
            await pause()
        return first, second

    @pytest.mark.full
    async def test_a_build_that_waits_for_a_lock_keeps_its_server_however_long(self) -> None:
        self.serve()
        bots = [self.worker(name, attach_timeout=5) for name in ("one", "two")]
        await self.start(*bots, locks=[self.lock])
        first, second = await self.two_that_are_claimed_at_once()
        await pause(6)
        assert len(self.cloud.servers) == 2
        self.may_end.touch()
        assert [(await each).results for each in (first, second)] == [[SUCCESS], [SUCCESS]]
        assert self.cloud.count("POST /server") == 2

    async def test_a_build_that_is_cancelled_while_it_waits_for_a_lock_leaves_no_server(self) -> None:
        self.serve()
        await self.start(self.worker("one"), self.worker("two"), locks=[self.lock])
        first, second = await self.two_that_are_claimed_at_once()
        builds = await self.master.data.get(("builds",))
        [waiting] = [build["buildid"] for build in builds if build["state_string"] == "acquiring locks"]
        await self.cancel(waiting)
        while len(self.cloud.servers) > 1:
            await pause()
        self.may_end.touch()
        assert sorted([(await each).results for each in (first, second)]) == [[SUCCESS], [CANCELLED]]

    async def test_a_lock_that_is_not_free_makes_no_server(self) -> None:
        self.serve()
        await self.start(self.worker("one"), self.worker("two"), locks=[self.lock])
        first = defer.ensureDeferred(self.build("one", gate=str(self.may_end)))
        while await self.states() != ["building"]:
            await pause()
        second = defer.ensureDeferred(self.build("two"))
        await pause(0.3)
        assert self.cloud.count("POST /server") == 1
        self.may_end.touch()
        assert [(await each).results for each in (first, second)] == [[SUCCESS], [SUCCESS]]

    async def test_a_slot_goes_to_a_build_whose_lock_is_free(self) -> None:
        """Under `max_servers`, a build that waits for a lock takes no slot from others."""
        self.serve()
        bots = [self.worker(name, max_servers=2) for name in ("one", "two", "three")]
        await self.start(*bots)
        for builder in self.config["builders"]:
            builder.locks = [self.lock] if builder.name in {"one", "two"} else []
        first = defer.ensureDeferred(self.build("one", gate=str(self.may_end)))
        while await self.states() != ["building"]:
            await pause()
        second = defer.ensureDeferred(self.build("two"))
        assert (await self.build("three")).results == [SUCCESS]
        self.may_end.touch()
        assert [(await each).results for each in (first, second)] == [[SUCCESS], [SUCCESS]]

    async def test_a_workers_lock_is_free_again_after_a_start_that_fails(self) -> None:
        self.serve()
        lock = plugins.util.MasterLock("shared", maxCount=1).access("exclusive")
        self.cloud.boot_next(to_error(0.3, leaves_after=0.2), after_seconds(0.3))
        await self.start(self.worker("one", locks=[lock]), self.worker("two", locks=[lock]))
        outcomes = await defer.gatherResults([defer.ensureDeferred(self.build(name)) for name in ("one", "two")])
        assert [outcome.results[-1] for outcome in outcomes] == [SUCCESS, SUCCESS]
        assert {result for outcome in outcomes for result in outcome.results} <= {SUCCESS, RETRY}

    async def test_a_workers_lock_that_is_held_while_its_server_boots_lets_no_other_server_start(self) -> None:
        self.serve()
        lock = plugins.util.MasterLock("shared", maxCount=1).access("exclusive")
        bots = [self.worker(name, locks=[lock]) for name in ("one", "two")]
        self.cloud.boot_next(never())
        await self.start(*bots)
        first = defer.ensureDeferred(self.build("one", gate=str(self.may_end)))
        server = await self.starting_server()
        second = defer.ensureDeferred(self.build("two"))
        self.let_start(server)
        while await self.states() != ["building"]:
            await pause()
        assert self.cloud.count("POST /server") == 1
        self.may_end.touch()
        assert [(await each).results for each in (first, second)] == [[SUCCESS], [SUCCESS]]


class Pausing(MasterCase):
    async def control(self, bot: QuickWorker, action: str) -> None:
        """Press the button on the worker's page."""
        await self.master.data.control(action, {"reason": "a user said so"}, ("workers", str(bot.workerid)))

    def start_builds(self) -> Any:  # noqa: ANN401 - Buildbot's
        return self.master.botmaster.maybeStartBuildsForAllBuilders()

    async def test_a_worker_that_is_paused_while_its_server_boots_does_that_build(self) -> None:
        self.serve()
        self.cloud.boot_next(never())
        bot = self.worker()
        await self.start_master(bot)
        building = defer.ensureDeferred(self.build())
        server = await self.starting_server()
        await self.control(bot, "pause")
        self.let_start(server)
        assert (await building).results == [SUCCESS]
        while self.cloud.servers:
            await pause()

    async def test_a_paused_worker_makes_no_server_until_it_goes_on(self) -> None:
        self.serve()
        bot = self.worker()
        await self.start_master(bot)
        await self.control(bot, "pause")
        building = defer.ensureDeferred(self.build())
        await pause(0.3)
        assert self.cloud.count("POST /server") == 0
        await self.control(bot, "unpause")
        assert (await building).results == [SUCCESS]

    async def test_an_idle_server_of_a_paused_worker_is_used_after_it(self) -> None:
        self.serve()
        bot = self.worker(build_wait_timeout=3600)
        await self.start_master(bot)
        first = await self.build()
        await self.control(bot, "pause")
        building = defer.ensureDeferred(self.build())
        self.start_builds()
        await pause(0.3)
        assert not building.called
        await self.control(bot, "unpause")
        assert (await building).properties["upcloud_uuid"] == first.properties["upcloud_uuid"]

    async def test_an_idle_server_of_a_paused_worker_makes_way_under_max_servers(self) -> None:
        self.serve()
        bots = [self.worker(name, max_servers=1, build_wait_timeout=3600) for name in ("one", "two")]
        await self.start_master(*bots)
        await self.build("one")
        await self.control(bots[0], "pause")
        assert (await self.build("two")).results == [SUCCESS]

    async def test_a_build_goes_to_another_worker_than_the_paused_one_whose_server_is_up(self) -> None:
        self.serve()
        bots = [self.worker(name, build_wait_timeout=3600) for name in ("one", "two")]
        await self.start_master(*bots)
        await self.build("one")
        await self.control(bots[0], "pause")
        assert (await self.build("any")).properties["workername"] == "two"
