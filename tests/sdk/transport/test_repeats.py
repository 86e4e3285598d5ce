"""Which calls are idempotent, and answers that the reference does not describe."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.sdk.cases.case import DISK, NETWORK, SERVER, Call
from tests.sdk.documents import refusal, refused
from tests.sdk.sent import body, lines, requests
from upcloud_sdk.errors import ForeignAnswer, OutcomeUnknown, ServerFault, UnexpectedAnswer
from upcloud_sdk.models import (
    InterfaceChanges,
    IpAddressChanges,
    NetworkChanges,
    NetworkSpec,
    StorageChanges,
    StorageCloneSpec,
    StorageSpec,
    TagChanges,
)

if TYPE_CHECKING:
    import respx

    from upcloud_sdk import UpCloud

ONCE: list[tuple[str, Call]] = [
    ("DELETE a firewall rule", lambda c: c.firewall_rules.delete(SERVER, 1)),
    ("PUT that renames a tag", lambda c: c.tags.modify("web", TagChanges(name="front"))),
    ("PUT that moves an interface", lambda c: c.interfaces.modify(SERVER, 4, InterfaceChanges(index=5))),
    ("PATCH an address", lambda c: c.ip_addresses.modify("10.0.0.1", IpAddressChanges(ptr_record="a"))),
    ("POST a clone", lambda c: c.storages.clone(DISK, StorageCloneSpec(zone="fi-hel1", title="a"))),
    ("POST a restore", lambda c: c.storages.restore(DISK)),
    ("POST a server's tag", lambda c: c.servers.tag(SERVER, "web")),
]
AGAIN: list[tuple[str, Call]] = [
    ("DELETE a network", lambda c: c.networks.delete(NETWORK)),
    ("DELETE an interface", lambda c: c.interfaces.delete(SERVER, 4)),
    ("DELETE an address", lambda c: c.ip_addresses.release("10.0.0.1")),
    ("PUT all firewall rules", lambda c: c.firewall_rules.replace(SERVER, [])),
]
AGAIN_WITH_AN_ANSWER: list[tuple[str, Call]] = [
    ("tag", lambda c: c.tags.modify("web", TagChanges(description="front ends"))),
    ("network", lambda c: c.networks.modify(NETWORK, NetworkChanges(name="a"))),
    ("storage", lambda c: c.storages.modify(DISK, StorageChanges(title="a"))),
]


@pytest.mark.parametrize("call", [pytest.param(call, id=name) for name, call in ONCE])
async def test_a_call_that_is_not_idempotent_is_sent_once(api: respx.MockRouter, cloud: UpCloud, call: Call) -> None:
    api.route().respond(503, json=refusal())

    with pytest.raises(ServerFault):
        await call(cloud)
    assert len(lines(api)) == 1


@pytest.mark.parametrize("call", [pytest.param(call, id=name) for name, call in AGAIN])
async def test_an_idempotent_call_is_sent_again(api: respx.MockRouter, cloud: UpCloud, call: Call) -> None:
    api.route().mock(side_effect=[refused(503), httpx.Response(204)])

    await call(cloud)
    assert len(lines(api)) == 2


@pytest.mark.parametrize("call", [pytest.param(call, id=name) for name, call in AGAIN_WITH_AN_ANSWER])
async def test_an_idempotent_change_with_an_answer_is_sent_again(
    api: respx.MockRouter, cloud: UpCloud, call: Call
) -> None:
    api.route().mock(side_effect=[refused(503), httpx.Response(200, json={})])

    with pytest.raises(ForeignAnswer):
        await call(cloud)
    assert len(lines(api)) == 2


# --- creates that are found by their label ----------------------------------------------------------------------------

DISK_SPEC = StorageSpec(zone="fi-hel1", title="data", size=10)
NETWORK_SPEC = NetworkSpec.model_validate({"name": "a", "zone": "fi-hel1", "ip_networks": [{"address": "10.0.0.0/24"}]})


async def test_a_disk_is_found_by_its_label_after_a_lost_answer(api: respx.MockRouter, cloud: UpCloud) -> None:
    made = {"uuid": DISK, "title": "data", "type": "normal", "state": "online", "size": 10}
    create = api.post("/storage").respond(502)
    api.get(f"/storage/{DISK}").respond(200, json={"storage": made})

    def listed(_: httpx.Request) -> httpx.Response:

        (sent,) = requests(create)
        return httpx.Response(
            200, json={"storages": {"storage": [{**made, "labels": body(sent)["storage"]["labels"]}]}}
        )

    api.get("/storage").mock(side_effect=listed)

    assert (await cloud.storages.create(DISK_SPEC)).uuid == DISK
    assert [line.partition("?")[0] for line in lines(api)] == ["POST /storage", "GET /storage", f"GET /storage/{DISK}"]


CREATES: list[tuple[str, Call]] = [
    ("storage", lambda c: c.storages.create(DISK_SPEC)),
    ("network", lambda c: c.networks.create(NETWORK_SPEC)),
]


@pytest.mark.parametrize(("kind", "call"), CREATES)
async def test_the_error_of_a_lost_create_has_the_label_to_look_for(
    api: respx.MockRouter, cloud: UpCloud, kind: str, call: Call
) -> None:
    api.post(f"/{kind}").respond(502)
    api.get(f"/{kind}").respond(200, json={f"{kind}s": {kind: []}})

    with pytest.raises(OutcomeUnknown) as caught:
        await call(cloud)
    assert caught.value.label is not None
    assert caught.value.label.startswith("upcloud_sdk_attempt=")
    assert [line for line in lines(api) if line.startswith("POST")] == [f"POST /{kind}"]


# --- labels of the SDK ------------------------------------------------------------------------------------------------


async def test_a_change_of_a_disks_labels_keeps_the_sdks_labels(api: respx.MockRouter, cloud: UpCloud) -> None:
    ours = {"key": "upcloud_sdk_attempt", "value": "abc"}
    disk: dict[str, Any] = {"uuid": DISK, "title": "a", "type": "normal", "state": "online", "size": 10}
    present = [{"key": "env", "value": "test"}, ours, {"key": "_os_type", "value": "linux"}]
    api.get(f"/storage/{DISK}").respond(200, json={"storage": {**disk, "labels": present}})
    change = api.put(f"/storage/{DISK}").respond(202, json={"storage": disk})

    await cloud.storages.modify(DISK, StorageChanges(labels={"team": "blue"}))

    (request,) = requests(change)
    assert body(request) == {"storage": {"labels": [{"key": "team", "value": "blue"}, ours]}}


# --- answers that the reference does not describe ---------------------------------------------------------------------


async def test_an_address_that_is_missing_in_the_answer_is_looked_up(api: respx.MockRouter, cloud: UpCloud) -> None:
    addresses = [{"address": "10.0.0.2", "family": "IPv4"}, {"address": "10.0.0.3", "family": "IPv4"}]
    interface = {"index": 4, "type": "private", "network": NETWORK, "mac": "da:45:c4:5c:a5:b7"}
    api.post(f"/server/{SERVER}/networking/interface/4/ip-address").respond(204)
    api.get(f"/server/{SERVER}/networking").respond(
        200,
        json={"networking": {"interfaces": {"interface": [{**interface, "ip_addresses": {"ip_address": addresses}}]}}},
    )

    assert (await cloud.interfaces.add_ip(SERVER, 4)).address == IPv4Address("10.0.0.3")
    assert (await cloud.interfaces.add_ip(SERVER, 4, address="10.0.0.2")).address == IPv4Address("10.0.0.2")
    with pytest.raises(UnexpectedAnswer):
        await cloud.interfaces.add_ip(SERVER, 4, address="10.0.0.9")
