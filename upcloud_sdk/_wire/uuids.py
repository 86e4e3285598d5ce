"""Accepts resources wherever a uuid is expected."""

from __future__ import annotations

from typing import Annotated, Protocol

from pydantic import BeforeValidator


class HasUuid(Protocol):
    """A resource with a uuid, such as a server, storage or network."""

    @property
    def uuid(self) -> str:
        """Its uuid."""
        ...


Uuid = str | HasUuid
"""A uuid, or a resource that has one."""


def uuid_of(thing: Uuid, what: str = "uuid") -> str:
    """The uuid of a resource, or the uuid itself.

    Raises:
        TypeError: It is neither.
    """
    uuid = getattr(thing, "uuid", thing)
    if not isinstance(uuid, str):
        raise TypeError(f"the {what} must be text or a resource with a uuid, not {type(thing).__name__}")
    return uuid


def _uuid_in(value: object) -> object:
    return getattr(value, "uuid", value)


UuidText = Annotated[str, BeforeValidator(_uuid_in)]
"""A uuid in a request. A resource is accepted too."""
