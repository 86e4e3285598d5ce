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
    """Whether the servers of a group are kept on different hosts. Decided when a server starts."""

    STRICT = "strict"
    """A server that cannot have a host of its own does not start."""
    BEST_EFFORT = "yes"
    OFF = "no"


class AntiAffinityStatus(Resource):
    """Whether one member has a host of its own."""

    uuid: str
    status: str | None = None
    """`met` or `unmet`."""


class ServerGroup(Resource):
    """Servers that belong together. A server is in one group at most."""

    uuid: str
    title: str | None = None
    anti_affinity: AntiAffinity = AntiAffinity.OFF
    anti_affinity_status: Items[AntiAffinityStatus] = ()
    labels: Labels = Field(default_factory=FrozenDict[str, str])
    servers: Annotated[tuple[str, ...], Inside("server")] = ()
    """Uuids of its members."""


class ServerGroupSpec(Request):
    """A server group to be made."""

    title: Title
    anti_affinity: Annotated[Literal["strict", "yes", "no"], Words()] = "no"
    """`strict`, `yes` (best effort) or `no`."""
    servers: Annotated[Sequence[UuidText], Wrapped("server")] | None = None
    """Uuids of its first members."""
    labels: CheckedWrappedLabels | None = None


class ServerGroupChanges(Changes):
    """What is to change on a server group."""

    title: Title | None = None
    anti_affinity: Annotated[Literal["strict", "yes", "no"], Words()] | None = None
    servers: Annotated[Sequence[UuidText], Wrapped("server")] | None = None
    """Replaces all members; an empty list empties the group."""
    labels: CheckedWrappedLabels | None = None
    """Replaces all labels."""


TagName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_]{1,32}$")]
"""1 to 32 letters, digits and `_`; names that differ in case only are the same."""


class Tag(Resource):
    """A name that servers can be found by. Main accounts only; labels are for everybody."""

    name: str
    description: str = ""
    servers: Annotated[tuple[str, ...], Inside("server")] = ()
    """Uuids of the servers that have it."""


class TagSpec(Request):
    """A tag to be made."""

    name: TagName
    description: Annotated[str, Field(max_length=255)] | None = None
    servers: Annotated[Sequence[UuidText], Wrapped("server")] | None = None
    """Uuids of servers that get it."""


class TagChanges(Changes):
    """What is to change on a tag."""

    name: TagName | None = None
    """Its new name."""
    description: Annotated[str, Field(max_length=255)] | None = None
    servers: Annotated[Sequence[UuidText], Wrapped("server")] | None = None
    """Replaces the servers that have it."""


class HostStat(Resource):
    """A figure of a host."""

    name: str
    """`cpu_idle` or `memory_free`."""
    timestamp: Time | None = None
    value: Decimal | None = None


class Host(Resource):
    """A host of a private cloud."""

    id: int
    """Larger than 32 bits."""
    description: str = ""
    zone: str | None = None
    windows_enabled: bool | None = None
    stats: Annotated[tuple[HostStat, ...], Inside("stat")] = ()


class HostChanges(Changes):
    """What is to change on a host."""

    description: Annotated[str, Field(max_length=255)]
