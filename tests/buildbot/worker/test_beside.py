"""What people use beside the worker: other latent workers, mails about missing workers, collapsed requests."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet import defer

from tests.buildbot._types import CANCELLED, RETRY, SUCCESS
from tests.buildbot.guests import LOGIN
from tests.buildbot.harness import MasterCase, pause, until
from upcloud_sdk.buildbot._buildbot.api import AbstractLatentWorker
from upcloud_sdk.simulator import never, to_error

pytestmark = pytest.mark.full


class Elsewhere(AbstractLatentWorker):
    """A latent worker on a machine of somebody else's, with a fixed password as those of Buildbot."""

    started = 0

    def __init__(self, name: str, guests: Any, **options: Any) -> None:  # noqa: ANN401 - the harness's
        super().__init__(name, "password", **options)
        self.guests = guests

    def checkConfig(self, name: str, password: str | None, **options: Any) -> None:  # noqa: N802, ANN401 - Buildbot's
        super().checkConfig(name, password, **options)

    def start_instance(self, _: object) -> defer.Deferred[bool]:
        self.started += 1
        port = self.registration.getPBPort()  # type: ignore[union-attr]  # it is registered
        login = LOGIN.replace("@MASTER@", "127.0.0.1").replace("@PORT@", str(port))
        self.guests.connect(self.name, login.replace("@NAME@", self.name).replace("@PASSWORD@", "password"))
        return defer.succeed(True)

    def stop_instance(self, fast: bool = False) -> defer.Deferred[bool]:
        self.guests.stop(self.name, hard=True)
        return defer.succeed(True)


class OtherWorkers(MasterCase):
    async def start(self, *, busy: bool = True, **options: Any) -> Elsewhere:  # noqa: ANN401 - the worker's
        self.serve()
        other = Elsewhere("elsewhere", self.guests, build_wait_timeout=options.get("build_wait_timeout", 0))
        self.may_end = self.gate()
        steps = [until(self.may_end)] if busy else []
        await self.start_master(self.worker(**options), other, steps=steps)  # type: ignore[arg-type]  # beside ours
        return other

    async def test_two_builds_at_once_are_done_by_both(self) -> None:
        other = await self.start()
        builds = [defer.ensureDeferred(self.build()) for _ in range(2)]
        while not (self.cloud.servers and other.started):
            await pause()
        self.may_end.touch()
        outcomes = [await build for build in builds]
        assert [outcome.results for outcome in outcomes] == [[SUCCESS]] * 2
        assert {outcome.properties["workername"] for outcome in outcomes} == {"bot", "elsewhere"}
        assert (self.cloud.count("POST /server"), other.started) == (1, 1)

    async def test_under_max_servers_a_build_goes_to_the_other_worker(self) -> None:
        other = await self.start(max_servers=1, build_wait_timeout=3600)
        builds = [defer.ensureDeferred(self.build()) for _ in range(3)]
        while not (self.cloud.servers and other.started):
            await pause()
        self.may_end.touch()
        assert [(await build).results for build in builds] == [[SUCCESS]] * 3
        assert (self.cloud.count("POST /server"), other.started) == (1, 1)
        await other.insubstantiate()

    async def test_a_build_takes_an_idle_server_before_a_new_one_is_made(self) -> None:
        other = await self.start(busy=False, build_wait_timeout=3600)
        first = await self.build("bot")
        for _ in range(4):
            outcome = await self.build()
            assert outcome.properties.get("upcloud_uuid", first.properties["upcloud_uuid"])
        assert self.cloud.count("POST /server") == 1
        await other.insubstantiate()


class Missing(MasterCase):
    """`notify_on_missing`: Buildbot sends a mail for each of these messages."""

    async def start(self, **options: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - the worker's
        self.serve()
        told: list[dict[str, Any]] = []
        await self.start_master(self.worker(notify_on_missing=["ci@example.com"], **options))

        def tell(_: object, message: dict[str, Any]) -> None:
            told.append(message)

        consumer = await self.master.mq.startConsuming(tell, ("workers", None, "missing"))
        self.addCleanup(consumer.stopConsuming)
        return told

    async def test_somebody_is_told_of_a_server_that_does_not_start(self) -> None:
        told = await self.start()
        self.cloud.boot_next(to_error(0.1, leaves_after=0.1))
        assert (await self.build()).results == [RETRY, SUCCESS]
        assert [message["notify"] for message in told] == [["ci@example.com"]]

    async def test_nobody_is_told_of_a_build_that_was_cancelled_while_its_server_started(self) -> None:
        told = await self.start()
        self.cloud.boot_next(never())
        building = defer.ensureDeferred(self.build())
        server = await self.starting_server()
        await self.cancel(1)
        self.let_start(server)
        assert (await building).results == [CANCELLED]
        while self.cloud.servers:
            await pause()
        assert told == []

    async def test_nobody_is_told_of_an_idle_server_that_goes(self) -> None:
        told = await self.start()
        assert (await self.build()).results == [SUCCESS]
        while self.cloud.servers:
            await pause()
        assert told == []


class Collapsed(MasterCase):
    async def test_requests_that_wait_for_a_slot_are_collapsed_into_one_build(self) -> None:
        self.serve()
        may_end = self.gate()
        await self.start_master(self.worker(max_servers=1), steps=[until(may_end)])
        for builder in self.config["builders"]:
            builder.collapseRequests = True
        await self.master.reconfig()
        first = defer.ensureDeferred(self.build("bot"))
        await self.server_in("started")
        others = [defer.ensureDeferred(self.build("bot")) for _ in range(3)]
        while len(await self.master.data.get(("buildrequests",))) < 4:
            await pause()
        may_end.touch()
        assert (await first).results == [SUCCESS]
        results = sorted([(await other).results for other in others])
        assert results == [[], [], [SUCCESS]]
        assert self.cloud.count("POST /server") == 2
