"""API tokens. Chapter "Tokens" of the API."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network
from typing import Annotated, Self

from pydantic import AwareDatetime, Field, SecretStr, model_validator

from upcloud_sdk._wire import Items, Request, Resource, Time, Wrapped

EVERYWHERE = (IPv4Network("0.0.0.0/0"), IPv6Network("::/0"))


class ApiToken(Resource):
    """An API token: what is known of it, and, once, the secret itself."""

    id: str
    name: str
    type: str | None = None
    """`pat`, or `workspace` for the main user of an account."""
    created_at: Time | None = None
    expires_at: Time | None = None
    last_used_at: Time | None = None
    """None until it is used."""
    can_create_tokens: bool = False
    allowed_ip_ranges: Items[str] = ()
    """Where it may be used from, in CIDR notation."""
    gui: bool = False
    """Whether it belongs to a login of the control panel."""
    token: SecretStr | None = None
    """The secret, `ucat_...`. Set only in the answer to `create`, and cannot be had again."""


class ApiTokenSpec(Request):
    """A token to be made."""

    name: Annotated[str, Field(min_length=1)]
    expires_at: AwareDatetime | None = None
    """When it ends; a time with its zone. This or `expires_in`."""
    expires_in: Annotated[str, Field(min_length=1)] | None = None
    """How long it lives, from now, as the API writes it. This or `expires_at`."""
    can_create_tokens: bool = False
    """Whether it can make and delete tokens."""
    allowed_ip_ranges: Annotated[Sequence[IPv4Network | IPv6Network], Wrapped()] = EVERYWHERE
    """Where it may be used from, in CIDR notation; everywhere unless told otherwise. None at all disables it."""

    @model_validator(mode="after")
    def _ends_in_one_way(self) -> Self:
        if (self.expires_at is None) == (self.expires_in is None):
            raise ValueError("give `expires_at`, a time, or `expires_in`, how long it lives: one of them")
        return self
