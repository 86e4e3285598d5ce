"""Six builds of a real Buildbot master, each on a server of its own: three in a row, then three at once.

The servers are simulated; the master, the workers that the servers start and the steps that they run are real.
The lives of the servers are drawn as a picture, `.demo/timeline.svg`.
`make demo` runs this. `make demo KEEP=1` leaves master and simulator up, to be looked at. `make demo GUESTS=vm` runs
two builds, each in a real Debian that boots in qemu.
"""

from __future__ import annotations

import argparse
import sys
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import anyio
import httpx
from rich import box
from rich.console import Console
from rich.live import Live
from rich.table import Column, Table

from examples.buildbot.milestones import Milestones
from examples.buildbot.stage import HOME, Guests, Master, Stage, StageError
from examples.timeline import COLOURS, Timeline
from upcloud_sdk import Token, UpCloud
from upcloud_sdk.errors import UpCloudError

if TYPE_CHECKING:
    from collections.abc import Iterator

ANSWERS_WITHIN, GONE_WITHIN = 120.0, 30.0
LOOK_EVERY = 0.2
PICTURE = HOME / "timeline.svg"
RESULTS = ("success", "warnings", "failure", "skipped", "exception", "retry", "cancelled")


@dataclass(frozen=True)
class Plan:
    """The number of builds, and the time limit of each in seconds."""

    in_a_row: int
    at_once: int
    build_within: float

    @property
    def builds(self) -> int:
        return self.in_a_row + self.at_once


PLANS: dict[Guests, Plan] = {"process": Plan(3, 3, 60), "vm": Plan(2, 0, 900)}
"""Plans by kind of guest. A machine boots in half a minute on an idle host, in several minutes on a busy one."""


@dataclass(order=True)
class Row:
    """A requested build and its result."""

    number: int
    name: str
    uuid: str
    attach_seconds: float | None
    result: str


class Watch:
    """Polls the servers of the account, and shows one line per server with its state and age."""

    def __init__(self, cloud: UpCloud, milestones: Milestones, console: Console) -> None:
        self.timeline = Timeline()
        self._cloud, self._milestones, self._console = cloud, milestones, console
        self._began = time.monotonic()

    async def run(self) -> None:
        """Poll until cancelled."""
        if not self._console.is_terminal:
            while True:
                await self._look()
                await anyio.sleep(LOOK_EVERY)
        with Live(console=self._console, auto_refresh=False, transient=True) as live:
            while True:
                await self._look()
                live.update(self._lines(), refresh=True)
                await anyio.sleep(LOOK_EVERY)

    async def wait_until_empty(self) -> int:
        """Wait until no server is left, or for `GONE_WITHIN` seconds. Returns the number of remaining servers."""
        give_up = time.monotonic() + GONE_WITHIN
        while True:
            left = len(await self._cloud.servers.list())
            if left == 0 or time.monotonic() > give_up:
                return left
            await anyio.sleep(LOOK_EVERY)

    async def _look(self) -> None:
        seen = {server.uuid: server for server in await self._cloud.servers.list()}
        now = time.monotonic()
        for uuid, server in seen.items():
            state = str(server.state)
            if self.timeline.since(uuid, "started") is not None:
                # Between the stop and the delete its state is maintenance, then stopped.
                state = await self._milestones.last(uuid) or state if state == "started" else "stopping"
            if self.timeline.enter(uuid, now, state, _worker_in(server.title or "")):
                self._note(uuid, now, state)
        for uuid, bar in self.timeline.bars.items():
            if bar.end is None and uuid not in seen:
                self.timeline.end(uuid, now)
                self._note(uuid, now, "destroyed")

    def _note(self, uuid: str, now: float, state: str) -> None:
        if not self._console.is_terminal:
            worker = self.timeline.bars[uuid].name
            self._console.print(f"{now - self._began:5.1f} s  {worker}  {uuid}  {state}", highlight=False)

    def _lines(self) -> Table:
        lines = Table(Column("server", no_wrap=True), "worker", "state", "age", box=None)
        for uuid, bar in self.timeline.bars.items():
            state = bar.states[-1][1] if bar.end is None else "destroyed"
            age = (bar.end or time.monotonic()) - bar.states[0][0]
            lines.add_row(uuid, bar.name, f"[{COLOURS.get(state, 'dim')}]{state}[/]", f"{age:.1f} s")
        return lines


def _worker_in(title: str) -> str:
    """The `bot-1` of `buildbot-bot-1-0a1b2c`."""
    return title.removeprefix("buildbot-").rpartition("-")[0]


async def build(master: Master, plan: Plan, number: int, rows: list[Row]) -> None:
    """Run the build with this number, from its request to its end."""
    builder, name = ("one-worker", "in a row") if number <= plan.in_a_row else ("any-worker", "at once")
    request = await master.force(builder)
    builds: list[dict[str, object]] = []
    with anyio.move_on_after(plan.build_within):
        while not builds:
            await anyio.sleep(LOOK_EVERY)
            builds = await master.finished(request)
    if not builds:
        rows.append(Row(number, name, "?", None, f"not finished within {plan.build_within:g} s"))
        return
    last = builds[-1]
    properties = cast("dict[str, list[object]]", last["properties"])
    uuid = str(properties.get("upcloud_uuid", ["?"])[0])
    attached = cast("float | None", properties.get("upcloud_attach_seconds", [None])[0])
    result = RESULTS[cast("int", last["results"])]
    rows.append(
        Row(number, name, uuid, attached, result if len(builds) == 1 else f"{result}, at attempt {len(builds)}")
    )


