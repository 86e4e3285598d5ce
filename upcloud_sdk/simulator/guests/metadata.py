"""The metadata service of servers at 169.254.169.254.

UpCloud describes it at https://upcloud.com/docs/products/cloud-servers/features/metadata-service/. There, the
server is known from the network of the request. Here, the caller gives its uuid.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, cast

from upcloud_sdk.simulator.records.networks import IpNetwork
from upcloud_sdk.simulator.state.system_networks import find_network
from upcloud_sdk.simulator.wire.calls import PLAIN_JSON, Answer

if TYPE_CHECKING:
    from upcloud_sdk.simulator.records.records import Interface, IpAddress, Server
    from upcloud_sdk.simulator.state.account_state import AccountState
    from upcloud_sdk.simulator.wire.calls import Document

ADDRESS = "169.254.169.254"

_MIB_IN_GB = 1024


def answer(cloud: AccountState, uuid: str, path: str) -> Answer:
    """The answer to the server `uuid` for a path. 404 while its `metadata` is off. Call it with the lock held."""
    server = cloud.servers.get(uuid)
    if server is None or server.metadata != "yes":
        return _nothing()
    document = metadata(cloud, server)
    if path == "/metadata/v1.json":
        return Answer(200, document, content_type=PLAIN_JSON)
    prefix, _, rest = path.partition("/metadata/v1")
    if prefix or (rest and not rest.startswith("/")):
        return _nothing()
    found: object = document
    for key in filter(None, rest.split("/")):
        children = _children(found)
        if key not in children:
            return _nothing()
        found = children[key]
    return Answer(200, content_type="text/plain; charset=utf-8", raw=_plain(found).encode())


def _nothing() -> Answer:
    return Answer(404, content_type="text/plain; charset=utf-8", raw=b"404 page not found\n")


def _children(value: object) -> dict[str, object]:
    """The children of a value, by name or number."""
    if isinstance(value, dict):
        return cast("dict[str, object]", value)
    if isinstance(value, list):
        return {str(number): each for number, each in enumerate(cast("list[object]", value))}
    return {}


def _plain(value: object) -> str:
    """A value as text. For a list or object: its children, one per line."""
    if isinstance(value, dict | list):
        return "\n".join(_children(cast("object", value)))
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)


def metadata(cloud: AccountState, server: Server) -> Document:
    """The whole document, /metadata/v1.json."""
    storages = [(device, cloud.any_storage(device.storage)) for device in server.devices if device.storage]
    return {
        "cloud_name": "upcloud",
        "instance_id": server.uuid,
        "hostname": server.hostname,
        "platform": "servers",
        "subplatform": f"metadata (http://{ADDRESS})",
        "public_keys": list(server.ssh_keys),
        "region": server.zone,
        "network": {
            "interfaces": [_interface(cloud, each) for each in server.interfaces],
            "dns": ["94.237.127.9", "94.237.40.9"],
        },
        "storage": {
            "disks": [
                {
                    "id": storage.uuid,
                    "serial": storage.uuid.replace("-", "")[:20],
                    "size": storage.size * _MIB_IN_GB,
                    "type": device.type,
                    "tier": storage.tier,
                }
                for device, storage in storages
                if storage is not None
            ]
        },
        "tags": list(server.tags),
        "user_data": server.user_data,
        "vendor_data": "",
    }


def _interface(cloud: AccountState, interface: Interface) -> Document:
    return {
        "index": interface.index,
        "ip_addresses": [_address(cloud, interface, each) for each in interface.ip_addresses],
        "mac": interface.mac,
        "network_id": interface.network,
        "type": interface.type,
    }


def _address(cloud: AccountState, interface: Interface, address: IpAddress) -> Document:
    if address.floating:
        own = ipaddress.ip_network(address.address)
        network = IpNetwork(str(own), address.family)
    else:
        network = network_of(cloud, interface)
    return {
        "address": address.address,
        "dhcp": address.dhcp_provided and not address.floating,
        "dns": network.dhcp_dns or None,
        "family": address.family,
        "floating": address.floating,
        "gateway": network.gateway,
        "network": network.address,
    }


def network_of(cloud: AccountState, interface: Interface) -> IpNetwork:
    """The range of an interface's addresses."""
    return find_network(cloud, interface.network).ip_networks[0]
