"""`upcloud-sdk` as a program."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.skips import OTHER_THAN_LINUX
from upcloud_sdk import __version__

if TYPE_CHECKING:
    from tests.cli.conftest import Cli
    from upcloud_sdk.simulator import Simulator


def test_the_version_is_printed(cli: Cli) -> None:
    assert cli("--version").stdout == f"{__version__}\n"


def test_the_commands_are_listed(cli: Cli) -> None:
    text = cli("--help").stdout
    for command in ("servers", "leases", "price", "plans", "templates", "doctor", "simulator", "top"):
        assert command in text


def test_a_missing_extra_is_named() -> None:
    code = "import sys; sys.modules['typer'] = None; from upcloud_sdk.__main__ import main; main()"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert "pip install 'upcloud-sdk[cli]'" in result.stderr
    assert "Traceback" not in result.stderr


def test_the_library_does_not_load_the_command_line() -> None:
    code = "import sys, upcloud_sdk; upcloud_sdk.UpCloud; print({'typer', 'upcloud_sdk.cli'} & sys.modules.keys())"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout == "set()\n"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason=OTHER_THAN_LINUX)
@pytest.mark.parametrize("words", ["--help", "templates", "templates --json"])
def test_an_output_that_cannot_be_written_ends_with_one_line(words: str, sim: Simulator) -> None:
    assert sim.servers == {}
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-m", "upcloud_sdk", *words.split()]
        result = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (result.returncode, result.stderr) == (1, "upcloud-sdk: No space left on device\n")


def test_a_reader_that_stops_reading_is_no_error(sim: Simulator) -> None:
    assert sim.servers == {}
    reads, writes = os.pipe()
    os.close(reads)
    command = [sys.executable, "-m", "upcloud_sdk", "templates"]
    result = subprocess.run(command, stdout=writes, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writes)
    assert (result.returncode, result.stderr) == (1, "")
