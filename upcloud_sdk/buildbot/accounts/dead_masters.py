"""Destroys the servers of dead masters of a multi-master. Runs on the reactor.

An inactive master is not always dead: it may be paused, or have lost the database. It counts as dead when it is in the
shared database, inactive, and silent for as long as Buildbot itself allows; and when as much time again has passed
without any sign of life, such as a new or renewed lease.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import anyio
from twisted.internet import defer
from twisted.logger import Logger

from upcloud_sdk.buildbot._buildbot.api import masters as buildbot_masters
from upcloud_sdk.buildbot.accounts.owner import recorded_owner

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from upcloud_sdk import UpCloud
    from upcloud_sdk.buildbot._buildbot.api import Master, MasterRow
    from upcloud_sdk.buildbot._buildbot.bridge import Bridge
    from upcloud_sdk.buildbot.accounts.open_accounts import Account, Accounts
    from upcloud_sdk.fleet.leases import Lease


class Held(NamedTuple):
    """A lease, as a sign that its master is alive."""

    uuid: str
    ends: datetime | None


@dataclass(frozen=True, slots=True)
class Sighting:
    """A silent master, as it was seen at one time."""

    at: float
    """Seconds, by the monotonic clock."""
    last_active: datetime
    held: frozenset[Held]


def silent(masters: Iterable[MasterRow], *, me: str, now: datetime, limit: timedelta) -> dict[str, datetime]:
    """The other masters that are inactive and were last active more than `limit` ago: names and times."""
    return {
        master["name"]: master["last_active"]
        for master in masters
        if master["name"] != me
        and not master["active"]
        and master["last_active"] is not None
        and now - master["last_active"] > limit
    }


def is_dead(before: Sighting, now: Sighting, *, delay: timedelta) -> bool:
    """Whether two sightings, at least `delay` apart, show no sign of life in between."""
    return is_unchanged(before, now) and now.at - before.at >= delay.total_seconds()


def is_unchanged(before: Sighting, now: Sighting) -> bool:
    """Whether the later sighting shows no sign of life. Fewer leases are no sign of life: others reap too."""
    return now.last_active == before.last_active and now.held <= before.held


class DeadMasters:
    """Finds dead masters in the database of this master, and destroys their servers in an account."""

    _log = Logger()

    def __init__(
        self,
        master: Master,
        bridge: Bridge,
        accounts: Accounts,
        account: Account,
        put_right: Callable[[str, str], Awaitable[object]],
    ) -> None:
        """`put_right`: ends in the record what a dead master's owner has no more."""
        self._master, self._bridge, self._accounts, self._account = master, bridge, accounts, account
        self._put_right = put_right
        self._seen: dict[str, Sighting] = {}

    def watch(self) -> None:
        """Check at the pace of the account's reaper, until the account is closed."""
        defer.ensureDeferred(self._watch())

    async def _watch(self) -> None:
        reaps = self._account.key.reaps
        while reaps is not None and self._bridge.is_running and self._account.is_open:
            try:
                await self._bridge.run(anyio.sleep, reaps.every).ended
                await self._round()
            except defer.CancelledError:
                return
            except Exception as error:  # noqa: BLE001 - the next round may succeed
                self._log.warn("looking for dead masters: this round failed: {error}", error=error)

    async def _round(self) -> None:
        master = self._master
        limit = timedelta(minutes=buildbot_masters.EXPIRE_MINUTES)
        now = datetime.fromtimestamp(master.reactor.seconds(), UTC)
        found = silent(await master.data.get(("masters",)), me=master.name, now=now, limit=limit)
        self._seen = {name: seen for name, seen in self._seen.items() if name in found}
        for name, last_active in found.items():
            owner = await recorded_owner(master, name)
            if owner is not None:
                account = await self._accounts.open(self._account.key._replace(owner=owner, reaps=None), self)
                try:
                    await self._reap_if_dead(name, last_active, account.cloud, limit)
                finally:
                    self._accounts.release(account, self)

    async def _reap_if_dead(self, name: str, last_active: datetime, cloud: UpCloud, delay: timedelta) -> None:
        leases: tuple[Lease, ...] = await self._bridge.run(cloud.leases.list).ended
        held = frozenset(Held(lease.uuid, lease.ends) for lease in leases)
        seen = Sighting(time.monotonic(), last_active, held)
        before = self._seen.setdefault(name, seen)
        if not is_unchanged(before, seen):
            self._seen[name] = seen
        elif is_dead(before, seen, delay=delay):
            if held:
                report = await self._bridge.run(partial(cloud.leases.reap, exclusive=True)).ended
                self._log.warn("master {name} is dead: {report}", name=name, report=str(report))
            await self._put_right(name, cloud.owner)
