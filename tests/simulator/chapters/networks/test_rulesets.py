"""Firewall rulesets: rules, labels, versions, and attached servers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.simulator.documents import created, stopped

if TYPE_CHECKING:
    import httpx

    from upcloud_sdk.simulator import ManualClock

NOWHERE = "00000000-0000-4000-8000-000000000000"
RULE = {"action": "accept", "direction": "in", "family": "IPv4", "protocol": "tcp"}


async def _ruleset(api: httpx.AsyncClient, **changes: object) -> dict[str, Any]:
    answer = await api.post("/firewall-ruleset", json={"name": "web", **changes})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def _problem(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["correlation_id"]
    return answer.status_code, answer.json()["type"].partition("#ERROR_")[2]


async def test_a_ruleset_is_created_read_changed_and_deleted(api: httpx.AsyncClient, clock: ManualClock) -> None:
    made = await _ruleset(api, description="of the web", labels=[{"key": "team", "value": "a"}])
    assert (made["version"], made["stateful"], made["enabled"]) == (1, True, True)
    path = f"/firewall-ruleset/{made['uuid']}"
    assert (await api.get(path)).json() == made
    clock.advance(60)
    changed = (await api.patch(path, json={"name": "db", "enabled": False})).json()
    assert (changed["name"], changed["enabled"], changed["description"]) == ("db", False, "of the web")
    assert changed["updated_at"] != made["updated_at"]
    assert (await api.delete(path)).status_code == 204
    assert _problem(await api.get(path)) == (404, "FIREWALL_RULESET_NOT_FOUND")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"name": "a b"}, "NAME_INVALID"),
        ({}, "NAME_MISSING"),
        ({"name": "a", "enabled": "yes"}, "ENABLED_INVALID"),
        ({"name": "a", "colour": "red"}, "UNKNOWN_ATTRIBUTE"),
        ({"name": "a", "labels": [{"key": "_", "value": ""}]}, "INVALID_LABEL_KEY"),
    ],
)
async def test_a_malformed_ruleset_is_refused(api: httpx.AsyncClient, body: dict[str, object], code: str) -> None:
    assert _problem(await api.post("/firewall-ruleset", json=body)) == (400, code)


async def test_rulesets_are_listed_ten_at_a_time_the_newest_first(api: httpx.AsyncClient, clock: ManualClock) -> None:
    for number in range(11):
        await _ruleset(api, name=f"r{number:02}")
        clock.advance(1)
    assert [each["name"] for each in (await api.get("/firewall-ruleset")).json()][:2] == ["r10", "r09"]
    assert len((await api.get("/firewall-ruleset")).json()) == 10
    assert (await api.get("/firewall-ruleset?limit=0")).json() == []
    names = [each["name"] for each in (await api.get("/firewall-ruleset?sort=name&limit=2&offset=1")).json()]
    assert names == ["r01", "r02"]
    assert _problem(await api.get("/firewall-ruleset?limit=101")) == (400, "LIMIT_INVALID")


async def test_rules_keep_their_order_and_each_change_is_a_new_version(api: httpx.AsyncClient) -> None:
    path = f"/firewall-ruleset/{(await _ruleset(api))['uuid']}"
    first = (
        await api.post(f"{path}/rule", json=RULE | {"destination_port_start": 80, "destination_port_end": 81})
    ).json()
    second = (await api.post(f"{path}/rule", json=RULE | {"comment": "before", "position": 1})).json()
    assert (first["position"], second["position"]) == (1, 1)
    listed = (await api.get(f"{path}/rule")).json()["rules"]
    assert [(each["uuid"], each["position"]) for each in listed] == [(second["uuid"], 1), (first["uuid"], 2)]
    assert listed[1]["destination_port_end"] == 81
    assert "icmp_type" not in listed[1]
    moved = (await api.patch(f"{path}/rule/{second['uuid']}", json={"position": 2, "action": "drop"})).json()
    assert (moved["position"], moved["action"], moved["comment"]) == (2, "drop", "before")
    assert (await api.delete(f"{path}/rule/{first['uuid']}")).status_code == 204
    assert (await api.get(f"{path}/rule/{second['uuid']}")).json()["position"] == 1
    assert _problem(await api.get(f"{path}/rule/{first['uuid']}")) == (404, "FIREWALL_RULE_NOT_FOUND")
    assert (await api.get(path)).json()["version"] == 5


async def test_an_older_version_is_restored_as_a_new_one(api: httpx.AsyncClient) -> None:
    path = f"/firewall-ruleset/{(await _ruleset(api))['uuid']}"
    await api.put(f"{path}/rule", json={"rules": [RULE, RULE | {"comment": "second"}]})
    assert len((await api.put(f"{path}/rule", json={"rules": []})).json()["rules"]) == 0
    assert (await api.patch(f"{path}/restore/2")).json()["version"] == 4
    assert [each["comment"] for each in (await api.get(f"{path}/rule")).json()["rules"]] == ["", "second"]
    assert _problem(await api.patch(f"{path}/restore/9")) == (404, "FIREWALL_RULESET_NOT_FOUND")


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"action": None}, 400, "ACTION_MISSING"),
        ({"direction": "up"}, 400, "DIRECTION_INVALID"),
        ({"protocol": "icmp", "destination_port_start": 80}, 409, "PORT_PROTOCOL_MISMATCH"),
        ({"icmp_type": 8}, 409, "ICMP_TYPE_PROTOCOL_MISMATCH"),
        ({"source_port_start": 9, "source_port_end": 8}, 409, "SOURCE_PORT_ORDER_ILLEGAL"),
        ({"source_address_cidr": "here"}, 400, "SOURCE_ADDRESS_CIDR_INVALID"),
        ({"colour": "red"}, 400, "UNKNOWN_ATTRIBUTE"),
    ],
)
async def test_a_malformed_rule_is_refused(
    api: httpx.AsyncClient, changes: dict[str, object], status: int, code: str
) -> None:
    path = f"/firewall-ruleset/{(await _ruleset(api))['uuid']}/rule"
    body = {key: value for key, value in (RULE | changes).items() if value is not None}
    assert _problem(await api.post(path, json=body)) == (status, code)
    assert _problem(await api.put(path, json={"rules": [body]})) == (status, code)
    assert (await api.get(path)).json() == {"rules": []}


async def test_labels_are_added_renamed_and_removed(api: httpx.AsyncClient) -> None:
    path = f"/firewall-ruleset/{(await _ruleset(api))['uuid']}/labels"
    team = {"key": "team", "value": "a"}
    assert (await api.post(path, json=team)).json() == team
    assert _problem(await api.post(path, json=team)) == (409, "LABEL_EXISTS")
    assert (await api.get(f"{path}/team")).json() == team
    assert (await api.patch(f"{path}/team", json={"key": "crew"})).json() == {"key": "crew", "value": "a"}
    assert (await api.get(path)).json() == [{"key": "crew", "value": "a"}]
    assert (await api.delete(f"{path}/crew")).status_code == 204
    assert _problem(await api.get(f"{path}/crew")) == (404, "LABEL_NOT_FOUND")


async def test_a_ruleset_applies_to_a_server_until_it_is_detached(api: httpx.AsyncClient, clock: ManualClock) -> None:
    server, ruleset = (await stopped(api, clock))["uuid"], (await _ruleset(api))["uuid"]
    body = {"firewall_ruleset": {"firewall_ruleset_uuid": ruleset}}
    answer = await api.post(f"/server/{server}/attach_firewall_ruleset/private", json=body)
    assert answer.json() == {"firewall_ruleset_uuid": ruleset, "server_uuid": server, "type": "private"}
    again = await api.post(f"/server/{server}/attach_firewall_ruleset/private", json=body)
    assert again.json()["error"]["error_code"] == "FIREWALL_RULESET_ATTACHED"
    found = (await api.get(f"/server/{server}/firewall_ruleset_relationships/private")).json()
    [relation] = found["firewall_ruleset_relationships"]["private"]
    assert (relation["firewall_ruleset_uuid"], relation["version"]) == (ruleset, 1)
    [guarded] = (await api.get(f"/server/firewall_ruleset_relationships/private/{ruleset}")).json()["servers"]
    assert guarded["uuid"] == server
    assert (await api.get(f"/firewall-ruleset/{ruleset}")).json()["server_uuid"] == server
    assert len((await api.get(f"/firewall-ruleset/{ruleset}/servers")).json()) == 1
    assert _problem(await api.delete(f"/firewall-ruleset/{ruleset}")) == (409, "FIREWALL_RULESET_ATTACHED")
    assert (await api.post(f"/server/{server}/detach_firewall_ruleset/private", json=body)).status_code == 200
    gone = await api.post(f"/server/{server}/detach_firewall_ruleset/private", json=body)
    assert gone.json()["error"]["error_code"] == "FIREWALL_RULESET_NOT_FOUND"


async def test_a_deleted_server_is_detached_from_its_rulesets(api: httpx.AsyncClient, clock: ManualClock) -> None:
    server, ruleset = (await stopped(api, clock))["uuid"], (await _ruleset(api))["uuid"]
    body = {"firewall_ruleset": {"firewall_ruleset_uuid": ruleset}}
    await api.post(f"/server/{server}/attach_firewall_ruleset/private", json=body)
    await api.delete(f"/server/{server}")
    assert (await api.get(f"/server/firewall_ruleset_relationships/private/{ruleset}")).json() == {"servers": []}
    assert (await api.delete(f"/firewall-ruleset/{ruleset}")).status_code == 204


async def test_the_rules_of_a_server_are_the_same_through_both_services(api: httpx.AsyncClient) -> None:
    """For running and stopped servers: an old firewall rule through the newer path."""
    uuid = (await _running(api))["uuid"]
    path = f"/firewall-ruleset/server/{uuid}/firewall-rule"
    rule = {"direction": "in", "action": "drop", "family": None, "destination_port_start": None}
    assert (await api.post(path, json={"firewall_rule": rule})).status_code == 201
    assert (await api.get(f"{path}/1")).json() == (await api.get(f"/server/{uuid}/firewall_rule/1")).json()
    answer = await api.put(path, json={"firewall_rules": {"firewall_rule": [rule, rule | {"enabled": "no"}]}})
    assert [each.get("enabled") for each in answer.json()["firewall_rules"]["firewall_rule"]] == [None, "no"]
    assert (await api.delete(f"{path}/1")).status_code == 204
    assert len((await api.get(path)).json()["firewall_rules"]["firewall_rule"]) == 1
    assert (await api.put(path, json={"firewall_rules": None})).json() == {"firewall_rules": {"firewall_rule": []}}
    gone = await api.delete(f"{path}/1")
    assert gone.json()["error"]["error_code"] == "FIREWALL_RULE_NOT_FOUND"


async def _running(api: httpx.AsyncClient) -> dict[str, Any]:
    server = await created(api)
    await api.post(f"/server/{server['uuid']}/cancel")
    return server
