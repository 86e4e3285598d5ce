"""Counts the files and functions of the SDK that a call enters: `python -m tests.benchmarks.way` lists them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from unittest import TestResult

import anyio
import httpx
import respx

import upcloud_sdk
from tests.moved_time import server_spec
from tests.sdk import documents
from upcloud_sdk import RetryPolicy, Token, UpCloud
from upcloud_sdk.errors import ApiError

if TYPE_CHECKING:
    from types import FrameType

ROOT = Path(upcloud_sdk.__file__).parent
CREATE, REFUSAL = "from Servers.create to the transport", "from an answer that refuses to its error"
NOT_COUNTED = ("models", "_wire")
"""The models and their types: the data, not the way."""


class Way(NamedTuple):
    """Each function of the SDK that was entered, in the order of its first call."""

    functions: tuple[tuple[str, str], ...]
    """File and name."""

    @property
    def files(self) -> tuple[str, ...]:
        """The files, in the order of their first call."""
        return tuple(dict.fromkeys(file for file, _ in self.functions))


class Recorder:
    """Notes the functions of the SDK that this thread enters, and others that call `start_here`.

    `until`: the function with which the way ends.
    """

    def __init__(self, until: str | None = None) -> None:
        self._until, self._is_over = until, False
        self._entered: dict[tuple[str, str], None] = {}

    def start(self) -> None:
        """Begin to note."""
        self._entered.clear()
        self.start_here()

    def start_here(self) -> None:
        """Note the functions of this thread, too."""
        sys.setprofile(self._note)

    def stop(self) -> Way:
        """The functions since the start. Later calls change nothing."""
        sys.setprofile(None)
        return Way(tuple(self._entered))

    def _note(self, frame: FrameType, event: str, _: object) -> None:
        code = frame.f_code
        if self._is_over:
            return
        file = Path(code.co_filename)
        # Newer Pythons have no functions for comprehensions.
        if (
            event != "call"
            or not file.is_relative_to(ROOT)
            or code.co_name == "<module>"
            or code.co_name.endswith("comp>")
        ):
            return
        place = file.relative_to(ROOT)
        if place.parts[0] not in NOT_COUNTED:
            self._entered.setdefault((str(place), code.co_qualname))
            self._is_over = code.co_qualname == self._until


async def ways() -> dict[str, Way]:
    """The way of a create to the transport, and of a refusal from there to its error.

    Each is that of a second call: the first one also imports and builds what all of them use.
    """
    recorder, found = Recorder(), dict[str, Way]()

    def answer(request: httpx.Request) -> httpx.Response:
        if request.method != "POST":
            document = {"error": {"error_code": "SERVER_NOT_FOUND", "error_message": "The server does not exist."}}
            response = httpx.Response(404, json=document)
            recorder.start()
            return response
        found[CREATE] = recorder.stop()
        return httpx.Response(202, json=documents.server(state="maintenance"))

    # Through the SDK's own pool of connections.
    with respx.mock(base_url="https://api.upcloud.com") as api:
        api.route().mock(side_effect=answer)
        async with UpCloud(Token("x"), retry=RetryPolicy(attempts=1), owner="tests") as cloud:
            servers = cloud.servers
            for _ in range(2):
                # Not the end of the last create's task.
                await anyio.wait_all_tasks_blocked()
                recorder.start()
                await servers.create(server_spec())
                recorder.stop()
                try:
                    await servers.get(documents.SERVER)
                except ApiError:
                    found[REFUSAL] = recorder.stop()
    return found


def way_of_a_start() -> Way:
    """The way of a build's server in a real master, from `start_instance` to `servers.create`."""
    from tests.buildbot.worker.test_way import Starts  # noqa: PLC0415 - the other ways need no Buildbot

    Starts("test_a_start_is_read_down_to_the_create_in_six_files").run(TestResult())
    return Starts.found[-1]


def main() -> None:
    """Print the ways."""
    for name, way in {**anyio.run(ways), "from start_instance to Servers.create": way_of_a_start()}.items():
        print(f"\n{name}: {len(way.files)} files, {len(way.functions)} functions")  # noqa: T201 - a command
        for file, function in way.functions:
            print(f"  {file}: {function}")  # noqa: T201 - a command


if __name__ == "__main__":
    main()
