"""A master as a separate process, for tests of signals and of leftovers after its end."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import sys
import textwrap
import threading
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

if TYPE_CHECKING:
    from collections.abc import Callable

PATIENCE = 120.0
"""Seconds after which a wait fails."""
DOWN_WITHIN = 15.0
"""Seconds within which a master ends after SIGTERM, on an idle machine."""

_held: list[socket.socket] = []

CONFIGURATION = """
    from decimal import Decimal

    from upcloud_sdk.buildbot import Budget
    from buildbot.plugins import schedulers, steps, util
    from tests.buildbot.quick import QuickWorker

    BOOTSTRAP = '''#!/bin/sh
    set -e
    buildbot-worker create-worker worker @MASTER@:@PORT@ @NAME@ @PASSWORD@
    exec buildbot-worker start --nodaemon worker
    '''.replace("\\n    ", "\\n")
    COMMON = {{
        "api_username": "user",
        "api_password": "secret-password",
        "base_url": {url!r},
        "image": "Debian GNU/Linux 12 (Bookworm)",
        "bootstrap": BOOTSTRAP,
        "masterFQDN": "127.0.0.1",
        "build_wait_timeout": 0,
    }}
    WORKERS = {workers!r}
    build = util.BuildFactory([steps.ShellCommand(command={command!r})])
    BuildmasterConfig = {{
        "workers": [QuickWorker(name, **{{**COMMON, **options}}) for name, options in WORKERS.items()],
        "builders": [util.BuilderConfig(name=name, workernames=[name], factory=build) for name in WORKERS],
        "schedulers": [schedulers.ForceScheduler(name="force", builderNames=list(WORKERS))],
        "collapseRequests": False,
        "protocols": {{"pb": {{"port": "tcp:0:interface=127.0.0.1"}}}},
        "www": {{"port": "tcp:{port}:interface=127.0.0.1", "plugins": {{}}}},
        "buildbotURL": "http://127.0.0.1:{port}/",
        "buildbotNetUsageData": None,
        "db": {{"db_url": "sqlite:///state.sqlite"}},
    }}
