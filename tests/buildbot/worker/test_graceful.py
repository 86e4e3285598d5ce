"""A graceful shutdown on the worker's page destroys the server. Then the worker takes builds again."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from twisted.internet import defer

from tests.buildbot._types import SUCCESS, Interpolate, ShellCommand
from tests.buildbot.harness import MasterCase, pause

if TYPE_CHECKING:
    from tests.buildbot.quick import QuickWorker


class GracefulShutdown(MasterCase):
    async def shut_down(self, bot: QuickWorker, action: str = "stop") -> None:
        await self.master.data.control(action, {"reason": "a user said so"}, ("workers", str(bot.workerid)))

    async def is_graceful(self) -> bool:
        [worker] = await self.master.data.get(("workers",))
        return bool(worker["graceful"])

    async def test_a_graceful_shutdown_of_an_idle_worker_destroys_its_server_and_it_takes_builds_again(self) -> None:
        self.serve()
        bot = self.worker(build_wait_timeout=3600)
        await self.start_master(bot)
        await self.build()
        await self.shut_down(bot)
        while self.cloud.servers:
            await pause()
        assert (await self.build()).results == [SUCCESS]
        assert not await self.is_graceful()

    async def test_a_graceful_shutdown_of_a_worker_that_builds_waits_for_the_build(self) -> None:
        gate = Path(tempfile.mkdtemp()) / "gate"
        wait = ShellCommand(command=["sh", "-c", Interpolate("until [ -e '%(prop:gate)s' ]; do sleep 0.1; done")])
        self.serve()
        bot = self.worker(build_wait_timeout=3600)
        await self.start_master(bot, steps=[wait])
        building = defer.ensureDeferred(self.build(gate=str(gate)))
        while bot.conn is None:
            await pause()
        await self.shut_down(bot)
        [first] = self.cloud.servers
        gate.touch()
        assert (await building).results == [SUCCESS]
        outcome = await self.build(gate=str(gate))
        assert outcome.results == [SUCCESS]
        assert outcome.properties["upcloud_uuid"] != first

    async def test_a_graceful_shutdown_of_a_worker_without_a_server_is_over_at_once(self) -> None:
        self.serve()
        bot = self.worker()
        await self.start_master(bot)
        await self.shut_down(bot)
        assert (await self.build()).results == [SUCCESS]

    async def test_a_graceful_shutdown_of_a_paused_worker_leaves_it_paused(self) -> None:
        self.serve()
        bot = self.worker(build_wait_timeout=3600)
        await self.start_master(bot)
        await self.build()
        await self.shut_down(bot, "pause")
        await self.shut_down(bot)
        while self.cloud.servers:
            await pause()
        building = defer.ensureDeferred(self.build())
        self.master.botmaster.maybeStartBuildsForAllBuilders()
        await pause()
        assert not bot.canStartBuild()
        await self.shut_down(bot, "unpause")
        assert (await building).results == [SUCCESS]
