"""Server groups, tags and hosts. Chapters "Server groups", "Tags" and "Hosts" of the API."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field

from upcloud_sdk._wire import (
    Changes,
    FrozenDict,
    Inside,
    Items,
    Labels,
    OpenEnum,
    Request,
    Resource,
    Time,
    UuidText,
    Words,
    Wrapped,
)
from upcloud_sdk.models.fields import CheckedWrappedLabels, Title


class AntiAffinity(OpenEnum):
    """Whether a group's servers run on different hosts. Applied when a server starts."""

    STRICT = "strict"
    """A server does not start if no other host is free."""
    BEST_EFFORT = "yes"
    OFF = "no"


class AntiAffinityStatus(Resource):
    """Whether one member runs on a different host than the others."""

    uuid: str
    status: str | None = None
    """`met` or `unmet`."""


class ServerGroup(Resource):
    """A server group. A server can be in only one group."""

    uuid: str
    title: str | None = None
    anti_affinity: AntiAffinity | None = None
    anti_affinity_status: Items[AntiAffinityStatus] = ()
    labels: Labels = Field(default_factory=FrozenDict[str, str])
    servers: Annotated[tuple[str, ...], Inside("server")] = ()
    """Uuids of its members."""


class ServerGroupSpec(Request):
    """A server group to create."""

    title: Title
    anti_affinity: Annotated[Literal["strict", "yes", "no"], Words()] = "no"
    """`strict`, `yes` (best effort) or `no`."""
    servers: Annotated[Sequence[UuidText], Wrapped("server")] | None = None
    """Uuids of its first members."""
    labels: CheckedWrappedLabels | None = None


class ServerGroupChanges(Changes):
    """Changes to a server group."""

    title: Title | None = None
    anti_affinity: Annotated[Literal["strict", "yes", "no"], Words()] | None = None
    servers: Annotated[Sequence[UuidText], Wrapped("server")] | None = None
    """Replaces all members; an empty list empties the group."""
    labels: CheckedWrappedLabels | None = None
    """Replaces all labels."""


TagName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_]{1,32}$")]
"""1 to 32 letters, digits and `_`. Case does not matter."""


class Tag(Resource):
    """A tag of servers. Only for main accounts; sub-accounts can use labels."""

    name: str
    description: str | None = None
    servers: Annotated[tuple[str, ...], Inside("server")] = ()
    """Uuids of the servers with this tag."""


class TagSpec(Request):
    """A tag to create."""

    name: TagName
    description: Annotated[str, Field(max_length=255)] | None = None
    servers: Annotated[Sequence[UuidText], Wrapped("server")] | None = None
    """Uuids of the servers to tag."""


class TagChanges(Changes):
    """Changes to a tag."""

    name: TagName | None = None
    """Its new name."""
    description: Annotated[str, Field(max_length=255)] | None = None
    servers: Annotated[Sequence[UuidText], Wrapped("server")] | None = None
    """Replaces the servers with this tag."""


class HostStat(Resource):
    """A measured value of a host."""

    name: str
    """`cpu_idle` or `memory_free`."""
    timestamp: Time | None = None
    value: Decimal | None = None


class Host(Resource):
    """A host of a private cloud."""

    id: int
    """Id. Can be larger than 32 bits."""
    description: str | None = None
    zone: str | None = None
    windows_enabled: bool | None = None
    stats: Annotated[tuple[HostStat, ...], Inside("stat")] = ()


class HostChanges(Changes):
    """Changes to a host."""

    description: Annotated[str, Field(max_length=255)]
