"""What has a uuid is taken wherever a uuid is."""

from __future__ import annotations

from typing import Annotated, Protocol

from pydantic import BeforeValidator


class HasUuid(Protocol):
    """A server, a storage, a network: whatever the API names by a uuid."""

    @property
    def uuid(self) -> str:
        """By which the API knows it."""
        ...


Uuid = str | HasUuid
"""A uuid, or something that has one."""


def uuid_of(thing: Uuid, what: str = "uuid") -> str:
    """The uuid itself.

    Raises:
        TypeError: there is none.
    """
    uuid = getattr(thing, "uuid", thing)
    if not isinstance(uuid, str):
        raise TypeError(f"the {what} is text, or something that has a uuid, not {type(thing).__name__}")
    return uuid


def _uuid_in(value: object) -> object:
    return getattr(value, "uuid", value)


UuidText = Annotated[str, BeforeValidator(_uuid_in)]
"""A uuid in a request; what has one is taken too."""
