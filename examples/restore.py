"""Restore a server from last night's backup: the newest backup of its disk becomes the disk of a new server.

python -m examples.restore                                            on the simulator
UPCLOUD_TOKEN=ucat_... python -m examples.restore UUID --live         UUID: the disk of a server (costs about a cent)

The old server is not touched, so that both can be compared before one of them is deleted.
"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

import anyio

from upcloud_sdk import LoginUser, Server, ServerSpec, StorageDeviceSpec, Token, UpCloud, WaitPolicy, errors
from upcloud_sdk.simulator import Simulator

if TYPE_CHECKING:
    from upcloud_sdk.models import StorageSummary


async def newest_backup(cloud: UpCloud, disk: str) -> StorageSummary:
    """The newest complete backup of a disk."""
    backups = [each for each in await cloud.storages.list("backup") if each.origin == disk and each.state == "online"]
    if not backups:
        raise LookupError(f"the disk {disk} has no backup")
    return max(backups, key=lambda backup: str(backup.created))


async def restore(cloud: UpCloud, disk: str) -> Server:
    """Create a server whose disk is a copy of the disk's newest backup, and wait until it has started."""
    backup = await newest_backup(cloud, disk)
    assert backup.zone is not None  # only public storages have none
    spec = ServerSpec(
        zone=backup.zone,
        plan="PREMIUM-1xCPU-1GB",
        hostname="restored",
        title=f"restored from {backup.title}",
        login_user=LoginUser(create_password=False),
        storage_devices=[StorageDeviceSpec.clone(backup.uuid, title="restored-os")],
        metadata=True,
    )
    server = await cloud.servers.create(spec)
    return await cloud.servers.wait_for_state(server.uuid, "started", timeout=300)


async def simulated() -> None:
    """Back up the disk of a server twice, and restore the second backup."""
    sim = Simulator(boot_seconds=0.2, stop_seconds=0.1, storage_seconds=0.2)
    waits = WaitPolicy(first_read_after=0.1, pause=0.1)
    async with UpCloud(Token("ucat_any"), transport=sim.transport(), waits=waits) as cloud:
        spec = await cloud.servers.spec("debian-12", zone="fi-hel1", plan="PREMIUM-1xCPU-1GB", hostname="web-1")
        server = await cloud.servers.create(spec)
        await cloud.servers.wait_for_state(server.uuid, "started", timeout=60)
        disk = server.storage_devices[0].storage
        assert disk is not None  # only an empty drive has none
        for night in ("Monday", "Tuesday"):
            backup = await cloud.storages.backup(disk, night)
            await cloud.storages.wait_for_state(backup.uuid, "online", timeout=60)
            await anyio.sleep(1.1)  # the time of a backup has whole seconds
        show(await restore(cloud, disk))


async def live(disk: str) -> None:
    async with UpCloud() as cloud:
        show(await restore(cloud, disk))


def show(server: Server) -> None:
    print(f"{server.title}: {server.state}, {server.public_ipv4}, disk of {server.storage_devices[0].storage_size} GB")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("disk", nargs="?", help="uuid of the disk whose newest backup is restored")
    parser.add_argument("--live", action="store_true", help="use a real account; the new server stays")
    arguments = parser.parse_args()
    if arguments.live and arguments.disk is None:
        parser.error("--live needs the uuid of a disk")
    try:
        anyio.run(live, arguments.disk) if arguments.live else anyio.run(simulated)
    except (errors.UpCloudError, LookupError) as error:
        sys.exit(f"{type(error).__name__}: {error}")
