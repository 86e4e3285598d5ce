"""One of two masters that share a database and a router, as a separate process."""

from __future__ import annotations

import subprocess
import textwrap
from typing import TYPE_CHECKING, Any

from tests.buildbot.processes import MasterProcess, buildbot, eventually
from tests.multimaster.infrastructure import PATIENCE

if TYPE_CHECKING:
    from pathlib import Path

    from upcloud_sdk.simulator import Simulator
    from upcloud_sdk.simulator.records.records import Server

EXPIRE_SECONDS = 10.0
"""Seconds after which a silent master is marked inactive. Ten minutes in Buildbot."""

MORE_CONFIGURATION = """
    import buildbot.data.masters
    from upcloud_sdk.ci import ReapPace
    from upcloud_sdk.ci.account import cache

    cache._PRICE_WITHIN = 60  # On a busy machine, a price takes long, and is not asked for again for minutes.
    buildbot.data.masters.EXPIRE_MINUTES = {expire_seconds} / 60
    QuickWorker.reaps = ReapPace(again=1, every=1, retry=1)
    BuildmasterConfig.update({{
        "multiMaster": True,
        "www": {{**BuildmasterConfig["www"], "plugins": {{"upcloud": {{}}}}}},
        "mq": {{"type": "wamp", "router_url": {router!r}, "realm": "realm1"}},
        "db": {{"db_url": {database!r}}},
        "builders": [
            util.BuilderConfig(
                name="shared",
                workernames=list(WORKERS),
                factory=build,
                locks=[util.MasterLock("tool", maxCount=3).access("counting")] if {has_lock!r} else [],
            )
        ],
        "schedulers": [schedulers.ForceScheduler(name="force", builderNames=["shared"])] if {schedules!r} else [],
    }})
"""
# The heartbeat's step is hard-coded.
MORE_TAC = "\nm.masterHeartbeatService.step = 1.0\n"


class FellowMaster(MasterProcess):
    """A master with workers and a builder that the other master has too. Builds end when the file `gate` exists.

    With `has_lock`, its builder has a lock of this master's, for 3 builds.
    """

    def __init__(
        self,
        name: str,
        folder: Path,
        *,
        url: str,
        database: str,
        router: str,
        schedules: bool,
        count: int = 2,
        has_lock: bool = False,
    ) -> None:
        self.name = name
        self._more = {"database": database, "router": router, "schedules": schedules, "has_lock": has_lock}
        basedir = folder / name
        create = buildbot("create-master", "--relocatable", "--quiet", "--db", database, str(basedir))
        done = subprocess.run(create, check=False, capture_output=True, text=True, timeout=PATIENCE)
        assert done.returncode == 0, done.stdout + done.stderr
        with (basedir / "buildbot.tac").open("a") as tac:
            tac.write(MORE_TAC)
        self.gate = folder / "gate"
        wait = f"while [ ! -e {self.gate} ]; do sleep 0.2; done"
        workers: dict[str, dict[str, Any]] = {f"{name}-{number}": {} for number in range(1, count + 1)}
        super().__init__(basedir, url, workers, command=wait)

    def change(self, *, workers: dict[str, dict[str, Any]], command: str | None = None) -> None:
        super().change(workers=workers, command=command)
        more = textwrap.dedent(MORE_CONFIGURATION).format(expire_seconds=EXPIRE_SECONDS, **self._more)
        with (self.basedir / "master.cfg").open("a") as configuration:
            configuration.write(more)

    def start(self) -> None:
        super().start()
        eventually("a master that has found the router", lambda: "Wamp connection succeed!" in self.log, PATIENCE)

    def page(self) -> dict[str, Any]:
        """The current document of its page."""
        document: dict[str, Any] = self.get("../../plugins/upcloud/now.json")
        return document

    def servers(self, cloud: Simulator) -> list[Server]:
        """The servers of its workers, by title."""
        return [server for server in list(cloud.servers.values()) if f"buildbot-{self.name}-" in server.title]
