"""Each code of the reference that the simulator produces: the request that provokes it, and the SDK's error for it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import httpx
import pytest

from tests.simulator.documents import server_request
from tests.simulator.refusals import FORBIDDEN, IMPORT, NEVER, REFUSALS, Refusal, interfaces
from upcloud_sdk import Basic, RetryPolicy, Token, UpCloud, errors

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from upcloud_sdk.simulator import ManualClock, Simulator

pytestmark = pytest.mark.anyio

ONCE = RetryPolicy(attempts=1)
ROWS = [
    pytest.param(refusal, status, error, id=refusal.code)
    for status, error, refusals in REFUSALS
    for refusal in refusals
]


class Account(NamedTuple):
    """An account with one of everything."""

    cloud: UpCloud
    ids: dict[str, str]

    def filled(self, text: str) -> str:
        """With the ids in the place of their names."""
        return re.sub(r"\{([a-z_]+)\}", lambda match: self.ids.get(match[1], match[0]), text)

    async def send(self, refusal: Refusal, cloud: UpCloud | None = None) -> None:
        method, _, path = self.filled(refusal.call).partition(" ")
        path, _, query = path.partition("?")
        params = dict([query.split("=")]) if query else None
        body = None if refusal.body is None else json.loads(self.filled(json.dumps(refusal.body)))
        await (cloud or self.cloud).request(method, path, json=body, params=params)


@pytest.fixture
async def account(sim: Simulator, clock: ManualClock) -> AsyncIterator[Account]:
    async with UpCloud(Token("ucat_any"), transport=sim.transport(), retry=ONCE) as cloud:

        async def made(path: str, key: str, body: dict[str, Any]) -> Any:  # noqa: ANN401 - a JSON document
            return (await cloud.request("POST", path, json={key: body})).document[key]

        async def network(address: str, **fields: object) -> str:
            ranged = {"address": address, "family": "IPv4", "dhcp": "yes"}
            body = {"name": address, "zone": "fi-hel1", "ip_networks": {"ip_network": [ranged]}, **fields}
            uuid: str = (await made("/network", "network", body))["uuid"]
            return uuid

        async def storage(title: str) -> str:
            body = {"size": 10, "title": title, "zone": "fi-hel1", "tier": "standard"}
            uuid: str = (await made("/storage", "storage", body))["uuid"]
            return uuid

        ids: dict[str, str] = {}
        ids["router"] = (await made("/router", "router", {"name": "edge"}))["uuid"]
        ids["network"], ids["tiny"] = await network("10.0.0.0/24"), await network("10.1.0.0/32")
        ids["routed"] = await network("10.2.0.0/24", router=ids["router"])
        ids["peer"] = await network("10.3.0.0/24")
        sides = {"network": {"uuid": ids["routed"]}, "peer_network": {"uuid": ids["peer"]}}
        ids["peering"] = (await made("/network-peering", "network_peering", {"name": "p", **sides}))["uuid"]
        started = await made("/server", "server", server_request()["server"])
        clock.advance(10)
        wanted = [{"type": "public"}, {"type": "public"}, {"type": "utility"}, {"type": "private"}]
        wanted[3]["network"] = ids["network"]
        stopped = await made("/server", "server", server_request(networking=interfaces(*wanted))["server"])
        clock.advance(10)
        ids |= {"started": started["uuid"], "stopped": stopped["uuid"]}
        await cloud.request("POST", f"/server/{stopped['uuid']}/stop", json={"stop_server": {"stop_type": "hard"}})
        clock.advance(10)
        drive = {"storage_device": {"type": "cdrom"}}
        await cloud.request("POST", f"/server/{stopped['uuid']}/storage/attach", json=drive)
        addresses = {each["access"]: each["address"] for each in stopped["ip_addresses"]["ip_address"]}
        ids |= {"public": addresses["public"], "utility": addresses["utility"]}
        ids["used"] = stopped["storage_devices"]["storage_device"][0]["storage"]
        for name in ("storage", "importing", "imported"):
            ids[name] = await storage(name)
        for name in ("importing", "imported"):
            await cloud.request("POST", f"/storage/{ids[name]}/import", json=IMPORT)
        await cloud.request("POST", f"/storage/{ids['imported']}/import/cancel")
        clock.advance(10)
        group = {"title": "g", "anti_affinity": "strict", "servers": {"server": [ids["stopped"]]}}
        ids["group"] = (await made("/server-group", "server_group", group))["uuid"]
        await cloud.request("POST", "/tag", json={"tag": {"name": "dev"}})
        await cloud.request("POST", "/account/sub", json={"sub_account": {"username": "helper", "password": "secret"}})
        system = (await cloud.request("GET", "/network", params={"zone": "fi-hel1"})).document
        ids["system_network"] = next(each for each in system["networks"]["network"] if each["type"] == "public")["uuid"]
        yield Account(cloud, ids)


@pytest.mark.parametrize(("refusal", "status", "error"), ROWS)
async def test_each_code_is_an_error_of_its_class(
    account: Account, sim: Simulator, refusal: Refusal, status: int, error: type[errors.ApiError]
) -> None:
    if refusal.before is not None:
        refusal.before(sim)
    with pytest.raises(errors.ApiError) as caught:
        await account.send(refusal)
    assert (caught.value.code, caught.value.status, type(caught.value)) == (refusal.code, status, error)
    assert refusal.code in str(caught.value)


@pytest.mark.parametrize("refusal", FORBIDDEN, ids=lambda refusal: refusal.code)
async def test_what_a_sub_account_may_not_do_is_forbidden(account: Account, sim: Simulator, refusal: Refusal) -> None:
    if refusal.before is not None:
        refusal.before(sim)
    async with UpCloud(Basic("helper", "secret"), transport=sim.transport(), retry=ONCE) as helper:
        with pytest.raises(errors.Forbidden) as caught:
            await account.send(refusal, helper)
    assert caught.value.code == refusal.code


async def test_wrong_credentials_are_an_error_of_their_own(account: Account, sim: Simulator) -> None:
    async with UpCloud(Basic("helper", "guessed"), transport=sim.transport(), retry=ONCE) as helper:
        with pytest.raises(errors.AuthenticationFailed) as caught:
            await helper.account.get()
    assert (caught.value.code, caught.value.status) == ("AUTHENTICATION_FAILED", 401)


@pytest.mark.parametrize(("path", "code"), [("/2.0/server", "INVALID"), ("/1.2/server", "OBSOLETE")])
async def test_another_version_is_refused(sim: Simulator, path: str, code: str) -> None:
    async with httpx.AsyncClient(transport=sim.transport(), base_url="https://api.upcloud.com") as client:
        answer = await client.get(path, auth=("user", "password"))
    assert answer.json()["error"]["error_code"] == f"API_VERSION_{code}"


def test_every_code_of_the_reference_is_provoked_or_has_a_reason() -> None:
    """The reference is no part of this repository; it is looked for in a folder `shared` beside it."""
    found = (folder / "shared" / "api" / "upcloud-api-1.3.md" for folder in Path(__file__).resolve().parents)
    reference = next((file for file in found if file.is_file()), None)
    if reference is None:
        pytest.skip("the reference is not there")
    chapter = reference.read_text(encoding="utf-8").partition("## 19. Error codes")[2].partition("Codes of create")[0]
    codes = set(re.findall(r"\b[A-Z]{2,}(?:_[A-Z]+)+(?:-[A-Z]+)?\b", chapter))
    provoked = {refusal.code for _, _, refusals in REFUSALS for refusal in refusals}
    provoked |= {refusal.code for refusal in FORBIDDEN}
    provoked |= {"AUTHENTICATION_FAILED", "API_VERSION_INVALID", "API_VERSION_OBSOLETE"}
    never = {code for listed in NEVER.values() for code in listed}
    assert provoked & never == set()
    assert codes == (provoked | never) & codes
