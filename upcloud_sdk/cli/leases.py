"""`upcloud-sdk leases`: list, reap."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from upcloud_sdk.cli.output import counted, print_json, show
from upcloud_sdk.cli.session import AsJson, Yes, call, confirm, console, fail, messages

if TYPE_CHECKING:
    from upcloud_sdk.fleet.reap import ReapReport

app = typer.Typer(no_args_is_help=True, help="Leases: what is destroyed when its owner does not renew it.")

Owner = Annotated[str | None, typer.Option(help="Another owner than your own.")]


@app.command("list")
def list_leases(context: typer.Context, owner: Owner = None, as_json: AsJson = False) -> None:
    """List servers and disks that have a lease."""
    leases = call(context, lambda cloud: cloud.leases.list(owner))
    rows = [
        {
            "uuid": lease.uuid,
            "kind": lease.kind,
            "state": str(lease.state),
            "owner": lease.owner,
            "run": lease.run,
            "ends": lease.ends,
        }
        for lease in leases
    ]
    show(rows, as_json=as_json, empty="no leases")


@app.command("reap")
def reap(  # noqa: PLR0917 - typer passes arguments by name
    context: typer.Context,
    owner: Owner = None,
    grace: Annotated[float, typer.Option(help="Seconds after the end of a lease.")] = 60,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be destroyed.")] = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Destroy servers and disks whose lease has ended. Shows them, and asks first."""
    preview = call(context, lambda cloud: cloud.leases.reap(owner, grace=grace, dry_run=True))
    due = (*preview.servers, *preview.storages)
    if dry_run or not due:
        tell(preview, as_json=as_json)
        return
    for uuid in due:
        messages.print(uuid, highlight=False)
    what = f"{counted(len(preview.servers), 'server')} and {counted(len(preview.storages), 'loose disk')}"
    confirm(f"Destroy {what}?", yes=yes)
    tell(call(context, lambda cloud: cloud.leases.reap(owner, grace=grace)), as_json=as_json)


def tell(report: ReapReport, *, as_json: bool) -> None:
    """Print a report.

    Raises:
        typer.Exit: with status 1, where something could not be destroyed.
    """
    if as_json:
        print_json({name: getattr(report, name) for name in report.__dataclass_fields__})
    else:
        console.print(str(report), highlight=False)
        for uuid in report.unreadable:
            console.print(f"{uuid}: its lease cannot be read; look at it by hand", highlight=False)
    if report.failed:
        fail(*(f"{uuid}: {reason}" for uuid, reason in report.failed.items()))
