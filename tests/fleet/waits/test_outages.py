"""Resources without a holder are deleted after an outage of an hour, or named."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.moved_time import MovedCloud, server_spec
from upcloud_sdk import IpNetworkSpec, errors
from upcloud_sdk.models import NetworkPeeringSpec, NetworkSpec, RouterSpec, ServerGroupSpec, StorageSpec

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from upcloud_sdk import UpCloud

    Make = Callable[[UpCloud], Awaitable[object]]

pytestmark = pytest.mark.anyio

NETWORK = NetworkSpec.model_validate({"name": "a", "zone": "fi-hel1", "ip_networks": [{"address": "10.0.0.0/24"}]})


async def make_peering(cloud: UpCloud) -> None:
    """A peering of two existing networks."""
    first, second = [each.uuid for each in await cloud.networks.list() if each.type == "private"]
    await cloud.network_peerings.create(NetworkPeeringSpec.between(first, second, name="us"))


MAKES: list[tuple[str, Make]] = [
    ("server", lambda c: c.servers.create(server_spec())),
    ("storage", lambda c: c.storages.create(StorageSpec(zone="fi-hel1", title="data", size=10))),
    ("network", lambda c: c.networks.create(NETWORK)),
    ("router", lambda c: c.routers.create(RouterSpec(name="a"))),
    ("server_group", lambda c: c.server_groups.create(ServerGroupSpec(title="a"))),
    ("network_peering", make_peering),
]

PATHS = {"server_group": "server-group", "network_peering": "network-peering"}


def everything(moved: MovedCloud, kind: str) -> dict[str, object]:
    found: dict[str, object] = getattr(moved.sim, f"{kind.removeprefix('network_')}s")
    return found


def left(moved: MovedCloud, kind: str) -> int:
    """The number of remaining resources of this kind."""
    if kind == "network":
        return sum(network.type == "private" for network in moved.sim.networks.values())
    return len(everything(moved, kind))


async def cancelled(moved: MovedCloud, cloud: UpCloud, kind: str, make: Make) -> None:
    """Cancel the caller of a create. Then the API becomes unreachable."""
    if kind == "network_peering":
        router = (await cloud.routers.create(RouterSpec(name="a"))).uuid
        for number in range(2):
            ranges = [IpNetworkSpec(address=f"10.{number}.0.0/24")]
            spec = NetworkSpec(name=f"n{number}", zone="fi-hel1", router=router, ip_networks=ranges)
            await cloud.networks.create(spec)
    path = f"/{PATHS.get(kind, kind)}"
    moved.sim.fail(f"POST {path}", delay=10)
    with moved.clock.limit(5):
        await make(cloud)
    moved.sim.fail("DELETE *", status=503, times=None)
    moved.sim.fail("POST *", status=503, skip=1 if kind == "storage" else 0, times=None)
    await moved.later(10)
    assert left(moved, kind) == 1


@pytest.mark.parametrize(("kind", "make"), MAKES, ids=[row[0] for row in MAKES])
async def test_an_abandoned_resource_is_deleted_after_an_outage_of_an_hour(
    moved: MovedCloud, kind: str, make: Make
) -> None:
    async with moved.client() as cloud:
        await cancelled(moved, cloud, kind, make)
        await moved.later(3600)
        moved.sim.faults.clear()
        await moved.later(120)
        assert left(moved, kind) == 0


@pytest.mark.parametrize(("kind", "make"), MAKES, ids=[row[0] for row in MAKES])
async def test_an_abandoned_resource_that_was_not_deleted_is_named_when_the_client_closes(
    moved: MovedCloud, kind: str, make: Make
) -> None:
    async def script() -> None:
        async with moved.client() as cloud:
            await cancelled(moved, cloud, kind, make)

    with pytest.raises(errors.CleanupFailed) as caught:
        await script()
    assert caught.value.uuid in everything(moved, kind)


async def test_the_search_for_a_lost_create_continues_until_the_api_answers(moved: MovedCloud) -> None:
    async with moved.client() as cloud:
        moved.sim.fail("POST /server", drop=True, after_effect=True)
        moved.sim.fail("GET *", status=503, times=None)
        with pytest.raises(errors.OutcomeUnknown):
            await cloud.servers.create(server_spec())
        await moved.later(3600)
        assert len(moved.sim.servers) == 1
        moved.sim.faults.clear()
        await moved.later(120)
        assert moved.sim.servers == {}
