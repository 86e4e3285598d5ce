"""`upcloud-sdk leases`: list, reap."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from upcloud_sdk.cli.output import counted, print_json, show
from upcloud_sdk.cli.session import AsJson, Yes, call, confirm, console, fail, messages, number

if TYPE_CHECKING:
    from upcloud_sdk.fleet.reap import ReapReport

app = typer.Typer(no_args_is_help=True, help="Leases: servers and disks are destroyed when their lease ends.")

Owner = Annotated[str | None, typer.Option(help="Owner label. Default: your own.")]
AllOwners = Annotated[bool, typer.Option("--all-owners", help="All owners, for example deleted containers.")]


@app.command("list")
def list_leases(
    context: typer.Context, owner: Owner = None, all_owners: AllOwners = False, as_json: AsJson = False
) -> None:
    """List servers and disks that have a lease."""
    check_owners(owner, all_owners=all_owners)
    leases = call(context, lambda cloud: cloud.leases.list(owner, all_owners=all_owners))
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
    all_owners: AllOwners = False,
    grace: Annotated[
        float, typer.Option(help="Wait this many seconds after the end of a lease.", min=0, callback=number)
    ] = 60,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be destroyed.")] = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Destroy servers and disks whose lease has ended. Shows them and asks first."""
    check_owners(owner, all_owners=all_owners)
    preview = call(context, lambda cloud: cloud.leases.reap(owner, all_owners=all_owners, grace=grace, dry_run=True))
    due = (*preview.servers, *preview.storages)
    if dry_run or not due:
        tell(preview, as_json=as_json)
        return
    for uuid in due:
        messages.print(uuid)
    what = f"{counted(len(preview.servers), 'server')} and {counted(len(preview.storages), 'detached disk')}"
    confirm(f"Destroy {what}, with the disks created with them and all backups of these disks?", yes=yes)
    # The user has not agreed to leases that ended since.
    report = call(context, lambda cloud: cloud.leases.reap(owner, all_owners=all_owners, grace=grace, only=due))
    tell(report, as_json=as_json)


def check_owners(owner: str | None, *, all_owners: bool) -> None:
    """Exit with status 2 if `--owner` and `--all-owners` are both given."""
    if all_owners and owner is not None:
        fail("--all-owners includes every owner: leave out --owner", status=2)


def tell(report: ReapReport, *, as_json: bool) -> None:
    """Print a report.

    Raises:
        typer.Exit: With status 1 if something could not be destroyed.
    """
    if as_json:
        print_json({name: getattr(report, name) for name in report.__dataclass_fields__})
    else:
        console.print(str(report))
        for uuid in report.unreadable:
            console.print(f"{uuid}: the lease cannot be read; check this resource yourself")
    if report.failed:
        fail(*(f"{uuid}: {reason}" for uuid, reason in report.failed.items()))
