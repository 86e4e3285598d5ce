"""Regressions found by the test suite of UpCloud's official Go client, with its requests."""

from __future__ import annotations

import base64
from typing import Any

import httpx
import pytest

from tests.simulator.documents import created, network_request, new_storage, refusal, server_request, stopped
from upcloud_sdk.simulator import ManualClock, Simulator

pytestmark = pytest.mark.anyio

LISTS = {
    "tag_access": "tag",
    "server_access": "server",
    "storage_access": "storage",
    "network_access": "network",
    "roles": "role",
    "ip_filters": "ip_filter",
}


async def test_null_lists_of_a_sub_account_mean_empty_lists(api: httpx.AsyncClient) -> None:
    nulls: dict[str, Any] = {name: {key: None} for name, key in LISTS.items()}
    made = await api.post(
        "/account/sub", json={"sub_account": {"username": "helper", "password": "secret-word", **nulls}}
    )
    assert made.status_code == 204
    account = (await api.get("/account/details/helper")).json()["account"]
    assert [account[name] for name in LISTS] == [{key: []} for key in LISTS.values()]


async def test_the_answer_to_a_templatize_has_no_progress_and_no_template_type(
    api: httpx.AsyncClient, clock: ManualClock
) -> None:
    uuid = (await new_storage(api))["uuid"]
    answer = await api.post(f"/storage/{uuid}/templatize", json={"storage": {"title": "golden"}})
    template = answer.json()["storage"]
    assert not {"progress", "template_type"} & template.keys()
    clock.advance(60)
    made = (await api.get(f"/storage/{template['uuid']}")).json()["storage"]
    assert made["state"] == "online"


async def test_private_addresses_are_shown_only_in_their_interfaces(api: httpx.AsyncClient) -> None:
    network = (await api.post("/network", json=network_request())).json()["network"]["uuid"]
    wanted = [{"type": "private", "network": network}, {"type": "public"}]
    interfaces = [{**each, "ip_addresses": {"ip_address": [{"family": "IPv4"}]}} for each in wanted]
    server = await created(api, networking={"interfaces": {"interface": interfaces}})
    for shown in (server, (await api.get(f"/server/{server['uuid']}")).json()["server"]):
        assert [each["access"] for each in shown["ip_addresses"]["ip_address"]] == ["public"]
        private, public = shown["networking"]["interfaces"]["interface"]
        assert private["ip_addresses"]["ip_address"][0]["address"].startswith("10.0.0.")
        assert public["ip_addresses"]["ip_address"][0]["address"] == shown["ip_addresses"]["ip_address"][0]["address"]


async def test_a_restarting_server_is_in_maintenance_for_a_stop_and_a_boot() -> None:
    clock = ManualClock()
    sim = Simulator(clock=clock, boot_seconds=30, stop_seconds=16)
    async with httpx.AsyncClient(
        transport=sim.transport(), base_url="https://api.upcloud.com/1.3", auth=("user", "password")
    ) as api:
        uuid = (await created(api))["uuid"]
        clock.advance(30)
        body = {"restart_server": {"stop_type": "hard", "timeout": "60", "timeout_action": "ignore"}}
        assert (await api.post(f"/server/{uuid}/restart", json=body)).status_code == 200
        seen: list[str] = []
        for seconds in (15, 2, 28, 2):
            clock.advance(seconds)
            seen.append((await api.get(f"/server/{uuid}")).json()["server"]["state"])
    assert seen == ["maintenance", "maintenance", "maintenance", "started"]


async def test_the_account_has_the_name_of_its_user() -> None:
    sim = Simulator(username="somebody", password="secret")
    async with httpx.AsyncClient(
        transport=sim.transport(), base_url="https://api.upcloud.com/1.3", auth=("somebody", "secret")
    ) as api:
        assert (await api.get("/account")).json()["account"]["username"] == "somebody"
        assert [each["username"] for each in (await api.get("/account/list")).json()["accounts"]["account"]] == [
            "somebody"
        ]


@pytest.mark.parametrize(
    ("content", "state"),
    [
        ({"text": "data"}, "completed"),
        ({"base64": base64.b64encode(b"data").decode()}, "completed"),
        ({}, "failed"),
    ],
)
def test_the_content_of_a_download_can_be_set_over_http(content: dict[str, str], state: str) -> None:
    address = "https://example.com/disk.raw"
    with Simulator(storage_seconds=0).serve() as url, httpx.Client(auth=("any", "thing")) as client:
        laid = client.put(f"{url}/_simulator/downloads", json={"address": address, **content})
        assert laid.is_success
        storage = {"zone": "fi-hel1", "title": "disk", "size": 10}
        uuid = client.post(f"{url}/1.3/storage", json={"storage": storage}).json()["storage"]["uuid"]
        path = f"{url}/1.3/storage/{uuid}/import"
        client.post(path, json={"storage_import": {"source": "http_import", "source_location": address}})
        found = client.get(path).json()["storage_import"]
    assert found["state"] == state
    assert found["written_bytes"] == (4 if content else 0)


