"""`upcloud-sdk servers`: list, show, create, start, stop, destroy."""

from __future__ import annotations

import re
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import anyio
import typer

from upcloud_sdk import ServerState, errors
from upcloud_sdk.cli.output import Wheel, Words, counted, document_of, print_json, progress, show, show_one, show_table
from upcloud_sdk.cli.session import AsJson, Yes, call, confirm, console, fail, messages, number, path, warn
from upcloud_sdk.events import ServerEvent
from upcloud_sdk.models.ownership import ATTEMPT, LEASE, OWNER, read_lease
from upcloud_sdk.resources.policies import StoragePolicy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from upcloud_sdk import UpCloud
    from upcloud_sdk.events import Event
    from upcloud_sdk.models import Server, ServerSummary
    from upcloud_sdk.resources.policies import BackupPolicy

app = typer.Typer(no_args_is_help=True, help="List, show, create, start, stop and destroy servers.")

Which = Annotated[str, typer.Argument(help="Uuid, hostname or title.", show_default=False)]
Label = Annotated[list[str] | None, typer.Option("--label", help="Only servers with this label: key or key=value.")]

Timeout = Annotated[float, typer.Option(help="Limit for each server, in seconds.", min=1, callback=number)]

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@app.command("list")
def list_servers(context: typer.Context, label: Label = None, as_json: AsJson = False) -> None:
    """List servers, with owner and end of lease."""
    labels = _labels(label or ())
    servers = call(context, lambda cloud: cloud.servers.list(labels=labels or None))
    if as_json:
        print_json([document_of(server) for server in servers])
    else:
        show([_row(server) for server in servers], as_json=False, empty="no servers")


@app.command("show")
def show_server(context: typer.Context, which: Which, as_json: AsJson = False) -> None:
    """Show one server with its addresses, disks and labels."""
    _show(call(context, lambda cloud: find(cloud, which)), as_json=as_json)


def _show(server: Server, *, as_json: bool) -> None:
    """Print one server."""
    if as_json:
        print_json(document_of(server))
        return
    row = {
        **_row(server),
        "hostname": server.hostname,
        "cores": server.core_number,
        "memory": f"{server.memory_amount} MiB",
        "addresses": [f"{each.address} ({each.access})" for each in server.ip_addresses],
        "disks": [f"{each.storage} {each.storage_size} GB {each.storage_title}" for each in server.storage_devices],
        "labels": [f"{key}={value}" for key, value in sorted(server.labels.items())],
    }
    show_one(row)


@app.command("create")
def create_server(
    context: typer.Context,
    *,
    name: Annotated[str, typer.Argument(help="Hostname and title of the server.", show_default=False)],
    template: Annotated[
        str, typer.Option(help="Short name such as debian-13, title or uuid of a template.", show_default=False)
    ],
    plan: Annotated[str, typer.Option(help="Plan, such as PREMIUM-1xCPU-1GB.", show_default=False)],
    zone: Annotated[str, typer.Option(help="Zone, such as fi-hel1.", show_default=False)],
    ssh_key: Annotated[
        list[Path],
        typer.Option(parser=path, help="File with a public key. Can be given several times.", show_default=False),
    ],
    username: Annotated[str, typer.Option(help="The user who gets the keys.")] = "root",
    size: Annotated[
        int | None, typer.Option(help="Size of the disk in GB. Default: what the plan includes.", min=1)
    ] = None,
    lease: Annotated[
        float | None,
        typer.Option(
            help="Seconds from now until `leases reap` destroys the server. Default: never.", min=60, callback=number
        ),
    ] = None,
    timeout: Timeout = 300,
    as_json: AsJson = False,
) -> None:
    """Create a server and wait until it has started. If it does not start, or at Ctrl-C, it is destroyed."""

    async def create(cloud: UpCloud) -> Server:
        spec = await cloud.servers.spec(
            template, zone=zone, plan=plan, hostname=name, size=size, ssh_keys=ssh_key, username=username
        )
        with progress(Wheel(), Words()) as lines:
            task = lines.add_task(f"creating {name}")
            server = await cloud.servers.create(spec, lease=lease)
            lines.update(task, description=f"starting {name}")
            try:
                return await cloud.servers.wait_for_state(server, ServerState.STARTED, timeout=timeout)
            except BaseException:  # Also Ctrl-C.
                lines.update(task, description=f"destroying {name}")
                try:
                    await cloud.servers.destroy(server)
                except errors.UpCloudError as error:
                    warn(str(error))
                raise

    def tell(event: Event) -> None:
        if isinstance(event, ServerEvent) and event.happened == "destroyed":
            warn(f"{name} was destroyed")

    _show(call(context, create, on_event=tell), as_json=as_json)


@app.command("start")
def start_server(context: typer.Context, which: Which, timeout: Timeout = 300, as_json: AsJson = False) -> None:
    """Start a stopped server and wait until it has started."""

    async def start(cloud: UpCloud) -> Server:
        server = await find(cloud, which)
        with progress(Wheel(), Words()) as lines:
            lines.add_task(f"starting {server.title}")
            if server.state != ServerState.STARTED:
                await cloud.servers.start(server)
            return await cloud.servers.wait_for_state(server, ServerState.STARTED, timeout=timeout)

    _show(call(context, start), as_json=as_json)


