"""An image is baked on a real Debian and is clean. A worker on a server from it attaches and builds."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr

from tests.vm.cloud import BOOTS_WITHIN, VmCloud
from tests.vm.master import VmMaster
from upcloud_sdk import Recipe
from upcloud_sdk.errors import BakeFailed

if TYPE_CHECKING:
    from upcloud_sdk import Image

StartMaster = Callable[..., VmMaster]

INSTALL = ["apt-get update", "apt-get install -y buildbot-worker"]
REMEMBER = "cat /etc/machine-id > /root/id; cat /etc/ssh/ssh_host_*_key.pub > /root/keys; echo baked > /var/log/baked"
ZONE = "fi-hel1"
LOOK = """#!/bin/sh
{
    echo "baked: $(cat /etc/baked)"
    cmp -s /etc/machine-id /root/id && echo "machine-id is that of the image"
    cat /etc/ssh/ssh_host_*_key.pub | cmp -s - /root/keys && echo "host keys are those of the image"
    [ -s /var/log/baked ] && echo "a log is that of the image"
    ls -d /var/lib/upcloud-sdk-image /etc/systemd/system/upcloud-sdk-image.service
    find /etc/systemd/system -name 'upcloud-sdk*'
    echo "looked at all"
} > /dev/console 2>&1
"""


def _bake(cloud: VmCloud, recipe: Recipe) -> Image:
    async def explain(uuid: str) -> str:
        return "\n".join(line for line in cloud.console(uuid).splitlines() if "upcloud-sdk" in line)

    [image] = cloud.call(
        cloud.client.images.bake, recipe, zones=[ZONE], plan="1xCPU-1GB", timeout=BOOTS_WITHIN, explain=explain
    )
    assert cloud.simulator.servers == {}
    assert list(cloud.simulator.storages) == [image.uuid]
    return image


def test_a_server_of_a_baked_image_has_what_the_recipe_says_and_nothing_of_the_machine_that_baked_it(
    cloud: VmCloud,
) -> None:
    recipe = Recipe(base="debian-13", commands=[REMEMBER, "echo yes > /etc/baked"], files={"/etc/motd": "hello\n"})
    image = _bake(cloud, recipe)
    spec = cloud.call(
        cloud.client.servers.spec,
        image.uuid,
        zone=ZONE,
        plan="1xCPU-1GB",
        hostname="look",
        user_data=SecretStr(LOOK),
        ssh_keys=["ssh-ed25519 AAAA me@example.com"],
    )
    server = cloud.call(cloud.client.servers.create, spec)
    console = cloud.console_with(server.uuid, "looked at all")
    assert "baked: yes" in console
    assert "that of the image" not in console
    assert "those of the image" not in console
    assert console.count("No such file or directory") >= 2
    cloud.call(cloud.client.servers.destroy, server.uuid)
    cloud.call(cloud.client.images.prune, keep=0)
    assert cloud.is_empty


def test_a_failing_command_is_noticed_and_leaves_nothing(cloud: VmCloud) -> None:
    with pytest.raises(BakeFailed, match="a command failed") as failed:
        _bake(cloud, Recipe(base="debian-13", commands=["true", "ls /nowhere", "touch /after"]))
    assert "upcloud-sdk: command 2 has failed with status 2" in str(failed.value)
    assert cloud.is_empty


def test_a_worker_on_a_baked_image_attaches_and_builds(start_master: StartMaster, cloud: VmCloud) -> None:
    """Prints the time for it, and for the stock image with both ways to install the worker first."""
    recipe = Recipe(base="debian-13", commands=INSTALL, name="ci")
    _bake(cloud, recipe)
    text = f"Recipe(base='debian-13', commands={INSTALL!r}, name='ci')"
    workers = {
        "baked": f"image={text}, hostconfig={{'hostname': 'baked'}}, bootstrap='image'",
        "package": "image='debian-13', hostconfig={'hostname': 'package'}, bootstrap='package'",
        "venv": "image='debian-13', hostconfig={'hostname': 'venv'}, bootstrap='venv'",
    }
    master = start_master(workers, attach_timeout=BOOTS_WITHIN, build_wait_timeout=0)
    for name in workers:
        outcome = master.finished(master.force(name), BOOTS_WITHIN)
        assert outcome.results == [0], outcome.log
        assert f"hello from {name}" in outcome.log
        print(f"{name}:", *re.findall("attached after .*", outcome.log)[-1:])  # noqa: T201 - what `make test-vm` shows
    master.terminate(60.0)
    cloud.call(cloud.client.images.prune, keep=0)
    assert cloud.is_empty
