"""A template of your own, with everything installed; the two newest of its name are kept.

python -m examples.golden_image                    on the simulator
python -m examples.golden_image --times 3          one after the other, so that the oldest goes
"""

from __future__ import annotations

import argparse

import anyio

from upcloud_sdk import LoginUser, ServerSpec, Storage, StorageDeviceSpec, Token, UpCloud, WaitPolicy
from upcloud_sdk.simulator import Simulator

NAME = "build-tools"
KEPT = 2


async def make(cloud: UpCloud, version: str) -> Storage:
    """A template of a server on which everything has been installed; the server goes, the template stays."""
    debian = await cloud.storages.find_template("Debian GNU/Linux 12 (Bookworm)")
    spec = ServerSpec(
        zone="fi-hel1",
        plan="PREMIUM-1xCPU-1GB",
        hostname="golden",
        title="golden",
        storage_devices=[StorageDeviceSpec.clone(debian.uuid, size=25)],
        login_user=LoginUser(ssh_keys=["ssh-ed25519 AAAA nobody@example.com"]),
        metadata=True,
    )
    async with cloud.servers.ephemeral(spec) as server:
        # Here a real one installs what is needed, by SSH or by `user_data`.
        await cloud.servers.stop(server.uuid)
        await cloud.servers.wait_for_state(server.uuid, "stopped", timeout=120)
        template = await cloud.storages.templatize(server.storage_devices[0].storage or "", f"{NAME} {version}")
        # The copy is made from the server's disk: the server must stay until it is done.
        return await cloud.storages.wait_for_state(template.uuid, "online", timeout=600)


async def retire(cloud: UpCloud) -> None:
    """Delete all but the newest templates of this name."""
    mine = [each for each in await cloud.storages.list("template") if (each.title or "").startswith(f"{NAME} ")]
    for old in sorted(mine, key=lambda each: each.title or "")[:-KEPT]:
        await cloud.storages.delete(old.uuid)
        print(f"deleted {old.title}")


async def main(times: int) -> None:
    """Make some, one after the other."""
    sim = Simulator(boot_seconds=0.1, stop_seconds=0.1, storage_seconds=0.1)
    brisk = WaitPolicy(first_look=0.05, pause=0.05)
    async with UpCloud(Token("ucat_any"), transport=sim.transport(), waits=brisk) as cloud:
        for number in range(1, times + 1):
            template = await make(cloud, f"2026.{number}")
            print(f"{template.title}: {template.size} GB, {template.state}")
            await retire(cloud)
        print(f"servers left: {len(await cloud.servers.list())}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=1, help="how many are made (default: 1)")
    anyio.run(main, parser.parse_args().times)
