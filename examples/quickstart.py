"""A server for as long as a block runs: on the simulator by default, on a real account only with --live.

python -m examples.quickstart
UPCLOUD_TOKEN=ucat_... python -m examples.quickstart --live      (costs about a cent)
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import anyio

from upcloud_sdk import LoginUser, ServerSpec, StorageDeviceSpec, Token, UpCloud, WaitPolicy, errors
from upcloud_sdk.simulator import Simulator


async def show(cloud: UpCloud, ssh_keys: tuple[str, ...]) -> None:
    """Choose a zone, a plan and a template, and run one server."""
    zones = await cloud.zones.list()
    print(f"{len(zones)} zones, among them {', '.join(zone.id for zone in zones[:4])}")

    plans = [plan for plan in await cloud.plans.list() if plan.storage_size and plan.current_offering is not False]
    plan = min(plans, key=lambda plan: (plan.memory_amount or 0, plan.core_number or 0, plan.storage_size or 0))
    print(f"smallest plan with a disk that is on sale: {plan.name} ({plan.core_number} core, {plan.memory_amount} MiB)")

    debian = await cloud.storages.find_template("Debian GNU/Linux 12 (Bookworm)")
    print(f"template: {debian.title}, from {debian.size} GB")

    spec = ServerSpec(
        zone="fi-hel1",
        plan=plan.name,
        hostname="quickstart",
        title="quickstart",
        storage_devices=(StorageDeviceSpec.clone(debian.uuid, size=max(debian.size or 0, plan.storage_size or 0)),),
        login_user=LoginUser(ssh_keys=ssh_keys),
        metadata=True,
    )
    async with cloud.servers.ephemeral(spec) as server:
        print(f"server {server.uuid} is {server.state} at {server.public_ipv4}")
    print("it is gone, and its disk too:", await cloud.servers.list(labels={"upcloud_sdk_owner": cloud.owner}))


def public_keys() -> tuple[str, ...]:
    """The public keys of this user, for a login on the server."""
    found = sorted(Path.home().glob(".ssh/id_*.pub"))
    return tuple(path.read_text().strip() for path in found)


async def main(*, live: bool) -> None:
    """Run on a real account, or on a simulator whose servers boot immediately."""
    if live:
        async with UpCloud() as cloud:
            await show(cloud, public_keys() or sys.exit("no public key in ~/.ssh: make one with ssh-keygen"))
        return
    sim = Simulator(boot_seconds=0.5, stop_seconds=0.5)
    brisk = WaitPolicy(first_read_after=0.2, pause=0.2)
    async with UpCloud(Token("ucat_any"), transport=sim.transport(), waits=brisk) as cloud:
        await show(cloud, public_keys() or ("ssh-ed25519 AAAA nobody@example.com",))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--live", action="store_true", help="use a real account, which costs about a cent")
    try:
        anyio.run(lambda: main(live=parser.parse_args().live))
    except errors.UpCloudError as error:
        sys.exit(f"{type(error).__name__}: {error}")
