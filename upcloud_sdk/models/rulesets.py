"""Firewall rulesets: rules with a name and versions, for several servers. Chapter "Firewall" of the API."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from upcloud_sdk._wire import AddressOrText, Changes, EmptyIsNone, Items, Labels, Request, Resource, Time
from upcloud_sdk.models.fields import CheckedBareLabels
from upcloud_sdk.models.firewall_words import FirewallAction, FirewallDirection
from upcloud_sdk.models.interfaces import AddressFamily

RulesetName = Annotated[str, Field(pattern=r"^[a-zA-Z0-9_-]{1,64}$")]
"""1 to 64 letters, digits, `_` and `-`."""
Description = Annotated[str, Field(max_length=250)]
OptionalAddress = Annotated[AddressOrText | None, EmptyIsNone]
OptionalNumber = Annotated[int | None, EmptyIsNone]
Port = Annotated[int, Field(ge=0, le=65535)]


class FirewallRuleset(Resource):
    """A set of firewall rules with a name."""

    uuid: str
    name: str | None = None
    description: str | None = None
    stateful: bool | None = None
    """Whether replies to accepted packets are accepted too."""
    enabled: bool | None = None
    version: int | None = None
    """Increases with each change. `firewall_rulesets.restore` restores an earlier version."""
    default_dns_rules_enabled: bool | None = None
    labels: Labels = Field(default_factory=dict)
    server_uuid: Annotated[str | None, EmptyIsNone] = None
    created_at: Time | None = None
    updated_at: Time | None = None


class FirewallRulesetSpec(Request):
    """A ruleset to create."""

    name: RulesetName
    description: Description | None = None
    stateful: bool | None = None
    """Cannot be changed later."""
    enabled: bool | None = None
    default_dns_rules_enabled: bool | None = None
    labels: CheckedBareLabels | None = None


class FirewallRulesetChanges(Changes):
    """Changes to a ruleset."""

    name: RulesetName | None = None
    description: Description | None = None
    enabled: bool | None = None
    default_dns_rules_enabled: bool | None = None
    labels: CheckedBareLabels | None = None
    """Replaces all labels."""


class FirewallRulesetRule(Resource):
    """A rule of a ruleset. The first matching rule decides."""

    uuid: str | None = None
    enabled: bool | None = None
    action: FirewallAction | None = None
    direction: FirewallDirection | None = None
    family: Annotated[AddressFamily | None, EmptyIsNone] = None
    """None: both."""
    protocol: Annotated[str | None, EmptyIsNone] = None
    """`tcp`, `udp`, `icmp`, `esp` or `ah`. None or `all`: all protocols."""
    icmp_type: OptionalNumber = None
    position: int | None = None
    comment: str | None = None
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


class _RuleRequest(Request):
    """Fields of a new or changed rule."""

    enabled: bool | None = None
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


class FirewallRulesetRuleSpec(_RuleRequest):
    """A rule to create. Fields that are left out match everything."""

    direction: Literal["in", "out"]
    action: Literal["accept", "drop"]
    family: Literal["IPv4", "IPv6", ""] = ""
    """"": both."""
    protocol: Literal["tcp", "udp", "icmp", "esp", "ah", "all"] | None = None
    icmp_type: Annotated[int, Field(ge=0, le=255)] | None = None


class FirewallRulesetRuleChanges(Changes, _RuleRequest):
    """Changes to a rule of a ruleset."""

    direction: Literal["in", "out"] | None = None
    action: Literal["accept", "drop"] | None = None
    family: Literal["IPv4", "IPv6", ""] | None = None
    """"": both."""
    protocol: Literal["tcp", "udp", "icmp", "esp", "ah", "all", ""] | None = None
    icmp_type: Annotated[int, Field(ge=-1, le=255)] | None = None
    """-1: all."""


class RulesetAttachment(Resource):
    """A ruleset that was attached to or detached from a server."""

    firewall_ruleset_uuid: str | None = None
    server_uuid: str | None = None
    type: str | None = None
    """`private`."""


class RulesetRelationship(RulesetAttachment):
    """A ruleset of a server, and the version that is applied there."""

    version: int | None = None
    applied_version: int | None = None
    """None: not applied yet."""
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
    """A server in the list of a ruleset. In the API's contract it has a key and a value, but no server."""

    key: Any = None
    value: Any = None
