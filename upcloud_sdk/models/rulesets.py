"""Firewall rulesets: rules with a name and versions, for several servers. Chapter "Firewall" of the API."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from upcloud_sdk._wire import AddressOrText, Changes, EmptyIsNone, Items, Labels, Request, Resource, Time
from upcloud_sdk.models.fields import CheckedBareLabels
from upcloud_sdk.models.firewall import FirewallAction, FirewallDirection
from upcloud_sdk.models.interfaces import AddressFamily

RulesetName = Annotated[str, Field(pattern=r"^[a-zA-Z0-9_-]{1,64}$")]
"""1 to 64 letters, digits, `_` and `-`."""
Description = Annotated[str, Field(max_length=250)]
OptionalAddress = Annotated[AddressOrText | None, EmptyIsNone]
OptionalNumber = Annotated[int | None, EmptyIsNone]


class FirewallRuleset(Resource):
    """A set of firewall rules with a name."""

    uuid: str
    name: str
    description: str = ""
    stateful: bool | None = None
    """Whether answers to what a rule lets through are let through too."""
    enabled: bool | None = None
    version: int | None = None
    """Counts the changes; `firewall_rulesets.restore` goes back to an earlier one."""
    default_dns_rules_enabled: bool | None = None
    labels: Labels = Field(default_factory=dict)
    server_uuid: Annotated[str | None, EmptyIsNone] = None
    created_at: Time | None = None
    updated_at: Time | None = None


class FirewallRulesetSpec(Request):
    """A ruleset to be made."""

    name: RulesetName
    description: Description | None = None
    stateful: bool | None = None
    """Cannot be changed later."""
    enabled: bool | None = None
    default_dns_rules_enabled: bool | None = None
    labels: CheckedBareLabels | None = None


class FirewallRulesetChanges(Changes):
    """What is to change on a ruleset."""

    name: RulesetName | None = None
    description: Description | None = None
    enabled: bool | None = None
    default_dns_rules_enabled: bool | None = None
    labels: CheckedBareLabels | None = None
    """Replaces all labels."""


class FirewallRulesetRule(Resource):
    """A rule of a ruleset: the first that matches decides."""

    uuid: str | None = None
    enabled: bool | None = None
    action: FirewallAction | None = None
    direction: FirewallDirection | None = None
    family: Annotated[AddressFamily | None, EmptyIsNone] = None
    """None: both."""
    protocol: Annotated[str | None, EmptyIsNone] = None
    """`tcp`, `udp`, `icmp`, `esp`, `ah`; None or `all`: all."""
    icmp_type: OptionalNumber = None
    position: int | None = None
    comment: str = ""
    source_address_start: OptionalAddress = None
    source_address_end: OptionalAddress = None
    source_address_cidr: Annotated[str | None, EmptyIsNone] = None
    source_port_start: OptionalNumber = None
    source_port_end: OptionalNumber = None
    destination_address_start: OptionalAddress = None
    destination_address_end: OptionalAddress = None
    destination_address_cidr: Annotated[str | None, EmptyIsNone] = None
    destination_port_start: OptionalNumber = None
    destination_port_end: OptionalNumber = None


Port = Annotated[int, Field(ge=0, le=65535)]


class FirewallRulesetRuleSpec(Request):
    """A rule to be made. What is left out matches everything."""

    direction: Literal["in", "out"]
    action: Literal["accept", "drop"]
    family: Literal["IPv4", "IPv6", ""] = ""
    """"": both."""
    enabled: bool | None = None
    protocol: Literal["tcp", "udp", "icmp", "esp", "ah", "all"] | None = None
    icmp_type: Annotated[int, Field(ge=0, le=255)] | None = None
    position: Annotated[int, Field(ge=0, le=1000)] | None = None
    comment: Description | None = None
    source_address_start: AddressOrText | None = None
    source_address_end: AddressOrText | None = None
    source_address_cidr: str | None = None
    source_port_start: Port | None = None
    source_port_end: Port | None = None
    destination_address_start: AddressOrText | None = None
    destination_address_end: AddressOrText | None = None
    destination_address_cidr: str | None = None
    destination_port_start: Port | None = None
    destination_port_end: Port | None = None


class FirewallRulesetRuleChanges(Changes):
    """What is to change on a rule of a ruleset."""

    direction: Literal["in", "out"] | None = None
    action: Literal["accept", "drop"] | None = None
    family: Literal["IPv4", "IPv6", ""] | None = None
    """"": both."""
    enabled: bool | None = None
    protocol: Literal["tcp", "udp", "icmp", "esp", "ah", "all", ""] | None = None
    icmp_type: Annotated[int, Field(ge=-1, le=255)] | None = None
    """-1: all."""
    position: Annotated[int, Field(ge=0, le=1000)] | None = None
    comment: Description | None = None
    source_address_start: AddressOrText | None = None
    source_address_end: AddressOrText | None = None
    source_address_cidr: str | None = None
    source_port_start: Port | None = None
    source_port_end: Port | None = None
    destination_address_start: AddressOrText | None = None
    destination_address_end: AddressOrText | None = None
    destination_address_cidr: str | None = None
    destination_port_start: Port | None = None
    destination_port_end: Port | None = None


class RulesetAttachment(Resource):
    """A ruleset that was attached to a server, or detached from it."""

    firewall_ruleset_uuid: str | None = None
    server_uuid: str | None = None
    type: str | None = None
    """`private`."""


class RulesetRelationship(RulesetAttachment):
    """A ruleset of a server, and which version of it acts there."""

    version: int | None = None
    applied_version: int | None = None
    """None: none yet."""
    created_at: Time | None = None
    updated_at: Time | None = None
    last_applied_at: Time | None = None


class RulesetServer(Resource):
    """A server that a ruleset is attached to."""

    uuid: str
    title: str | None = None
    firewall: bool | None = None
    firewall_private: bool | None = None
    firewall_private_default_incoming_action: FirewallAction | None = None
    firewall_private_default_outgoing_action: FirewallAction | None = None
    attached_rulesets: Items[RulesetRelationship] = ()


class RulesetMember(Resource):
    """A server as the service of rulesets lists it. Its contract names a key and a value, and no server."""

    key: Any = None
    value: Any = None
