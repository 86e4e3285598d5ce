"""The limit of servers of a master, and sealed metadata."""

from __future__ import annotations

from twisted.internet import defer

from tests.buildbot._types import SUCCESS
from tests.buildbot.harness import MasterCase


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
