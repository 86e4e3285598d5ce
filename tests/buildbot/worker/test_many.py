"""A hundred workers start at once: the number of their requests, with real waits on an automatic clock."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest
from twisted.internet import defer
from twisted.internet.task import LoopingCall

from tests.benchmarks.waiting import boots
from tests.buildbot.harness import MasterCase, pause
from tests.buildbot.quick import QuickWorker
from tests.moved_time import AutojumpClock, MovedTransport
from upcloud_sdk import UpCloud, WaitPolicy
from upcloud_sdk.buildbot.master.service import UpcloudService
from upcloud_sdk.simulator import ManualClock, after_seconds

if TYPE_CHECKING:
    from upcloud_sdk.simulator.records.progress import Progress

MANY = 100

pytestmark = pytest.mark.full


class HundredWorkers(MasterCase):
    timeout = 300.0

    def setUp(self) -> None:
        super().setUp()
        self.hand = ManualClock()
        self.clock = AutojumpClock(self.hand)
        self.let_pass(0)
        self.passing = LoopingCall(self.let_pass, 10)
        self.addCleanup(self.let_time_stand)
        for patch in (
            mock.patch.object(QuickWorker, "waits", WaitPolicy(clock=self.clock)),
            mock.patch("upcloud_sdk.buildbot.accounts.open_accounts.UpCloud", self.client),
        ):
            patch.start()
            self.addCleanup(patch.stop)

    def client(self, *args: object, **options: object) -> UpCloud:
        """The master's client in this test: it calls the simulator in the same process, on the same clock."""
        return partial(UpCloud, transport=MovedTransport(self.cloud, self.clock))(*args, **options)  # type: ignore[arg-type]  # handed through

    def configuration(self, *workers: QuickWorker, **options: Any) -> dict[str, Any]:  # noqa: ANN401 - the harness's
        """One builder for all."""
        config = super().configuration(*workers, **options)
        return {**config, "builders": config["builders"][-1:]}

    def let_pass(self, seconds: float) -> None:
        """So much time from now on."""
        self.clock.until = self.clock.now() + seconds

    def let_time_pass(self) -> None:
        """From now on ten seconds at each turn of the reactor: time that runs freely leaves the master no turn."""
        self.passing.start(0.01)

    def let_time_stand(self) -> None:
        if self.passing.running:
            self.passing.stop()

    async def move_time(self) -> None:
        """Let time move until the loop ends: longer than any operation, since the clients close by it."""
        self.mover = asyncio.create_task(self.clock.run())

    async def test_a_hundred_workers_that_start_at_once_send_less_than_two_requests_a_server(self) -> None:
        times = iter(boots(MANY))

        def boot(_: object) -> Progress:
            return after_seconds(next(times))

        self.serve(boot=boot, clock=self.hand)
        self.guests.attaches = False
        workers = [self.worker(f"bot-{number}", check_instance_interval=3600) for number in range(MANY)]
        await self.start_master(*workers)
        # So that the master can destroy them, also after a failure of this test.
        self.addCleanup(self.let_time_pass)
        service = await UpcloudService.of(self.master)
        await service.bridge.run(self.move_time).ended
        for _ in workers:
            defer.ensureDeferred(self.build())
        # Until the last is made, time stands still: otherwise the first would wait for the others.
        while self.cloud.count("POST /server") < MANY:
            await pause()
        self.let_pass(70)
        while not all(worker.is_up for worker in workers):
            await pause()
        requests = len(self.cloud.requests)
        assert requests < 2 * MANY, requests
