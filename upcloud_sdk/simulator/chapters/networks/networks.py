"""Networks of the account and of UpCloud (chapter 12)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from upcloud_sdk.simulator.chapters.routing import Routes
from upcloud_sdk.simulator.records.networks import Network
from upcloud_sdk.simulator.rules.ip_networks import effective_routes, ip_network_document, read_ip_networks
from upcloud_sdk.simulator.state import usage
from upcloud_sdk.simulator.state.system_networks import find_network, networks_of, system_networks, system_routers
from upcloud_sdk.simulator.wire import labels
from upcloud_sdk.simulator.wire.calls import Answer, ApiFault, Call
from upcloud_sdk.simulator.wire.fields import fields, one_of, or_null, text, uuid
from upcloud_sdk.simulator.wire.formats import label_list

if TYPE_CHECKING:
    from upcloud_sdk.simulator.state.cloud import Cloud
    from upcloud_sdk.simulator.wire.calls import Document

routes = Routes()

_NAME = text(1, 255)


def document_of(cloud: Cloud, network: Network, servers: list[Document] | None = None) -> Document:
    """A network as in an answer. `router` and `servers` are missing if there are none."""
    effective = effective_routes(cloud, network)
    document: Document = {
        "effective_routes": effective,
        "ip_networks": {"ip_network": [ip_network_document(each, effective) for each in network.ip_networks]},
        "labels": label_list(network.labels),
        "name": network.name,
        "type": network.type,
        "uuid": network.uuid,
        "zone": network.zone,
    }
    if network.router is not None:
        document["router"] = network.router
    if servers:
        document["servers"] = {"server": servers}
    return document


def servers_by_network(cloud: Cloud) -> dict[str, list[Document]]:
    """Servers with an interface in a network, by the network's uuid."""
    members: dict[str, list[Document]] = {}
    for server in cloud.servers.values():
        for network in {interface.network for interface in server.interfaces}:
            members.setdefault(network, []).append({"uuid": server.uuid, "title": server.title})
    return members


@routes.get("/network")
def list_networks(cloud: Cloud, call: Call) -> Answer:
    zone, filters = call.param("zone"), labels.wanted(call)
    if zone is None:
        system = list(system_networks(cloud))
    else:
        system = list(networks_of(cloud, zone).values()) if zone in cloud.catalog.zones else []
    own = [each for each in cloud.networks.values() if zone in {None, each.zone}]
    found = sorted((each for each in system + own if labels.match(each.labels, filters)), key=lambda each: each.uuid)
    members = servers_by_network(cloud)
    documents = [document_of(cloud, each, members.get(each.uuid)) for each in found]
    return Answer(200, {"networks": {"network": documents}})


@routes.get("/network/{uuid}")
def get_network(cloud: Cloud, call: Call) -> Answer:
    network = find_network(cloud, call.args["uuid"])
    return Answer(200, {"network": document_of(cloud, network, servers_by_network(cloud).get(network.uuid))})


@routes.post("/network")
def create_network(cloud: Cloud, call: Call) -> Answer:
    with fields(call, "network") as f:
        name = f.need("name", _NAME, code="NETWORK_NAME")
        zone = cloud.catalog.zone(f.need("zone", text(1)))
        router = f.get("router", or_null(uuid), None)
        kind = f.get("type", one_of("public", "utility", "private"), "private")
        ip_networks = read_ip_networks(f)
        wanted = labels.read_bare(f) or {}
    if kind != "private":
        raise ApiFault(403, "NETWORK_FORBIDDEN", "Only private networks can be created.")
    if ip_networks is None:
        raise ApiFault(400, "IP_NETWORKS_MISSING", "The required attribute ip_networks is missing.")
    if router is not None:
        _find_router(cloud, router)
    cloud.check_credits()
    cloud.check_limit("networks", len(cloud.networks), "NETWORK_LIMIT_REACHED")
    network = Network(cloud.new_uuid("network"), name, zone, "private", router, wanted, ip_networks)
    network.billed_from = cloud.clock.now()
    cloud.networks[network.uuid] = network
    return Answer(201, {"network": document_of(cloud, network)})


def _find_router(cloud: Cloud, router: str) -> None:
    """Refuse a router that does not exist or belongs to UpCloud."""
    if router in system_routers(cloud):
        raise ApiFault(403, "ROUTER_FORBIDDEN", f"The router {router} is not of this account.")
    cloud.find(cloud.routers, router, "router")


def own_network(cloud: Cloud, uuid: str) -> Network:
    """A network that the account may change."""
    network = find_network(cloud, uuid)
    if network.type != "private":
        raise ApiFault(403, "NETWORK_FORBIDDEN", f"The network {network.uuid} is not of this account.")
    return network


@routes.put("/network/{uuid}")
def modify_network(cloud: Cloud, call: Call) -> Answer:
    network = own_network(cloud, call.args["uuid"])
    with fields(call, "network") as f:
        name = f.get("name", _NAME, network.name, code="NETWORK_NAME")
        router = f.get("router", or_null(uuid), network.router)
        ip_networks = read_ip_networks(f, network.ip_networks)
        wanted = labels.read_bare(f)
    if router is not None and router != network.router:
        _find_router(cloud, router)
    network.name, network.router = name, router
    if ip_networks is not None:
        network.ip_networks = ip_networks
    if wanted is not None:
        network.labels = wanted
    return Answer(200, {"network": document_of(cloud, network)})


@routes.delete("/network/{uuid}")
def delete_network(cloud: Cloud, call: Call) -> Answer:
    network = own_network(cloud, call.args["uuid"])
    if network.uuid in servers_by_network(cloud):
        raise ApiFault(409, "NETWORK_NOT_EMPTY", f"The network {network.uuid} has servers attached to it.")
    if any(peering.network == network.uuid for peering in cloud.peerings.values()):
        raise ApiFault(409, "NETWORK_NOT_EMPTY", f"The network {network.uuid} has a peering; delete that first.")
    usage.close(cloud, network)
    del cloud.networks[network.uuid]
    return Answer(204)
