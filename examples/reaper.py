"""A nightly reaper for cron or a systemd timer: destroys leased servers that your killed processes left behind.

    UPCLOUD_TOKEN=ucat_... python -m examples.reaper --owner ci@example --dry-run
    python -m examples.reaper --simulate          on a simulator in which something has been left behind

Exit status 1 if something could not be destroyed, so that somebody is told.
"""

from __future__ import annotations

import argparse
import sys

import anyio
from rich.console import Console
from rich.table import Table

from examples.quickstart import public_keys
from upcloud_sdk import LoginUser, ReapReport, ServerSpec, StorageDeviceSpec, Token, UpCloud, WaitPolicy, errors
from upcloud_sdk.simulator import ManualClock, Simulator


async def reap(cloud: UpCloud, *, dry_run: bool) -> ReapReport:
    """Show the leases as a table, and reap once."""
    table = Table("what", "uuid", "state", "lease ends", title=f"leases of {cloud.owner}")
    table.columns[1].no_wrap = True
    for lease in await cloud.leases.list():
        table.add_row(
            lease.kind, lease.uuid, lease.state, f"{lease.ends:%Y-%m-%d %H:%M}" if lease.ends else "cannot be read"
        )
    Console().print(table)
    return await cloud.leases.reap(dry_run=dry_run)


async def simulate(*, dry_run: bool) -> ReapReport:
    """Reap on a simulator where a process died an hour ago and left a server."""
    clock = ManualClock()
    sim = Simulator(clock=clock, boot_seconds=0, stop_seconds=0)
    brisk = WaitPolicy(first_read_after=0, pause=0.01)
    async with UpCloud(Token("ucat_any"), transport=sim.transport(), waits=brisk, owner="ci@example") as dead:
        debian = await dead.storages.find_template("Debian GNU/Linux 12 (Bookworm)")
        spec = ServerSpec(
            zone="fi-hel1",
            plan="PREMIUM-1xCPU-1GB",
            hostname="left-behind",
            title="left behind",
            storage_devices=[StorageDeviceSpec.clone(debian.uuid, size=25)],
            login_user=LoginUser(ssh_keys=public_keys() or ("ssh-ed25519 AAAA nobody@example.com",)),
            metadata=True,
        )
        await dead.servers.create(spec, lease=600)
    clock.advance(3600)
    async with UpCloud(Token("ucat_any"), transport=sim.transport(), waits=brisk, owner="ci@example") as cloud:
        return await reap(cloud, dry_run=dry_run)


async def main(owner: str | None, *, dry_run: bool, simulated: bool) -> ReapReport:
    """Reap on the account that the environment names, or on a simulator."""
    if simulated:
        return await simulate(dry_run=dry_run)
    async with UpCloud(owner=owner) as cloud:
        return await reap(cloud, dry_run=dry_run)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--owner", help="owner of the leases (default: user@host)")
    parser.add_argument("--dry-run", action="store_true", help="only show what would be destroyed")
    parser.add_argument("--simulate", action="store_true", help="on a simulator")
    arguments = parser.parse_args()
    try:
        report = anyio.run(lambda: main(arguments.owner, dry_run=arguments.dry_run, simulated=arguments.simulate))
    except errors.UpCloudError as error:
        sys.exit(f"{type(error).__name__}: {error}")
    print(report)
    for uuid, reason in report.failed.items():
        print(f"could not be destroyed, and may still cost money: {uuid}: {reason}")
    sys.exit(1 if report.failed else 0)
