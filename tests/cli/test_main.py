"""`upcloud-sdk` as a program."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from upcloud_sdk import __version__

if TYPE_CHECKING:
    from tests.cli.conftest import Cli


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
