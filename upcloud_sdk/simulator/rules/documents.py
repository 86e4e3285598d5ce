"""Converts records into documents of answers (chapters 1, 7, 9)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from upcloud_sdk.simulator.wire.formats import iso, label_list

if TYPE_CHECKING:
    from upcloud_sdk.simulator.records.records import Device, Interface, IpAddress, Server, Storage
    from upcloud_sdk.simulator.state.cloud import Cloud
    from upcloud_sdk.simulator.wire.calls import Document

_ACCESS_ORDER = {("utility", "IPv4"): 0, ("public", "IPv6"): 1, ("public", "IPv4"): 2}


def server_summary(server: Server) -> Document:
    """As in a list."""
    document: Document = {
        "core_number": str(server.core_number),
        "created": int(server.created),
        "hostname": server.hostname,
        "labels": {"label": label_list(server.labels)},
        "license": server.license,
        "memory_amount": str(server.memory_amount),
        "plan": server.plan,
        "plan_ipv4_bytes": "0",
        "plan_ipv6_bytes": "0",
        "server_group": server.server_group,
        "simple_backup": server.simple_backup,
        "state": server.state,
        "tags": {"tag": list(server.tags)},
        "title": server.title,
        "uuid": server.uuid,
        "zone": server.zone,
    }
    if server.host is not None:
        document["host"] = server.host
    return document


def server_details(cloud: Cloud, server: Server) -> Document:
    """As in the answer to a GET."""
    document = server_summary(server)
    addresses = [address for interface in server.interfaces for address in interface.ip_addresses]
    addresses = [address for address in addresses if address.access != "private"]
    addresses.sort(key=lambda address: _ACCESS_ORDER.get((address.access, address.family), 3))
    document |= {
        "boot_order": server.boot_order,
        "devices": {"device": []},
        "firewall": server.firewall,
        "ip_addresses": {"ip_address": [_flat_address(address) for address in addresses]},
        "metadata": server.metadata,
        "networking": {"interfaces": {"interface": [interface_details(each) for each in server.interfaces]}},
        "nic_model": server.nic_model,
        "remote_access_enabled": server.remote_access_enabled,
        "remote_access_password": server.remote_access_password,
        "remote_access_type": server.remote_access_type,
        "storage_devices": {"storage_device": [device_details(cloud, device) for device in server.devices]},
        "timezone": server.timezone,
        "video_model": server.video_model,
    }
    document |= remote_access(server)
    document |= {name: value for name, value in server.newer_settings.items() if name != "vnc_keymap"}
    progress = _boot_progress(cloud.clock.now(), server)
    if progress is not None:
        document["progress"] = progress
    return document


def remote_access(server: Server) -> Document:
    """Address of the VNC console. Empty while it is off."""
    if server.remote_access_enabled == "no":
        return {}
    port = str(3000 + int(server.uuid[-4:], 16) % 30_000)
    return {"remote_access_host": f"{server.zone}.vnc.upcloud.com", "remote_access_port": port}


def _boot_progress(now: float, server: Server) -> str | None:
    """Progress of the disk copy in percent: the first part of a creation. None after that."""
    if not server.being_created or server.state != "maintenance":
        return None
    if now <= server.began:
        return "0"
    due = server.steps[0].due if server.steps else None
    share = (now - server.began) / (due - server.began) if due is not None and due > server.began else 1.0
    return str(min(95, int(share * 200))) if share < 0.5 else None


def _flat_address(address: IpAddress) -> Document:
    return {"access": address.access, "address": address.address, "family": address.family}


def interface_details(interface: Interface) -> Document:
    return {
        "bootable": interface.bootable,
        "index": interface.index,
        "ip_addresses": {"ip_address": [interface_address(address) for address in interface.ip_addresses]},
        "mac": interface.mac,
        "network": interface.network,
        "source_ip_filtering": interface.source_ip_filtering,
        "type": interface.type,
    }


def interface_address(address: IpAddress) -> Document:
    """An address as part of its interface."""
    return {
        "address": address.address,
        "dhcp_provided": "yes" if address.dhcp_provided else "no",
        "family": address.family,
        "floating": "yes" if address.floating else "no",
        "release_policy": address.release_policy,
    }


def device_details(cloud: Cloud, device: Device) -> Document:
    document: Document = {"address": device.address, "boot_disk": device.boot_disk, "type": device.type}
    storage = cloud.any_storage(device.storage) if device.storage else None
    if storage is None:  # an empty CD-ROM drive
        return document | {"storage": "", "storage_size": 0, "storage_title": ""}
    document |= {
        "labels": label_list(storage.labels),
        "storage": storage.uuid,
        "storage_encrypted": storage.encrypted,
        "storage_size": storage.size,
        "storage_title": storage.title,
    }
    if device.part_of_plan:
        document["part_of_plan"] = "yes"
    if device.type != "cdrom" and storage.tier is not None:
        document["storage_tier"] = storage.tier
    return document


def storage_summary(cloud: Cloud, storage: Storage) -> Document:
    """As in a list."""
    document: Document = {
        "access": storage.access,
        "encrypted": storage.encrypted,
        "labels": label_list(storage.labels),
        "license": storage.license,
        "size": storage.size,
        "state": storage.state,
        "title": storage.title,
        "type": storage.type,
        "uuid": storage.uuid,
    }
    optional = {
        "created": None if storage.created is None else iso(storage.created),
        "origin": storage.origin,
        "part_of_plan": "yes" if storage.part_of_plan else None,
        "progress": _copy_progress(cloud.clock.now(), storage),
        "template_type": storage.template_type,
        "tier": None if storage.type == "backup" else storage.tier,
        "zone": storage.zone,
    }
    document |= {key: value for key, value in optional.items() if value is not None}
    return document


def _copy_progress(now: float, storage: Storage) -> str | None:
    if storage.copied_from is None or storage.state != "maintenance" or not storage.steps:
        return None
    due = storage.steps[0].due
    if due is None or due <= storage.began:
        return "0"
    return str(min(99, int((now - storage.began) / (due - storage.began) * 100)))


def storage_details(cloud: Cloud, storage: Storage) -> Document:
    """As in the answer to a GET."""
    document = storage_summary(cloud, storage)
    document["servers"] = {"server": list(storage.servers)}
    if storage.type not in {"backup", "template"}:
        document["backup_rule"] = dict(storage.backup_rule)
        document["backups"] = {"backup": [backup.uuid for backup in cloud.backups_of(storage.uuid)]}
    return document
