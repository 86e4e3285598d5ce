"""A typical script of a user, for tests that interrupt or kill its process.

python -m tests.reliability.script URL BACKEND live|reap [NUMBER [SECONDS [handled]]]

With a NUMBER above 0, the process sends itself Ctrl-C after this many steps in the client: in the middle of the
client's own work. SECONDS is how long the block lasts. With `handled`, SIGTERM is turned into Ctrl-C, as docs advise.
"""

from __future__ import annotations

import itertools
import signal
import sys
from typing import TYPE_CHECKING

import anyio

from upcloud_sdk import RetryPolicy, ServerSpec, StorageDeviceSpec, Token, UpCloud, WaitPolicy

if TYPE_CHECKING:
    from upcloud_sdk.events import Event

WAITS = WaitPolicy(
    first_read_after=0.02, pause=0.02, longest_pause=0.1, search_pauses=(0.05, 0.05, 0.1, 0.2), search_timeout=1
)
RETRY = RetryPolicy(first_pause=0.02, longest_pause=0.1)
SPEC = ServerSpec(
    zone="fi-hel1",
    plan="PREMIUM-1xCPU-1GB",
    hostname="build-1",
    title="build-1",
    storage_devices=(StorageDeviceSpec.clone("01000000-0000-4000-8000-000020070100", size=25),),
    metadata=True,
)


async def live(cloud: UpCloud, seconds: float) -> None:
    """Run one server for some seconds."""
    async with cloud.servers.ephemeral(SPEC) as server:
        print("inside", server.uuid, flush=True)  # noqa: T201 - the test reads it
        await anyio.sleep(seconds)


async def reap(cloud: UpCloud, _: float) -> None:
    """Reap, as a build master does at its start."""
    print(await cloud.leases.reap(exclusive=True), flush=True)  # noqa: T201 - the test reads it


async def main(url: str, what: str, interrupt_at: int, seconds: float) -> None:
    happened = itertools.count(1)

    def interrupt(_: Event) -> None:
        if next(happened) == interrupt_at:
            signal.raise_signal(signal.SIGINT)

    cloud = UpCloud(Token("ucat_x"), base_url=url, owner="tests", waits=WAITS, retry=RETRY, on_event=interrupt)
    async with cloud:
        await {"live": live, "reap": reap}[what](cloud, seconds)
    print("done", flush=True)  # noqa: T201 - the test reads it


if __name__ == "__main__":
    # Background processes of a shell ignore Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    _, url, backend, what, *numbers = sys.argv
    if numbers[2:] == ["handled"]:
        signal.signal(signal.SIGTERM, lambda _number, _frame: signal.raise_signal(signal.SIGINT))
    number = int(numbers[0]) if numbers else 0
    seconds = float(numbers[1]) if len(numbers) > 1 else 0.1
    anyio.run(main, url, what, number, seconds, backend=backend)
