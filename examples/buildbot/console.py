"""A worker that tells in a build's log what its guest said last: on the simulator, where a guest's console is a file.

UpCloud's API shows no console, and a guest that does not attach says why nowhere else.
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
"""At most so many of them."""
_ANSWERS_WITHIN = 10.0
_FAILED, _OFF = "Main process exited, code=exited", "Power down"
"""What systemd says of a service that has failed, behind what the service said itself; and the kernel at the end."""
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_SERVER = re.compile(r"server ([0-9a-f-]{36})")


class ConsoleWorker(UpcloudLatentWorker):
    """The simulator is the one of `UPCLOUD_DEBUG_API_BASE_URL`, and is asked with `UPCLOUD_TOKEN`."""

    def check_instance(self) -> Deferred[tuple[bool, str]]:
        """As of every worker; with the end of the console, if the guest can attach no more."""
        return defer.ensureDeferred(self._check_with_console())

    async def _check_with_console(self) -> tuple[bool, str]:
        is_good, reason = await super().check_instance()
        server = _SERVER.search(reason)
        if is_good or server is None:
            return is_good, reason
        lines = await threads.deferToThread(said, server[1])
        return False, f"{reason}. Its console says:\n{lines}"


def said(uuid: str) -> str:
    """What a guest has written to its console last; or why it is not known."""
    url = f"{os.environ['UPCLOUD_DEBUG_API_BASE_URL'].removesuffix('/1.3')}/_simulator/servers/{uuid}/console"
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {os.environ['UPCLOUD_TOKEN']}"})  # noqa: S310 - http
    try:
        with urllib.request.urlopen(request, timeout=_ANSWERS_WITHIN) as answer:  # noqa: S310 - as above
            text: str = json.load(answer)["text"]
    except (OSError, ValueError) as error:
        if isinstance(error, urllib.error.HTTPError):
            error.close()  # an answer with an error is open too
        return f"(it cannot be had: {error})"
    return "\n".join(last_lines(text))


def last_lines(text: str) -> list[str]:
    """The end of a console; of a machine that a failed service has switched off, the end before the power-down."""
    lines = [line for line in _COLOUR.sub("", text).splitlines() if line.strip()]
    is_off = any(_OFF in line for line in lines[-1:])
    failed = [number for number, line in enumerate(lines, 1) if is_off and _FAILED in line]
    return lines[: failed[-1] if failed else None][-LINES:]
