"""Guests that are processes: a started server runs its user_data in a scratch directory."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from upcloud_sdk.simulator.guests import _guest
from upcloud_sdk.simulator.guests.cloud_config import script_for
from upcloud_sdk.simulator.guests.supervised import SupervisedGuests

if TYPE_CHECKING:
    from collections.abc import Mapping

    from upcloud_sdk.simulator.records.records import Server


class ProcessGuests(SupervisedGuests):
    """Runs the user_data of each started server as a process group: scripts, and services of a cloud-config.

    The guests end with this process, even if it is killed.

    Raises:
        RuntimeError: This is not a POSIX system.
    """

    runs_cloud_config = False

    def __init__(self) -> None:
        if os.name != "posix":
            raise RuntimeError("guests that run user_data need Linux or macOS; leave them out to simulate servers only")
        super().__init__()

    def _wants_guest(self, server: Server) -> bool:
        return bool(server.user_data)

    def _prepare(self, server: Server, scratch: Path) -> tuple[list[str], Mapping[str, str]]:
        script = script_for(server.user_data, scratch)
        (scratch / "user_data").write_text(server.user_data if script is None else script, encoding="utf-8")
        return [_guest.__file__, str(scratch)], _environment(scratch, server)


def _environment(scratch: Path, server: Server) -> dict[str, str]:
    """The environment of a guest. From the simulator's environment it has only PATH."""
    path = os.pathsep.join((str(scratch / "bin"), str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)))
    return {
        "HOME": str(scratch),
        "HOSTNAME": server.hostname,
        "LANG": "C.UTF-8",
        "PATH": path,
        "TMPDIR": str(scratch),
        "UPCLOUD_SERVER_UUID": server.uuid,
    }
