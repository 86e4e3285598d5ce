"""The log of a build that waits for its server."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest import mock

from twisted.internet import defer

from tests.buildbot._types import RETRY, SUCCESS
from tests.buildbot.harness import pause, until
from tests.buildbot.master.record_case import RecordCase
from upcloud_sdk.buildbot.servers.build_log import BuildLog
from upcloud_sdk.buildbot.servers.builds import cost_notice
from upcloud_sdk.ci import Phase, RecordedBuild, RecordedServer, ServerChange, sentence_of
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
        assert re.search(r"^its worker attached after \d+ s$", text, re.MULTILINE)

    def test_the_log_says_the_price(self) -> None:
        log = BuildLog.__new__(BuildLog)
        log.server = mock.Mock(currency="EUR", attached_at=None, is_abandoned=False)
        with mock.patch.object(log, "write") as write:
            log.hear(ServerChange(id="1", at=datetime.now(UTC), hourly=25_000))
        write.assert_called_once_with("it costs 0.0250 EUR an hour")

    async def test_a_log_says_what_the_build_cost_and_whose_hour_it_used(self) -> None:
        self.serve()
        await self.start_master(self.worker(build_wait_timeout=60))
        await self.build()
        while not (await self.history())[0].hourly:
            await pause(0.05)
        await self.build()
        texts: list[str] = []
        while not texts:
            await pause(0.05)
            texts = await self.texts_of(2, "cost")
        pattern = (
            r"This build cost 0\.\d{6} EUR, its part of server [0-9a-f-]{36} at \d\.\d{4} EUR an hour\. It began in the"
        )
        assert all(re.match(pattern, text) for text in texts), texts
        assert [text.partition("which began ")[2].strip() for text in texts] == ["for any #1."]

    async def texts_of(self, build: int, name: str) -> list[str]:
        """The finished logs of a build with this name."""
        return [
            (await self.master.data.get(("logs", log["logid"], "contents")))["content"]
            for step in await self.master.data.get(("builds", build, "steps"))
            for log in await self.master.data.get(("steps", step["stepid"], "logs"))
            if log["name"] == name and log["complete"]
        ]

    def test_an_hour_that_began_without_a_build_and_an_unknown_cost_are_said_so(self) -> None:
        began = datetime(2026, 12, 1, 10, 50, tzinfo=UTC)
        facts: dict[str, Any] = {"server": "1", "builder": "docs"}
        builds = (
            RecordedBuild(build="1", number=1, began=began, ended=began + timedelta(minutes=5), cost=2000, **facts),
            RecordedBuild(build="2", number=2, began=began + timedelta(minutes=65), cost=1000, **facts),
            RecordedBuild(build="3", number=3, began=began + timedelta(minutes=70), **facts),
        )
        server = RecordedServer(
            id="1", phase=Phase.IDLE, asked=began, created=began, seen=began, uuid="00f4", hourly=25_000,
            currency="EUR", builds=builds,
        )  # fmt: skip
        said = cost_notice(server, "2")
        assert said is not None
        assert said.endswith("from 11:50 to 12:50 UTC, which began while no build ran.")
        assert cost_notice(server, "3") is None
        assert cost_notice(server, "4") is None

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