"""


def buildbot(*arguments: str) -> list[str]:
    return [str(Path(sys.executable).with_name("buildbot")), *arguments]


def free_port() -> int:
    """A port of loopback that nobody listens on.

    It is held for as long as this process lives, so that no other process gets it meanwhile: by a socket that does not
    listen, beside which a server may that sets SO_REUSEADDR, as they all do.
    """
    probe = socket.socket()
    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    probe.bind(("127.0.0.1", 0))
    _held.append(probe)
    port: int = probe.getsockname()[1]
    return port


def eventually(what: str, look: Callable[[], Any], patience: float = PATIENCE, *, pause: float = 0.05) -> Any:  # noqa: ANN401 - what `look` finds
    """Wait until `look` returns a true value, and return it."""
    waiting = threading.Event()
    for _ in range(int(patience / pause)):
        found = look()
        if found:
            return found
        waiting.wait(pause)
    raise AssertionError(f"{what}: not within {patience:g} s")


@dataclass(frozen=True)
class Outcome:
    """The result of a request for a build."""

    results: list[int]
    """The result of each attempt: 0 is success, 4 an exception, 5 a retry."""
    log: str


class MasterProcess:
    """`buildbot start`, with workers of these names and options."""

    def __init__(
        self,
        basedir: Path,
        url: str,
        workers: dict[str, dict[str, Any]],
        *,
        command: str = "true",
        timeout: float = PATIENCE,
    ) -> None:
        self.basedir = basedir
        port = free_port()
        self._values: dict[str, Any] = {"url": url, "port": port}
        self.change(workers=workers, command=command)
        # Once in some thousand answers the master sends gzip without its header, or, where a connection is used again,
        # an answer without its body.
        plain = {"Accept-Encoding": "identity", "Connection": "close"}
        self._http = httpx.Client(base_url=f"http://127.0.0.1:{port}/api/v2/", headers=plain, timeout=timeout)
        self._process: subprocess.Popen[bytes] | None = None
        self._started = 0

    def change(self, *, workers: dict[str, dict[str, Any]], command: str | None = None) -> None:
        """Write master.cfg, with other workers or another build command."""
        self._values["workers"] = workers
        if command is not None:
            self._values["command"] = ["sh", "-c", command]
        (self.basedir / "master.cfg").write_text(self.configuration(**self._values), encoding="utf-8")

    def configuration(self, **values: Any) -> str:  # noqa: ANN401 - of all kinds
        """The text of master.cfg."""
        return textwrap.dedent(CONFIGURATION).format(**values)

    def reconfigure(self) -> None:
        """Let the master read its configuration again."""
        assert self._process is not None
        self._process.send_signal(signal.SIGHUP)

    @property
    def log(self) -> str:
        """The master's log since its last start."""
        path = self.basedir / "twistd.log"
        return path.read_text(errors="replace")[self._started :] if path.exists() else ""

    def start(self) -> None:
        self._started = 0
        self._started = len(self.log)
        with (self.basedir / "output").open("ab") as output:
            self._process = subprocess.Popen(
                buildbot("start", "--nodaemon", str(self.basedir)),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=Path(__file__).parents[2],
            )
        eventually("a master that runs", lambda: "BuildMaster is running" in self.log or not self.runs)
        assert self.runs, self.log

    @property
    def web(self) -> str:
        """The URL of its web interface."""
        return f"http://127.0.0.1:{self._values['port']}"

    @property
    def runs(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def force(self, builder: str) -> int:
        """Request a build. Returns the number of the request."""
        parameters = {"builderNames": [builder], "username": "", "reason": "test"}
        call = {"jsonrpc": "2.0", "id": 1, "method": "force", "params": parameters}
        answer = self._http.post("forceschedulers/force", json=call).raise_for_status().json()
        return int(next(iter(answer["result"][1].values())))

    def get(self, path: str) -> Any:  # noqa: ANN401 - any document
        try:
            answer = self._http.get(path)
        except httpx.RemoteProtocolError:
            # An answer without its body, which comes on a new connection too, though less often.
            answer = self._http.get(path)
        return answer.raise_for_status().json()

    def results(self, request: int) -> list[int] | None:
        """The results of the builds of a request once it is complete."""
        [found] = self.get(f"buildrequests/{request}")["buildrequests"]
        if not found["complete"]:
            return None
        return [build["results"] for build in self.get(f"buildrequests/{request}/builds")["builds"]]

    def outcome(self, request: int) -> Outcome:
        """The builds of a request so far, with all that their logs say."""
        builds = self.get(f"buildrequests/{request}/builds")["builds"]
        said: list[str] = []
        for build in builds:
            for step in self.get(f"builds/{build['buildid']}/steps")["steps"]:
                said.append(step["state_string"])
                for log in self.get(f"steps/{step['stepid']}/logs")["logs"]:
                    chunks = self.get(f"logs/{log['logid']}/contents")["logchunks"]
                    said.extend(chunk["content"] for chunk in chunks)
        return Outcome([build["results"] for build in builds if build["results"] is not None], "\n".join(said))

    def ask_to_stop(self) -> None:
        """Send SIGTERM."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)

    def terminate(self, within: float) -> None:
        """Send SIGTERM, and wait until the master is down.

        By its own log that takes this many seconds at most, and as many as its start, which is work alone: on a busy
        machine, all work takes long.
        """
        self.ask_to_stop()
        assert self._process is not None
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still up {PATIENCE:g} s after SIGTERM:\n{self.log[-4000:]}") from None
        if "BuildMaster is stopped" not in self.log:
            output = (self.basedir / "output").read_text()
            raise AssertionError(f"died with status {self._process.returncode}: {output[-4000:]}\n{self.log[-4000:]}")
        limit = within + self._seconds_between("Loading buildbot.tac", "BuildMaster is running")
        took = self._seconds_between("Initiating clean shutdown", "BuildMaster is stopped")
        since = self.log[self.log.index("Initiating clean shutdown") :]
        assert took <= limit, f"it took {took:g} s to stop, and {limit:g} s are allowed:\n{since}"

    def _seconds_between(self, first: str, second: str) -> float:
        """Between two lines of the log since it was started last; 0 if one of them is in an older file of it."""
        found = [next((line for line in self.log.splitlines() if text in line), None) for text in (first, second)]
        if None in found:
            return 0.0
        began, ended = (datetime.strptime(str(line)[:24], "%Y-%m-%d %H:%M:%S%z") for line in found)
        return (ended - began).total_seconds()

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def close(self) -> None:
        self.kill()
        self._http.close()


def make_basedir(template: Path, where: Path) -> Path:
    """A copy of what `buildbot create-master` makes, which takes seconds."""
    shutil.copytree(template, where)
    return where
