"""Each change of the configuration at each stage of a server: a table, a test for each cell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from twisted.internet import defer

from tests.buildbot._types import RETRY, SUCCESS
from tests.buildbot.harness import IMAGE, MasterCase, pause, until
from upcloud_sdk.buildbot import Budget
from upcloud_sdk.buildbot._buildbot.api import async_to_deferred
from upcloud_sdk.buildbot.servers.claims import Claims
from upcloud_sdk.simulator import never

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.buildbot.harness import Outcome
    from tests.buildbot.quick import QuickWorker
    from upcloud_sdk.simulator.records.records import Server

pytestmark = pytest.mark.full

CREATE, STOP, REBUILD = "POST /server", "POST /server/{uuid}/stop", "POST /server/{uuid}/rebuild"
BEFORE: dict[str, Any] = {
    "zone": "de-fra1",
    "hostconfig": {"plan": "1xCPU-1GB"},
    "image": IMAGE,
    "owner": "first",
    "max_servers": 3,
    "build_wait_timeout": 3600,
}
CHANGES: dict[str, dict[str, Any]] = {
    "nothing": {},
    "zone": {"zone": "fi-hel1"},
    "plan": {"hostconfig": {"plan": "2xCPU-4GB"}},
    "image": {"image": "Ubuntu Server 24.04 LTS (Noble Numbat)"},
    "budget": {"budget": Budget(per_hour=1)},
    "credentials": {"api_username": None, "api_password": None, "api_token": "ucat_new"},
    "owner": {"owner": "second"},
    "limits": {"max_servers": 1},
    "builders": {},
}
REPLACES = {"zone", "plan", "image", "credentials", "owner"}
"""The changes after which an idle server no longer serves."""
KNOWN_BY = {"zone": ("upcloud_zone", "fi-hel1"), "plan": ("upcloud_plan", "2xCPU-4GB")}
KNOWN_BY["image"] = ("upcloud_image", CHANGES["image"]["image"])


class Changes(MasterCase):
    """A build of the builder "bot" is at some stage. The workers, or the worker of the builder, change."""

    may_end: Path
    bot: QuickWorker

    def workers(self, **options: Any) -> list[QuickWorker]:  # noqa: ANN401 - the worker's
        return [self.worker(name, **{**BEFORE, **options}) for name in ("bot", "other")]

    async def start(self, **options: Any) -> None:  # noqa: ANN401 - the worker's
        self.options = options
        self.serve(username="user", password="secret-password", token="ucat_new")
        self.made: list[Server] = []
        boot = self.cloud.start_boot

        def note(server: Server) -> None:
            if server not in self.made:
                self.made.append(server)
            boot(server)

        self.patch(self.cloud, "start_boot", note)
        self.may_end = self.gate()
        workers = self.workers(**options)
        self.bot = workers[0]
        await self.start_master(*workers, steps=[until(self.may_end)])

    async def change(self, name: str) -> None:
        workers = self.workers(**self.options, **CHANGES[name])
        configuration = self.configuration(*workers, steps=[until(self.may_end)])
        if name == "builders":
            [builder] = [each for each in configuration["builders"] if each.name == "bot"]
            builder.workernames = ["other"]
        self.config.update(configuration)
        await self.master.reconfig()

    def begin(self) -> defer.Deferred[Outcome]:
        """Ask for a build."""
        self.building = defer.ensureDeferred(self.build("bot"))
        return self.building

    # --- stages: each returns what lets the build go on ---------------------------------------------------------------

    async def claiming(self, *, is_claimed: bool) -> Callable[[], object]:
        await self.start()
        reached, go_on = defer.Deferred[None](), defer.Deferred[None]()
        claim = Claims.claim

        async def held(claims: Claims, *args: Any) -> None:  # noqa: ANN401 - handed through
            if is_claimed:
                await claim(claims, *args)
            if not reached.called:
                reached.callback(None)
                await go_on
            if not is_claimed:
                await claim(claims, *args)

        self.patch(Claims, "claim", held)
        self.begin()
        await reached
        return lambda: go_on.callback(None)

    async def before_the_claim(self) -> Callable[[], object]:
        return await self.claiming(is_claimed=False)

    async def after_the_claim(self) -> Callable[[], object]:
        return await self.claiming(is_claimed=True)

    async def create_sent(self) -> Callable[[], object]:
        await self.start()
        self.cloud.fail(CREATE, delay=2, after_effect=True)
        self.begin()
        await self.starting_server()
        return self.may_end.touch

    async def boot(self) -> Callable[[], object]:
        await self.start()
        self.cloud.boot_next(never())
        self.begin()
        server = await self.starting_server()
        while not self.bot.knows_server:
            await pause()
        return lambda: self.let_start(server)

    async def attach(self) -> Callable[[], object]:
        await self.start()
        updates = self.master.data.updates
        write, reached, go_on = updates.workerConnected, defer.Deferred[None](), defer.Deferred[None]()

        @async_to_deferred
        async def held(**values: Any) -> None:  # noqa: ANN401 - handed through
            if not reached.called:
                reached.callback(None)
                await go_on
            await write(**values)

        self.patch(updates, "workerConnected", held)
        self.begin()
        await reached
        return lambda: go_on.callback(None)

    async def build_runs(self) -> Callable[[], object]:
        await self.start()
        self.begin()
        while not self.bot.is_building:
            await pause()
        return self.may_end.touch

    async def idle(self) -> Callable[[], object]:
        await self.start()
        self.may_end.touch()
        first = self.begin()
        while not (first.called and self.bot.is_idle):
            await pause()
        return self.may_end.touch

    async def switched_off(self, stop_seconds: float = 0.02) -> None:
        await self.start(fresh_disk=True)
        self.cloud.stop_seconds = stop_seconds
        self.may_end.touch()
        first = self.begin()
        while not first.called:
            await pause()

    async def parking(self) -> Callable[[], object]:
        await self.switched_off(stop_seconds=1)
        while self.cloud.count(STOP) == 0:
            await pause()
        return self.may_end.touch

    async def parked(self) -> Callable[[], object]:
        await self.switched_off()
        await self.server_in("stopped")
        return self.may_end.touch

    async def disk_renewed(self) -> Callable[[], object]:
        await self.parked()
        self.cloud.boot_next(never())
        self.begin()
        while self.cloud.count(REBUILD) == 0:
            await pause()
        server = await self.server_in("maintenance")
        return lambda: self.let_start(server)

    # --- a cell -------------------------------------------------------------------------------------------------------

    async def check(self, stage: str, change: str) -> None:
        go_on = await getattr(self, stage)()
        had_ended = self.building.called
        await self.change(change)
        go_on()
        self.may_end.touch()
        outcome = await self.building
        is_given_up = change == "builders" and not had_ended
        assert outcome.results == ([RETRY] if is_given_up else []) + [SUCCESS], outcome.logs
        following = await self.build("bot")
        assert following.results == [SUCCESS], following.logs
        while self.cloud.count(CREATE) < len(self.made):
            await pause()  # A request counts with its answer, which may be late.
        self.check_servers([outcome, following], change, is_given_up=is_given_up)

    def check_servers(self, outcomes: list[Outcome], change: str, *, is_given_up: bool) -> None:
        used = {outcome.properties["upcloud_uuid"] for outcome in outcomes}
        made = {server.uuid for server in self.made}
        assert self.cloud.count(CREATE) == len(made)
        assert used <= made
        assert len(made - used) <= is_given_up
        if change not in REPLACES and change != "builders":
            assert len(made) == 1
        following = outcomes[-1].properties
        [server] = [server for server in self.made if server.uuid == following["upcloud_uuid"]]
        assert following["workername"] == ("other" if change == "builders" else "bot")
        assert server.labels["upcloud_sdk_owner"] == ("second" if change == "owner" else "first")
        for name, (known_by, value) in KNOWN_BY.items():
            assert (following[known_by] == value) == (name == change)


STAGES = (
    "before_the_claim",
    "after_the_claim",
    "create_sent",
    "boot",
    "attach",
    "build_runs",
    "idle",
    "parking",
    "parked",
    "disk_renewed",
)


def cell(stage: str, change: str) -> Callable[[Changes], Any]:
    async def check(case: Changes) -> None:
        await case.check(stage, change)

    return check


for stage in STAGES:
    for change in CHANGES:
        setattr(Changes, f"test_{stage}_and_{change}_changes", cell(stage, change))
