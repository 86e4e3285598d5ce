"""The records of one client: one per server, with its state."""

from __future__ import annotations

import logging
import math
from collections import deque
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from upcloud_sdk.models.ownership import LEASE, OWNER, RUN, sdk_labels

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime

    from upcloud_sdk.errors import LeaseLost
    from upcloud_sdk.fleet.records.observed import ObservedServer
    from upcloud_sdk.resources.policies import BackupPolicy, StoragePolicy

log = logging.getLogger("upcloud_sdk")

REMEMBERED = 10_000
"""Limit of records of servers without a lease. Others may destroy these, so old records are dropped."""


WRITTEN = 64
"""How many ends of a lease are remembered. A list that lags shows an old one."""


class State(StrEnum):
    """How a client manages a server."""

    NO_LEASE = "no lease"
    """It has no lease."""
    HELD = "held"
    """Its lease is renewed."""
    LOST = "lost"
    """Somebody else has its lease, or its renewal failed. Its holder got `LeaseLost`. Or it has a newer record."""
    ENDING = "ending"
    """It is being destroyed. Its lease is not renewed any more."""
    UNFINISHED = "unfinished"
    """It could not be destroyed. The reaper of this process tries again."""


@dataclass(slots=True, eq=False)
class Record:
    """A server that a client manages."""

    uuid: str
    state: State = State.ENDING
    attempt: str | None = None
    """The attempt id of the create that made it and its disks. None if unknown."""
    disks: frozenset[str] | None = None
    """The disks that its create made. None if unknown."""
    copies: frozenset[str] = frozenset()
    """The disks and incomplete images that were made for it later."""
    seconds: float | None = None
    """The length of its lease in seconds. None if it has none."""
    ends: datetime | None = None
    """When the lease ends, by the API's clock."""
    written: deque[str] = field(default_factory=lambda: deque[str](maxlen=WRITTEN))
    """The label values that this client has written or tried to write. Any other value is from somebody else."""
    expires: float = math.inf
    """`ends`, by the client's clock."""
    due: float = math.inf
    """When the lease is renewed next, by the client's clock."""
    made: float | None = None
    """When this client created it, by the client's clock."""
    on_lost: Callable[[LeaseLost], None] | None = None
    """Called when the lease is lost."""
    labels: Mapping[str, str] | None = None
    """The SDK's labels on it, as last read. None if it was never read."""
    storages: StoragePolicy = "created"
    backups: BackupPolicy | None = "delete"

    def is_still_held(self, seen: ObservedServer, owner: str, run: str) -> bool:
        """Whether its holder may destroy it: nobody kept or took it since."""
        return self.state is not State.NO_LEASE and self.lost_to(seen, owner, run) is None

    def lost_to(self, seen: ObservedServer, owner: str, run: str) -> str | None:
        """What somebody else did to the lease, from the current labels. None if this client still has it."""
        ours = sdk_labels(seen.labels)
        if not ours:
            return None  # Somebody replaced all labels, probably without thinking of the lease.
        if LEASE not in ours:
            return "somebody ended it"
        # All clients of a process have the same run id. Only the end shows that another client took it.
        if (ours.get(OWNER), ours.get(RUN)) != (owner, run) or ours[LEASE] not in self.written:
            return "somebody else took it"
        return None

    def is_unchanged(self, seen: ObservedServer, now: datetime) -> bool:
        """Whether to try again to destroy a server: nobody took, renewed or kept it."""
        if self.labels is None:
            return True
        mine, theirs = sdk_labels(self.labels), sdk_labels(seen.labels)
        had, has = mine.pop(LEASE, None), theirs.pop(LEASE, None)
        if mine != theirs:
            return False
        lease = seen.ownership.lease
        return had == has or (lease is not None and lease <= now)


@dataclass(slots=True)
class Records:
    """The records of one client."""

    _by_uuid: dict[str, Record] = field(default_factory=dict[str, Record])
    held: dict[str, Record] = field(default_factory=dict[str, Record])
    """Records of servers with a lease that this client renews."""
    _attempts: dict[str, str] = field(default_factory=dict[str, str])
    """Uuids of the held servers, by attempt."""
    _without_lease: dict[str, None] = field(default_factory=dict[str, None])

    def __len__(self) -> int:
        return len(self._by_uuid)

    def __iter__(self) -> Iterator[Record]:
        return iter(tuple(self._by_uuid.values()))

    def get(self, uuid: str) -> Record | None:
        """The record of a server."""
        return self._by_uuid.get(uuid)

    def set(self, record: Record, state: State) -> None:
        """Set the state of a record. It replaces another record of the same server."""
        previous = self._by_uuid.get(record.uuid)
        if previous is not None:
            self._forget_state(previous)
            if previous is not record:
                # A renewal or a destroy of it may be under way, and must not bring it back.
                previous.state = State.LOST
        record.state = state
        if state is not State.HELD:
            record.due = record.expires = math.inf
        self._by_uuid[record.uuid] = record
        if state is State.HELD:
            self.held[record.uuid] = record
            if record.attempt is not None:
                self._attempts[record.attempt] = record.uuid
        elif state in {State.NO_LEASE, State.LOST}:
            self._without_lease[record.uuid] = None
            if len(self._without_lease) > REMEMBERED:
                self._by_uuid.pop(next(iter(self._without_lease)), None)
                self._without_lease.pop(next(iter(self._without_lease)))

    def drop(self, record: Record) -> None:
        """Forget a server, unless it has a newer record."""
        if self._by_uuid.get(record.uuid) is record:
            self._forget_state(record)
            del self._by_uuid[record.uuid]

    def is_attempt_held(self, attempt: str | None) -> bool:
        """Whether a server of an attempt has a lease that this client renews."""
        return attempt in self._attempts

    def unfinished(self) -> list[Record]:
        """The servers that could not be destroyed."""
        return [record for record in self if record.state is State.UNFINISHED]

    def _forget_state(self, record: Record) -> None:
        self.held.pop(record.uuid, None)
        self._without_lease.pop(record.uuid, None)
        if record.attempt is not None and self._attempts.get(record.attempt) == record.uuid:
            del self._attempts[record.attempt]
