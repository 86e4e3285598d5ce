"""The log of a build that waits for its server."""

from __future__ import annotations

import re

from twisted.internet import defer

from tests.buildbot._types import RETRY, SUCCESS
from tests.buildbot.harness import pause, until
from tests.buildbot.master.record_case import RecordCase
from upcloud_sdk.ci import sentence_of
from upcloud_sdk.events import ServerEvent
from upcloud_sdk.simulator import after_polls


class BuildLogs(RecordCase):
    def lines(self, logs: str) -> list[str]:
        """The lines of a server's log, without their times."""
        return re.findall(r"^\d\d:\d\d:\d\d UTC  (.*)$", logs, re.MULTILINE)

    async def test_the_log_of_a_build_shows_the_boot_of_its_server(self) -> None:
        self.serve(boot=after_polls(4))
        await self.start_master(self.worker())
        lines = self.lines((await self.build()).logs)
        text = "\n".join(lines)
        assert lines[0] == "requested 1xCPU-1GB in de-fra1"
        assert re.search(r"^server [0-9a-f-]{36} created: 1xCPU-1GB in de-fra1$", text, re.MULTILINE)
        assert re.search(r"^maintenance(, \d+ %)?$", text, re.MULTILINE)
        assert re.search(r"^its worker attached after \d+ s$", lines[-1])

    def test_the_log_shows_the_progress_if_the_api_sends_it(self) -> None:
        seen = ServerEvent(at=0, uuid="00aa", happened="progress", state="maintenance", progress=40)
        assert sentence_of(seen) == "maintenance, 40 %"

    async def test_a_retry_is_logged_with_its_reason(self) -> None:
        self.serve()
        self.cloud.fail("POST /server", status=409, code="SERVER_RESOURCES_UNAVAILABLE")
        self.cloud.fail("GET /storage/template", status=503)
        await self.start_master(self.worker(zones=["fi-hel1", "fi-hel2"]))
        outcome = await self.build()
        assert outcome.results == [SUCCESS]
        lines = self.lines(outcome.logs)
        assert any(line.startswith("GET /storage/template is sent again in") for line in lines), lines
        assert "requested 1xCPU-1GB in fi-hel1 or 1xCPU-1GB in fi-hel2" in lines
        assert any(line.startswith("1xCPU-1GB in fi-hel1 was refused:") for line in lines), lines

    async def test_an_adopted_server_is_logged_as_found_by_its_label(self) -> None:
        self.serve(boot=after_polls(6))
        self.cloud.fail("POST /server", drop=True, after_effect=True)
        await self.start_master(self.worker())
        outcome = await self.build()
        assert "found by its label, since the answer to its create was lost" in outcome.logs
        [server] = await self.all_gone()
        assert server.adopted

    async def test_a_server_that_is_adopted_after_its_worker_has_called_is_logged_too(self) -> None:
        self.serve(boot_seconds=0)
        self.cloud.fail("POST /server", status=500, after_effect=True)
        self.cloud.fail("GET /server", status=503, times=2)
        may_end = self.gate()
        await self.start_master(self.worker(), steps=[until(may_end)])
        building = defer.ensureDeferred(self.build())
        while not any(server.made and server.attached for server in await self.history()):
            await pause(0.05)
        may_end.touch()
        assert "found by its label, since the answer to its create was lost" in (await building).logs

    async def test_the_log_is_finished_whether_the_build_runs_or_not(self) -> None:
        self.serve()
        self.cloud.fail("POST /server", status=409, code="SERVER_RESOURCES_UNAVAILABLE")
        await self.start_master(self.worker())
        assert (await self.build()).results == [RETRY, SUCCESS]
        await self.all_gone()
        logs = [
            log
            for build in await self.master.data.get(("builds",))
            for step in await self.master.data.get(("builds", build["buildid"], "steps"))
            for log in await self.master.data.get(("steps", step["stepid"], "logs"))
            if log["name"] == "server"
        ]
        assert [log["complete"] for log in logs] == [True, True]

    async def test_concurrent_builds_log_only_their_own_server(self) -> None:
        self.serve(boot=after_polls(6))
        await self.start_master(*(self.worker(f"bot-{number}") for number in range(3)))
        outcomes = await defer.gatherResults([defer.ensureDeferred(self.build(f"bot-{number}")) for number in range(3)])
        for outcome in outcomes:
            lines = self.lines(outcome.logs)
            assert len([line for line in lines if line.startswith("requested")]) == 1
            assert set(re.findall(r"server ([0-9a-f-]{36})", outcome.logs)) == {outcome.properties["upcloud_uuid"]}
