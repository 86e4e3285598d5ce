"""A master in a separate process, with both kinds of workers: ours, and the one that ships with Buildbot."""

from __future__ import annotations

import json
import subprocess
import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tests.buildbot.processes import PATIENCE, MasterProcess, buildbot, free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable
    from typing import Literal

    from upcloud_sdk.simulator import Simulator

OURS, SHIPPED = "ours", "shipped"
LOCAL = "local"
"""A worker without a server, to measure Buildbot's own overhead."""

CONFIGURATION = """\
from buildbot.plugins import schedulers, steps, util
from buildbot.worker.local import LocalWorker
from buildbot.worker.upcloud import UpcloudLatentWorker as Shipped
from tests.benchmarks.heartbeat import beat
from tests.benchmarks.master import LOCAL, OURS, {guest} as user_data
from upcloud_sdk.buildbot import UpcloudLatentWorker as Ours

WORKERS, PORT, FOLDER, URL = {workers!r}, {port}, {folder!r}, {url!r}
COMMON = {{
    "api_username": "user", "api_password": "secret", "image": "Debian GNU/Linux 11 (Bullseye)",
    "masterFQDN": "127.0.0.1", "build_wait_timeout": 0,
}}


def worker(name):
    if name == LOCAL:
        return LocalWorker(name)
    if name.startswith(OURS):
        bootstrap = user_data(FOLDER, "@MASTER@", "@PORT@", "@NAME@", "@PASSWORD@")
        return Ours(name, base_url=URL, bootstrap=bootstrap, **COMMON)
    document = user_data(FOLDER, "127.0.0.1", PORT, name, "password")
    return Shipped(name, "password", base_url=URL + "/1.3", hostconfig={{"user_data": document}}, **COMMON)


def work(name):
    return util.BuildFactory([steps.ShellCommand(command=["touch", f"{{FOLDER}}/{{name}}.step"])])


beat(FOLDER + "/beats")
BuildmasterConfig = {{
    "workers": [worker(name) for name in WORKERS],
    "builders": [util.BuilderConfig(name=name, workernames=[name], factory=work(name)) for name in WORKERS],
    "schedulers": [schedulers.ForceScheduler(name="force", builderNames=WORKERS)],
    "protocols": {{"pb": {{"port": f"tcp:{{PORT}}:interface=127.0.0.1"}}}},
    "www": {{"port": "tcp:{www}:interface=127.0.0.1", "plugins": {{"upcloud": {{}}}}}},
    "buildbotURL": "http://127.0.0.1:{www}/",
    "buildbotNetUsageData": None,
}}
"""


def script(folder: str, host: str, port: object, name: str, password: str) -> str:
    """A script that starts the worker of a guest. It creates a file when it is ready to connect to the master."""
    return f"""#!/bin/sh
cat > buildbot.tac <<END
from pathlib import Path
from buildbot_worker.bot import Worker
from twisted.application import service
application = service.Application('buildbot-worker')
Worker("{host}", {port}, "{name}", "{password}", ".", keepalive=60).setServiceParent(application)
Path("{folder}/{name}.ready").touch()
END
exec buildbot-worker start --nodaemon .
"""


def login(_folder: str, host: str, port: object, name: str, password: str) -> str:
    """The same for guests that share one process."""
    return json.dumps({"host": host, "port": str(port), "name": name, "passwd": password})


class Master(MasterProcess):
    """A master with both kinds of workers. Each worker has a builder with its name."""

    def __init__(self, folder: Path, url: str, workers: list[str], guest: Literal["script", "login"]) -> None:
        self.folder = folder
        self._names, self._guest = workers, guest
        basedir = folder / "master"
        subprocess.run(buildbot("create-master", "--quiet", str(basedir)), check=True, capture_output=True)
        super().__init__(basedir, url, {})

    def change(self, **_: object) -> None:
        """Write master.cfg."""
        text = CONFIGURATION.format(
            workers=self._names, guest=self._guest, folder=str(self.folder), port=free_port(),
            url=self._values["url"], www=self._values["port"],
        )  # fmt: skip
        (self.basedir / "master.cfg").write_text(text, encoding="utf-8")

    def when(self, name: str, what: Literal["ready", "step"], since: float) -> float:
        """Wait until this guest is ready, or the first step of its build begins. Returns that time."""
        file = self.folder / f"{name}.{what}"
        until(lambda: file.exists() and file.stat().st_mtime > since)
        return file.stat().st_mtime


def until(look: Callable[[], object]) -> float:
    """Wait until `look` returns true, and return that time."""
    pause, deadline = threading.Event(), time.monotonic() + PATIENCE
    while not look():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {PATIENCE:g} s")
        pause.wait(0.005)
    return time.time()


@contextmanager
def running(sim: Simulator, workers: Iterable[str], guest: Literal["script", "login"]) -> Generator[Master]:
    """A master with these workers on a simulator, during a block."""
    with sim, tempfile.TemporaryDirectory() as folder, sim.serve() as url:
        master = Master(Path(folder), url, list(workers), guest)
        try:
            master.start()
            yield master
        except BaseException as error:
            error.add_note(master.log[-4000:])
            raise
        finally:
            master.close()
