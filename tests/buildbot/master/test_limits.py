"""The limit of servers of a master, and sealed metadata."""

from __future__ import annotations

import anyio
from twisted.internet import defer, threads

from tests.buildbot._types import SUCCESS
from tests.buildbot.harness import MasterCase, pause
from upcloud_sdk import Basic, UpCloud
from upcloud_sdk.buildbot import PaidHour
from upcloud_sdk.buildbot.master import service
from upcloud_sdk.buildbot.servers import idle


class Limits(MasterCase):
    async def test_max_servers_caps_all_workers_together_and_all_builds_succeed(self) -> None:
        cloud = self.serve(boot_seconds=0.2)
        workers = [self.worker(f"bot-{number}", max_servers=2) for number in range(1, 5)]
        most = 0
        start = cloud.start_boot

        def count(server: object) -> None:
            nonlocal most
            start(server)  # type: ignore[arg-type]  # handed through
            most = max(most, len(cloud.servers))

        cloud.start_boot = count  # type: ignore[method-assign]  # to see how many there are at each create
        await self.start_master(*workers)
        outcomes = await defer.gatherResults([defer.ensureDeferred(self.build()) for _ in range(5)])
        assert [outcome.results for outcome in outcomes] == [[SUCCESS]] * 5
        assert most <= 2

    async def test_a_server_that_could_not_be_destroyed_counts_until_it_is_gone(self) -> None:
        cloud = self.serve()
        self.patch(service, "_DESTROY_TIMEOUT", 0.1)
        worker = self.worker(max_servers=1)
        await self.start_master(worker)
        for call in ("POST /server/{uuid}/stop", "DELETE /server/{uuid}"):
            cloud.fail(call, status=500, times=None)
        assert (await self.build()).results == [SUCCESS]
        waiting = defer.ensureDeferred(self.build())
        while worker.has_server or worker.canStartBuild():
            await pause()
        assert cloud.count("POST /server") == 1
        with cloud.lock:
            cloud.faults.clear()
        await self.destroy_by_hand()
        await worker.look_again()
        assert (await waiting).results[-1] == SUCCESS
        assert cloud.count("POST /server") == 2
        while cloud.servers:
            await pause()

    async def destroy_by_hand(self) -> None:
        async def destroy() -> None:
            async with UpCloud(Basic("user", "secret-password"), base_url=self.url) as cloud:
                for uuid in list(self.cloud.servers):
                    await cloud.servers.destroy(uuid)

        await threads.deferToThread(anyio.run, destroy)

    async def test_no_idle_server_is_destroyed_for_a_worker_whose_own_server_is_about_to_go(self) -> None:
        cloud = self.serve()
        self.patch(idle, "_MAKE_WAY_AFTER", 0.0)
        fresh, warm = (
            self.worker("fresh", max_servers=2),
            self.worker("warm", max_servers=2, build_wait_timeout=PaidHour()),
        )
        await self.start_master(fresh, warm)
        kept = (await self.build("warm")).properties["upcloud_uuid"]
        outcomes = await defer.gatherResults([defer.ensureDeferred(self.build("fresh")) for _ in range(4)])
        assert [outcome.results for outcome in outcomes] == [[SUCCESS]] * 4
        assert kept in cloud.servers
        assert cloud.count("POST /server") == 5

    async def test_builds_beyond_the_accounts_quota_wait_and_do_not_fail(self) -> None:
        cloud = self.serve(boot_seconds=0.2)
        cloud.account.resource_limits["cores"] = 3
        await self.start_master(*(self.worker(f"bot-{number}") for number in range(1, 5)))
        for builds in (3, 4):
            outcomes = await defer.gatherResults(
                [defer.ensureDeferred(self.build(f"bot-{number}")) for number in range(1, builds + 1)]
            )
            assert [outcome.results[-1] for outcome in outcomes] == [SUCCESS] * builds

    async def test_the_metadata_is_sealed_before_the_build_begins(self) -> None:
        cloud = self.serve(boot_seconds=0.2)
        await self.start_master(self.worker(seal_metadata=True))
        assert (await self.build()).results == [SUCCESS]
        calls = [f"{each.method} {each.path.rpartition('/')[2]}" for each in cloud.requests]
        sealed = next(number for number, call in enumerate(calls) if call.startswith("PUT"))
        assert sealed < next(number for number, call in enumerate(calls) if call == "POST stop")

    async def test_a_server_that_cannot_be_sealed_takes_no_build_until_it_can(self) -> None:
        cloud = self.serve(boot_seconds=0.2)
        cloud.fail("PUT /server/{uuid}", status=403, code="ACTION_FORBIDDEN")
        await self.start_master(self.worker(seal_metadata=True))
        assert (await self.build()).results == [SUCCESS]
        assert cloud.count("PUT /server/{uuid}") == 2
