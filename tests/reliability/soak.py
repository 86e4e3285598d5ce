"""Many leases at once while a fifth of all requests fails: nothing is left or made twice, and memory stays constant.

python -m tests.reliability.soak [LEASES [AT_ONCE [SHARE_OF_FAULTS]]]
"""

from __future__ import annotations

import argparse
import gc
import json
import logging
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import anyio

from tests.reliability.script import SPEC
from upcloud_sdk import RetryPolicy, Token, UpCloud, WaitPolicy
from upcloud_sdk.errors import CleanupFailed, LeaseLost, UpCloudError
from upcloud_sdk.events import Event, RequestEvent, Retry, ServerEvent
from upcloud_sdk.models.ownership import RUN

if TYPE_CHECKING:
    from collections.abc import Iterator

    from upcloud_sdk import ServerSpec

STOLEN = 100
"""One of this many leases is taken by somebody else while its holder works."""
LEASE = 60.0
"""Seconds of such a lease, so that its renewal notices the loss after 30."""

WARM = 200
"""Number of leases before the first measurement of memory."""
MEMORY = 32.0
"""MiB by which memory may grow after that."""
SECONDS = 300.0

WAITS = WaitPolicy(
    first_read_after=0.1,
    pause=0.1,
    brisk_for=5,
    longest_pause=0.5,
    search_pauses=(0.1, 0.2, 0.4, 0.8),
    search_timeout=3,
)
RETRY = RetryPolicy(first_pause=0.05, longest_pause=0.4)


class Soak:
    """The client of the soak test."""

    def __init__(self, url: str, leases: int, at_once: int) -> None:
        self.url, self.wanted, self.at_once = url, leases, at_once
        self.counts: Counter[str] = Counter()
        self.warm: float | None = None

    def count(self, event: Event) -> None:
        if isinstance(event, RequestEvent):
            self.counts["requests"] += 1
            self.counts["failed requests"] += event.status is None or event.status >= 429
        elif isinstance(event, Retry):
            self.counts["repeated"] += 1
        elif isinstance(event, ServerEvent):
            self.counts[event.happened] += 1

    async def run(self) -> None:
        cloud = UpCloud(
            Token("ucat_x"), base_url=self.url, owner="soak", waits=WAITS, retry=RETRY, on_event=self.count, timeout=10
        )
        numbers = iter(range(self.wanted))
        async with cloud, anyio.create_task_group() as group:
            for _ in range(self.at_once):
                group.start_soon(self._lease, cloud, numbers)

    async def _lease(self, cloud: UpCloud, numbers: Iterator[int]) -> None:
        for number in numbers:
            held = False
            while not held:
                try:
                    spec = SPEC.model_copy(update={"hostname": f"soak-{number}", "title": f"soak-{number}"})
                    if number % STOLEN == STOLEN - 1:
                        await self._lose(cloud, spec)
                        held = True
                        break
                    async with cloud.servers.ephemeral(spec, timeout=60, cleanup_timeout=60):
                        held = True
                except CleanupFailed:
                    self.counts["cleanups that failed"] += 1
                except UpCloudError:
                    self.counts["blocks that were refused"] += 1
            self.counts["leases"] += 1
            if self.counts["leases"] == WARM:
                self.warm = memory()

    async def _lose(self, cloud: UpCloud, spec: ServerSpec) -> None:
        """Run a lease that another run takes: its holder gets `LeaseLost` and does not delete the server."""
        uuid = ""
        try:
            async with cloud.servers.ephemeral(spec, timeout=60, cleanup_timeout=60, lease=LEASE) as server:
                uuid = server.uuid
                pairs = [{"key": key, "value": value} for key, value in server.labels.items() if key != RUN]
                labels = {"label": [*pairs, {"key": RUN, "value": "another-run"}]}
                await cloud.request("PUT", f"/server/{uuid}", json={"server": {"labels": labels}})
                self.counts["leases taken by others"] += 1
                await anyio.sleep(2 * LEASE)
        except UpCloudError as error:
            # The new holder destroys it in the end. It may be the holder even if the answer to its PUT was lost.
            if uuid:
                await cloud.servers.destroy(uuid, timeout=60)
            if not isinstance(error, LeaseLost):
                raise
            self.counts["leases lost, and reported"] += 1


def memory() -> float:
    """Memory of this process in MiB."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * 4096 / 2**20


def main(leases: int, at_once: int, share: float) -> int:
    """Run the test and print the figures. The exit status is 0 if they are correct."""
    # One WARNING per retry is right for a program, but here there are thousands.
    logging.getLogger("upcloud_sdk").setLevel(logging.ERROR)
    command = [sys.executable, "-m", "tests.reliability.soak_cloud", str(share)]
    began = time.monotonic()
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        soak = Soak(process.stdout.readline().strip(), leases, at_once)
        anyio.run(soak.run)
        seconds = time.monotonic() - began
        out, _ = process.communicate()
    cloud: dict[str, int] = json.loads(out)
    grown = memory() - (soak.warm or 0.0) if soak.warm is not None else 0.0
    figures = {
        "leases": soak.counts["leases"],
        "at once": at_once,
        "requests": soak.counts["requests"],
        "requests that failed": soak.counts["failed requests"],
        "requests sent again": soak.counts["repeated"],
        "servers made": cloud["made"],
        "servers adopted after a lost answer": soak.counts["adopted"],
        "blocks that were refused, and tried again": soak.counts["blocks that were refused"],
        "leases that others took": soak.counts["leases taken by others"],
        "leases lost, and reported": soak.counts["leases lost, and reported"],
        "cleanups that failed": soak.counts["cleanups that failed"],
        "servers left": cloud["servers"],
        "disks left": cloud["storages"],
        "creates that made two": cloud["twice"],
        f"MiB grown after the first {WARM}": round(grown, 1),
        "seconds": round(seconds, 1),
    }
    for name, figure in figures.items():
        print(f"{name:<44}{figure:>10}")  # noqa: T201 - what it is run for
    bad = cloud["servers"] or cloud["storages"] or cloud["twice"] or soak.counts["cleanups that failed"]
    bad = bad or soak.counts["leases taken by others"] != soak.counts["leases lost, and reported"]
    return int(bool(bad) or grown > MEMORY or seconds > SECONDS)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("leases", type=int, nargs="?", default=2000)
    parser.add_argument("at_once", type=int, nargs="?", default=50)
    parser.add_argument("share_of_faults", type=float, nargs="?", default=0.2)
    given = parser.parse_args()
    sys.exit(main(given.leases, given.at_once, given.share_of_faults))
