"""A worker that shows the end of its guest's console in the build's log. For the simulator, where a console is a file.

UpCloud's API shows no console, and only the console has the reason why a guest does not attach.
"""

from __future__ import annotations

import json
import os
import re
import urllib.error
import urllib.request
from typing import TYPE_CHECKING

from twisted.internet import defer, threads

from upcloud_sdk.buildbot import UpcloudLatentWorker

if TYPE_CHECKING:
    from twisted.internet.defer import Deferred

LINES = 60
"""Maximum number of lines in the log."""
_ANSWERS_WITHIN = 10.0
_FAILED, _OFF = "Main process exited, code=exited", "Power down"
"""What systemd says of a service that has failed, behind what the service said itself; and the kernel at the end."""
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_SERVER = re.compile(r"server ([0-9a-f-]{36})")


class ConsoleWorker(UpcloudLatentWorker):
    """A worker on the simulator at `UPCLOUD_DEBUG_API_BASE_URL`, with the token in `UPCLOUD_TOKEN`."""

    def check_instance(self) -> Deferred[tuple[bool, str]]:
        """Check the guest, as every worker does. The reason of a failure contains the end of the console."""
        return defer.ensureDeferred(self._check_with_console())

    async def _check_with_console(self) -> tuple[bool, str]:
        is_good, reason = await super().check_instance()
        server = _SERVER.search(reason)
        if is_good or server is None:
            return is_good, reason
        lines = await threads.deferToThread(said, server[1])
        return False, f"{reason}. Its console says:\n{lines}"


def said(uuid: str) -> str:
    """The last lines of a guest's console, or the reason why they cannot be read."""
    url = f"{os.environ['UPCLOUD_DEBUG_API_BASE_URL'].removesuffix('/1.3')}/_simulator/servers/{uuid}/console"
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {os.environ['UPCLOUD_TOKEN']}"})  # noqa: S310 - http
    try:
        with urllib.request.urlopen(request, timeout=_ANSWERS_WITHIN) as answer:  # noqa: S310 - as above
            text: str = json.load(answer)["text"]
    except (OSError, ValueError) as error:
        if isinstance(error, urllib.error.HTTPError):
            error.close()  # an answer with an error status must be closed too
        return f"(it cannot be read: {error})"
    return "\n".join(last_lines(text))


def last_lines(text: str) -> list[str]:
    """The end of a console. If a failed service has switched the machine off: the end before the power-down."""
    lines = [line for line in _COLOUR.sub("", text).splitlines() if line.strip()]
    is_off = any(_OFF in line for line in lines[-1:])
    failed = [number for number, line in enumerate(lines, 1) if is_off and _FAILED in line]
    return lines[: failed[-1] if failed else None][-LINES:]
