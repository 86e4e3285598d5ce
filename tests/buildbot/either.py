"""A master with the worker that ships with Buildbot, or with ours. Only an import in its `master.cfg` differs."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tests.buildbot._types import SUCCESS
from tests.buildbot.processes import DOWN_WITHIN, MasterProcess, eventually, free_port, make_basedir
from upcloud_sdk.simulator import Simulator

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from upcloud_sdk.simulator.records.records import Server

SHIPPED = "from buildbot.worker.upcloud import UpcloudLatentWorker"
OURS = "from tests.buildbot.quick import QuickWorker as UpcloudLatentWorker"
CONFIGURATION = """\
from buildbot.plugins import schedulers, steps, util
{imported}


class Worker(UpcloudLatentWorker):
    quarantine_timeout = quarantine_initial_timeout = {quarantine}


ARGUMENTS = {{
    "password": "password",
    "api_username": "user",
    "api_password": "secret",
    "base_url": "{url}/1.3",
    "image": util.Property("image"),
    "hostconfig": {{"user_data": {user_data!r}}},
    "masterFQDN": "127.0.0.1",
    "build_wait_timeout": 0,
}}
IMAGES = {{"debian": "Debian GNU/Linux 11 (Bullseye)", "centos": "CentOS Stream 9"}}
work = util.BuildFactory([steps.ShellCommand(command={command!r})])
BuildmasterConfig = {{
    "workers": [Worker(name, **{{**ARGUMENTS, **options}}) for name, options in {workers!r}.items()],
    "builders": [
        util.BuilderConfig(name=name, workernames=["bot"], factory=work, properties={{"image": image}})
        for name, image in IMAGES.items()
    ],
    "schedulers": [schedulers.ForceScheduler(name="force", builderNames=list(IMAGES))],
    "collapseRequests": False,
    "protocols": {{"pb": {{"port": "tcp:{pb}:interface=127.0.0.1"}}}},
    "www": {{"port": "tcp:{port}:interface=127.0.0.1", "plugins": {{}}}},
    "buildbotURL": "http://127.0.0.1:{port}/",
    "buildbotNetUsageData": None,
    "db": {{"db_url": "sqlite:///state.sqlite"}},
}}
"""
USER_DATA = """#!/bin/sh
buildbot-worker create-worker worker 127.0.0.1:{pb} bot password && exec buildbot-worker start --nodaemon worker
"""
POLL = "GET /server/{uuid}"
"""The request that the shipped worker repeats while its server starts."""


class Account(Simulator):
    """An account that records the created passwords."""

    def __init__(self, **options: Any) -> None:  # noqa: ANN401 - the simulator's
        self._made: list[str] = []
        super().__init__(**options)

    def new_password(self, length: int) -> str:
        self._made.append(super().new_password(length))
        return self._made[-1]

    def passwords_in(self, text: str) -> list[str]:
        """The created passwords that this text contains."""
        return [each for each in self._made if each in text]


class Master(MasterProcess):
    """A master with one worker, and the account of its servers."""

    quarantine = 0.05
    """Seconds without builds for the worker after a failure."""

    def __init__(self, imported: str, cloud: Account, basedir: Path, url: str) -> None:
        self.cloud, self.url, self._imported, self.pb = cloud, url, imported, free_port()
        self.user_data = USER_DATA.format(pb=self.pb)
        self._gate = basedir / "gate"
        super().__init__(basedir, url, {})

    def configuration(self, **values: Any) -> str:  # noqa: ANN401 - of all kinds
        return CONFIGURATION.format(
            imported=self._imported, pb=self.pb, user_data=self.user_data, quarantine=self.quarantine, **values
        )

    def run(self, *, command: str = "true", **options: Any) -> None:  # noqa: ANN401 - the worker's
        """Start it, with these arguments for its worker."""
        self.change(workers={"bot": options}, command=command)
        self.start()

    def build(self, builder: str = "debian") -> list[int]:
        """The results of each attempt at a build, when it has ended."""
        return self.ended(self.force(builder))

    def ended(self, request: int) -> list[int]:
        """The results of each attempt at a build, when it has ended."""
        results: list[int] = eventually("a build to end", lambda: self.results(request))
        return results

    def tried(self, request: int, times: int = 1) -> list[int]:
        """Wait for this many attempts. Returns their results."""

        def look() -> list[int] | None:
            builds = self.get(f"buildrequests/{request}/builds")["builds"]
            ended = [build["results"] for build in builds if build["results"] is not None]
            return ended if len(ended) >= times else None

        results: list[int] = eventually("an attempt to end", look)
        return results

    def server(self, state: str) -> Server:
        """Wait for a server in this state, and return it."""
        found: list[Server] = eventually(
            f"a server that is {state}",
            lambda: [each for each in list(self.cloud.servers.values()) if each.state == state],
        )
        return found[0]

    def waits_for(self, text: str) -> None:
        """Wait for a line of the log."""
        eventually(text, lambda: text in self.log)

    def polls_on(self) -> None:
        """Wait until the worker has polled the server's state a few more times."""
        enough = self.cloud.count(POLL) + 3
        eventually("more polls", lambda: self.cloud.count(POLL) >= enough)

    def hangs_after_sigterm(self, *requests: int) -> None:
        """Stop the master, check that it waits for these builds, and kill it."""
        self.ask_to_stop()
        self.waits_for("Initiating clean shutdown")
        self.polls_on()
        assert [self.outcome(request).results for request in requests] == [[]] * len(requests)
        assert self.runs
        self.kill()

    def is_rid_of_servers(self) -> None:
        """Wait until the last build's server is deleted."""
        eventually("no servers", lambda: not self.cloud.servers)

    def has_a_warm_server(self) -> None:
        """The idle server after a build."""
        wait = f"(until rm {self._gate} 2> /dev/null; do sleep 0.1; done; poweroff) &\n"
        document = self.user_data.replace("buildbot-worker", wait + "buildbot-worker", 1)
        self.run(build_wait_timeout=3600, hostconfig={"user_data": document})
        assert self.build() == [SUCCESS]

    def warm_server_shuts_itself_down(self) -> str:
        """The uuid of the server of the last build."""
        self._gate.touch()
        return self.server("stopped").uuid

    def is_killed_while_it_builds(self) -> tuple[str, int]:
        """Kill the master. Returns the server that it leaves, and the request of its build."""
        self.run(command="sleep 100")
        request = self.force("debian")
        self.waits_for("Worker bot substantiated")
        self.kill()
        return self.server("started").uuid, request

    def leaves_nothing(self) -> None:
        """Stop the master, and check that it stops in time and leaves nothing in the account."""
        self.terminate(within=DOWN_WITHIN)
        assert self.cloud.servers == {}
        assert self.cloud.storages == {}


@contextmanager
def master(imported: str, template: Path, folder: Path) -> Generator[Master]:
    cloud = Account(guests="process", username="user", password="secret", boot_seconds=0.1, stop_seconds=0.1)
    with cloud, cloud.serve() as url:
        made = Master(imported, cloud, make_basedir(template, folder / "master"), url)
        try:
            yield made
        finally:
            made.close()
