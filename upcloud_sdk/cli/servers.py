"""`upcloud-sdk servers`: list, show, destroy."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import TYPE_CHECKING, Annotated

import anyio
import typer
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from upcloud_sdk import errors
from upcloud_sdk.cli.output import counted, document_of, print_json, show, show_one
from upcloud_sdk.cli.session import AsJson, Yes, call, confirm, console, fail, messages
from upcloud_sdk.models.ownership import LEASE, OWNER, read_lease
from upcloud_sdk.resources.policies import StoragePolicy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from upcloud_sdk import UpCloud
    from upcloud_sdk.models import Server, ServerSummary

app = typer.Typer(no_args_is_help=True, help="List, show and destroy servers.")

Which = Annotated[str, typer.Argument(help="Uuid, hostname or title.", show_default=False)]
Label = Annotated[list[str] | None, typer.Option("--label", help="Only servers with this label: key or key=value.")]

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@app.command("list")
def list_servers(context: typer.Context, label: Label = None, as_json: AsJson = False) -> None:
    """List servers, with owner and end of lease."""
    labels = {key: value if equals else None for key, equals, value in (each.partition("=") for each in label or ())}
    servers = call(context, lambda cloud: cloud.servers.list(labels=labels or None))
    if as_json:
        print_json([document_of(server) for server in servers])
    else:
        show([_row(server) for server in servers], as_json=False, empty="no servers")


@app.command("show")
def show_server(context: typer.Context, which: Which, as_json: AsJson = False) -> None:
    """Show one server with its addresses, disks and labels."""
    server = call(context, lambda cloud: find(cloud, which))
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


@app.command("destroy")
def destroy_servers(
    context: typer.Context,
    which: Annotated[list[str], typer.Argument(help="Uuids, hostnames or titles.", show_default=False)],
    storages: Annotated[
        StoragePolicy, typer.Option(help="Disks to delete: created with the server, all attached, or none.")
    ] = "created",
    timeout: Annotated[float, typer.Option(help="Limit for each server, in seconds.")] = 300,
    yes: Yes = False,
) -> None:
    """Stop and delete servers and the disks that were created with them. Asks first."""
    servers = call(context, lambda cloud: _find_all(cloud, which))
    for server in servers:
        messages.print(f"{server.uuid}  {server.title}  {server.zone}  {server.state}", markup=False, highlight=False)
    it = "it" if len(servers) == 1 else "them"
    deletes = {"created": f"the disks created with {it}", "all": f"ALL disks attached to {it}", "none": "no disks"}
    confirm(f"Destroy {counted(len(servers), 'server')} and {deletes[storages]}?", yes=yes)
    failures = call(context, lambda cloud: destroy_all(cloud, servers, storages=storages, timeout=timeout))
    if failures:
        fail(*failures)
    console.print(f"destroyed {counted(len(servers), 'server')}", highlight=False)


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


async def destroy_all(
    cloud: UpCloud, servers: Sequence[Server], *, storages: StoragePolicy, timeout: float
) -> list[str]:
    """Destroy servers concurrently. Returns one sentence per failure."""
    failures: list[str] = []
    columns = SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn()
    with Progress(*columns, console=messages, transient=True) as progress:

        async def destroy(server: Server) -> None:
            task = progress.add_task(f"destroying {server.title}", total=1)
            try:
                await cloud.servers.destroy(server.uuid, timeout=timeout, storages=storages)
            except errors.UpCloudError as error:
                failures.append(str(error))
            progress.update(task, completed=1)

        async with anyio.create_task_group() as group:
            for server in servers:
                group.start_soon(destroy, server)
    return failures


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
