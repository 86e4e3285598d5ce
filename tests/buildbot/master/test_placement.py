"""Which worker gets a build, and how long its server is kept after that."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pytest
from twisted.internet import defer

from tests.buildbot._types import SUCCESS, ShellCommand
from tests.buildbot.harness import MasterCase, Outcome, pause, until
from tests.buildbot.quick import QuickWorker
from upcloud_sdk.buildbot import PaidHour
from upcloud_sdk.buildbot._buildbot.api import ConfigErrors
from upcloud_sdk.buildbot.master import placement

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

CREATE = "POST /server"


class Placements(MasterCase):
    """Each master has a builder "any" for all workers. Buildbot's random choice is always a cold worker."""

    def setUp(self) -> None:
        super().setUp()
        self.patch(random, "choice", self.coldest)

    @staticmethod
    def coldest(workers: Sequence[Any]) -> Any:  # noqa: ANN401 - of any kind
        return min(workers, key=lambda each: each.worker.is_up if hasattr(each, "worker") else False)

    async def builds(self, number: int) -> list[Outcome]:
        return list(await defer.gatherResults([defer.ensureDeferred(self.build()) for _ in range(number)]))

    async def start(self, count: int, *, steps: Sequence[object] = (), **options: object) -> list[QuickWorker]:
        options = {"build_wait_timeout": 60, **options}
        workers = [self.worker(f"bot-{number}", **options) for number in range(1, count + 1)]
        await self.start_master(*workers, steps=steps)
        return workers

    async def test_builds_get_the_servers_that_are_up_before_any_other_is_made(self) -> None:
        cloud = self.serve()
        await self.start(6)
        await self.builds(2)
        assert cloud.count(CREATE) == 2
        for number in (1, 2, 1, 2, 2, 1, 2, 2, 2):
            outcomes = await self.builds(number)
            assert [outcome.results for outcome in outcomes] == [[SUCCESS]] * number
        assert cloud.count(CREATE) == 2

    async def test_builds_without_a_running_server_get_new_servers(self) -> None:
        cloud = self.serve()
        await self.start(4)
        await self.build()
        outcomes = await self.builds(3)
        assert [outcome.results for outcome in outcomes] == [[SUCCESS]] * 3
        assert cloud.count(CREATE) == 3

    async def test_with_prefer_idle_false_buildbot_chooses_at_random(self) -> None:
        cloud = self.serve()
        await self.start(3, prefer_idle=False)
        await self.build()
        await self.build()
        assert cloud.count(CREATE) == 2

    async def test_a_builder_s_next_worker_is_obeyed(self) -> None:
        await self.obeys(lambda config: config["builders"][-1].__dict__.update(nextWorker=self.next_worker))

    async def test_a_builder_s_can_start_build_is_obeyed(self) -> None:
        def can_start(_builder: object, candidate: Any, _request: object) -> bool:  # noqa: ANN401 - Buildbot's
            return not candidate.worker.is_up

        await self.obeys(lambda config: config["builders"][-1].__dict__.update(canStartBuild=can_start))

    async def test_the_master_s_select_next_worker_is_obeyed(self) -> None:
        await self.obeys(lambda config: config.update(select_next_worker=self.next_worker))

    def next_worker(self, _builder: object, workers: Sequence[Any], _request: object) -> Any:  # noqa: ANN401 - Buildbot's
        return self.coldest(workers)

    async def obeys(self, configure: Callable[[dict[str, Any]], object]) -> None:
        cloud = self.serve()
        plain = self.configuration

        def configuration(*workers: QuickWorker, steps: Sequence[object] = ()) -> dict[str, Any]:
            config = plain(*workers, steps=steps)
            configure(config)
            return config

        self.patch(self, "configuration", configuration)
        await self.start(2)
        await self.build()
        await self.build()
        assert cloud.count(CREATE) == 2

    async def test_a_build_that_no_running_server_takes_gets_a_new_server(self) -> None:
        self.patch(placement, "LONGEST_REFUSAL", 1.5)
        cloud = self.serve()
        workers = await self.start(2)
        await self.build()
        [up] = [worker for worker in workers if worker.is_up]

        def is_compatible(_: object) -> defer.Deferred[bool]:
            return defer.succeed(False)

        self.patch(up, "isCompatibleWithBuild", is_compatible)
        assert (await self.build()).results == [SUCCESS]
        assert cloud.count(CREATE) == 2

    async def test_the_server_gets_a_build_whose_paid_time_just_covers_it(self) -> None:
        self.serve()
        workers = await self.start(3, build_wait_timeout=PaidHour())
        await self.builds(3)
        for worker, lived in zip(workers, (600, 2800, 3350), strict=True):
            worker.let_pass(lived)
        history = workers[0].placement.history
        for usual, expected in ((300, "bot-2"), (1, "bot-3"), (2000, "bot-1"), (5000, "bot-1")):
            for _ in range(9):
                history.usual.learn("any", usual)
            assert (await self.build()).properties["workername"] == expected

    async def test_with_patience_a_build_waits_for_a_busy_server(self) -> None:
        cloud = self.serve()
        await self.start(2, steps=[ShellCommand(command=["sleep", "0.5"])], patience=60)
        outcomes = await self.builds(3)
        assert [outcome.results for outcome in outcomes] == [[SUCCESS]] * 3
        assert cloud.count(CREATE) == 1

    async def test_a_build_gets_a_new_server_when_its_patience_is_over(self) -> None:
        cloud, gate = self.serve(), self.gate()
        await self.start(2, steps=[until(gate)], patience=1)
        building = [defer.ensureDeferred(self.build()) for _ in range(2)]
        while cloud.count(CREATE) < 2:
            await pause()
        gate.touch()
        assert [outcome.results for outcome in await defer.gatherResults(building)] == [[SUCCESS]] * 2

    async def test_with_patience_a_build_does_not_wait_if_no_server_is_up(self) -> None:
        self.serve()
        await self.start(2, patience=3600)
        assert (await self.build()).results == [SUCCESS]

    async def test_an_idle_server_is_destroyed_shortly_before_the_end_of_its_paid_hour(self) -> None:
        cloud = self.serve()
        [worker] = await self.start(1, build_wait_timeout=PaidHour(margin=120))
        await self.build()
        await pause(1.5)
        assert len(cloud.servers) == 1, "the hour has just begun"
        worker.let_pass(3479)
        await self.build()
        while cloud.servers:
            await pause()
        assert cloud.count(CREATE) == 1

    async def test_a_server_whose_build_ran_past_the_end_of_the_hour_is_kept_for_the_next_hour(self) -> None:
        cloud = self.serve()
        [worker] = await self.start(1, build_wait_timeout=PaidHour(margin=120))
        await self.build()
        worker.let_pass(3605)
        await self.build()
        while worker.build_wait_timer is None:
            await pause()
        timer: Any = worker.build_wait_timer
        left = timer.getTime() - self.master.reactor.seconds()
        assert 3300 < left < 3480
        assert len(cloud.servers) == 1

    async def test_a_build_that_waits_takes_the_server_whose_hour_has_no_time_left(self) -> None:
        cloud, gate = self.serve(), self.gate()
        gate.touch()
        [worker] = await self.start(1, steps=[until(gate)], build_wait_timeout=PaidHour())
        await self.build()
        gate.unlink()
        worker.let_pass(3500)
        building = [defer.ensureDeferred(self.build()) for _ in range(2)]
        while len(await self.master.data.get(("buildrequests",))) < 3:
            await pause()
        gate.touch()
        assert [outcome.results for outcome in await defer.gatherResults(building)] == [[SUCCESS]] * 2
        assert cloud.count(CREATE) == 1

    async def test_a_number_means_what_it_means_in_buildbot(self) -> None:
        cloud = self.serve()
        await self.start(1, build_wait_timeout=0.5)
        await self.build()
        while cloud.servers:
            await pause()
        await self.build()
        assert cloud.count(CREATE) == 2

    async def test_the_duration_of_builds_is_learned_without_the_boot(self) -> None:
        self.serve(boot_seconds=1)
        [worker] = await self.start(1)
        await self.build()
        usual = worker.placement.history.usual.of("any")
        assert usual is not None
        assert usual > 0


@pytest.mark.parametrize("patience", [-1, "long", True, float("inf"), float("nan")])
def test_a_patience_that_is_no_number_of_seconds_is_refused(patience: object) -> None:
    with pytest.raises(ConfigErrors, match="patience is a number of seconds"):
        QuickWorker("bot", api_token="t", image="x", patience=patience)


def test_prefer_idle_is_true_or_false() -> None:
    with pytest.raises(ConfigErrors, match="prefer_idle is True or False"):
        QuickWorker("bot", api_token="t", image="x", prefer_idle="yes")
