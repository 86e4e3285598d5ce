"""An account with one resource of each kind."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from tests.simulator.documents import server_request
from upcloud_sdk import RetryPolicy

if TYPE_CHECKING:
    from upcloud_sdk import UpCloud
    from upcloud_sdk.simulator import ManualClock

ONCE = RetryPolicy(attempts=1)


class SmallAccount(NamedTuple):
    """A client of the account, and the ids of its resources."""

    cloud: UpCloud
    ids: dict[str, str]

    def filled(self, text: str) -> str:
        """The text with names in braces replaced by ids."""
        return re.sub(r"\{([a-z_]+)\}", lambda match: self.ids.get(match[1], match[0]), text)


async def filled_account(cloud: UpCloud, clock: ManualClock) -> SmallAccount:
    """Create one resource of each kind."""
    ids = await _networks(cloud)
    ids |= await _servers(cloud, clock, ids["network"])
    ids |= await _storages(cloud)
    clock.advance(10)
    group = {"title": "g", "anti_affinity": "strict", "servers": {"server": [ids["stopped"]]}}
    ids["group"] = (await _made(cloud, "/server-group", "server_group", group))["uuid"]
    await cloud.request("POST", "/tag", json={"tag": {"name": "dev"}})
    await cloud.request("POST", "/account/sub", json={"sub_account": {"username": "helper", "password": "secret"}})
    return SmallAccount(cloud, ids)


async def _made(cloud: UpCloud, path: str, key: str, body: dict[str, Any]) -> Any:  # noqa: ANN401 - a JSON document
    return (await cloud.request("POST", path, json={key: body})).document[key]


async def _networks(cloud: UpCloud) -> dict[str, str]:
    """Create networks: two peers, one of them with a router; one for servers; one that is too small for a server."""

    async def network(address: str, **fields: object) -> str:
        ranged = {"address": address, "family": "IPv4", "dhcp": "yes"}
        body = {"name": address, "zone": "fi-hel1", "ip_networks": {"ip_network": [ranged]}, **fields}
        uuid: str = (await _made(cloud, "/network", "network", body))["uuid"]
        return uuid

    router = (await _made(cloud, "/router", "router", {"name": "edge"}))["uuid"]
    routed, peer = await network("10.2.0.0/24", router=router), await network("10.3.0.0/24")
    peering = {"name": "p", "network": {"uuid": routed}, "peer_network": {"uuid": peer}}
    listed = (await cloud.request("GET", "/network", params={"zone": "fi-hel1"})).document["networks"]["network"]
    return {
        "router": router,
        "routed": routed,
        "peer": peer,
        "network": await network("10.0.0.0/24"),
        "tiny": await network("10.1.0.0/32"),
        "peering": (await _made(cloud, "/network-peering", "network_peering", peering))["uuid"],
        "system_network": next(each["uuid"] for each in listed if each["type"] == "public"),
    }


async def _servers(cloud: UpCloud, clock: ManualClock, network: str) -> dict[str, str]:
    """Create a started server, and a stopped one with four interfaces and a CD-ROM drive."""
    started = await _made(cloud, "/server", "server", server_request()["server"])
    clock.advance(10)
    wanted = [{"type": "public"}, {"type": "public"}, {"type": "utility"}, {"type": "private", "network": network}]
    request = server_request(networking={"interfaces": {"interface": wanted}})
    stopped = await _made(cloud, "/server", "server", request["server"])
    clock.advance(10)
    await cloud.request("POST", f"/server/{stopped['uuid']}/stop", json={"stop_server": {"stop_type": "hard"}})
    clock.advance(10)
    drive = {"storage_device": {"type": "cdrom"}}
    await cloud.request("POST", f"/server/{stopped['uuid']}/storage/attach", json=drive)
    addresses = {each["access"]: each["address"] for each in stopped["ip_addresses"]["ip_address"]}
    return {
        "started": started["uuid"],
        "stopped": stopped["uuid"],
        "used": stopped["storage_devices"]["storage_device"][0]["storage"],
        "public": addresses["public"],
        "utility": addresses["utility"],
    }


async def _storages(cloud: UpCloud) -> dict[str, str]:
    """Create storages: one idle, one with a running import, and one with a cancelled import."""
    ids: dict[str, str] = {}
    for name in ("storage", "importing", "imported"):
        body = {"size": 10, "title": name, "zone": "fi-hel1", "tier": "standard"}
        ids[name] = (await _made(cloud, "/storage", "storage", body))["uuid"]
    for name in ("importing", "imported"):
        start = {"storage_import": {"source": "direct_upload"}}
        await cloud.request("POST", f"/storage/{ids[name]}/import", json=start)
    await cloud.request("POST", f"/storage/{ids['imported']}/import/cancel")
    return ids
