"""The worker that ships with Buildbot runs one build on the simulator, with a real master, guest and worker."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.buildbot.processes import free_port
from tests.simulator.patience import PATIENCE, eventually
from tests.skips import WINDOWS
from upcloud_sdk.simulator import Simulator

if TYPE_CHECKING:
    from collections.abc import Generator

pytestmark = [pytest.mark.full, pytest.mark.skipif(os.name != "posix", reason=WINDOWS)]

BUILDBOT = str(Path(sys.executable).with_name("buildbot"))
USER_DATA = """#!/bin/sh
buildbot-worker create-worker worker 127.0.0.1:{port} bot password && exec buildbot-worker start --nodaemon worker
"""
MASTER_CFG = """
from buildbot.plugins import schedulers, steps, util
from buildbot.worker.upcloud import UpcloudLatentWorker

work = util.BuildFactory([steps.ShellCommand(command=["touch", {built!r}])])
c = BuildmasterConfig = {{
    "buildbotNetUsageData": None,
    "protocols": {{"pb": {{"port": "tcp:{port}:interface=127.0.0.1"}}}},
    "builders": [util.BuilderConfig(name="b", workernames=["bot"], factory=work)],
    "schedulers": [schedulers.Periodic(name="once", builderNames=["b"], periodicBuildTimer=3600)],
    "workers": [
        UpcloudLatentWorker(
            "bot", "password", api_username="user", api_password="secret", base_url={url!r} + "/1.3",
            image="Debian GNU/Linux 11 (Bullseye)", hostconfig={{"user_data": {user_data!r}}},
            masterFQDN="127.0.0.1", build_wait_timeout=0,
        )
    ],
}}
"""


@contextmanager
def master(folder: Path) -> Generator[None]:
    """A running master, with its configuration in the folder."""
    command = [BUILDBOT, "start", "--nodaemon", "."]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            yield
        except BaseException as error:
            error.add_note((folder / "twistd.log").read_text(encoding="utf-8")[-4000:])
            raise
        finally:
            process.terminate()
            try:
                process.wait(timeout=PATIENCE)
            finally:
                process.kill()


def test_the_worker_that_ships_with_buildbot_runs_one_build(tmp_path: Path) -> None:
    built, port = tmp_path / "built", free_port()
    folder = tmp_path / "master"
    with (
        Simulator(
            guests="process",
            username="user",
            password="secret",
            boot_seconds=0.1,
            stop_seconds=0.1,
        ) as sim,
        sim.serve() as url,
    ):
        subprocess.run(
            [BUILDBOT, "create-master", "--quiet", str(folder)], check=True, capture_output=True, timeout=PATIENCE
        )
        user_data = USER_DATA.format(port=port)
        config = MASTER_CFG.format(built=str(built), port=port, url=url, user_data=user_data)
        (folder / "master.cfg").write_text(config, encoding="utf-8")
        with master(folder):
            eventually(built.exists)
            eventually(lambda: sim.count("DELETE /server/*") == 1)
        assert sim.count("POST /server") == 1
        assert (sim.servers, sim.storages) == ({}, {})
