"""Fields of servers for both create and modify (chapter 7)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from upcloud_sdk.simulator.wire.fields import on_off, one_of, text

if TYPE_CHECKING:
    from upcloud_sdk.simulator.wire.fields import Check, Fields

NIC_MODEL = one_of("virtio", "e1000", "rtl8139")
VIDEO_MODEL = one_of("vga", "cirrus")

_SIMPLE_BACKUP = re.compile(r"(?:[01]\d|2[0-3])[0-5]\d,(?:daily|dailies|weeklies|monthlies)")


NEWER: dict[str, Check[str]] = {
    "firewall_private": on_off,
    **{
        f"firewall_{network}_default_{direction}_action": one_of("accept", "drop")
        for network in ("public", "private")
        for direction in ("incoming", "outgoing")
    },
    "vnc_keymap": text(1, 32),
}
"""Settings that the reference does not have yet."""


def read_newer(f: Fields) -> dict[str, str]:
    """Read the newer settings of a request."""
    return {name: f.get(name, check, "") for name, check in NEWER.items() if f.has(name)}


def boot_order(value: object) -> str:
    order = text(1, 50)(value)
    parts = order.split(",")
    if len(set(parts)) != len(parts) or not set(parts) <= {"disk", "cdrom", "network"}:
        raise ValueError("A comma-separated list of disk, cdrom and network was expected.")
    return order


def simple_backup(value: object) -> str:
    rule = text()(value)
    if rule != "no" and not _SIMPLE_BACKUP.fullmatch(rule):
        raise ValueError('"no", or a time and a plan such as "0430,dailies", was expected.')
    return rule
