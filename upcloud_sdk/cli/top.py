"""`upcloud-sdk top`: running servers and their states over time, refreshed until Ctrl-C."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import anyio
import typer
from rich.live import Live
from rich.table import Table
from rich.text import Text

from upcloud_sdk.cli.output import cell_of
from upcloud_sdk.cli.session import call, console, number
from upcloud_sdk.models.ownership import OWNER

if TYPE_CHECKING:
    from collections.abc import Sequence

    from upcloud_sdk import UpCloud
    from upcloud_sdk.models import ServerSummary

COLOURS = {
    "maintenance": "yellow",
    "started": "green",
    "stopped": "bright_black",
    "error": "red",
    "gone": "bright_black",
}
LOOKS = 40
"""How many readings the strip of a server shows, one cell each."""


@dataclass
class Fleet:
    """The servers, and the state of each at the last readings."""

    servers: dict[str, ServerSummary] = field(default_factory=dict[str, "ServerSummary"])
    seen: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    """The states at the last readings, by uuid."""

    def look(self, servers: Sequence[ServerSummary]) -> None:
        """Add a reading. A deleted server stays in the table until its strip shows only "gone"."""
        there = {server.uuid: server for server in servers}
        self.servers.update(there)
        for uuid in tuple(self.servers):
            strip = self.seen.setdefault(uuid, [])
            strip.append(str(there[uuid].state) if uuid in there else "gone")
            del strip[:-LOOKS]
            if set(strip) == {"gone"}:
                del self.seen[uuid], self.servers[uuid]

    def table(self, now: datetime) -> Table:
        """One row per server, the newest last."""
        table = Table(box=None, pad_edge=False, header_style="bold", caption_justify="left")
        for name in ("server", "zone", "plan", "age", "state", ""):
            table.add_column(name)
        for server in sorted(self.servers.values(), key=lambda each: (each.created or now, each.title)):
            strip = self.seen[server.uuid]
            block = "#" if console.options.ascii_only else "█"
            cells = Text.assemble(*((block, COLOURS.get(state, "white")) for state in strip))
            state = strip[-1] if server.progress is None else f"{strip[-1]} {server.progress} %"
            words = (server.title, server.zone, server.plan, _age(server, now), state)
            table.add_row(*map(cell_of, words), cells)
        up = sum(1 for strip in self.seen.values() if strip[-1] != "gone")
        table.caption = f"{up} servers up, {now:%H:%M:%S} UTC"
        return table


def top(
    context: typer.Context,
    everybodys: Annotated[bool, typer.Option("--all", help="All servers of the account.")] = False,
    every: Annotated[float, typer.Option(help="Seconds between two readings.", min=1, callback=number)] = 2,
    once: Annotated[bool, typer.Option("--once", help="Show the table once and exit.")] = False,
) -> None:
    """Watch your servers until Ctrl-C."""

    async def watch(cloud: UpCloud) -> None:
        fleet = Fleet()
        labels = None if everybodys else {OWNER: cloud.owner}
        fleet.look(await cloud.servers.list(labels=labels))
        if once:
            console.print(fleet.table(datetime.now(UTC)))
            return
        with Live(fleet.table(datetime.now(UTC)), console=console, auto_refresh=False) as live:
            while True:
                await anyio.sleep(every)
                fleet.look(await cloud.servers.list(labels=labels))
                live.update(fleet.table(datetime.now(UTC)), refresh=True)

    call(context, watch)


def _age(server: ServerSummary, now: datetime) -> str:
    if server.created is None:
        return "-"
    minutes, seconds = divmod(max(0, int((now - server.created).total_seconds())), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {seconds:02} s"
