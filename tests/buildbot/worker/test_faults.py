"""Builds while calls to the API fail."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.buildbot._types import SUCCESS
from tests.buildbot.harness import MasterCase

if TYPE_CHECKING:
    from collections.abc import Mapping

CALLS = ("GET /storage/template", "GET /server/{uuid}", "POST /server/{uuid}/stop", "DELETE /server/{uuid}")
LOST: dict[str, dict[str, Any]] = {
    "answered with a 500": {"status": 500},
    "dropped": {"drop": True},
    "cut short": {"truncate": 20},
}


class OneFailingCall(MasterCase):
    """Any call except the create fails once. The build succeeds, usually at once, and its server is deleted."""

    async def each_call_fails_once(self, fault: Mapping[str, Any], *, costs_a_start: bool = False) -> None:
        self.serve()
        await self.start_master(self.worker())
        for call in CALLS:
            self.cloud.fail(call, **fault)
            outcome = await self.build()
            assert outcome.results == [SUCCESS] or (costs_a_start and outcome.results[-1] == SUCCESS), outcome.logs

    async def test_a_call_that_meets_a_conflict_costs_no_build(self) -> None:
        await self.each_call_fails_once({"status": 409, "code": "SERVER_STATE_ILLEGAL"}, costs_a_start=True)

    async def test_a_call_that_meets_a_failing_service_costs_no_build(self) -> None:
        await self.each_call_fails_once({"status": 500})

    async def test_a_call_whose_connection_is_dropped_costs_no_build(self) -> None:
        await self.each_call_fails_once({"drop": True})

    async def test_a_call_whose_connection_is_dropped_after_its_effect_costs_no_build(self) -> None:
        await self.each_call_fails_once({"drop": True, "after_effect": True})


class LostCreates(MasterCase):
    """The answer to the create is lost, but the server exists. It is found, and no second one is created."""

    async def test_a_create_whose_answer_is_lost_costs_no_build(self) -> None:
        self.serve(boot_seconds=0.3)
        await self.start_master(self.worker())
        for what, fault in LOST.items():
            self.cloud.fail("POST /server", after_effect=True, **fault)
            outcome = await self.build()
            assert outcome.results == [SUCCESS], f"{what}: {outcome.logs}"
        assert self.cloud.count("POST /server") == len(LOST)

    async def test_a_worker_that_attaches_before_its_server_is_found_builds_all_the_same(self) -> None:
        self.serve(boot_seconds=0)
        self.cloud.fail("POST /server", status=500, after_effect=True)
        # The server is found in the third search, long after the build has begun.
        self.cloud.fail("GET /server", status=503, times=2)
        await self.start_master(self.worker())
        outcome = await self.build()
        assert outcome.results == [SUCCESS]
        assert self.cloud.count("POST /server") == 1

    async def test_a_worker_that_attaches_first_ends_the_wait_for_its_server(self) -> None:
        self.serve()
        # From the second read on, the server cannot be read. Only the attached worker shows that it runs.
        self.cloud.fail("GET /server/{uuid}", status=500, times=3)
        await self.start_master(self.worker(boot_timeout=20))
        assert (await self.build()).results == [SUCCESS]

    async def test_a_create_that_takes_too_long_is_given_up_and_leaves_nothing(self) -> None:
        self.serve()
        self.cloud.fail("POST /server", delay=4)
        await self.start_master(self.worker(create_timeout=2))
        outcome = await self.build()
        assert outcome.results[-1] == SUCCESS
        assert "did not make it within create_timeout=2 s" in outcome.logs
