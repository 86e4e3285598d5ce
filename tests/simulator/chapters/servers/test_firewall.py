"""Firewall rules: positions and valid values."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.simulator.documents import Document, created, refusal, running

if TYPE_CHECKING:
    import httpx

    from upcloud_sdk.simulator import ManualClock, Simulator

pytestmark = pytest.mark.anyio

EMPTY = {
    f"{side}_{what}_{end}": ""
    for side in ("source", "destination")
    for what in ("address", "port")
    for end in ("start", "end")
}


@pytest.fixture
async def rules(api: httpx.AsyncClient, clock: ManualClock) -> str:
    """The path of a running server's rules."""
    return f"/server/{(await running(api, clock))['uuid']}/firewall_rule"


def _rule(**changes: object) -> Document:
    return {"firewall_rule": {"direction": "in", "action": "accept", **changes}}


async def _comments(api: httpx.AsyncClient, rules: str) -> list[tuple[str, str]]:
    listed = (await api.get(rules)).json()["firewall_rules"]["firewall_rule"]
    return [(rule["position"], rule["comment"]) for rule in listed]


async def test_an_answer_has_all_fifteen_keys_as_strings(api: httpx.AsyncClient, rules: str) -> None:
    answer = await api.post(
        rules, json=_rule(protocol="tcp", family="IPv4", destination_port_start=22, destination_port_end="22")
    )
    assert answer.status_code == 201
    assert answer.json()["firewall_rule"] == EMPTY | {
        "action": "accept",
        "comment": "",
        "destination_port_end": "22",
        "destination_port_start": "22",
        "direction": "in",
        "family": "IPv4",
        "icmp_type": "",
        "position": "1",
        "protocol": "tcp",
    }
    assert (await api.get(f"{rules}/1")).json() == answer.json()


async def test_a_rule_goes_to_its_position_or_to_the_end(api: httpx.AsyncClient, rules: str) -> None:
    await api.post(rules, json=_rule(comment="one"))
    await api.post(rules, json=_rule(comment="two"))
    inserted = await api.post(rules, json=_rule(comment="new", position="1"))
    assert inserted.json()["firewall_rule"]["position"] == "1"
    assert await _comments(api, rules) == [("1", "new"), ("2", "one"), ("3", "two")]


async def test_later_rules_move_down_when_one_is_deleted(api: httpx.AsyncClient, rules: str) -> None:
    for comment in ("one", "two", "three"):
        await api.post(rules, json=_rule(comment=comment))
    assert (await api.delete(f"{rules}/2")).status_code == 204
    assert await _comments(api, rules) == [("1", "one"), ("2", "three")]
    assert refusal(await api.delete(f"{rules}/3")) == (404, "FIREWALL_RULE_NOT_FOUND")


async def test_put_replaces_all_rules_and_numbers_them(api: httpx.AsyncClient, rules: str) -> None:
    await api.post(rules, json=_rule(comment="old"))
    new = [{"direction": "in", "action": "accept", "comment": f"rule {n}", "position": "7"} for n in range(3)]
    answer = await api.put(rules, json={"firewall_rules": {"firewall_rule": new}})
    assert (answer.status_code, answer.content) == (204, b"")
    assert await _comments(api, rules) == [("1", "rule 0"), ("2", "rule 1"), ("3", "rule 2")]
    await api.put(rules, json={"firewall_rules": {"firewall_rule": []}})
    assert await _comments(api, rules) == []


