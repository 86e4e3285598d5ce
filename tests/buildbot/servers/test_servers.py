"""Servers in the cloud match their arguments: disks, networks, groups, size. Builds get their properties."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import anyio
from twisted.internet import defer, threads

from tests.buildbot._types import SUCCESS, Interpolate
from tests.buildbot.harness import IMAGE, MasterCase, pause
from upcloud_sdk import Basic, StorageDeviceSpec, UpCloud
from upcloud_sdk.models import NetworkSpec, ServerGroupSpec, StorageSpec

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from upcloud_sdk.models import StorageSummary
    from upcloud_sdk.simulator.records.records import Server

ZONE = "de-fra1"


def is_ubuntu(template: StorageSummary) -> bool:
    return template.title == "Ubuntu Server 24.04 LTS (Noble Numbat)"


class Machines(MasterCase):
    async def made(self, work: Callable[[UpCloud], Awaitable[str]]) -> str:
        """Create something in the account before the build. Returns its uuid."""

        async def run() -> str:
            async with UpCloud(Basic("user", "secret-password"), base_url=self.url) as cloud:
                return await work(cloud)

        uuid: str = await threads.deferToThread(partial(anyio.run, run))
        return uuid

    async def server_of(self, **arguments: Any) -> tuple[Server, dict[str, Any]]:  # noqa: ANN401 - the worker's
        """Run a build with these arguments. Returns its server and the build's properties."""
        await self.start_master(self.worker(build_wait_timeout=60, **arguments))
        outcome = await self.build()
        assert outcome.results == [SUCCESS], outcome.logs
        [server] = self.cloud.servers.values()
        return server, outcome.properties

    async def page(self) -> dict[str, Any]:
        """The facts on the worker's page."""
        [worker] = await self.master.data.get(("workers",))
        info: dict[str, Any] = worker["workerinfo"]
        return info

    async def test_created_disks_are_deleted_with_the_server_and_attached_disks_are_kept(self) -> None:
        async def make(cloud: UpCloud) -> str:
            disk = await cloud.storages.create(StorageSpec(zone=ZONE, title="cache", size=10))
            await cloud.storages.wait_for_state(disk.uuid, "online", timeout=20)
            return disk.uuid

        self.serve(storage_seconds=0.05)
        cache = await self.made(make)
        scratch = StorageDeviceSpec.create(size=20, title="scratch")
        await self.start_master(self.worker(storages=[scratch, StorageDeviceSpec.attach(cache)]))
        for _ in range(2):
            assert (await self.build()).results == [SUCCESS]
            # If not all disks are deleted with the server, they are deleted after it.
            while self.cloud.servers or len(self.cloud.storages) > 1:
                await pause()
            assert list(self.cloud.storages) == [cache]
        self.cloud.storages.clear()

    async def test_a_private_network_and_a_group_are_joined(self) -> None:
        async def network(cloud: UpCloud) -> str:
            spec = NetworkSpec.model_validate(
                {
                    "name": "ci",
                    "zone": ZONE,
                    "ip_networks": [{"address": "10.7.0.0/24", "family": "IPv4", "dhcp": True}],
                }
            )
            return (await cloud.networks.create(spec)).uuid

        async def group(cloud: UpCloud) -> str:
            return (await cloud.server_groups.create(ServerGroupSpec(title="ci", anti_affinity="strict"))).uuid

        self.serve()
        private, together = await self.made(network), await self.made(group)
        server, properties = await self.server_of(networks=[private, "utility"], server_group=together)
        assert [interface.type for interface in server.interfaces] == ["private", "utility"]
        assert server.interfaces[0].network == private
        assert server.server_group == together
        assert properties["upcloud_utility_ipv4"]
        assert "upcloud_ipv4" not in properties

    async def test_workers_share_a_group_that_is_made_for_the_first_and_run_on_hosts_of_their_own(self) -> None:
        self.serve()
        group = ServerGroupSpec(title="buildbot-linux", anti_affinity="strict")
        await self.start_master(*(self.worker(f"linux-{n}", server_group=group, build_wait_timeout=60) for n in (1, 2)))
        await defer.gatherResults([defer.ensureDeferred(self.build(f"linux-{number}")) for number in (1, 2)])
        [made] = self.cloud.server_groups.values()
        assert (made.title, made.anti_affinity) == ("buildbot-linux", "strict")
        one, two = self.cloud.servers.values()
        assert one.server_group == two.server_group == made.uuid
        assert one.host != two.host

    async def test_a_group_that_is_gone_is_made_again(self) -> None:
        self.serve()
        await self.start_master(self.worker(server_group=ServerGroupSpec(title="linux")))
        await self.build()
        [first] = self.cloud.server_groups
        self.cloud.server_groups.clear()
        assert (await self.build()).results == [SUCCESS]
        [second] = self.cloud.server_groups
        assert first != second

    async def test_a_server_may_have_ipv6_only(self) -> None:
        self.serve()
        server, properties = await self.server_of(networks=["public-ipv6"])
        assert len(server.interfaces) == 1
        assert ":" in properties["upcloud_ipv6"]
        assert not {"upcloud_ipv4", "upcloud_utility_ipv4"} & set(properties)

    async def test_a_custom_size_an_encrypted_disk_and_a_firewall_can_be_requested(self) -> None:
        self.serve()
        hostconfig = {"plan": "custom", "core_number": 3, "memory_amount": 6144, "os_disk_size": 30, "encrypted": True}
        server, _ = await self.server_of(hostconfig=hostconfig, firewall=True)
        [disk] = self.cloud.storages.values()
        assert (server.plan, server.core_number, server.memory_amount) == ("custom", 3, 6144)
        assert (disk.size, disk.encrypted, server.firewall) == (30, "yes", "on")

    async def test_an_image_is_chosen_by_a_function(self) -> None:
        self.serve()
        _, properties = await self.server_of(image=is_ubuntu)
        assert properties["upcloud_image"] == "Ubuntu Server 24.04 LTS (Noble Numbat)"

    async def test_labels_that_choose_an_image_are_those_of_the_build(self) -> None:
        async def make(cloud: UpCloud) -> str:
            made = ""
            for role in ("web", "ci"):
                disk = await cloud.storages.create(StorageSpec(zone=ZONE, title=role, size=10))
                await cloud.storages.wait_for_state(disk.uuid, "online", timeout=20)
                made = (await cloud.storages.templatize(disk.uuid, f"golden-{role}")).uuid
                await cloud.storages.wait_for_state(made, "online", timeout=20)
                self.cloud.storages[made].labels["role"] = role
                await cloud.storages.delete(disk.uuid)
            return made

        self.serve(storage_seconds=0.05)
        await self.made(make)
        await self.start_master(self.worker(image={"role": Interpolate("%(prop:role)s")}))
        for role in ("ci", "web"):
            outcome = await self.build(role=role)
            assert outcome.results == [SUCCESS], outcome.logs
            assert outcome.properties["upcloud_image"] == f"golden-{role}"
        while self.cloud.servers:
            await pause()
        self.cloud.storages.clear()

    async def test_the_workers_page_shows_what_the_build_knows(self) -> None:
        self.serve()
        await self.server_of()
        # What it costs may be known after the build has begun.
        while "upcloud_credits_per_hour" not in (await self.page()):
            await pause()
        properties = (await self.build()).properties
        known = {name: value for name, value in properties.items() if name.startswith("upcloud_")}
        assert set(known) == {
            f"upcloud_{what}"
            for what in (
                "uuid", "zone", "plan", "image", "ipv4", "ipv6", "utility_ipv4", "boot_seconds", "attach_seconds",
                "credits_per_hour", "cost", "currency",
            )
        }  # fmt: skip
        # A cost is the build's own.
        of_server = known.items() - {(name, known[name]) for name in ("upcloud_cost", "upcloud_currency")}
        assert of_server <= (await self.page()).items()
        assert known["upcloud_credits_per_hour"] > 0
        assert known["upcloud_image"] == IMAGE

    async def test_nothing_is_sent_while_a_configuration_is_checked(self) -> None:
        self.serve()
        self.worker()
        self.worker("other", image=is_ubuntu, zones=[ZONE], networks=["public-ipv6"], seal_metadata=True)
        assert self.cloud.requests == []
