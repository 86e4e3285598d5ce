"""Firewall rules. Chapter "Firewall" of the API."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from upcloud_sdk._wire import Address, EmptyIsNone, Flag, IntText, Request, Resource, Words, at_most
from upcloud_sdk.models.firewall_words import FirewallAction, FirewallDirection
from upcloud_sdk.models.interfaces import AddressFamily

Protocol = Annotated[Literal["tcp", "udp", "icmp"], Words()]
Port = Annotated[IntText, Field(ge=1, le=65535)]
OptionalAddress = Annotated[Address | None, EmptyIsNone]
OptionalInt = Annotated[int | None, EmptyIsNone]


class FirewallRule(Resource):
    """A firewall rule. The first matching rule decides. The firewall is stateless. Enable it on the server."""

    position: int | None = None
    """Position, from 1. Rules are checked in this order."""
    action: FirewallAction | None = None
    direction: FirewallDirection | None = None
    enabled: Annotated[bool | None, EmptyIsNone] = None
    """Whether it is applied. None: the API does not say, as for rules of the older service, which always are."""
    comment: str | None = None
    family: Annotated[AddressFamily | None, EmptyIsNone] = None
    """None: both."""
    protocol: Annotated[str | None, EmptyIsNone] = None
    """`tcp`, `udp`, `icmp`; None: all."""
    icmp_type: OptionalInt = None
    source_address_start: OptionalAddress = None
    source_address_end: OptionalAddress = None
    source_port_start: OptionalInt = None
    source_port_end: OptionalInt = None
    destination_address_start: OptionalAddress = None
    destination_address_end: OptionalAddress = None
    destination_port_start: OptionalInt = None
    destination_port_end: OptionalInt = None


class FirewallRuleSpec(Request):
    """A rule to create. Fields that are left out match everything. Give both ends of a range."""

    direction: Literal["in", "out"]
    action: Literal["accept", "drop"]
    position: Annotated[IntText, Field(ge=1), at_most(1000, "rules")] | None = None
    """Where to insert it: later rules move down. None: at the end. `replace` numbers the rules in order."""
    enabled: Flag | None = None
    """Whether it is applied. Only for `server_firewall_rules`: the older `firewall_rules` refuse it. None: it is."""
    comment: Annotated[str, Field(max_length=250)] | None = None
    family: Literal["IPv4", "IPv6"] | None = None
    protocol: Protocol | None = None
    icmp_type: Annotated[IntText, Field(ge=0, le=255)] | None = None
    """Only for the protocol `icmp`."""
    source_address_start: Address | None = None
    source_address_end: Address | None = None
    source_port_start: Port | None = None
    source_port_end: Port | None = None
    destination_address_start: Address | None = None
    destination_address_end: Address | None = None
    destination_port_start: Port | None = None
    destination_port_end: Port | None = None

    @classmethod
    def of(cls, rule: FirewallRule) -> Self:
        """A spec of an existing rule, without its position, for `firewall_rules.replace`."""
        fields = {name: getattr(rule, name) for name in cls.model_fields if name not in {"position", "extra"}}
        return cls.model_validate({name: value for name, value in fields.items() if value not in {None, ""}})

    @model_validator(mode="after")
    def _ranges_have_two_ends(self) -> Self:
        for name in ("source_address", "source_port", "destination_address", "destination_port"):
            start, end = getattr(self, f"{name}_start"), getattr(self, f"{name}_end")
            if (start is None) != (end is None):
                raise ValueError(f"give both {name}_start and {name}_end; for a single value, set both to it")
            if start is not None and (type(start) is not type(end) or start > end):
                raise ValueError(f"{name}_start must not be greater than {name}_end")
            if name.endswith("port") and start is not None and self.protocol not in {"tcp", "udp"}:
                raise ValueError(f"{name}_start needs protocol 'tcp' or 'udp'")
        if self.icmp_type is not None and self.protocol != "icmp":
            raise ValueError("icmp_type needs protocol 'icmp'")
        return self
