"""A simulated server is a real Debian that recognises itself as an UpCloud server."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr

from tests.vm.cloud import TEMPLATES, VmCloud
from upcloud_sdk import ServerSpec, StorageDeviceSpec
from upcloud_sdk.simulator.images.available import MANIFEST, available, images_folder

if TYPE_CHECKING:
    from pathlib import Path

    from upcloud_sdk.models import Server

DEBIAN_13 = TEMPLATES["debian-13"]
HELLO = "#cloud-config\nruncmd: [[echo, 'hello from a cloud-config']]\n"


def create(cloud: VmCloud, image: str, user_data: str) -> Server:
    template = cloud.call(cloud.client.storages.find_template, image)
    spec = ServerSpec(
        zone="fi-hel1",
        title="guest",
        hostname="guest.example.com",
        plan="1xCPU-1GB",
        storage_devices=[StorageDeviceSpec.clone(template.uuid, size=10, title="guest-os")],
        metadata=True,
        user_data=SecretStr(user_data),
    )
    return cloud.call(cloud.client.servers.create, spec)


@pytest.mark.parametrize("release", ["debian-13", "debian-12"])
def test_a_soft_stop_lets_the_machine_shut_down(cloud: VmCloud, release: str) -> None:
    """Within seconds. A guest that ignores the button would run until the timeout of an hour."""
    server = create(cloud, TEMPLATES[release], HELLO)
    cloud.console_with(server.uuid, "hello from a cloud-config")
    cloud.call(cloud.client.servers.stop, server.uuid, stop_type="soft", timeout=3600)
    cloud.wait_until_stopped(server.uuid)
    assert "Power down" in cloud.console(server.uuid)
    cloud.call(cloud.client.servers.destroy, server.uuid)
    assert cloud.is_empty


def test_a_guest_that_ignores_the_power_button_is_stopped_hard_at_the_timeout(tmp_path: Path) -> None:
    """Its disk is empty, so it waits for a file system forever."""
    image = available(images_folder())["debian-13"].folder
    empty = tmp_path / "debian-13"
    empty.mkdir()
    for part in ("vmlinuz", "initrd.img", MANIFEST):
        (empty / part).symlink_to(image / part)
    with (empty / "root.img").open("wb") as root:
        root.truncate(1 << 20)
    with VmCloud(ports=[], images=tmp_path) as cloud:
        server = create(cloud, DEBIAN_13, HELLO)
        cloud.console_with(server.uuid, "Waiting for root file system")
        began = time.monotonic()
        cloud.call(cloud.client.servers.stop, server.uuid, stop_type="soft", timeout=5)
        cloud.wait_until_stopped(server.uuid)
        assert time.monotonic() - began > 4
        assert "Power down" not in cloud.console(server.uuid)
        cloud.call(cloud.client.servers.destroy, server.uuid)


def test_a_machine_that_is_not_upclouds_does_not_run_cloud_init() -> None:
    """So cloud-init recognises a server by the machine's identity, as in production."""
    with VmCloud(ports=[], manufacturer="QEMU") as cloud:
        server = create(cloud, DEBIAN_13, HELLO)
        console = cloud.console_with(server.uuid, "multi-user.target")
        assert "Cloud-init v." not in console
        cloud.call(cloud.client.servers.destroy, server.uuid)
