"""Slots for servers under `max_servers`: which build gets a slot, and when it is free again."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from twisted.internet import defer

from tests.buildbot._types import CANCELLED, SUCCESS, Interpolate, ShellCommand
from tests.buildbot.harness import MasterCase, pause
from upcloud_sdk.buildbot.master import service
from upcloud_sdk.simulator import never

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.buildbot.quick import QuickWorker

WAIT = "until [ -e '%(prop:gate:-/)s' ]; do sleep 0.1; done"
"""A build that ends when the file in its property `gate` exists. Without the property it ends at once."""


class Places(MasterCase):
    def setUp(self) -> None:
        super().setUp()
        self.may_end = self.gate()
        self.steps = [ShellCommand(command=["sh", "-c", Interpolate(WAIT)])]

    def workers(self, count: int, **options: object) -> list[QuickWorker]:
        return [self.worker(f"bot-{number}", **options) for number in range(1, count + 1)]

    async def reconfigure(self, *workers: QuickWorker) -> None:
        self.config.update(self.configuration(*workers, steps=self.steps))
        await self.master.reconfig()

    async def test_a_build_without_a_slot_is_not_claimed(self) -> None:
        self.serve()
        await self.start_master(*self.workers(3, max_servers=1), steps=self.steps)
        building = [defer.ensureDeferred(self.build(gate=str(self.may_end))) for _ in range(3)]
        await self.server_in("started")
        while len(await self.master.data.get(("buildrequests",))) < 3:
            await pause()
        self.master.botmaster.maybeStartBuildsForAllBuilders()
        await pause(0.3)
        assert len(await self.master.data.get(("builds",))) == 1
        self.may_end.touch()
        assert [outcome.results for outcome in await defer.gatherResults(building)] == [[SUCCESS]] * 3

    async def test_a_build_that_is_claimed_during_the_destroy_of_the_last_server_keeps_its_slot(self) -> None:
        self.serve()
        bots = self.workers(2, max_servers=1, build_wait_timeout=0)
        prepared = 0

        def disconnect_late(disconnect: Callable[..., defer.Deferred[None]], **options: bool) -> defer.Deferred[None]:
            # Time for the second build to be claimed before the server of the first one goes.
            return pause(0.5 if prepared == 1 else 0.0).addCallback(lambda _: disconnect(**options))

        for bot in bots:
            disconnect = getattr(bot, "_soft_disconnect")  # noqa: B009 - Buildbot's own, which it does not show
            self.patch(bot, "_soft_disconnect", partial(disconnect_late, disconnect))
        await self.start_master(*bots)
        tell = self.master.data.updates.setBuildStateString

        async def tell_late(buildid: int, state: str) -> None:
            nonlocal prepared
            prepared += state == "preparing worker"
            if prepared == 2 and state == "preparing worker":
                # The worker of the first build has taken this one. Its server is gone before it requests another.
                while self.cloud.servers:
                    await pause()
                await pause(0.5)
            await tell(buildid, state)

        def told(buildid: int, state: str) -> defer.Deferred[None]:
            return defer.ensureDeferred(tell_late(buildid, state))

        self.patch(self.master.data.updates, "setBuildStateString", told)
        building = [defer.ensureDeferred(self.build()) for _ in range(3)]
        outcomes = await defer.gatherResults(building)
        assert [outcome.results for outcome in outcomes] == [[SUCCESS]] * 3

    async def test_a_higher_limit_lets_builds_start_at_once(self) -> None:
        self.serve()
        await self.start_master(*self.workers(2, max_servers=1), steps=self.steps)
        building = [defer.ensureDeferred(self.build(gate=str(self.may_end))) for _ in range(2)]
        await self.server_in("started")
        await self.reconfigure(*self.workers(2, max_servers=2))
        while len(self.cloud.servers) < 2:
            await pause()
        self.may_end.touch()
        assert [outcome.results for outcome in await defer.gatherResults(building)] == [[SUCCESS]] * 2

    async def test_a_build_that_is_cancelled_before_it_has_a_server_frees_its_slot(self) -> None:
        self.serve()
        self.cloud.boot_next(never())
        await self.start_master(*self.workers(2, max_servers=1))
        first = defer.ensureDeferred(self.build("bot-1"))
        server = await self.starting_server()
        second = defer.ensureDeferred(self.build("bot-2"))
        await self.cancel(1)
        self.cloud.break_server(server.uuid, leaves_after=0)
        assert (await first).results == [CANCELLED]
        assert (await second).results == [SUCCESS]

    async def test_the_slot_of_a_removed_worker_is_free_when_its_server_is_gone(self) -> None:
        self.serve()
        self.cloud.stop_seconds = 1
        self.patch(service, "_DESTROY_WAIT", 0.05)
        one, two = self.workers(2, max_servers=1, build_wait_timeout=60)
        await self.start_master(one, two)
        await self.build("bot-1")
        waiting = defer.ensureDeferred(self.build("bot-2"))
        await self.reconfigure(self.worker("bot-2", max_servers=1, build_wait_timeout=60))
        assert (await waiting).results == [SUCCESS]

    async def test_an_idle_server_of_another_worker_is_given_up(self) -> None:
        self.serve()
        await self.start_master(*self.workers(2, max_servers=1, build_wait_timeout=-1))
        for name in ("bot-1", "bot-2", "bot-1"):
            assert (await self.build(name)).results == [SUCCESS]

    async def test_of_several_idle_servers_the_one_whose_paid_hour_ends_first_is_given_up(self) -> None:
        self.serve()
        workers = self.workers(3, max_servers=2, build_wait_timeout=-1)
        await self.start_master(*workers)
        uuids = [(await self.build(f"bot-{number}")).properties["upcloud_uuid"] for number in (1, 2)]
        workers[0].let_pass(600)
        workers[1].let_pass(3000)
        assert (await self.build("bot-3")).results == [SUCCESS]
        assert uuids[0] in self.cloud.servers
        assert uuids[1] not in self.cloud.servers
