"""A real Buildbot master, as a process of its own."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import anyio
import httpx
import pytest

if TYPE_CHECKING:
    from collections.abc import Sequence

STARTS_WITHIN = 120.0
_STOPS_WITHIN = 60.0
_LOOK_EVERY = 0.25

_CONFIG = """\
from buildbot.plugins import schedulers, steps, util, worker

def build(name, *command):
    factory = util.BuildFactory([steps.ShellCommand(command=list(command), timeout=60)])
    return util.BuilderConfig(name=name, workernames=["bot"], factory=factory)

builders = [
    build("hello", "sh", "-c", "echo hello from $(hostname); uname -sr"),
    build("metadata", "curl", "-sS", "--max-time", "20", "-w", "%{{http_code}}",
          "http://169.254.169.254/metadata/v1.json", "http://169.254.169.254/metadata/v1/user_data"),
]
c = BuildmasterConfig = {{
    "workers": [{worker}],
    "builders": builders,
    "schedulers": [schedulers.ForceScheduler(name="force", builderNames=[b.name for b in builders])],
    "protocols": {{"pb": {{"port": "tcp:{worker_port}:interface=127.0.0.1"}}}},
    "www": {{"port": "tcp:{web_port}:interface=127.0.0.1", "plugins": {{}}}},
    "buildbotURL": "http://127.0.0.1:{web_port}/",
    "collapseRequests": False,
    "buildbotNetUsageData": None,
    "db": {{"db_url": "sqlite:///state.sqlite"}},
}}
"""


@dataclass(frozen=True)
class Outcome:
    """A build that has ended."""

    results: list[int]
    """Of each attempt; 0 is success."""
    log: str


class Master:
    """A master in a folder; use as a context manager, and call `start`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.worker_port, self.web_port = _free_ports(2)
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    async def start(self, worker: str) -> None:
        """Configure it with this worker, an expression in a `master.cfg`, and wait until it runs."""
        buildbot = Path(sys.executable).with_name("buildbot")
        await anyio.run_process([str(buildbot), "create-master", "-r", str(self.folder)])
        config = _CONFIG.format(worker=worker, worker_port=self.worker_port, web_port=self.web_port)
        (self.folder / "master.cfg").write_text(config, encoding="utf-8")
        self._process = subprocess.Popen(  # noqa: ASYNC220 - it blocks for a moment, and `stop` is called without a loop
            [str(buildbot), "start", "--nodaemon", str(self.folder)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        await self._until(lambda: "BuildMaster is running" in self.log(), "the master runs", STARTS_WITHIN)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        """End it; SIGKILL is how one dies that nobody has stopped."""
        if self._process is None:
            return
        self._process.send_signal(number)
        try:
            self._process.wait(timeout=_STOPS_WITHIN)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            pytest.fail(f"the master has not ended within {_STOPS_WITHIN:g} s of {number.name}")
        finally:
            self._process = None

    def log(self) -> str:
        path = self.folder / "twistd.log"
        return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""

    async def force(self, builder: str) -> int:
        """Ask for a build; the number of the request."""
        call = {
            "jsonrpc": "2.0", "id": 1, "method": "force",
            "params": {"builderNames": [builder], "username": "", "reason": "test"},
        }  # fmt: skip
        async with httpx.AsyncClient(base_url=self._url) as http:
            answer = (await http.post("forceschedulers/force", json=call)).raise_for_status().json()
        return int(next(iter(answer["result"][1].values())))

    async def finished(self, request: int, *, timeout: float) -> Outcome:
        """What became of a request, once it is complete."""
        give_up = time.monotonic() + timeout
        while not (await self._get(f"buildrequests/{request}", "buildrequests"))[0]["complete"]:
            if time.monotonic() > give_up:
                pytest.fail(
                    f"the build has not ended within {timeout:g} s. The master's log ends:\n{self.log()[-3000:]}"
                )
            await anyio.sleep(_LOOK_EVERY)
        builds = await self._get(f"buildrequests/{request}/builds", "builds")
        lines: list[str] = []
        for build in builds:
            for step in await self._get(f"builds/{build['buildid']}/steps", "steps"):
                lines.append(step["state_string"])
                for log in await self._get(f"steps/{step['stepid']}/logs", "logs"):
                    chunks = await self._get(f"logs/{log['logid']}/contents", "logchunks")
                    lines.extend(chunk["content"] for chunk in chunks)
        return Outcome([build["results"] for build in builds], "\n".join(lines))

    async def workers(self) -> Sequence[dict[str, Any]]:
        return await self._get("workers", "workers")

    @property
    def _url(self) -> str:
        return f"http://127.0.0.1:{self.web_port}/api/v2/"

    async def _get(self, path: str, key: str) -> list[dict[str, Any]]:
        async with httpx.AsyncClient(base_url=self._url, timeout=30) as http:
            found: list[dict[str, Any]] = (await http.get(path)).raise_for_status().json()[key]
        return found

    async def _until(self, look: Any, what: str, timeout: float) -> None:  # noqa: ANN401 - a callable
        give_up = time.monotonic() + timeout
        while not look():
            assert self._process is not None
            if self._process.poll() is not None or time.monotonic() > give_up:
                pytest.fail(f"not within {timeout:g} s: {what}. Its log ends:\n{self.log()[-3000:]}")
            await anyio.sleep(_LOOK_EVERY)


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    try:
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()