async def test_a_list_with_one_bad_rule_changes_nothing(api: httpx.AsyncClient, rules: str) -> None:
    await api.post(rules, json=_rule(comment="old"))
    new = [{"direction": "in", "action": "accept"}, {"direction": "sideways", "action": "accept"}]
    answer = await api.put(rules, json={"firewall_rules": {"firewall_rule": new}})
    assert refusal(answer) == (400, "DIRECTION_INVALID")
    assert await _comments(api, rules) == [("1", "old")]


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"direction": None}, 400, "DIRECTION_MISSING"),
        ({"action": None}, 400, "ACTION_MISSING"),
        ({"action": "reject"}, 400, "ACTION_INVALID"),
        ({"protocol": "sctp"}, 400, "PROTOCOL_INVALID"),
        ({"family": "IPv5"}, 400, "FAMILY_INVALID"),
        ({"position": 1001}, 400, "POSITION_INVALID"),
        ({"comment": "x" * 251}, 400, "COMMENT_INVALID"),
        ({"protocol": "icmp", "icmp_type": 256}, 400, "ICMP_TYPE_INVALID"),
        ({"protocol": "tcp", "icmp_type": 8}, 409, "ICMP_TYPE_PROTOCOL_MISMATCH"),
        ({"destination_port_start": 80, "destination_port_end": 80}, 409, "PORT_PROTOCOL_MISMATCH"),
        ({"protocol": "tcp", "destination_port_start": 80}, 400, "DESTINATION_PORT_END_INVALID"),
        ({"protocol": "tcp", "source_port_end": 80}, 400, "SOURCE_PORT_START_INVALID"),
        (
            {"protocol": "tcp", "source_port_start": 90, "source_port_end": 80},
            409,
            "SOURCE_PORT_ORDER_ILLEGAL",
        ),
        (
            {"destination_address_start": "10.0.0.9", "destination_address_end": "10.0.0.1"},
            409,
            "DESTINATION_ADDRESS_ORDER_ILLEGAL",
        ),
        ({"source_address_start": "10.0.0", "source_address_end": "10.0.0.1"}, 400, "SOURCE_ADDRESS_START_INVALID"),
        (
            {"family": "IPv6", "source_address_start": "10.0.0.1", "source_address_end": "10.0.0.1"},
            400,
            "SOURCE_ADDRESS_START_INVALID",
        ),
        ({"port": 22}, 400, "UNKNOWN_ATTRIBUTE"),
    ],
)
async def test_a_malformed_rule_is_refused(
    api: httpx.AsyncClient, rules: str, changes: Document, status: int, code: str
) -> None:
    body = _rule(**changes)
    body["firewall_rule"] = {key: value for key, value in body["firewall_rule"].items() if value is not None}
    assert refusal(await api.post(rules, json=body)) == (status, code)


async def test_an_empty_string_means_that_a_field_is_not_set(api: httpx.AsyncClient, rules: str) -> None:
    answer = await api.post(rules, json=_rule(protocol="", family="", icmp_type="", source_port_start="", position=""))
    assert answer.status_code == 201


async def test_a_server_has_a_thousand_rules_at_most(api: httpx.AsyncClient, rules: str) -> None:
    rule = {"direction": "in", "action": "drop"}
    assert (await api.put(rules, json={"firewall_rules": {"firewall_rule": [rule] * 1000}})).status_code == 204
    assert refusal(await api.post(rules, json=_rule())) == (403, "FIREWALL_RULE_LIMIT_REACHED")
    more = await api.put(rules, json={"firewall_rules": {"firewall_rule": [rule] * 1001}})
    assert refusal(more) == (403, "FIREWALL_RULE_LIMIT_REACHED")


async def test_a_position_that_is_not_a_number_is_refused(api: httpx.AsyncClient, rules: str) -> None:
    assert refusal(await api.get(f"{rules}/first")) == (400, "POSITION_INVALID")


async def test_rules_cannot_be_changed_in_maintenance(api: httpx.AsyncClient) -> None:
    server = await created(api)
    answer = await api.post(f"/server/{server['uuid']}/firewall_rule", json=_rule())
    assert refusal(answer) == (409, "SERVER_STATE_ILLEGAL")


async def test_a_trial_account_has_its_firewall_on_and_cannot_change_it(
    api: httpx.AsyncClient, clock: ManualClock, sim: Simulator
) -> None:
    sim.account.trial = True
    server = await running(api, clock, firewall="off")
    assert server["firewall"] == "on"
    answer = await api.post(f"/server/{server['uuid']}/firewall_rule", json=_rule())
    assert refusal(answer) == (403, "TRIAL_FIREWALL")
    change = await api.put(f"/server/{server['uuid']}", json={"server": {"firewall": "off"}})
    assert refusal(change) == (403, "TRIAL_FIREWALL")
