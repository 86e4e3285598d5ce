"""A real Ctrl-C to a real process: when the process has ended, its server is gone."""

from __future__ import annotations

import signal
import sys
from typing import TYPE_CHECKING

import pytest

from tests.reliability.processes import HELD, Served, ended, requests_of_a_life
from upcloud_sdk.models.ownership import LEASE

if TYPE_CHECKING:
    import subprocess

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="wants a signal to one process: `make sigkill` sends it on Linux and macOS"
)

both_backends = pytest.mark.parametrize("backend", ["asyncio", "trio"])

CREATE = 1


def check_interrupted(code: int, out: str, err: str) -> None:
    """Check that Ctrl-C ended the script, and no other error."""
    assert code == -signal.SIGINT, err
    assert err.rstrip().endswith("KeyboardInterrupt")
    assert "done" not in out


def interrupted_at(backend: str, number: int) -> None:
    """Send Ctrl-C while the script waits for the answer to a request."""
    with Served.open() as served:
        served.hold(number, delay=HELD)
        process = served.script(backend, "live")
        if served.wait_until_held(process):
            process.send_signal(signal.SIGINT)
            served.release()
            check_interrupted(*ended(process))
        else:
            ended(process)
        served.check_empty()


@both_backends
def test_ctrl_c_during_a_create_leaves_nothing(backend: str) -> None:
    interrupted_at(backend, CREATE)


@pytest.mark.full
@both_backends
def test_ctrl_c_during_any_request_leaves_nothing(backend: str) -> None:
    for number in range(requests_of_a_life()):
        interrupted_at(backend, number)


@both_backends
def test_ctrl_c_in_the_block_and_again_during_the_cleanup_leaves_nothing(backend: str) -> None:
    """At the second Ctrl-C asyncio ends its event loop and cancels all tasks."""
    with Served.open() as served:
        served.sim.fail("POST /server/*/stop", delay=HELD)
        process = served.script(backend, "live", "0", "30")
        assert process.stdout is not None
        assert process.stdout.readline().startswith("inside")
        process.send_signal(signal.SIGINT)
        assert served.wait_until_held(process)
        process.send_signal(signal.SIGINT)
        served.release()
        check_interrupted(*ended(process))
        served.check_empty()


def interrupted_inside(backend: str, number: int) -> bool:
    """Send Ctrl-C during the client's own work, not during a wait. Returns False if the script ended before."""
    with Served.open() as served:
        code, out, err = ended(served.script(backend, "live", str(number)))
        served.check_empty()
        if code == 0:
            return False
        check_interrupted(code, out, err)
        return True


@both_backends
def test_ctrl_c_during_the_clients_own_work_leaves_nothing(backend: str) -> None:
    interrupted_inside(backend, 4)


@pytest.mark.full
@both_backends
def test_ctrl_c_at_any_point_of_the_clients_own_work_leaves_nothing(backend: str) -> None:
    number = 1
    while interrupted_inside(backend, number):
        number += 1
    assert number > 10


def in_the_block(served: Served, backend: str, *more: str) -> subprocess.Popen[str]:
    """A process of the script that is inside its block."""
    process = served.script(backend, "live", "0", "30", *more)
    assert process.stdout is not None
    assert process.stdout.readline().startswith("inside")
    return process


@both_backends
def test_a_sigterm_that_is_turned_into_ctrl_c_leaves_nothing(backend: str) -> None:
    with Served.open() as served:
        served.sim.fail("POST /server/*/stop", delay=HELD)
        process = in_the_block(served, backend, "handled")
        process.terminate()
        assert served.wait_until_held(process)
        process.terminate()
        served.release()
        check_interrupted(*ended(process))
        served.check_empty()


@both_backends
def test_after_an_unhandled_sigterm_a_reap_destroys_the_server(backend: str) -> None:
    with Served.open() as served:
        process = in_the_block(served, backend)
        process.terminate()
        assert ended(process)[0] == -signal.SIGTERM
        (server,) = served.sim.servers.values()
        assert LEASE in server.labels
        assert ended(served.script(backend, "reap"))[0] == 0
        served.check_empty()
