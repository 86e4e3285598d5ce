"""A server of the simulator is a real Debian that takes itself for a server of UpCloud's."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr

from tests.vm.cloud import BOOTS_WITHIN, VmCloud
from tests.vm.documents import worker_config
from upcloud_sdk import ServerChanges, ServerSpec, ServerState, StorageDeviceSpec
from upcloud_sdk.simulator.qemu import HOST_ADDRESS

if TYPE_CHECKING:
    from tests.vm.master import Master
    from upcloud_sdk import UpCloud

pytestmark = pytest.mark.anyio

PASSWORD = "a-password-that-is-nowhere-else"
TEMPLATES = {"debian-12": "Debian GNU/Linux 12 (Bookworm)", "debian-13": "Debian GNU/Linux 13 (Trixie)"}
IGNORES_THE_POWER_BUTTON = """\
#cloud-config
write_files:
  - path: /etc/systemd/logind.conf.d/deaf.conf
    content: |
      [Login]
      HandlePowerKey=ignore
runcmd:
  - [systemctl, restart, systemd-logind]
  - [sh, -c, "echo the button does nothing"]
"""


async def server_spec(cloud: UpCloud, image: str, user_data: str) -> ServerSpec:
    template = await cloud.storages.find_template(TEMPLATES.get(image, image))
    return ServerSpec(
        zone="fi-hel1",
        title="guest",
        hostname="guest.example.com",
        plan="1xCPU-1GB",
        storage_devices=[StorageDeviceSpec.clone(template.uuid, size=10, title="guest-os")],
        metadata=True,
        user_data=SecretStr(user_data),
    )


@pytest.mark.parametrize(
    ("image", "kind"),
    [
        ("debian-13+buildbot-worker", "image"),
    ],
)
async def test_a_worker_attaches_and_builds(master: Master, cloud: VmCloud, image: str, kind: str) -> None:
    await master.start(f"worker.Worker('bot', {PASSWORD!r})")
    document = worker_config(kind, master=f"{HOST_ADDRESS}:{master.worker_port}", name="bot", password=PASSWORD)
    async with cloud.client() as client:
        server = await client.servers.create(await server_spec(client, image, document))
        request = await master.force("hello")
        outcome = await master.finished(request, timeout=BOOTS_WITHIN)
        assert outcome.results == [0]
        assert "hello from guest" in outcome.log
        console = await cloud.console_with(server.uuid, "Cloud-init v.")
        assert "DataSourceUpCloud" in console
        assert PASSWORD not in console
        # What the guest was told, a build must not read.
        before = await master.finished(await master.force("metadata"), timeout=BOOTS_WITHIN)
        assert PASSWORD in before.log
        await client.servers.modify(server.uuid, ServerChanges(metadata=False))
        after = await master.finished(await master.force("metadata"), timeout=BOOTS_WITHIN)
        assert (PASSWORD in after.log, after.log.count("404")) == (False, 4)
        # Down in seconds, where a guest that does not listen would take the whole timeout.
        await client.servers.stop(server.uuid, stop_type="soft", timeout=600)
        await client.servers.wait_for_state(server.uuid, ServerState.STOPPED, timeout=BOOTS_WITHIN)
        assert "Power down" in cloud.console(server.uuid)
        await client.servers.destroy(server.uuid)
    assert (cloud.simulator.servers, cloud.simulator.storages) == ({}, {})


async def test_a_guest_that_ignores_the_power_button_is_stopped_hard_at_the_timeout(cloud: VmCloud) -> None:
    async with cloud.client() as client:
        server = await client.servers.create(await server_spec(client, "debian-13", IGNORES_THE_POWER_BUTTON))
        await cloud.console_with(server.uuid, "the button does nothing")
        began = time.monotonic()
        await client.servers.stop(server.uuid, stop_type="soft", timeout=8)
        await client.servers.wait_for_state(server.uuid, ServerState.STOPPED, timeout=BOOTS_WITHIN)
        assert time.monotonic() - began > 7
        assert "Power down" not in cloud.console(server.uuid)
        await client.servers.destroy(server.uuid)


async def test_a_machine_that_is_not_upclouds_does_not_run_cloud_init() -> None:
    """So it is the machine's identity that makes a guest a server, as it is in production."""
    with VmCloud(ports=[], manufacturer="QEMU") as cloud:
        async with cloud.client() as client:
            document = "#cloud-config\nruncmd: [[echo, hello]]\n"
            server = await client.servers.create(await server_spec(client, "debian-13", document))
            console = await cloud.console_with(server.uuid, "multi-user.target")
            assert "Cloud-init v." not in console
            await client.servers.destroy(server.uuid)
