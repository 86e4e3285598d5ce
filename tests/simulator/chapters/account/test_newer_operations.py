"""Operations on the account that are in UpCloud's contract but not in the older reference."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.simulator.documents import created, new_storage, refusal

if TYPE_CHECKING:
    import httpx

    from upcloud_sdk.simulator import ManualClock, Simulator

PERIOD = {"from": "2026-01-01T00:00:00Z", "to": "2026-01-02T00:00:00Z"}


async def test_the_total_of_a_month_and_the_days_of_a_resource_agree_with_the_bill(
    api: httpx.AsyncClient, clock: ManualClock
) -> None:
    storage = await new_storage(api, size=100)
    clock.advance(3600 * 30)
    whole = (await api.get("/account/billing/summary/2026-01")).json()
    assert (await api.get("/account/billing_summary/2026-01")).json() == {
        "billing": {"currency": "EUR", "total_amount": pytest.approx(whole["total_amount"])}
    }
    billing = (await api.get(f"/account/resource_billing_summary/{storage['uuid']}/2026-01")).json()["billing"]
    assert billing["total_amount"] == pytest.approx(whole["total_amount"])
    assert list(billing["daily_sums"]) == ["2026-01-01", "2026-01-02"]
    assert sum(billing["daily_sums"].values()) == pytest.approx(billing["total_amount"])
    assert (await api.get("/account/billing_summary/january")).status_code == 400


async def test_usage_is_reported_by_the_names_of_the_limits(api: httpx.AsyncClient, sim: Simulator) -> None:
    await created(api)
    await new_storage(api, size=10, tier="hdd")
    used = (await api.get("/account/resource-usage")).json()
    assert (used["cores"], used["memory"], used["storage_maxiops"], used["storage_hdd"]) == (1, 1024, 25, 10)
    assert used["public_ipv4"] == 1
    assert set(used) & set(sim.account.resource_limits)


async def test_the_reported_network_traffic_is_zero(api: httpx.AsyncClient) -> None:
    current = (await api.get("/account/current_network_usage")).json()["stats"]["current_network_usage"]
    assert current["total_sent_bytes"] == 0
    stats = (await api.get("/account/network_usage", params=PERIOD)).json()["stats"]["stat"]
    assert (len(stats), stats[0]["start_time"], stats[0]["sent_bytes"]) == (24, "2026-01-01T00:00:00Z", 0)
    stats = (await api.get("/account/network_usage", params=PERIOD | {"accumulate": "day"})).json()["stats"]["stat"]
    assert len(stats) == 1


async def test_network_usage_is_reported_for_each_server(api: httpx.AsyncClient) -> None:
    server = await created(api)
    params = PERIOD | {"accumulate": "day"}
    for path in ("/account/network_top_usage", "/account/resource_network_usage"):
        [row] = (await api.get(path, params=params)).json()["stats"]["stat"]
        assert (row["resource_id"], row["service"], row["zone"]) == (server["uuid"], "server_public", "fi-hel1")
        assert (await api.get(path, params=params | {"zone": "de-fra1"})).json() == {"stats": {"stat": []}}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"from": "yesterday"}, "FROM_INVALID"),
        ({"to": "2026-03-01T00:00:00Z"}, "TO_INVALID"),
        ({"to": "2025-01-01T00:00:00Z"}, "TO_INVALID"),
        ({"accumulate": "week"}, "ACCUMULATE_INVALID"),
    ],
)
async def test_a_malformed_period_is_refused(api: httpx.AsyncClient, changes: dict[str, str], code: str) -> None:
    assert refusal(await api.get("/account/network_usage", params=PERIOD | changes)) == (400, code)


async def test_permissions_are_replaced_and_revoked_at_once(api: httpx.AsyncClient) -> None:
    await api.post("/account/sub", json={"sub_account": {"username": "helper", "password": "secret"}})
    server = await created(api)
    for kind, target in (("server", server["uuid"]), ("storage", "*"), ("network", "*")):
        body = {"permission": {"user": "helper", "target_type": kind, "target_identifier": target}}
        await api.post("/permission/grant", json=body)
    await api.post("/permission/revoke-all-from-target/storage/*")
    assert await _kinds(api) == ["server", "network"]
    body = {"permission": {"user": "helper", "target_type": "router", "target_identifier": "*"}}
    answer = await api.put("/permission", json=body)
    assert [each["target_type"] for each in answer.json()["permissions"]["permission"]] == ["router"]
    assert await _kinds(api) == ["router"]
    assert (await api.post("/permission/revoke-all-from-user/helper")).status_code == 204
    assert await _kinds(api) == []
    assert refusal(await api.post("/permission/revoke-all-from-user/nobody")) == (404, "USER_NOT_FOUND")
    assert refusal(await api.post("/permission/revoke-all-from-target/planet/x")) == (400, "TARGET_TYPE_INVALID")


async def _kinds(api: httpx.AsyncClient) -> list[str]:
    return [each["target_type"] for each in (await api.get("/permission")).json()["permissions"]["permission"]]


async def test_a_single_entry_of_the_audit_log_can_be_read(api: httpx.AsyncClient) -> None:
    await created(api)
    [entry] = (await api.get("/audit-logs")).json()["audit_logs"]
    found = (await api.get(f"/audit-logs/{entry['cloud_event_id']}")).json()
    assert found == entry | {"current_state": {}, "previous_state": {}}
    options = (await api.get("/audit-logs/filter-options")).json()
    assert entry["action"] in options["actions"]
    assert entry["resource_type"] in options["resource_types"]


async def test_limits_keymaps_vlans_and_currencies_are_listed(api: httpx.AsyncClient) -> None:
    limits = (await api.get("/server_size/limits")).json()["server_size_limits"]
    assert (limits["core_number_max"], limits["memory_amount_step"]) == (20, 1024)
    assert "en-us" in (await api.get("/vnc_keymap")).json()["keymaps"]["keymap"]
    assert (await api.get("/zone/fi-hel1/vlans")).json() == {"zone_vlans": {"vlan": []}}
    assert len((await api.get("/zone/fi-tst1/vlans")).json()["zone_vlans"]["vlan"]) == 1
    assert refusal(await api.get("/zone/none/vlans")) == (404, "ZONE_NOT_FOUND")
    rates = {each["code"]: each["rate"] for each in (await api.get("/currency")).json()["currencies"]["currency"]}
    assert rates["EUR"] == 1


async def test_the_policy_of_several_addresses_is_changed_for_all_or_none(
    api: httpx.AsyncClient, sim: Simulator
) -> None:
    await created(api)
    public = [each for each in sim.ip_addresses.values() if each.access == "public"]
    changes = [{"address": each.address, "release_policy": "keep"} for each in public]
    unknown = [*changes, {"address": "192.0.2.1", "release_policy": "keep"}]
    assert refusal(await api.patch("/ip_address/bulk", json={"ip_addresses": unknown})) == (404, "IP_ADDRESS_NOT_FOUND")
    assert {each.release_policy for each in public} == {"release"}
    assert (await api.patch("/ip_address/bulk", json={"ip_addresses": changes})).status_code == 204
    assert {each.release_policy for each in public} == {"keep"}
    assert refusal(await api.patch("/ip_address/bulk", json={"ip_addresses": ["x"]})) == (400, "IP_ADDRESSES_INVALID")


async def test_an_interface_without_a_server_is_created_and_deleted(api: httpx.AsyncClient) -> None:
    ranged = {"ip_network": [{"address": "10.0.0.0/24", "family": "IPv4"}]}
    body = {"name": "builds", "zone": "fi-hel1", "ip_networks": ranged}
    network = (await api.post("/network", json={"network": body})).json()["network"]["uuid"]
    wanted = {"type": "private", "network": network, "bootable": "no", "source_ip_filtering": "yes"}
    made = (await api.post("/network/interface", json={"interface": wanted})).json()
    assert (made["network"], made["ip_addresses"]) == (network, [])
    assert (await api.get(f"/network/interface/{made['uuid']}")).json() == {"interface": made}
    assert (await api.get("/network/interface")).json() == {"interfaces": {"interface": [made]}}
    assert (await api.delete(f"/network/interface/{made['uuid']}")).status_code == 204
    assert refusal(await api.get(f"/network/interface/{made['uuid']}")) == (404, "INTERFACE_NOT_FOUND")
    wrong = {"interface": wanted | {"type": "public"}}
    assert refusal(await api.post("/network/interface", json=wrong)) == (403, "NETWORK_FORBIDDEN")
    assert refusal(await api.post("/network/interface", json={})) == (400, "INTERFACE_MISSING")


async def test_a_token_is_created_with_a_lifetime(api: httpx.AsyncClient) -> None:
    made = await api.post("/account/tokens", json={"name": "ci", "expires_in": "1h30m", "gui": True})
    assert made.json()["expires_at"].startswith("2026-01-01T01:30:00")
    assert made.json()["gui"] is True
    for body in ({"expires_in": "soon"}, {"expires_in": "1h", "expires_at": "2030-12-01T00:00:00Z"}, {}):
        assert (await api.post("/account/tokens", json={"name": "ci", **body})).status_code == 400


async def test_the_breakdown_of_credits_has_their_total(api: httpx.AsyncClient) -> None:
    account = (await api.get("/account")).json()["account"]
    assert account["credits_breakdown"]["total_credits"] == account["credits"]
