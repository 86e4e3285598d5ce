"""The tested program: a website on two servers. Either both servers exist or none."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import anyio

from upcloud_sdk import LoginUser, ServerSpec, StorageDeviceSpec

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from upcloud_sdk import Server, UpCloud

SITES = ("blue", "green")


@asynccontextmanager
async def website(cloud: UpCloud, zone: str = "fi-hel1") -> AsyncGenerator[dict[str, Server]]:
    """Start both servers, and return them by name. They are deleted when the block ends."""
    debian = await cloud.storages.find_template("Debian GNU/Linux 12 (Bookworm)")
    servers: dict[str, Server] = {}
    try:
        async with anyio.create_task_group() as group:
            for name in SITES:
                group.start_soon(_put_up, cloud, spec_for(name, zone, debian.uuid), servers)
        yield servers
    finally:
        with anyio.CancelScope(shield=True):
            for server in servers.values():
                await cloud.servers.destroy(server.uuid)


async def _put_up(cloud: UpCloud, spec: ServerSpec, servers: dict[str, Server]) -> None:
    server = servers[spec.hostname] = await cloud.servers.create(spec, lease=3600)
    await cloud.servers.wait_for_state(server.uuid, "started", timeout=300)


def spec_for(name: str, zone: str, template: str) -> ServerSpec:
    """A small web server."""
    return ServerSpec(
        zone=zone,
        plan="PREMIUM-1xCPU-1GB",
        hostname=name,
        title=f"website {name}",
        storage_devices=[StorageDeviceSpec.clone(template, size=25)],
        login_user=LoginUser(ssh_keys=["ssh-ed25519 AAAA me@example.com"]),
        metadata=True,
    )
