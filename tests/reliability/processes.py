"""Runs the script in processes that call a simulator over HTTP."""

from __future__ import annotations

import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.moved_time import OffsetClock
from tests.reliability.lives import EverMade
from upcloud_sdk.simulator import Simulator

if TYPE_CHECKING:
    from collections.abc import Generator

PATIENCE = 120.0
"""Real seconds after which a process counts as hanging."""
HELD = 600.0
"""Seconds of the API's clock for which an answer is held unless the test releases it."""


@dataclass
class Served:
    """A simulator over HTTP."""

    sim: Simulator
    made: EverMade
    url: str
    clock: OffsetClock

    @classmethod
    @contextmanager
    def open(cls) -> Generator[Served]:
        clock = OffsetClock()
        sim = Simulator(boot_seconds=0.1, stop_seconds=0.1, clock=clock)
        sim.servers = made = EverMade()
        with sim.serve() as url:
            yield cls(sim, made, url, clock)

    def script(self, backend: str, what: str, *more: str) -> subprocess.Popen[str]:
        """Start a process of the script."""
        command = [sys.executable, "-m", "tests.reliability.script", self.url, backend, what, *more]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def hold(self, number: int, **fault: Any) -> None:  # noqa: ANN401 - Simulator.fail's own
        """Hold the answer to the request of this number, counted from 0."""
        self.sim.fail("*", skip=number, **fault)

    def wait_until_held(self, process: subprocess.Popen[str]) -> bool:
        """Wait for the held request. Returns False if the process ended without it."""
        ends = time.monotonic() + PATIENCE
        while any(fault.times for fault in self.sim.faults):
            if process.poll() is not None:
                return False
            assert time.monotonic() < ends
            time.sleep(0.002)  # noqa: TID251 - another process is waited for, in real time
        time.sleep(0.02)  # noqa: TID251 - its effect is in the same breath
        return True

    def release(self) -> None:
        """Send the held answers: move the clock by `HELD` seconds."""
        self.clock.push(HELD)

    def check_empty(self) -> None:
        """Check that nothing is left, and that no create made two servers."""
        assert dict(self.sim.servers) == {}
        assert self.sim.storages == {}
        assert all(count == 1 for count in self.made.attempts.values())


def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    """Wait for a process. Returns its exit code and output."""
    out, err = process.communicate(timeout=PATIENCE)
    return process.returncode, out, err


def requests_of_a_life() -> int:
    """The number of requests of the script without faults, including polls."""
    with Served.open() as served:
        code, out, err = ended(served.script("asyncio", "live"))
        assert code == 0, err
        assert out.endswith("done\n")
        served.check_empty()
        return len(served.sim.requests)
