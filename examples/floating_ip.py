"""A floating address moves from one running server to another, for example to move a service without downtime.

python -m examples.floating_ip                     on the simulator
"""

from __future__ import annotations

import anyio

from upcloud_sdk import IpAddressSpec, LoginUser, Server, ServerSpec, StorageDeviceSpec, Token, UpCloud, WaitPolicy
from upcloud_sdk.models import IpAddressChanges
from upcloud_sdk.simulator import Simulator


def spec_for(name: str, template: str) -> ServerSpec:
    """A small server."""
    return ServerSpec(
        zone="fi-hel1",
        plan="PREMIUM-1xCPU-1GB",
        hostname=name,
        title=name,
        storage_devices=[StorageDeviceSpec.clone(template, size=25)],
        login_user=LoginUser(ssh_keys=["ssh-ed25519 AAAA nobody@example.com"]),
        metadata=True,
    )


def public_mac(server: Server) -> str:
    """The MAC of a server's public IPv4 interface, to which a floating address is attached."""
    return next(
        interface.mac
        for interface in server.networking.interfaces
        if interface.mac and interface.type == "public" and interface.ip_addresses[0].family == "IPv4"
    )


async def main() -> None:
    """Attach one address to the first of two servers, and then move it to the second."""
    sim = Simulator(boot_seconds=0.1, stop_seconds=0.1)
    brisk = WaitPolicy(first_read_after=0.05, pause=0.05)
    async with UpCloud(Token("ucat_any"), transport=sim.transport(), waits=brisk) as cloud:
        debian = await cloud.storages.find_template("Debian GNU/Linux 12 (Bookworm)")
        async with (
            cloud.servers.ephemeral(spec_for("blue", debian.uuid)) as blue,
            cloud.servers.ephemeral(spec_for("green", debian.uuid)) as green,
        ):
            # The address belongs to the account, not to a server: without the `finally` it would stay and cost money.
            floating = await cloud.ip_addresses.assign(IpAddressSpec.floating_ip(mac=public_mac(blue)))
            try:
                titles = {blue.uuid: blue.title, green.uuid: green.title}
                print(f"{floating.address} is on {titles[floating.server or '']}")
                change = IpAddressChanges(mac=public_mac(green))
                moved = await cloud.ip_addresses.modify(floating.address, change)
                print(f"{moved.address} is on {titles[moved.server or '']}")
            finally:
                await cloud.ip_addresses.modify(floating.address, IpAddressChanges(mac=None))
                await cloud.ip_addresses.release(floating.address)
        print(f"addresses left: {len(await cloud.ip_addresses.list())}")


if __name__ == "__main__":
    anyio.run(main)
