"""A test case with a real master, a served simulator, and guests with real workers."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy.exc import OperationalError
from twisted.cred.error import UnauthorizedLogin
from twisted.internet import defer

from tests.buildbot._types import (
    BuilderConfig,
    BuildFactory,
    Connection,
    PBConnectionLost,
    RunMasterBase,
    ShellCommand,
    reactor,
)
from tests.buildbot.guests import LOGIN, Guests
from tests.buildbot.quick import QuickWorker
from upcloud_sdk.buildbot._buildbot.api import LatentWorkerCannotSubstantiate, LatentWorkerFailedToSubstantiate
from upcloud_sdk.buildbot.www import live
from upcloud_sdk.ci.account import cache
from upcloud_sdk.simulator import Simulator, after_polls
from upcloud_sdk.simulator.records.records import Step

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from upcloud_sdk.simulator.records.records import Server

IMAGE = "Debian GNU/Linux 12 (Bookworm)"


BUILDBOTS_OWN = {
    "initLock": "/buildbot/worker/protocols/manager/",
    "data": "/buildbot/process/builder.py",
    "nextWorker": "/buildbot/process/buildrequestdistributor.py",
}
"""Attributes that Buildbot reads of None, and where."""


@dataclass
class Outcome:
    """The result of a request: its builds, the properties of the last one, and the text of their logs."""

    results: list[int]
    properties: dict[str, Any]
    logs: str


def pause(seconds: float = 0.01) -> defer.Deferred[None]:
    """Let the reactor run."""
    done: defer.Deferred[None] = defer.Deferred()
    reactor.callLater(seconds, done.callback, None)
    return done


def until(gate: Path) -> ShellCommand:
    """A step that runs until this file is there, or the test is over: its guest may not be able to end it."""
    return ShellCommand(command=["sh", "-c", f"until [ -e {gate} ] || [ ! -d {gate.parent} ]; do sleep 0.1; done"])


class MasterCase(RunMasterBase):
    """Base class of tests with a real master."""

    pytestmark = pytest.mark.master
    timeout: float = 240
    """Seconds after which a hanging test fails and shows where: far more than any test needs."""

    def setUp(self) -> None:
        super().setUp()
        self.guests = Guests()
        # After which a price is as if nobody knew it: on a busy machine, the simulator may take longer.
        self.patch(cache, "_PRICE_WITHIN", self.timeout)
        # The same of a list for the page.
        self.patch(live, "ANSWERS_WITHIN", self.timeout)

    def serve(self, **options: Any) -> Simulator:  # noqa: ANN401 - the simulator's
        """The simulator behind a URL.

        Its servers start once they have been looked at: never before the answer of their create is there, however slow
        this machine is. One that nobody looks at wants `boot_seconds`.
        """
        boot = {} if "boot_seconds" in options else {"boot": after_polls(3)}
        options = {**boot, **options}
        self.cloud = Simulator(stop_seconds=0.02, guests=self.guests, **options)
        served = self.cloud.serve()
        self.url = served.__enter__()
        self.addCleanup(served.__exit__, None, None, None)
        return self.cloud

    def worker(self, name: str = "bot", **options: Any) -> QuickWorker:  # noqa: ANN401 - the worker's
        """A worker on the simulator that creates a new server for each build."""
        defaults: dict[str, Any] = {
            "api_username": "user",
            "api_password": "secret-password",
            "base_url": self.url,
            "image": IMAGE,
            "masterFQDN": "127.0.0.1",
            "bootstrap": LOGIN,
            "build_wait_timeout": 0,
        }
        return QuickWorker(name, **{**defaults, **options})

    async def start_master(self, *workers: QuickWorker, steps: Sequence[object] = ()) -> None:
        """A master with these workers, a builder "any" for all of them, and one builder per worker."""
        self.config = self.configuration(*workers, steps=steps)
        await self.setup_master(self.config, startWorker=False)
        self.addCleanup(self._leave_nothing)

    async def _leave_nothing(self) -> None:
        """Check after each test that no server and no disk is left when the master has stopped."""
        await self.tested_master.shutdown()
        self.guests.close()
        while any(isinstance(reader, Connection) for reader in reactor.getReaders()):
            await pause()
        # Buildbot logs each failed substantiation, and Twisted each login that is refused or in the midst of which the
        # guest hangs up, since its server is gone; any other logged error fails the test.
        self.flushLoggedErrors(LatentWorkerCannotSubstantiate, LatentWorkerFailedToSubstantiate)
        self.flushLoggedErrors(UnauthorizedLogin, PBConnectionLost)
        # Buildbot's own, where a guest calls while the master closes its port, and where a builder is removed whose
        # builds it wants to start.
        for failure in self.flushLoggedErrors(AttributeError):
            place = failure.frames[-1][1]
            known = [name for name in BUILDBOTS_OWN if f"has no attribute '{name}'" in str(failure)]
            assert any(BUILDBOTS_OWN[name] in place for name in known), failure
        # Also Buildbot's own: it compresses the log of an ended step, and the master has stopped meanwhile.
        assert all("no such table: logchunks" in str(each) for each in self.flushLoggedErrors(OperationalError))
        assert self.cloud.servers == {}
        assert self.cloud.storages == {}

    def configuration(self, *workers: QuickWorker, steps: Sequence[object] = ()) -> dict[str, Any]:
        names = [worker.name for worker in workers]
        work = BuildFactory(list(steps) or [ShellCommand(command=["true"])])
        builders = [BuilderConfig(name=name, workernames=[name], factory=work) for name in names]
        return {
            "builders": [*builders, BuilderConfig(name="any", workernames=names, factory=work)],
            "collapseRequests": False,
            # So that a master without schedulers is taken as it is.
            "multiMaster": True,
            "protocols": {"pb": {"port": "tcp:0:interface=127.0.0.1"}},
            "workers": list(workers),
        }

    async def build(self, builder: str = "any", **properties: object) -> Outcome:
        """Request a build, and wait for it and for its retries."""
        data = self.master.data
        builderid = await data.updates.findBuilderId(builder)
        source = {"codebase": "", "repository": "", "branch": None, "revision": None, "project": ""}
        buildset, requests = await data.updates.addBuildset(
            waited_for=False,
            builderids=[builderid],
            sourcestamps=[source],
            properties={name: (value, "test") for name, value in properties.items()},
        )
        done: defer.Deferred[None] = defer.Deferred()

        def finished(_key: object, _message: object) -> None:
            done.callback(None)

        consumer = await self.master.mq.startConsuming(finished, ("buildsets", str(buildset), "complete"))
        await done
        consumer.stopConsuming()
        return await self._result_of(next(iter(requests.values())))

    async def cancel(self, build: int) -> None:
        """Press the button with this name on the page of a build. Builds are counted from 1."""
        await self.master.data.control("stop", {"reason": "a user said so"}, ("builds", str(build)))

    async def server_in(self, state: str) -> Server:
        """The first server that is seen in this state, with all that comes of it: its guest was started, or was not."""
        return await self._server(lambda server: server.state == state)

    async def starting_server(self) -> Server:
        """The first server that is seen while it is created: one that stops is in maintenance, too."""
        return await self._server(lambda server: server.being_created)

    async def _server(self, is_meant: Callable[[Server], bool]) -> Server:
        while True:
            with self.cloud.lock:
                for server in self.cloud.servers.values():
                    if is_meant(server):
                        return server
            await pause()

    def let_start(self, server: Server) -> None:
        """Start a server that would stay in maintenance: `boot_next(never())` holds it for as long as a test wants."""
        with self.cloud.lock:
            self.cloud.schedule(server, Step("started", self.cloud.clock.now()))

    def gate(self) -> Path:
        """The path of a file that does not exist yet, for `until`."""
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        return Path(folder.name) / "may-end"

    async def _result_of(self, request: int) -> Outcome:
        data = self.master.data
        builds = sorted(await data.get(("buildrequests", request, "builds")), key=lambda build: build["buildid"])
        logs: list[str] = []
        for build in builds:
            for step in await data.get(("builds", build["buildid"], "steps")):
                logs.append(step["state_string"])
                # Builds do not wait for the log of their server.
                while not all(log["complete"] for log in await data.get(("steps", step["stepid"], "logs"))):
                    await pause()
                contents = [
                    ("logs", log["logid"], "contents") for log in await data.get(("steps", step["stepid"], "logs"))
                ]
                logs.extend([(await data.get(path))["content"] for path in contents])
        # A request that was cancelled before it was taken has none.
        properties: dict[str, Any] = {}
        if builds:
            properties = await data.get(("builds", builds[-1]["buildid"], "properties"))
        return Outcome(
            [build["results"] for build in builds],
            {name: value for name, (value, _) in properties.items()},
            "\n".join(logs),
        )