@app.command("stop")
def stop_server(
    context: typer.Context,
    *,
    which: Which,
    hard: Annotated[bool, typer.Option("--hard", help="Switch it off. Its system cannot shut down.")] = False,
    timeout: Timeout = 300,
    as_json: AsJson = False,
) -> None:
    """Shut a server down and wait until it has stopped. After a minute it is switched off. Disks still cost money."""

    async def stop(cloud: UpCloud) -> Server:
        server = await find(cloud, which)
        with progress(Wheel(), Words()) as lines:
            lines.add_task(f"stopping {server.title}")
            if server.state != ServerState.STOPPED:
                await cloud.servers.stop(server, stop_type="hard" if hard else "soft")
            return await cloud.servers.wait_for_state(server, ServerState.STOPPED, timeout=timeout)

    _show(call(context, stop), as_json=as_json)


@app.command("destroy")
def destroy_servers(
    context: typer.Context,
    *,
    which: Annotated[list[str], typer.Argument(help="Uuids, hostnames or titles.", show_default=False)],
    storages: Annotated[
        StoragePolicy, typer.Option(help="Disks to delete: created with the server, all attached, or none.")
    ] = "created",
    keep_backups: Annotated[bool, typer.Option("--keep-backups", help="Keep the backups of deleted disks.")] = False,
    timeout: Timeout = 300,
    yes: Yes = False,
) -> None:
    """Stop and delete servers, the disks that were created with them, and the backups of these disks. Asks first."""

    async def look(cloud: UpCloud) -> tuple[list[Server], int]:
        found = await _find_all(cloud, which)
        return found, sum([await _backups(cloud, server, storages) for server in found])

    servers, backups = call(context, look)
    rows = [{name: getattr(server, name) for name in ("uuid", "title", "zone", "state")} for server in servers]
    show_table(rows, messages)
    it = "it" if len(servers) == 1 else "them"
    deletes = {"created": f"the disks created with {it}", "all": f"ALL disks attached to {it}", "none": "no disks"}
    fate: BackupPolicy = "keep" if keep_backups else "delete"
    also = f", and {fate} {counted(backups, 'backup')} of the disks" if backups else ""
    confirm(f"Destroy {counted(len(servers), 'server')} and {deletes[storages]}{also}?", yes=yes)
    failures = call(
        context, lambda cloud: destroy_all(cloud, servers, storages=storages, backups=fate, timeout=timeout)
    )
    if failures:
        fail(*failures)
    console.print(f"destroyed {counted(len(servers), 'server')}")


async def find(cloud: UpCloud, which: str) -> Server:
    """The server with this uuid, hostname or title.

    Raises:
        NoMatch: There is none.
        Ambiguous: There are several.
    """
    if _UUID.fullmatch(which.lower()):
        return await cloud.servers.get(which.lower())
    servers = await cloud.servers.list()
    found = [server for server in servers if which in {server.hostname, server.title}]
    if not found:
        names = sorted({name for server in servers for name in (server.hostname, server.title) if name})
        close = get_close_matches(which, names, n=3)
        hint = f"; did you mean {' or '.join(map(repr, close))}?" if close else ""
        raise errors.NoMatch(f"no server has the hostname or title {which!r}{hint}", candidates=names)
    if len(found) > 1:
        uuids = [server.uuid for server in found]
        raise errors.Ambiguous(
            f"{len(found)} servers have the hostname or title {which!r}: give a uuid: {', '.join(uuids)}",
            candidates=uuids,
        )
    return await cloud.servers.get(found[0].uuid)


async def _find_all(cloud: UpCloud, which: Sequence[str]) -> list[Server]:
    found = [await find(cloud, each) for each in which]
    return list({server.uuid: server for server in found}.values())


async def _backups(cloud: UpCloud, server: Server, storages: StoragePolicy) -> int:
    """Count the backups of the disks that are deleted with the server."""
    if storages == "none":
        return 0
    attempt = server.labels.get(ATTEMPT)
    disks = {device.storage for device in server.storage_devices if device.type == "disk" and device.storage}
    if attempt is not None:
        disks |= {disk.uuid for disk in await cloud.storages.list("normal", labels={ATTEMPT: attempt})}
    found = [await cloud.storages.get(disk) for disk in sorted(disks)]
    return sum(len(disk.backups) for disk in found if storages == "all" or disk.labels.get(ATTEMPT, "") == attempt)


async def destroy_all(
    cloud: UpCloud, servers: Sequence[Server], *, storages: StoragePolicy, backups: BackupPolicy, timeout: float
) -> list[str]:
    """Destroy servers concurrently. Returns one sentence per failure."""
    failures: list[str] = []
    with progress(Wheel(), Words()) as lines:

        async def destroy(server: Server) -> None:
            task = lines.add_task(f"destroying {server.title}", total=1)
            try:
                await cloud.servers.destroy(server.uuid, timeout=timeout, storages=storages, backups=backups)
            except errors.UpCloudError as error:
                failures.append(str(error))
            lines.update(task, completed=1)

        async with anyio.create_task_group() as group:
            for server in servers:
                group.start_soon(destroy, server)
    return failures


def _labels(given: Sequence[str]) -> dict[str, str | None]:
    """The labels to list by, from `key` and `key=value`."""
    labels: dict[str, str | None] = {}
    for each in given:
        key, equals, value = each.partition("=")
        wanted = value if equals else None
        if labels.setdefault(key, wanted) != wanted:
            raise typer.BadParameter(
                f"{key} is given twice, and a server has only one label {key}", param_hint="--label"
            )
    return labels


def _row(server: ServerSummary) -> dict[str, object]:
    lease = server.labels.get(LEASE)
    return {
        "uuid": server.uuid,
        "title": server.title,
        "zone": server.zone,
        "plan": server.plan,
        "state": server.state,
        "created": server.created,
        "owner": server.labels.get(OWNER),
        "lease ends": lease if (ends := read_lease(lease)) is None else ends,
    }