async def run_builds(stage: Stage, plan: Plan, console: Console) -> tuple[list[Row], Timeline, int]:
    """Run the builds. Returns the builds, the timeline of their servers, and the number of remaining servers."""
    rows: list[Row] = []
    left = 0
    async with AsyncExitStack() as stack:
        cloud = await stack.enter_async_context(UpCloud(Token(stage.token), base_url=stage.api_url))
        # Once in some thousand answers the master sends gzip without its header, or, where a connection is used again,
        # an answer without its body.
        plain = {"Accept-Encoding": "identity", "Connection": "close"}
        web = httpx.AsyncClient(base_url=stage.web_url, headers=plain, timeout=ANSWERS_WITHIN)
        master = Master(await stack.enter_async_context(web))
        headers = {"Authorization": f"Bearer {stage.token}"}
        simulator = httpx.AsyncClient(base_url=stage.api_url, headers=headers, timeout=ANSWERS_WITHIN)
        watch = Watch(cloud, Milestones(await stack.enter_async_context(simulator)), console)
        async with anyio.create_task_group() as watching:
            watching.start_soon(watch.run)
            for number in range(1, plan.in_a_row + 1):
                await build(master, plan, number, rows)
            async with anyio.create_task_group() as at_once:
                for number in range(plan.in_a_row + 1, plan.builds + 1):
                    at_once.start_soon(build, master, plan, number, rows)
            left = await watch.wait_until_empty()
            watching.cancel_scope.cancel()
    return rows, watch.timeline, left


def draw(rows: list[Row], timeline: Timeline, console: Console) -> None:
    """Show the timeline of the servers, and write it as a picture."""
    for row in rows:
        bar = timeline.bars.get(row.uuid)
        if bar is not None:
            bar.name = f"{row.number} {row.name}, {bar.name}"
            if row.attach_seconds is not None:
                bar.enter_between(bar.states[0][0] + row.attach_seconds, "attached")
    console.print(timeline.table())
    PICTURE.write_text(timeline.svg(), encoding="utf-8")
    console.print(f"picture: {PICTURE}", highlight=False, soft_wrap=True)


def report(rows: list[Row], timeline: Timeline, left: int, console: Console) -> bool:
    """Show the results. Returns whether all builds succeeded and no server is left."""
    table = Table("build", Column("server", no_wrap=True), box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for heading in ("seconds\nto boot", "seconds\nto attach", "result"):
        table.add_column(heading)
    for row in sorted(rows):
        made, started = (timeline.since(row.uuid, state) for state in ("maintenance", "started"))
        boot = None if made is None or started is None else started - made
        seconds = ["?" if each is None else f"{each:.1f}" for each in (boot, row.attach_seconds)]
        table.add_row(f"{row.number} {row.name}", row.uuid, *seconds, row.result)
    console.print(table)
    console.print(f"servers left: {left}", highlight=False)
    good = all(row.result == "success" for row in rows)
    return good and left == 0 and len({row.uuid for row in rows}) == len(rows)


def leaves(group: BaseExceptionGroup[Exception]) -> Iterator[Exception]:
    """All errors of nested exception groups."""
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from leaves(error)
        else:
            yield error


async def main(*, guests: Guests, keep: bool) -> int:
    """Run the demo. Returns the exit status."""
    console = Console(width=None if sys.stdout.isatty() else 120)
    stage = Stage.new()
    good = False
    try:
        console.print("starting the simulator and a Buildbot master ...")
        await stage.start_simulator(guests)
        await stage.start_master()
        console.print(f"Buildbot: {stage.web_url}   simulated UpCloud: {stage.api_url}", highlight=False)
        rows, timeline, left = await run_builds(stage, PLANS[guests], console)
        draw(rows, timeline, console)
        good = report(rows, timeline, left, console)
    except* (StageError, UpCloudError, httpx.HTTPError) as errors:
        for error in leaves(errors):
            console.print(str(error) or type(error).__name__, style="red", markup=False)
    finally:
        if keep and good:
            pids = " ".join(str(process.pid) for process in stage.processes)
            console.print(f"still up, stop it with: kill {pids}", highlight=False, soft_wrap=True)
            console.print(f"its servers: {stage.page_url}", highlight=False, soft_wrap=True)
        else:
            if good:
                again = "make demo KEEP=1 leaves it up"
                console.print(f"its servers: {stage.page_url} ({again})", highlight=False, soft_wrap=True)
            await stage.stop(keep_folder=not good)
    return 0 if good else 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m examples.buildbot.demo", description=__doc__)
    parser.add_argument("--keep", action="store_true", help="leave master and simulator up, and say where")
    parser.add_argument("--guests", choices=[*PLANS], default="process", help="what servers are (default: %(default)s)")
    arguments = parser.parse_args()
    try:
        sys.exit(anyio.run(lambda: main(guests=arguments.guests, keep=arguments.keep)))
    except KeyboardInterrupt:
        sys.exit(130)
