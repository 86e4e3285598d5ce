"""Commands that are ended by a signal leave nothing running."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from tests.skips import WINDOWS
from upcloud_sdk.simulator import Simulator

if TYPE_CHECKING:
    from collections.abc import Generator

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason=WINDOWS)

CREATE = "servers create web-1 --template debian-13 --plan PREMIUM-1xCPU-1GB --zone fi-hel1 --ssh-key KEY"
BAKE = "images bake RECIPE --zone fi-hel1"
PATIENCE = 60.0


@pytest.fixture
def sim(monkeypatch: pytest.MonkeyPatch) -> Generator[Simulator]:
    """An account whose servers boot before a command looks, five seconds after their create."""
    with Simulator(boot_seconds=1, stop_seconds=0, storage_seconds=0) as sim, sim.serve() as url:
        monkeypatch.setenv("UPCLOUD_DEBUG_API_BASE_URL", url)
        monkeypatch.setenv("UPCLOUD_TOKEN", "ucat_secret")
        monkeypatch.setenv("UPCLOUD_SDK_OWNER", "ci")
        yield sim


@contextlib.contextmanager
def started(words: str, values: dict[str, str], interrupt: str) -> Generator[subprocess.Popen[str]]:
    """The command as a process. `interrupt`: what SIGINT does there, such as `SIG_IGN` in the background of a shell."""
    program = f"import signal, runpy; signal.signal(signal.SIGINT, signal.{interrupt}); "
    program += "runpy.run_module('upcloud_sdk', run_name='__main__', alter_sys=True)"
    files = {"KEY": values["ssh_key"], "RECIPE": values["recipe"]}
    command = [sys.executable, "-c", program, *(files.get(word, word) for word in words.split())]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize(
    ("words", "name", "interrupt"),
    [
        pytest.param(CREATE, "SIGINT", "default_int_handler", id="a create, Ctrl-C"),
        pytest.param(CREATE, "SIGTERM", "default_int_handler", id="a create, SIGTERM"),
        pytest.param(CREATE, "SIGHUP", "default_int_handler", id="a create, a closed terminal"),
        pytest.param(CREATE, "SIGTERM", "SIG_IGN", id="a create in the background, SIGTERM"),
        pytest.param(BAKE, "SIGTERM", "default_int_handler", id="a bake, SIGTERM"),
    ],
)
def test_a_command_that_a_signal_ends_destroys_its_server(
    words: str, name: str, interrupt: str, sim: Simulator, values: dict[str, str]
) -> None:
    with started(words, values, interrupt) as process:
        ends = time.monotonic() + PATIENCE
        while not sim.servers:
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < ends
        process.send_signal(signal.Signals[name])
        _, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 128 + signal.Signals[name]
    assert sim.servers == {}
    assert "Traceback" not in errors
    assert ("web-1 was destroyed" in errors) == (words == CREATE)
