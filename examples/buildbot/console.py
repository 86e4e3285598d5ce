"""A worker that tells in a build's log what its guest said last: on the simulator, where a guest's console is a file.

UpCloud's API shows no console, and a guest that does not attach says why nowhere else.
"""

from __future__ import annotations

import json
import os
import re
import urllib.request
from typing import TYPE_CHECKING

from twisted.internet import defer, threads

from upcloud_sdk.buildbot import UpcloudLatentWorker

if TYPE_CHECKING:
    from twisted.internet.defer import Deferred

LINES = 40
"""So many of them, from the end."""
_ANSWERS_WITHIN = 10.0
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
        lines = await threads.deferToThread(last_lines, server[1])
        return False, f"{reason}. Its console ends:\n{lines}"


def last_lines(uuid: str) -> str:
    """The end of a guest's console, or why there is none."""
    url = f"{os.environ['UPCLOUD_DEBUG_API_BASE_URL'].removesuffix('/1.3')}/_simulator/servers/{uuid}/console"
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {os.environ['UPCLOUD_TOKEN']}"})  # noqa: S310 - http
    try:
        with urllib.request.urlopen(request, timeout=_ANSWERS_WITHIN) as answer:  # noqa: S310 - as above
            text: str = json.load(answer)["text"]
    except (OSError, ValueError) as error:
        return f"(it cannot be had: {error})"
    return "\n".join(text.splitlines()[-LINES:])
