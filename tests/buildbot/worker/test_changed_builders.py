"""A new configuration removes a builder, or takes a worker out of it, while the worker builds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twisted.internet import defer

from tests.buildbot._types import CANCELLED, RETRY, SUCCESS, BuilderConfig, BuildFactory
from tests.buildbot.harness import MasterCase, Outcome, pause, until
from upcloud_sdk.buildbot._buildbot.api import async_to_deferred
from upcloud_sdk.buildbot._buildbot.build_ends import builds_on
from upcloud_sdk.simulator import never

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.buildbot.quick import QuickWorker


class ChangedBuilders(MasterCase):
    def setUp(self) -> None:
        super().setUp()
        self.may_end = self.gate()

    async def start(self, **options: Any) -> QuickWorker:  # noqa: ANN401 - the worker's
        """A master with the builders "one" and "two" of the worker "bot", and a worker "other" without a builder."""
        self.serve()
        bot = self.worker(**options)
        self.workers = [bot, self.worker("other")]
        self.config = self.with_builders({"one": ["bot"], "two": ["bot"]})
        await self.setup_master(self.config, startWorker=False)
        self.addCleanup(self._leave_nothing)
        return bot

    def with_builders(self, builders: Mapping[str, Sequence[str]]) -> dict[str, object]:
        work = BuildFactory([until(self.may_end)])
        made = [BuilderConfig(name=name, workernames=list(workers), factory=work) for name, workers in builders.items()]
        return {**self.configuration(*self.workers), "builders": made}

    async def change(self, builders: Mapping[str, Sequence[str]]) -> None:
        self.workers = [self.worker("bot"), self.worker("other")]
        self.config.update(self.with_builders(builders))
        await self.master.reconfig()

    async def running(self, bot: QuickWorker, builder: str = "one") -> defer.Deferred[Outcome]:
        """A build whose step runs."""
        building = defer.ensureDeferred(self.build(builder))
        await self.in_their_steps(1)
        return building

    async def in_their_steps(self, count: int) -> None:
        """Wait until so many builds are in their step: before, Buildbot cannot cancel it."""
        while True:
            builds = [build for build in await self.master.data.get(("builds",)) if not build["complete"]]
            steps = [await self.master.data.get(("builds", build["buildid"], "steps")) for build in builds]
            running = [step for each in steps for step in each if step["name"] == "shell" and step["started_at"]]
            if len(running) == count:
                return
            await pause()

    async def states(self) -> list[str]:
        return [build["state_string"] for build in await self.master.data.get(("builds",)) if not build["complete"]]

    async def ended(self) -> list[int]:
        """The results of all builds, when none runs."""
        while await self.states():
            await pause()
        return [build["results"] for build in await self.master.data.get(("builds",))]

    async def test_a_build_whose_builder_loses_the_worker_is_tried_again_by_another_one(self) -> None:
        building = await self.running(await self.start())
        await self.change({"one": ["other"], "two": ["bot"]})
        self.may_end.touch()
        assert (await building).results == [RETRY, SUCCESS]

    async def test_a_build_whose_builder_is_removed_is_tried_again_when_the_builder_comes_back(self) -> None:
        building = await self.running(await self.start())
        await self.change({"two": ["bot"]})
        assert await self.ended() == [RETRY]
        while self.cloud.servers:
            await pause()
        self.may_end.touch()
        await self.change({"one": ["bot"], "two": ["bot"]})
        assert (await building).results == [RETRY, SUCCESS]

    async def test_a_build_whose_worker_has_no_builder_any_more_ends_and_its_server_goes(self) -> None:
        await self.running(await self.start(build_wait_timeout=3600))
        await self.change({"two": ["other"]})
        assert await self.ended() == [RETRY]
        while self.cloud.servers:
            await pause()

    async def test_a_build_whose_builder_is_removed_while_its_server_starts_is_given_up(self) -> None:
        await self.start()
        self.cloud.boot_next(never())
        building = defer.ensureDeferred(self.build("one"))
        server = await self.starting_server()
        await self.change({"two": ["bot"]})
        assert await self.ended() == [RETRY]
        self.let_start(server)
        while self.cloud.servers:
            await pause()
        self.may_end.touch()
        await self.change({"one": ["bot"]})
        assert (await building).results == [RETRY, SUCCESS]

    async def test_a_build_of_another_builder_goes_on_and_is_the_last_one_of_the_server(self) -> None:
        bot = await self.start(build_wait_timeout=3600)
        await self.running(bot)
        other = defer.ensureDeferred(self.build("two"))
        await self.in_their_steps(2)
        await self.change({"two": ["bot"]})
        while await self.states() != ["building"]:
            await pause()
        assert bot.is_outdated
        self.may_end.touch()
        assert (await other).results == [SUCCESS]
        assert self.cloud.count("POST /server") == 1

    async def test_a_build_that_was_cancelled_before_is_not_tried_again(self) -> None:
        bot = await self.start()
        building = await self.running(bot)
        build: Any = builds_on(bot)[0]
        while (command := build.currentStep.cmd) is None:
            await pause()
        # The guest does not answer to the cancel.
        [server] = self.cloud.servers
        self.guests.freeze(server)
        await self.cancel(1)
        while not command.interrupted:
            await pause()
        # Its connection is lost before it has heard of this, which does not disturb the master.
        await self.change({"two": ["bot"]})
        assert (await building).results == [CANCELLED]
        assert "two" in self.master.botmaster.builders

    async def test_a_build_whose_builder_is_removed_while_its_end_is_recorded_keeps_its_result(self) -> None:
        building = await self.running(await self.start())
        updates = self.master.data.updates
        finish, reached, go_on = updates.finishBuild, defer.Deferred[None](), defer.Deferred[None]()

        @async_to_deferred
        async def held(*args: Any) -> None:  # noqa: ANN401 - handed through
            reached.callback(None)
            await go_on
            await finish(*args)

        self.patch(updates, "finishBuild", held)
        self.may_end.touch()
        await reached
        await self.change({"two": ["bot"]})
        go_on.callback(None)
        # Buildbot itself would leave its request claimed for ever.
        assert (await building).results == [SUCCESS]

    async def test_a_worker_that_is_taken_out_of_an_idle_builder_and_put_back_builds_for_it(self) -> None:
        await self.start()
        self.may_end.touch()
        assert (await self.build("one")).results == [SUCCESS]
        await self.change({"one": ["other"], "two": ["bot"]})
        await self.change({"one": ["bot"], "two": ["bot"]})
        assert (await self.build("one")).results == [SUCCESS]
