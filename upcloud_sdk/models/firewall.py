"""Firewall rules. Chapter "Firewall" of the API."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from upcloud_sdk._wire import Address, EmptyIsNone, IntText, OpenEnum, Request, Resource, Words, at_most
from upcloud_sdk.models.interfaces import AddressFamily


class FirewallAction(OpenEnum):
    """What becomes of a packet that a rule matches."""

    ACCEPT = "accept"
    DROP = "drop"


class FirewallDirection(OpenEnum):
    """Which packets a rule looks at."""

    IN = "in"
    OUT = "out"


Protocol = Annotated[Literal["tcp", "udp", "icmp"], Words()]
Port = Annotated[IntText, Field(ge=1, le=65535)]
OptionalAddress = Annotated[Address | None, EmptyIsNone]
OptionalInt = Annotated[int | None, EmptyIsNone]


class FirewallRule(Resource):
    """A rule: the first that matches decides. The firewall keeps no state, and acts only if it is on for the server."""

    position: int | None = None
    """From 1; rules are tried in this order."""
    action: FirewallAction | None = None
    direction: FirewallDirection | None = None
    comment: str = ""
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
    """A rule to be made. What is left out matches everything; the two ends of a range go together."""

    direction: Literal["in", "out"]
    action: Literal["accept", "drop"]
    position: Annotated[IntText, Field(ge=1), at_most(1000, "rules")] | None = None
    """Where it is put; later rules move down. None: at the end. Rules that replace all others are numbered in order."""
    comment: Annotated[str, Field(max_length=250)] | None = None
    family: Literal["IPv4", "IPv6"] | None = None
    protocol: Protocol | None = None
    icmp_type: Annotated[IntText, Field(ge=0, le=255)] | None = None
    """With protocol `icmp` only."""
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
        """The same rule once more, without its position: what `firewall_rules.replace` takes back."""
        fields = {name: getattr(rule, name) for name in cls.model_fields if name not in {"position", "extra"}}
        return cls.model_validate({name: value for name, value in fields.items() if value not in {None, ""}})

    @model_validator(mode="after")
    def _ranges_have_two_ends(self) -> Self:
        for name in ("source_address", "source_port", "destination_address", "destination_port"):
            start, end = getattr(self, f"{name}_start"), getattr(self, f"{name}_end")
            if (start is None) != (end is None):
                raise ValueError(f"{name}_start and {name}_end go together: give the same twice for a single one")
            if start is not None and (type(start) is not type(end) or start > end):
                raise ValueError(f"{name}_start must not be beyond {name}_end")
            if name.endswith("port") and start is not None and self.protocol not in {"tcp", "udp"}:
                raise ValueError(f"{name}_start needs protocol 'tcp' or 'udp'")
        if self.icmp_type is not None and self.protocol != "icmp":
            raise ValueError("icmp_type needs protocol 'icmp'")
        return self
