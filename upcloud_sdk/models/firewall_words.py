"""Words of firewall rules. Chapter "Firewall" of the API."""

from __future__ import annotations

from upcloud_sdk._wire import OpenEnum


class FirewallAction(OpenEnum):
    """What happens to a packet that matches a rule."""

    ACCEPT = "accept"
    DROP = "drop"


class FirewallDirection(OpenEnum):
    """Direction of the packets that a rule applies to."""

    IN = "in"
    OUT = "out"
