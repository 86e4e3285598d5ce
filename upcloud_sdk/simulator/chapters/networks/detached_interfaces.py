"""Interfaces without a server (chapter 12)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from upcloud_sdk.simulator.chapters.routing import Routes
from upcloud_sdk.simulator.records.networks import DetachedInterface
from upcloud_sdk.simulator.rules.addressing import new_mac
from upcloud_sdk.simulator.state.system_networks import find_network
from upcloud_sdk.simulator.wire import labels
from upcloud_sdk.simulator.wire.calls import PLAIN_JSON, Answer, ApiFault, Call
from upcloud_sdk.simulator.wire.fields import Fields, fields, listing, mapping, one_of, text, whole, yes_no

if TYPE_CHECKING:
    from upcloud_sdk.simulator.state.cloud import Cloud
    from upcloud_sdk.simulator.wire.calls import Document

routes = Routes()


def _document(interface: DetachedInterface) -> Document:
    return {
        "bootable": interface.bootable,
        "ip_addresses": [],
        "mac": interface.mac,
        "network": interface.network,
        "source_ip_filtering": interface.source_ip_filtering,
        "type": interface.type,
        "uuid": interface.uuid,
    }


def _label(item: object) -> tuple[str, str]:
    try:
        values = mapping(item)
    except ValueError:
        raise ApiFault(400, "LABELS_INVALID", "A label is an object with a key and a value.") from None
    with Fields(values, where="label") as f:
        f.need("visible", yes_no)
        return labels.read_pair(f.need("key", text()), f.need("value", text()))


def _find(cloud: Cloud, call: Call) -> DetachedInterface:
    return cloud.find(cloud.detached_interfaces, call.args["uuid"], "interface")


@routes.get("/network/interface")
def list_interfaces(cloud: Cloud, _call: Call) -> Answer:
    """A list. The contract has one object here by mistake."""
    documents = [_document(each) for each in cloud.detached_interfaces.values()]
    return Answer(200, {"interfaces": {"interface": documents}}, PLAIN_JSON)


@routes.post("/network/interface")
def create_interface(cloud: Cloud, call: Call) -> Answer:
    with fields(call, None) as outer:
        outer.get("main_account_id", whole(1, 2**31), None)
        f = outer.object("interface")
    if f is None:
        raise ApiFault(400, "INTERFACE_MISSING", "The request has no interface.")
    with f:
        kind = f.need("type", one_of("public", "utility", "private"))
        network = find_network(cloud, f.need("network", text(1)))
        filtering = f.need("source_ip_filtering", yes_no)
        bootable = f.need("bootable", yes_no)
        wanted = dict(_label(item) for item in f.get("labels", listing, None) or [])
    if network.type != kind:
        raise ApiFault(403, "NETWORK_FORBIDDEN", f"The network {network.uuid} is not {kind}.")
    interface = DetachedInterface(
        cloud.new_uuid("interface"), kind, new_mac(cloud), network.uuid, filtering, bootable, wanted
    )
    cloud.detached_interfaces[interface.uuid] = interface
    return Answer(201, _document(interface), PLAIN_JSON)


@routes.get("/network/interface/{uuid}")
def get_interface(cloud: Cloud, call: Call) -> Answer:
    """The interface. The contract has a network here by mistake."""
    return Answer(200, {"interface": _document(_find(cloud, call))}, PLAIN_JSON)


@routes.delete("/network/interface/{uuid}")
def delete_interface(cloud: Cloud, call: Call) -> Answer:
    del cloud.detached_interfaces[_find(cloud, call).uuid]
    return Answer(204)
