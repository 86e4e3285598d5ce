"""The shared services of a multi-master: a real PostgreSQL database and a real crossbar router."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tests.buildbot.processes import eventually, free_port

if TYPE_CHECKING:
    from collections.abc import Generator

CROSSBAR = Path(__file__).parents[2] / ".venv-crossbar" / "bin" / "crossbar"
PATIENCE = 180.0
"""Seconds after which a wait fails. The start of a router takes up to 40."""


@contextmanager
def postgresql(folder: Path) -> Generator[str]:
    """Run a database cluster in a new folder. Returns the URL of an empty database."""
    data = folder / "postgresql"
    data.mkdir()
    as_postgres: list[str] = []
    if os.geteuid() == 0:
        # It refuses to run as root.
        shutil.chown(data, "postgres")
        as_postgres = ["runuser", "-u", "postgres", "--"]
    initdb = "-A trust -U bb --no-sync -E UTF8 --locale=C"
    _run(*as_postgres, _binary("initdb"), "-D", str(data), *initdb.split())
    port = free_port()
    options = f"-p {port} -c listen_addresses= -c unix_socket_directories={data} -c fsync=off"
    control = [*as_postgres, _binary("pg_ctl"), "-D", str(data), "-w"]
    try:
        _run(*control, "-l", str(data / "log"), "-o", options, "start")
        yield f"postgresql+psycopg2://bb@/postgres?host={data}&port={port}"
    finally:
        subprocess.run([*control, "-m", "immediate", "stop"], check=False, capture_output=True, timeout=60)


@contextmanager
def crossbar(folder: Path) -> Generator[str]:
    """Run a router. Returns its URL."""
    port = free_port()
    node = folder / ".crossbar"
    node.mkdir()
    (node / "config.json").write_text(json.dumps(_node(port)))
    log = folder / "crossbar.log"
    with log.open("wb") as output:
        router = subprocess.Popen(
            [str(CROSSBAR), "start", "--cbdir", str(node)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        # A master that is started before its router never finds it.
        eventually("a router", lambda: b"NODE_BOOT_COMPLETE" in log.read_bytes() or router.poll() is not None, PATIENCE)
        assert router.poll() is None, log.read_text(errors="replace")
        yield f"ws://127.0.0.1:{port}/ws"
    finally:
        # Kill its worker processes too, which are in its session.
        os.killpg(router.pid, signal.SIGKILL)
        router.wait()


def processes_in(folder: Path) -> dict[int, str]:
    """The processes that run in this folder or have it in their command."""
    found: dict[int, str] = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            where = (process / "cwd").readlink()
        except OSError:
            continue  # it has ended meanwhile
        if str(folder) in command or where.is_relative_to(folder):
            found[int(process.name)] = command
    return found


def has_postgresql() -> bool:
    """Whether it is installed."""
    return bool(_binaries("initdb"))


def _binary(name: str) -> str:
    """The path of a PostgreSQL program."""
    return _binaries(name)[0]


def _binaries(name: str) -> list[str]:
    """On Debian they are not on PATH."""
    found = [shutil.which(name), *map(str, sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), reverse=True))]
    return [path for path in found if path is not None]


def _run(*command: str) -> None:
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=120, cwd="/")
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"


def _node(port: int) -> dict[str, object]:
    everything = {"call": True, "register": True, "publish": True, "subscribe": True}
    role = {"name": "anonymous", "permissions": [{"uri": "", "match": "prefix", "allow": everything}]}
    transport = {
        "type": "websocket",
        "endpoint": {"type": "tcp", "interface": "127.0.0.1", "port": port},
        "url": f"ws://127.0.0.1:{port}/ws",
        "auth": {"anonymous": {"type": "static", "role": "anonymous"}},
    }
    router = {"type": "router", "realms": [{"name": "realm1", "roles": [role]}], "transports": [transport]}
    return {"version": 2, "controller": {}, "workers": [router]}
