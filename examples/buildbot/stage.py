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
"""Where all that a demo writes is; git ignores it."""
MASTER_CFG = Path(__file__).with_name("master.cfg")
GUEST_IMAGE = "debian-13+buildbot-worker"
"""What real machines start from, as `make vm-image` builds it."""
HOST_OF_GUESTS = "169.254.169.100"
"""Where they find the ports of this machine that they may use."""
STARTS_WITHIN = 120.0
STOPS_WITHIN = 60.0


Guests = Literal["process", "vm"]


class StageError(Exception):
    """A process did not do what it should; the message says which, and where its log is."""


@dataclass
class Stage:
    """The simulator and the master, in a folder of their own below `.demo/`."""

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
        """A stage with nothing on it."""
        HOME.mkdir(exist_ok=True)
        return cls(Path(tempfile.mkdtemp(prefix="run-", dir=HOME)))

    async def start_simulator(self, guests: Guests) -> None:
        """Simulated servers, which run their `user_data` as processes of this machine, or in a Debian of their own."""
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
        """A Buildbot master with this `master.cfg` and its web pages."""
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
        """End the master, then the simulator. The folder with their logs is kept if asked for."""
        for process in reversed(self.processes):
            process.terminate()
            with anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(_wait_or_kill, process)
        for probe in self.held:
            probe.close()
        if not keep_folder:
            shutil.rmtree(self.folder)

    def _free_port(self) -> int:
        """A port that no other process gets meanwhile; a server that sets SO_REUSEADDR may listen there."""
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
            # In sessions of their own: a Ctrl-C here is answered by stopping them in order.
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
                    raise StageError(f"{log.name} says why it ended with status {process.returncode}:\n{text[-2000:]}")
                await anyio.sleep(0.05)
                text = await _read(log)
            return text
        raise StageError(f"not up within {STARTS_WITHIN:g} s: see {log}")


async def _read(log: Path) -> str:
    path = anyio.Path(log)
    return await path.read_text(errors="replace") if await path.exists() else ""


class Master:
    """The master's web API, as far as the demo needs it."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def force(self, builder: str) -> int:
        """Ask for a build; the number of the request."""
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
        """The builds of a request once it is complete, else none."""
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
