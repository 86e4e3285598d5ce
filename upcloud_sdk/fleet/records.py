"""What one client answers for: one record a server, in one place, with its states."""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from upcloud_sdk.models.ownership import LEASE, OWNER, RUN, own_labels

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime

    from upcloud_sdk.errors import LeaseLost
    from upcloud_sdk.fleet.observed import ObservedServer
    from upcloud_sdk.resources.policies import BackupPolicy, StoragePolicy

log = logging.getLogger("upcloud_sdk")

REMEMBERED = 10_000
"""Servers without a lease that are remembered: those that others destroy are forgotten in the end."""


class State(StrEnum):
    """What a client does for a server."""

    FOR_GOOD = "for good"
    """It has no lease."""
    HELD = "held"
    """Its lease is renewed."""
    LOST = "lost"
    """Its lease is somebody else's, or was not renewed in time; its holder was told."""
    ENDING = "ending"
    """It is being destroyed: its lease is left to end."""
    UNFINISHED = "unfinished"
    """It could not be destroyed: the reaper of this process finishes it."""


@dataclass(slots=True, eq=False)
class Record:
    """A server that a client answers for."""

    uuid: str
    state: State = State.ENDING
    attempt: str | None = None
    """The create that made it and its disks; None if that is not known."""
    disks: frozenset[str] | None = None
    """The disks that its create made; None if they are not known."""
    seconds: float | None = None
    """The length of its lease; None if it has none."""
    ends: datetime | None = None
    """When the lease ends, by the API's clock."""
    expires: float = math.inf
    """The same, by the clock that this client waits by."""
    due: float = math.inf
    """When the lease is renewed next, by that clock."""
    made: float | None = None
    """When this client made it, by that clock."""
    on_lost: Callable[[LeaseLost], None] | None = None
    """Told when the lease is lost."""
    labels: Mapping[str, str] | None = None
    """The labels of ours that were last seen on it; None if it was never seen."""
    storages: StoragePolicy = "created"
    backups: BackupPolicy | None = "delete"

    def is_still_held(self, seen: ObservedServer, owner: str, run: str) -> bool:
        """Whether its holder may destroy it: nobody kept or took it since."""
        if self.state is State.FOR_GOOD:
            return False
        ours = own_labels(seen.labels)
        # Somebody who replaced all labels meant no lease by that.
        return not ours or (LEASE in ours and (ours.get(OWNER), ours.get(RUN)) == (owner, run))

    def is_unchanged(self, seen: ObservedServer, now: datetime) -> bool:
        """Whether a server that could not be destroyed is still to be: nobody took, renewed or kept it since."""
        if self.labels is None:
            return True
        mine, theirs = own_labels(self.labels), own_labels(seen.labels)
        had, has = mine.pop(LEASE, None), theirs.pop(LEASE, None)
        if mine != theirs or (had is None) != (has is None):
            return False
        lease = seen.ownership.lease
        return had == has or (lease is not None and lease <= now)


@dataclass(slots=True)
class Records:
    """The records of one client."""

    _by_uuid: dict[str, Record] = field(default_factory=dict[str, Record])
    held: dict[str, Record] = field(default_factory=dict[str, Record])
    """Those with a lease that is renewed."""
    _attempts: dict[str, str] = field(default_factory=dict[str, str])
    """The uuids of those that are held, by attempt."""
    _for_good: dict[str, None] = field(default_factory=dict[str, None])

    def __len__(self) -> int:
        return len(self._by_uuid)

    def __iter__(self) -> Iterator[Record]:
        return iter(tuple(self._by_uuid.values()))

    def get(self, uuid: str) -> Record | None:
        """The record of a server."""
        return self._by_uuid.get(uuid)

    def set(self, record: Record, state: State) -> None:
        """Put a record into a state; it takes the place of another one of its server."""
        previous = self._by_uuid.get(record.uuid)
        if previous is not None:
            self._forget_state(previous)
        record.state = state
        if state is not State.HELD:
            record.due = record.expires = math.inf
        self._by_uuid[record.uuid] = record
        if state is State.HELD:
            self.held[record.uuid] = record
            if record.attempt is not None:
                self._attempts[record.attempt] = record.uuid
        elif state is State.FOR_GOOD:
            self._for_good[record.uuid] = None
            if len(self._for_good) > REMEMBERED:
                self._by_uuid.pop(next(iter(self._for_good)), None)
                self._for_good.pop(next(iter(self._for_good)))

    def drop(self, record: Record) -> None:
        """Forget a server, unless another record has taken its place."""
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
        self._for_good.pop(record.uuid, None)
        if record.attempt is not None and self._attempts.get(record.attempt) == record.uuid:
            del self._attempts[record.attempt]
