"""After SIGTERM the master ends within seconds, in any state of its workers and of the API."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from tests.buildbot.processes import DOWN_WITHIN, eventually
from upcloud_sdk.simulator import Simulator, after_seconds, never
from upcloud_sdk.simulator.records.records import Step

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.buildbot.processes import MasterProcess
    from upcloud_sdk.simulator.records.progress import Progress
    from upcloud_sdk.simulator.records.records import Server

pytestmark = pytest.mark.full

HURRIED: dict[str, Any] = {"shutdown_timeout": 3}
PHASES = ("idle", "creating", "booting", "attaching", "building", "destroying")


def boot_by_name(server: Server) -> Progress:
    return never() if "booting" in server.title else after_seconds(0.2)


def keep_from_stopping(cloud: Simulator, worker: str) -> None:
    """Make the first server of this worker refuse to stop, from its create on."""
    boot = cloud.boot
    stuck: list[str] = []

    def note(server: Server) -> Progress:
        if f"-{worker}-" in server.title and not stuck:
            stuck.append(server.uuid)
            cloud.fail(f"POST /server/{server.uuid}/stop", status=503, times=None)
        return boot(server) if callable(boot) else boot

    cloud.boot = note


def server_of(cloud: Simulator, worker: str) -> Server | None:
    return next((server for server in list(cloud.servers.values()) if f"-{worker}-" in server.title), None)


def in_state(cloud: Simulator, worker: str, state: str) -> Server:
    def look() -> Server | None:
        server = server_of(cloud, worker)
        return server if server is not None and server.state == state else None

    found: Server = eventually(f"the server of {worker} in state {state}", look)
    return found


def test_sigterm_in_every_phase_at_once(master_process: Callable[..., MasterProcess]) -> None:
    """There is one worker in each phase. Two servers cannot be destroyed, and the log names them."""
    cloud = Simulator(boot=boot_by_name, stop_seconds=0.1, guests="process")
    keep_from_stopping(cloud, "destroying")
    with cloud.serve() as url:
        quiet = {**HURRIED, "hostconfig": {"user_data": "sleep 100"}, "bootstrap": None}
        workers: dict[str, dict[str, Any]] = dict.fromkeys(PHASES, HURRIED)
        workers["attaching"] = quiet
        workers["destroying"] = {**quiet, "attach_timeout": 0.2}
        master = master_process(url, workers, command="sleep 100")
        master.start()
        for name in ("booting", "attaching", "building", "destroying"):
            master.force(name)
        stuck = [in_state(cloud, "booting", "maintenance"), in_state(cloud, "destroying", "started")]
        in_state(cloud, "attaching", "started")
        eventually("a build that runs", lambda: "Worker building substantiated" in master.log)
        eventually("a server that is being destroyed", lambda: cloud.count(f"POST /server/{stuck[1].uuid}/stop"))
        cloud.fail("POST /server", timeout=True)
        master.force("creating")
        eventually(
            "a create without an answer", lambda: not any(fault.timeout and fault.times for fault in cloud.faults)
        )

        master.terminate(within=DOWN_WITHIN)

        assert {server.uuid for server in cloud.servers.values()} == {server.uuid for server in stuck}
        for server in stuck:
            assert f"server {server.uuid}" in master.log
            assert "may still be running and cost money" in master.log


def test_sigterm_while_the_api_does_not_answer(master_process: Callable[..., MasterProcess]) -> None:
    cloud = Simulator(boot_seconds=0.2, stop_seconds=0.1, guests="process")
    with cloud.serve() as url:
        master = master_process(url, {"bot": HURRIED}, command="sleep 100")
        master.start()
        master.force("bot")
        eventually("a build that runs", lambda: "Worker bot substantiated" in master.log)
        cloud.fail("*", timeout=True, times=None)
        master.terminate(within=DOWN_WITHIN)
        [server] = cloud.servers.values()
        assert f"server {server.uuid} may still be running and cost money" in master.log


def test_sigterm_while_nothing_is_up(master_process: Callable[..., MasterProcess]) -> None:
    with Simulator().serve() as url:
        master = master_process(url, {"bot": {}})
        master.start()
        master.terminate(within=DOWN_WITHIN)
        assert "Traceback" not in master.log


def test_a_master_that_is_killed_leaves_nothing_for_good_and_its_builds_run_after_its_restart(
    master_process: Callable[..., MasterProcess],
) -> None:
    """There is one worker in each phase when the master is killed."""
    cloud = Simulator(boot=boot_by_name, stop_seconds=0.1, guests="process")
    keep_from_stopping(cloud, "destroying")
    with cloud.serve() as url:
        quiet = {"hostconfig": {"user_data": "sleep 100"}, "bootstrap": None}
        workers: dict[str, dict[str, Any]] = {name: {} for name in PHASES if name != "idle"}
        workers["attaching"] = quiet
        workers["destroying"] = {**quiet, "attach_timeout": 0.2}
        master = master_process(url, workers, command="test -e done || sleep 100")
        master.start()
        requests = [master.force(name) for name in ("booting", "attaching", "building", "destroying")]
        destroyed = in_state(cloud, "destroying", "started").uuid
        booting = in_state(cloud, "booting", "maintenance")
        in_state(cloud, "attaching", "started")
        eventually("a build that runs", lambda: "Worker building substantiated" in master.log)
        eventually("a server that is being destroyed", lambda: cloud.count(f"POST /server/{destroyed}/stop"))
        cloud.fail("POST /server", drop=True, after_effect=True)
        requests.append(master.force("creating"))
        eventually("a create whose answer is lost", lambda: server_of(cloud, "creating"))
        master.kill()

        left = set(cloud.servers)
        assert len(left) == 5
        cloud.faults.clear()
        cloud.boot = after_seconds(0.2)
        with cloud.lock:
            cloud.schedule(booting, Step("started", cloud.clock.now()))
        master.change(workers={name: {} for name in workers}, command="true")
        master.start()
        for request in requests:
            results = eventually("a build to end", partial(master.results, request))
            assert results[-1] == 0
        eventually("what the killed master left to be gone", lambda: not left & set(cloud.servers))
        eventually("its own servers to be gone", lambda: not cloud.servers)
        master.terminate(within=DOWN_WITHIN)
        assert cloud.storages == {}


SLOW_GUEST = """#!/bin/sh
while [ ! -e {gate} ]; do sleep 0.1; done
buildbot-worker create-worker worker @MASTER@:@PORT@ @NAME@ @PASSWORD@
exec buildbot-worker start --nodaemon worker
"""


def boot_in_ten_seconds(server: Server) -> Progress:
    return after_seconds(10 if "booting" in server.title else 0.2)


def has_read(master: MasterProcess, times: int) -> bool:
    return master.log.count("configuration update complete") == times


def test_sighup_in_every_phase_loses_no_build_and_no_server(
    master_process: Callable[..., MasterProcess], tmp_path: Path
) -> None:
    """There is one worker in each phase when all of them are reconfigured."""
    cloud = Simulator(boot=boot_in_ten_seconds, stop_seconds=0.1, guests="process")
    gates = {name: tmp_path / name for name in ("attaching", "building", "destroying")}
    gated = " ".join(f"*/{name}/*) while [ ! -e {gate} ]; do sleep 0.1; done;;" for name, gate in gates.items())
    with cloud.serve() as url:
        workers: dict[str, dict[str, Any]] = {name: {} for name in PHASES}
        workers["idle"] = {"build_wait_timeout": 3600}
        workers["attaching"] = {"bootstrap": SLOW_GUEST.format(gate=gates["attaching"])}
        master = master_process(url, workers, command=f"case $PWD in {gated} esac")
        master.start()
        requests = {name: master.force(name) for name in ("idle", "attaching", "building", "destroying")}
        eventually("an idle worker", partial(master.results, requests["idle"]))
        idle, destroyed = (in_state(cloud, name, "started").uuid for name in ("idle", "destroying"))
        in_state(cloud, "attaching", "started")
        eventually("a build that runs", lambda: "Worker building substantiated" in master.log)
        cloud.fail(f"POST /server/{destroyed}/stop", status=503, times=None)
        gates["destroying"].touch()
        eventually("a server that is being destroyed", lambda: cloud.count(f"POST /server/{destroyed}/stop"))
        requests["booting"] = master.force("booting")
        in_state(cloud, "booting", "maintenance")
        cloud.fail("POST /server", delay=5)
        requests["creating"] = master.force("creating")
        eventually("a create under way", lambda: not any(fault.delay and fault.times for fault in cloud.faults))

        master.change(workers={name: {**given, "hostconfig": {"plan": "2xCPU-4GB"}} for name, given in workers.items()})
        master.reconfigure()
        eventually("the configuration to be read", partial(has_read, master, 1))
        cloud.faults.clear()
        for gate in gates.values():
            gate.touch()
        for name, request in requests.items():
            assert eventually(f"the build of {name} to end", partial(master.results, request)) == [0]
        eventually("the idle server to be replaced", lambda: idle not in cloud.servers)
        assert cloud.count("POST /server") == len(PHASES)
        master.terminate(within=DOWN_WITHIN)
    assert cloud.servers == {}
    assert cloud.storages == {}
