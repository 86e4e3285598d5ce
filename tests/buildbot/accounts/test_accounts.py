"""The accounts of a master: opened when a worker needs them, closed when unused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twisted.internet import defer

from tests.buildbot._types import SUCCESS
from tests.buildbot.harness import MasterCase, pause
from tests.buildbot.quick import QuickWorker
from upcloud_sdk.ci import ReapPace

if TYPE_CHECKING:
    from upcloud_sdk.simulator import Simulator

LOOKS = 10


class Accounts(MasterCase):
    def setUp(self) -> None:
        super().setUp()
        self.patch(QuickWorker, "reaps", ReapPace(again=0.02, every=0.02, retry=0.02))

    async def reconfigure(self, *workers: QuickWorker) -> None:
        self.config.update(self.configuration(*workers))
        await self.master.reconfig()

    async def is_left_alone(self, account: Simulator, while_used: Simulator) -> bool:
        """Whether one account gets no request while the reaper reads another one a few times."""
        before, looks = len(account.requests), len(while_used.requests)
        while len(while_used.requests) < looks + LOOKS:
            await pause()
        return len(account.requests) == before

    async def test_an_account_that_is_replaced_is_closed_once_its_last_server_is_gone(self) -> None:
        first, before = self.serve(), self.worker(build_wait_timeout=3600)
        second, after = self.serve(), self.worker(build_wait_timeout=3600)
        await self.start_master(before)
        await self.build()
        await self.reconfigure(after)
        while first.servers or not await self.is_left_alone(first, second):
            await pause()
        assert (await self.build()).results == [SUCCESS]

    async def test_each_of_several_accounts_that_are_replaced_one_after_the_other_is_closed(self) -> None:
        clouds: list[Simulator] = []
        workers: list[QuickWorker] = []
        for _ in range(3):
            clouds.append(self.serve())
            workers.append(self.worker())
        first, *others = workers
        await self.start_master(first)
        for worker in others:
            await self.reconfigure(worker)
            assert (await self.build()).results == [SUCCESS]
        for cloud in clouds[:-1]:
            while not await self.is_left_alone(cloud, clouds[-1]):
                await pause()

    async def test_the_account_of_a_worker_that_is_removed_is_closed_too(self) -> None:
        first, one = self.serve(), self.worker("bot-1", build_wait_timeout=3600)
        second, two = self.serve(), self.worker("bot-2", build_wait_timeout=3600)
        await self.start_master(one, two)
        await self.build("bot-1")
        await self.reconfigure(self.worker("bot-2", build_wait_timeout=3600))
        while first.servers or not await self.is_left_alone(first, second):
            await pause()

    async def test_an_account_that_comes_back_is_opened_again(self) -> None:
        first, before = self.serve(), self.worker()
        url = self.url
        second, after = self.serve(), self.worker()
        await self.start_master(before)
        await self.reconfigure(after)
        while not await self.is_left_alone(first, second):
            await pause()
        self.url = url
        await self.reconfigure(self.worker())
        assert (await self.build()).results == [SUCCESS]
        assert first.count("POST /server") == 1

    async def test_an_account_that_another_worker_uses_stays_open(self) -> None:
        first, workers = self.serve(), [self.worker(name) for name in ("bot-1", "bot-2")]
        kept: dict[str, Any] = {"base_url": self.url}
        self.serve()
        await self.start_master(*workers)
        await self.reconfigure(self.worker("bot-1"), self.worker("bot-2", **kept))
        outcomes = await defer.gatherResults([defer.ensureDeferred(self.build(f"bot-{n}")) for n in (1, 2)])
        assert [outcome.results for outcome in outcomes] == [[SUCCESS], [SUCCESS]]
        assert first.count("POST /server") == 1
