"""The worker under test, in a hurry; in a module of its own, which masters that are processes can import."""

from __future__ import annotations

from typing import ClassVar

from upcloud_sdk import WaitPolicy
from upcloud_sdk.buildbot import UpcloudLatentWorker


class QuickWorker(UpcloudLatentWorker):
    """Looks often, and is not kept away for long after a failure."""

    waits: ClassVar[WaitPolicy] = WaitPolicy(first_look=0, pause=0.02, look_for_create=(0.05, 0.1, 0.5), look_on=1)
    quarantine_timeout = quarantine_initial_timeout = 0.05

    @property
    def is_up(self) -> bool:
        """Whether its server was seen to be started."""
        return self._machine is not None and self._machine.up_since is not None

    @property
    def websocket_port(self) -> int:
        """Where its master listens for workers that come by websocket."""
        return self._port(websocket=True)

    def pass_deadline(self) -> None:
        """Let it be as long ago that its server was started as its worker may take to attach."""
        assert self._machine is not None
        assert self._machine.up_since is not None
        self._machine.up_since -= self._arguments.attach_timeout
