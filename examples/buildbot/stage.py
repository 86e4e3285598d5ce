"""The processes of the demo: a simulated UpCloud, and a real Buildbot master."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import anyio
import anyio.to_thread

if TYPE_CHECKING:
    import httpx

REPOSITORY = Path(__file__).resolve().parents[2]
HOME = REPOSITORY / ".demo"
"""The folder for all files of a demo. Ignored by git."""
MASTER_CFG = Path(__file__).with_name("master.cfg")
GUEST_IMAGE = "debian-13+buildbot-worker"
"""The image of the machines, built by `make vm-image`."""
HOST_OF_GUESTS = "169.254.169.100"
"""The address where machines reach the allowed ports of this host."""
STARTS_WITHIN = 120.0
STOPS_WITHIN = 60.0


Guests = Literal["process", "vm"]


class StageError(Exception):
    """A process failed. The message has its name and the path of its log."""


@dataclass
class Stage:
    """The simulator and the master of one demo, in a new folder below `.demo/`."""

    folder: Path
    token: str = ""
    api_url: str = ""
    web_url: str = ""
    worker_port: int = 0
    master_cfg: Path = MASTER_CFG
    guests: Guests = "process"
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list[subprocess.Popen[bytes]])
    held: list[socket.socket] = field(default_factory=list[socket.socket])

    @property
    def page_url(self) -> str:
        """The page of the master's servers."""
        return f"{self.web_url}#/upcloud"

    @classmethod
    def new(cls) -> Stage:
        """A stage without processes."""
        HOME.mkdir(exist_ok=True)
        return cls(Path(tempfile.mkdtemp(prefix="run-", dir=HOME)))

    async def start_simulator(self, guests: Guests) -> None:
        """Start the simulator. Its servers run `user_data` as processes of this machine or in virtual machines."""
        self.guests = guests
        command = [sys.executable, "-m", "upcloud_sdk.simulator", "--guests", guests, "--port", "0"]
        if guests == "vm":
            self.worker_port = self._free_port()
            command += ["--guest-port", str(self.worker_port)]
        log = self._launch("simulator", command)
        lines = (await self._wait_for(log, "listening on ")).splitlines()
        self.token = next(line.removeprefix("token ") for line in lines if line.startswith("token "))
        self.api_url = next(line.removeprefix("listening on ") for line in lines if line.startswith("listening"))

    async def start_master(self) -> None:
        """Start a Buildbot master with this folder's `master.cfg` and the web interface."""
        buildbot = str(Path(sys.executable).with_name("buildbot"))
        basedir = self.folder / "master"
        created = await anyio.run_process([buildbot, "create-master", "-r", str(basedir)], check=False)
        if created.returncode != 0:
            raise StageError(f"buildbot create-master failed:\n{created.stderr.decode()}")
        shutil.copy(self.master_cfg, basedir / "master.cfg")
        port = self._free_port()
        self.web_url = f"http://127.0.0.1:{port}/"
        self._launch(
            "master",
            [buildbot, "start", "--nodaemon", str(basedir)],
            UPCLOUD_TOKEN=self.token,
            UPCLOUD_DEBUG_API_BASE_URL=self.api_url,
            BUILDBOT_PB_PORT=f"tcp:{self.worker_port}:interface=127.0.0.1",
            BUILDBOT_WEB_PORT=f"tcp:{port}:interface=127.0.0.1",
            BUILDBOT_URL=self.web_url,
            **self._guest_settings(),
        )
        await self._wait_for(basedir / "twistd.log", "BuildMaster is running")

    def _guest_settings(self) -> dict[str, str]:
        if self.guests == "vm":
            return {"BUILDBOT_MASTER_HOST": HOST_OF_GUESTS, "UPCLOUD_IMAGE": GUEST_IMAGE}
        return {"BUILDBOT_MASTER_HOST": "127.0.0.1"}

    async def stop(self, *, keep_folder: bool) -> None:
        """Stop the master, then the simulator. With `keep_folder`, the folder with their logs is kept."""
        for process in reversed(self.processes):
            process.terminate()
            with anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(_wait_or_kill, process)
        for probe in self.held:
            probe.close()
        if not keep_folder:
            shutil.rmtree(self.folder)

    def _free_port(self) -> int:
        """Reserve a free port. No other process gets it, but a server that sets SO_REUSEADDR can listen on it."""
        probe = socket.socket()
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", 0))
        self.held.append(probe)
        port: int = probe.getsockname()[1]
        return port

    def _launch(self, name: str, command: list[str], **environment: str) -> Path:
        log = self.folder / f"{name}.log"
        inherited = {key: value for key, value in os.environ.items() if not key.startswith("UPCLOUD_")}
        with log.open("wb") as output:
            # In separate sessions, so that Ctrl-C does not reach them: the demo stops them in order.
            process = subprocess.Popen(  # noqa: S603 - our own commands
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=REPOSITORY,
                env={**inherited, "PYTHONUNBUFFERED": "1", **environment},
                start_new_session=True,
            )
        self.processes.append(process)
        return log

    async def _wait_for(self, log: Path, sign: str) -> str:
        process = self.processes[-1]
        text = ""
        with anyio.move_on_after(STARTS_WITHIN):
            while sign not in text:
                if process.poll() is not None:
                    raise StageError(f"status {process.returncode}; the end of {log.name}:\n{text[-2000:]}")
                await anyio.sleep(0.05)
                text = await _read(log)
            return text
        raise StageError(f"not up within {STARTS_WITHIN:g} s: see {log}")


async def _read(log: Path) -> str:
    path = anyio.Path(log)
    return await path.read_text(errors="replace") if await path.exists() else ""


class Master:
    """The calls of the master's web API that the demo needs."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def force(self, builder: str) -> int:
        """Request a build. Returns the number of the request."""
        call = {
            "jsonrpc": "2.0",
            "id": 1,
            "method": "force",
            "params": {"builderNames": [builder], "username": "", "reason": "demo"},
        }
        answer = (await self._http.post("api/v2/forceschedulers/force", json=call)).raise_for_status().json()
        _, requests = answer["result"]
        return int(next(iter(requests.values())))

    async def finished(self, request: int) -> list[dict[str, object]]:
        """The builds of a request when it is complete. Before that, an empty list."""
        [found] = (await self._get(f"buildrequests/{request}"))["buildrequests"]
        if not found["complete"]:
            return []
        builds: list[dict[str, object]] = (await self._get(f"buildrequests/{request}/builds?property=*"))["builds"]
        return builds

    async def _get(self, path: str) -> dict[str, list[dict[str, object]]]:
        document: dict[str, list[dict[str, object]]] = (
            (await self._http.get(f"api/v2/{path}")).raise_for_status().json()
        )
        return document


def _wait_or_kill(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(STOPS_WITHIN)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