async def test_version_1_2_which_libcloud_asks_for_is_refused_as_obsolete(sim: Simulator) -> None:
    async with httpx.AsyncClient(
        transport=sim.transport(), base_url="https://api.upcloud.com/1.2", auth=("user", "password")
    ) as api:
        answer = await api.post("/server", json=server_request())
    assert (answer.status_code, answer.json()["error"]["error_code"]) == (400, "API_VERSION_OBSOLETE")


@pytest.mark.parametrize("method", ["PUT", "POST", "DELETE"])
async def test_a_refused_change_of_server_rules_has_the_old_document_and_the_newer_media_type(
    api: httpx.AsyncClient, method: str
) -> None:
    path = "/firewall-ruleset/server/00ffffff-ffff-4fff-8fff-ffffffffffff/firewall-rule"
    answer = await api.request(method, path + ("/1" if method == "DELETE" else ""), json={})
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["error"].keys() == {"error_code", "error_message"}


async def test_an_asynchronous_start_is_answered_before_the_server_has_started(
    api: httpx.AsyncClient, clock: ManualClock
) -> None:
    uuid = (await stopped(api, clock))["uuid"]
    body = {"server": {"start_type": "async", "reason": "maintenance is over"}}
    assert (await api.post(f"/server/{uuid}/start", json=body)).json()["server"]["state"] == "maintenance"
    clock.advance(30)
    assert (await api.get(f"/server/{uuid}")).json()["server"]["state"] == "started"


async def test_a_storage_can_be_detached_by_its_uuid(api: httpx.AsyncClient, clock: ManualClock) -> None:
    server, storage = await stopped(api, clock), await new_storage(api)
    path = f"/server/{server['uuid']}/storage"
    await api.post(f"{path}/attach", json={"storage_device": {"storage": storage["uuid"]}})
    answer = await api.post(f"{path}/detach", json={"storage_device": {"storage": storage["uuid"]}})
    assert len(answer.json()["server"]["storage_devices"]["storage_device"]) == 1
    assert (await api.get(f"/storage/{storage['uuid']}")).json()["storage"]["servers"] == {"server": []}


async def test_addresses_of_a_new_interface_have_the_settings_of_the_request(
    api: httpx.AsyncClient, clock: ManualClock
) -> None:
    server = await stopped(api, clock)
    network = (await api.post("/network", json=network_request(type="private"))).json()["network"]["uuid"]
    address = {"family": "IPv4", "dhcp_provided": "no", "release_policy": "keep"}
    body = {"type": "private", "network": network, "index": 255, "ip_addresses": {"ip_address": [address]}}
    made = (await api.post(f"/server/{server['uuid']}/networking/interface", json={"interface": body})).json()
    assert made["interface"]["index"] == 255
    assert made["interface"]["ip_addresses"]["ip_address"][0].items() >= address.items()


async def test_an_interface_gets_no_address_of_another_family_than_its_network(
    api: httpx.AsyncClient, clock: ManualClock
) -> None:
    server = await stopped(api, clock)
    body = {"interface": {"ip_addresses": {"ip_address": [{"family": "IPv6"}]}}}
    answer = await api.put(f"/server/{server['uuid']}/networking/interface/1", json=body)
    assert refusal(answer) == (400, "FAMILY_INVALID")


async def test_a_route_without_a_name_gets_one(api: httpx.AsyncClient) -> None:
    route = {"route": "192.168.0.0/24", "nexthop": "10.0.0.8"}
    made = (await api.post("/router", json={"router": {"name": "edge", "static_routes": [route]}})).json()
    assert made["router"]["static_routes"][0]["name"] == "static-route-0"


@pytest.mark.parametrize("storages", ["1", "true", "yes", "y", "on"])
async def test_a_server_is_deleted_with_its_disks_in_every_form_of_yes(
    api: httpx.AsyncClient, clock: ManualClock, sim: Simulator, storages: str
) -> None:
    server = await stopped(api, clock)
    assert (await api.delete(f"/server/{server['uuid']}?storages={storages}")).status_code == 204
    assert sim.storages == {}
