"""Records of firewall rulesets and of server events."""

from __future__ import annotations

from dataclasses import dataclass, field

from upcloud_sdk.simulator.records.values import Count, Moment, Uuid


@dataclass(slots=True)
class RulesetRule:
    """A rule of a ruleset. Unset fields are empty or None."""

    uuid: Uuid
    action: str
    direction: str
    family: str = ""
    protocol: str = ""
    comment: str = ""
    enabled: bool = True
    position: Count = 0
    icmp_type: Count | None = None
    source_address_start: str = ""
    source_address_end: str = ""
    source_address_cidr: str = ""
    source_port_start: Count | None = None
    source_port_end: Count | None = None
    destination_address_start: str = ""
    destination_address_end: str = ""
    destination_address_cidr: str = ""
    destination_port_start: Count | None = None
    destination_port_end: Count | None = None


@dataclass(slots=True)
class Ruleset:
    """A firewall ruleset. `versions` are its earlier rules, the first version first, without the current ones."""

    uuid: Uuid
    name: str
    created: Moment
    updated: Moment
    description: str = ""
    stateful: bool = True
    enabled: bool = True
    default_dns_rules_enabled: bool = True
    version: Count = 1
    labels: dict[str, str] = field(default_factory=dict[str, str])
    rules: list[RulesetRule] = field(default_factory=list[RulesetRule])
    versions: list[list[RulesetRule]] = field(default_factory=list[list[RulesetRule]])


@dataclass(slots=True)
class RulesetAttachment:
    """A ruleset on the private interfaces of a server."""

    ruleset: Uuid
    server: Uuid
    created: Moment


@dataclass(slots=True)
class ServerEvent:
    """An event of a server."""

    server: Uuid
    time: Moment
    type: str
