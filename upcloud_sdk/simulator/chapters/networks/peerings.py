"""Network peerings (chapter 12)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from upcloud_sdk.simulator.chapters.networks.networks import own_network
from upcloud_sdk.simulator.chapters.routing import Routes
from upcloud_sdk.simulator.records.networks import Peering
from upcloud_sdk.simulator.rules.ip_networks import range_of
from upcloud_sdk.simulator.wire import labels
from upcloud_sdk.simulator.wire.calls import Answer, ApiFault, Call
from upcloud_sdk.simulator.wire.fields import Fields, fields, one_of, text, uuid
from upcloud_sdk.simulator.wire.formats import label_list

if TYPE_CHECKING:
    from upcloud_sdk.simulator.records.networks import Network
    from upcloud_sdk.simulator.state.cloud import Cloud
    from upcloud_sdk.simulator.wire.calls import Document

routes = Routes()

_STATUS = one_of("active", "disabled")
_NAME = text(1, 255)


def _state(cloud: Cloud, peering: Peering) -> str:
    """The state, from both networks and the other side."""
    local, peer = cloud.networks[peering.network], cloud.networks.get(peering.peer_network)
    other = next((each for each in cloud.peerings.values() if _is_other_side(each, peering)), None)
    obstacles = {
        "disabled": peering.configured_status == "disabled",
        "deleted-peer-network": peer is None,
        "missing-local-router": local.router is None,
        "pending-peer": other is None,
        "peer-disabled": other is not None and other.configured_status == "disabled",
        "missing-peer-router": peer is not None and peer.router is None,
        "conflict-subnet": peer is not None and _overlap(local, peer),
    }
    return next((state for state, holds in obstacles.items() if holds), "active")


def _is_other_side(one: Peering, other: Peering) -> bool:
    return (one.network, one.peer_network) == (other.peer_network, other.network)


def _overlap(one: Network, other: Network) -> bool:
    return any(
        range_of(a).overlaps(range_of(b)) for a in one.ip_networks for b in other.ip_networks if a.family == b.family
    )


def _document(cloud: Cloud, peering: Peering) -> Document:
    return {
        "configured_status": peering.configured_status,
        "labels": label_list(peering.labels),
        "name": peering.name,
        "network": _side(cloud, peering.network),
        "peer_network": _side(cloud, peering.peer_network),
        "state": _state(cloud, peering),
        "uuid": peering.uuid,
    }


def _side(cloud: Cloud, uuid: str) -> Document:
    network = cloud.networks.get(uuid)
    ranges = [] if network is None else network.ip_networks
    return {
        "ip_networks": {"ip_network": [{"address": each.address, "family": each.family} for each in ranges]},
        "uuid": uuid,
    }


def _answer(cloud: Cloud, peering: Peering, status: int = 200) -> Answer:
    return Answer(status, {"network_peering": _document(cloud, peering)})


@routes.get("/network-peering")
def list_peerings(cloud: Cloud, call: Call) -> Answer:
    filters = labels.wanted(call)
    found = [each for each in cloud.peerings.values() if labels.match(each.labels, filters)]
    documents = [_document(cloud, each) for each in found]
    return Answer(200, {"network_peerings": {"network_peering": documents}})


@routes.get("/network-peering/{uuid}")
def get_peering(cloud: Cloud, call: Call) -> Answer:
    return _answer(cloud, cloud.find(cloud.peerings, call.args["uuid"], "peering"))


def _read_side(f: Fields, name: str, code: str) -> str:
    side = f.object(name, code=code)
    if side is None:
        raise ApiFault(400, f"{code}_MISSING", f"The required attribute {name} is missing.")
    with side:
        return side.need("uuid", uuid, code=code)


@routes.post("/network-peering")
def create_peering(cloud: Cloud, call: Call) -> Answer:
    with fields(call, "network_peering") as f:
        name = f.need("name", _NAME)
        status = f.get("configured_status", _STATUS, "active")
        local = own_network(cloud, _read_side(f, "network", "NETWORK"))
        peer = _read_side(f, "peer_network", "PEER_NETWORK")
        wanted = labels.read_bare(f) or {}
    if peer not in cloud.networks:
        raise ApiFault(404, "PEER_NETWORK_NOT_FOUND", f"The network {peer} does not exist.")
    if peer == local.uuid:
        raise ApiFault(400, "PEER_NETWORK_INVALID", "A network cannot be its own peer.")
    if local.router is None:
        raise ApiFault(409, "LOCAL_NETWORK_NO_ROUTER", f"The network {local.uuid} has no router.")
    if any((each.network, each.peer_network) == (local.uuid, peer) for each in cloud.peerings.values()):
        raise ApiFault(409, "PEERING_CONFLICT", f"The network {local.uuid} has a peering with {peer} already.")
    cloud.check_limit("network_peerings", len(cloud.peerings), "NETWORK_PEERING_LIMIT_REACHED")
    peering = Peering(cloud.new_uuid("peering"), name, local.uuid, peer, status, wanted)
    cloud.peerings[peering.uuid] = peering
    return _answer(cloud, peering, 201)


@routes.patch("/network-peering/{uuid}")
def modify_peering(cloud: Cloud, call: Call) -> Answer:
    peering = cloud.find(cloud.peerings, call.args["uuid"], "peering")
    with fields(call, "network_peering") as f:
        name = f.get("name", _NAME, peering.name)
        status = f.get("configured_status", _STATUS, peering.configured_status)
        wanted = labels.read_bare(f)
    peering.name, peering.configured_status = name, status
    peering.labels = peering.labels if wanted is None else wanted
    return _answer(cloud, peering)


@routes.delete("/network-peering/{uuid}")
def delete_peering(cloud: Cloud, call: Call) -> Answer:
    peering = cloud.find(cloud.peerings, call.args["uuid"], "peering")
    if peering.configured_status != "disabled":
        raise ApiFault(409, "PEERING_NOT_DISABLED", f"The peering {peering.uuid} must be disabled first.")
    del cloud.peerings[peering.uuid]
    return Answer(204)
