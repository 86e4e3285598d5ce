"""One call of a method of the client: its request, and its reading of the answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from upcloud_sdk import UpCloud

Json = dict[str, Any]
Call = Callable[[UpCloud], Awaitable[object]]

SERVER = "00a1b2c3-d4e5-4f60-8a7b-0123456789ab"
SERVER_2 = "00a1b2c3-d4e5-4f60-8a7b-0123456789ac"
DISK = "01a1b2c3-d4e5-4f60-8a7b-0123456789a1"
NETWORK = "03a1b2c3-d4e5-4f60-8a7b-0123456789ab"
ROUTER = "04a1b2c3-d4e5-4f60-8a7b-0123456789ab"
GROUP = "0ba1b2c3-d4e5-4f60-8a7b-0123456789ab"
TOKEN = "0ca1b2c3-d4e5-4f60-8a7b-0123456789ab"
PEERING = "0fa1b2c3-d4e5-4f60-8a7b-0123456789ab"
OS = "01000000-0000-4000-8000-000020070100"
CD = "01000000-0000-4000-8000-000020060101"

_NOTHING = object()


@dataclass(frozen=True, kw_only=True)
class Case:
    """One call of a method."""

    call: Call
    sends: str
    """Method and path below /1.3, with its query."""
    body: Any = None
    """The sent document, without the SDK's labels."""
    owned: bool = False
    """Whether the SDK's labels are sent with it."""
    status: int = 200
    answer: Any = None
    """The document of the answer. None: no body."""
    look: Callable[[Any], object] = lambda answer: answer
    """Takes the checked value from the result of the method."""
    sees: object = _NOTHING
    """The expected value."""

    @property
    def checks_the_answer(self) -> bool:
        return self.sees is not _NOTHING

    @property
    def id(self) -> str:
        return self.sends.replace(SERVER, "S").replace(DISK, "D")
