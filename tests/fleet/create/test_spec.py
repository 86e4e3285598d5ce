"""`servers.spec` makes a spec from a few values."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import pytest

from upcloud_sdk import Server, ServerSpec, StorageDeviceSpec
from upcloud_sdk.errors import NoMatch
from upcloud_sdk.fleet.create.spec import SpecFields
from upcloud_sdk.fleet.servers import Servers
from upcloud_sdk.simulator import Simulator
from upcloud_sdk.testing import client_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from upcloud_sdk import UpCloud

KEY = "ssh-ed25519 AAAA me@example.com"


@pytest.fixture
async def cloud() -> AsyncIterator[UpCloud]:
    """An open client of an account without delays."""
    async with client_of(Simulator(boot_seconds=0, stop_seconds=0)) as client:
        yield client


def test_type_checkers_know_all_fields_of_a_spec() -> None:
    named = inspect.signature(Servers.spec).parameters
    assert SpecFields.__annotations__.keys() == ServerSpec.model_fields.keys() - named.keys()


async def test_servers_spec_makes_a_spec_that_can_be_created(cloud: UpCloud, tmp_path: Path) -> None:
    (tmp_path / "id_ed25519.pub").write_text(KEY + "\n")
    spec = await cloud.servers.spec(
        "debian-13", zone="fi-hel1", plan="1xCPU-1GB", hostname="build-1", ssh_keys=[tmp_path / "id_ed25519.pub"]
    )
    async with cloud.servers.ephemeral(spec) as server:
        assert isinstance(server, Server)
        assert (server.title, server.hostname, server.plan) == ("build-1", "build-1", "1xCPU-1GB")
        (disk,) = server.storage_devices
        assert (disk.storage_title, disk.storage_size, str(disk.storage_tier)) == ("build-1-os", 25, "maxiops")
    assert spec.login_user is not None
    assert spec.login_user.ssh_keys == (KEY,)
    assert spec.metadata


@pytest.mark.parametrize(
    ("template", "plan", "expected"),
    [
        ("debian-13", "CLOUDNATIVE-2xCPU-4GB", (10, None, True)),
        ("windows-2019-standard", "1xCPU-1GB", (25, "maxiops", False)),
        ("Debian GNU/Linux 12 (Bookworm)", "DEV-1xCPU-4GB", (40, "standard", True)),
    ],
)
async def test_disk_and_metadata_follow_from_plan_and_image(
    cloud: UpCloud, template: str, plan: str, expected: tuple[int, str | None, bool]
) -> None:
    spec = await cloud.servers.spec(template, zone="fi-hel1", plan=plan, hostname="a", ssh_keys=[KEY])
    (disk,) = spec.storage_devices
    assert (disk.size, disk.tier, spec.metadata) == expected


async def test_every_field_can_be_overridden(cloud: UpCloud) -> None:
    fields: dict[str, Any] = {"labels": {"env": "ci"}, "title": "another", "metadata": True, "firewall": True}
    spec = await cloud.servers.spec(
        "debian-13", zone="fi-hel1", plan="1xCPU-1GB", hostname="a", size=30, tier="hdd", username="ci", **fields
    )
    assert {name: getattr(spec, name) for name in fields} == fields
    assert (spec.storage_devices[0].size, spec.storage_devices[0].tier) == (30, "hdd")
    assert spec.login_user is not None
    assert spec.login_user.username == "ci"
    disks = [StorageDeviceSpec.create(size=10)]
    custom: dict[str, Any] = {"storage_devices": disks, "core_number": 2, "memory_amount": 2048}
    sized = await cloud.servers.spec("debian-13", zone="fi-hel1", plan="custom", hostname="a", **custom)
    assert (list(sized.storage_devices), sized.core_number) == (disks, 2)


async def test_the_error_for_an_unknown_plan_or_template_names_existing_ones(cloud: UpCloud) -> None:
    with pytest.raises(NoMatch, match="no plan '1xCPU-3GB': there are 1xCPU-"):
        await cloud.servers.spec("debian-13", zone="fi-hel1", plan="1xCPU-3GB", hostname="a")
    with pytest.raises(NoMatch, match=r"did you mean 'Debian GNU/Linux 13 \(Trixie\)'"):
        await cloud.servers.spec("debian-14", zone="fi-hel1", plan="1xCPU-1GB", hostname="a")
