"""Several servers at once, with one progress bar per server, and a timeline at the end.

python -m examples.fleet                      eight servers of the simulator, ten times as fast as real ones
python -m examples.fleet --servers 3 --svg fleet.svg
"""

from __future__ import annotations

import argparse
import random
from pathlib import Path

import anyio
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from examples.timeline import Timeline
from upcloud_sdk import LoginUser, ServerSpec, StorageDeviceSpec, Token, UpCloud, WaitPolicy
from upcloud_sdk.events import Event, ServerEvent
from upcloud_sdk.simulator import Simulator, after_seconds

FASTER = 10
"""Servers of this example boot ten times as fast as real ones."""


class Bars:
    """A progress bar for each server, fed by the events of the client."""

    STEPS = ("created", "started", "stopping", "destroyed")

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._tasks: dict[str, TaskID] = {}

    def listen(self, event: Event) -> None:
        if not isinstance(event, ServerEvent):
            return
        step = event.state if event.happened == "seen" else event.happened
        if event.uuid not in self._tasks:
            self._tasks[event.uuid] = self._progress.add_task(event.title or event.uuid, total=len(self.STEPS), step="")
        if step in self.STEPS:
            self._progress.update(self._tasks[event.uuid], completed=self.STEPS.index(step) + 1, step=step)


async def run(servers: int, seed: int) -> Timeline:
    """Run all servers, and print the timeline."""
    chance = random.Random(seed)  # noqa: S311 - a picture that comes out the same each time
    sim = Simulator(stop_seconds=16 / FASTER, seed=seed)
    # As recorded: 23 s at the fastest, 33 s as the median, 66 s at the slowest.
    sim.boot_next(*(after_seconds(chance.triangular(23, 66, 33) / FASTER) for _ in range(servers)))
    sim.fail("POST /server", delay=2 / FASTER, times=None)  # as long as a create takes
    timeline = Timeline()
    console = Console()
    columns = TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[step]}"), TimeElapsedColumn()
    with Progress(*columns, console=console) as progress:
        bars = Bars(progress)

        def listen(event: Event) -> None:
            timeline.listen(event)
            bars.listen(event)

        waits = WaitPolicy(first_read_after=0.5, pause=0.1)
        async with UpCloud(Token("ucat_any"), transport=sim.transport(), waits=waits, on_event=listen) as cloud:
            debian = await cloud.storages.find_template("Debian GNU/Linux 12 (Bookworm)")
            async with anyio.create_task_group() as group:
                for number in range(1, servers + 1):
                    group.start_soon(work, cloud, spec_for(f"node-{number}", debian.uuid), chance.uniform(0.5, 2))
    console.print(timeline.table())
    console.print(f"servers left: {len(sim.servers)}")
    return timeline


async def work(cloud: UpCloud, spec: ServerSpec, seconds: float) -> None:
    """Run one server while its work takes this many seconds."""
    async with cloud.servers.ephemeral(spec):
        await anyio.sleep(seconds)


def spec_for(name: str, template: str) -> ServerSpec:
    """A small server."""
    return ServerSpec(
        zone="fi-hel1",
        plan="PREMIUM-1xCPU-1GB",
        hostname=name,
        title=name,
        storage_devices=[StorageDeviceSpec.clone(template, size=25)],
        login_user=LoginUser(ssh_keys=["ssh-ed25519 AAAA nobody@example.com"]),
        metadata=True,
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--servers", type=int, default=8, help="number of servers (default: 8)")
    parser.add_argument("--seed", type=int, default=1, help="seed of the boot times (default: 1)")
    parser.add_argument("--svg", type=Path, help="write the timeline to this file")
    arguments = parser.parse_args()
    picture = anyio.run(run, arguments.servers, arguments.seed)
    if arguments.svg is not None:
        arguments.svg.write_text(picture.svg(), encoding="utf-8")
        print(f"picture: {arguments.svg}")
