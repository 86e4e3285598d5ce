"""The servers of all masters that are up now: what `check`, the web page and the metrics show."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeVar

from twisted.internet import defer

from upcloud_sdk.buildbot.owner import is_of_a_master, master_of
from upcloud_sdk.ci import left_disks, live_servers
from upcloud_sdk.errors import UpCloudError
from upcloud_sdk.fleet.identity import run_id
from upcloud_sdk.models.ownership import OWNER

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping

    from upcloud_sdk.buildbot.master import UpcloudService
    from upcloud_sdk.ci import LeftDisk, LiveServer, ServerRecord
    from upcloud_sdk.models import ServerSummary, StorageSummary

T = TypeVar("T")

ANSWERS_WITHIN = 5.0
"""Seconds that a list is waited for. After that, the view says that it is missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveView:
    """The running servers, at one time."""

    at: datetime
    """By the API's clock. By this host's if no API answers."""
    servers: tuple[LiveServer, ...] = ()
    """The oldest first."""
    disks: tuple[LeftDisk, ...] = ()
    """Left-over disks. The one with the oldest lease is first."""
    problems: tuple[str, ...] = ()
    """Why servers may be missing: a sentence each."""


async def live_view(service: UpcloudService) -> LiveView:
    """The servers of this master and of all masters with the same accounts. Call it on the reactor's thread.

    Sends one request per account, at most every two seconds, and two for disks, at most every 30 seconds. Errors of the
    API are in `problems`.
    """
    accounts = service.accounts.all
    problems: list[str] = []
    seen = [
        (
            _ask(service, account.cache.leased, f"the servers of owner {account.key.owner}", problems),
            _ask(service, account.cache.loose_disks, f"the disks of owner {account.key.owner}", problems),
        )
        for account in accounts
    ]
    at = datetime.now(UTC)
    listed: dict[str, ServerSummary] = {}
    loose: dict[str, StorageSummary] = {}
    for asked_servers, asked_disks in seen:
        servers, disks = await asked_servers, await asked_disks
        loose |= {disk.uuid: disk for disk in disks or ()}
        if servers is not None:
            at = servers.at
            listed |= {server.uuid: server for server in servers.servers}
    names = {row["name"] for row in await service.master.data.get(("masters",))}
    up = list(service.record.log.up.values())
    is_all_known = not loose and listed.keys() <= {record.uuid for record in up}
    return view_of_masters(
        listed.values(),
        loose.values(),
        up,
        at=at,
        earlier=[] if is_all_known else await service.record.history(),
        names=names,
        owners={account.key.owner for account in accounts},
        exclusive={account.key.owner for account in accounts if account.key.is_exclusive},
        problems=problems,
    )


def _ask(
    service: UpcloudService, ask: Callable[[], Awaitable[T]], what: str, problems: list[str]
) -> defer.Deferred[T | None]:
    """The answer of an account's cache. None if there is none: then `problems` says why."""
    operation = service.bridge.run(ask)
    operation.cancel(after=ANSWERS_WITHIN)

    async def answer() -> T | None:
        try:
            return await operation.ended
        except UpCloudError as error:
            problems.append(f"{what} cannot be listed: {error}")
        except defer.CancelledError:
            problems.append(f"{what} cannot be listed: the API has not answered within {ANSWERS_WITHIN:g} s")
        return None

    return defer.ensureDeferred(answer())


def view_of_masters(
    listed: Iterable[ServerSummary],
    loose: Iterable[StorageSummary],
    up: Collection[ServerRecord],
    *,
    at: datetime,
    earlier: Collection[ServerRecord],
    owners: Collection[str],
    names: Collection[str] = (),
    exclusive: Collection[str] = (),
    problems: Iterable[str] = (),
) -> LiveView:
    """The servers and disks that masters have created: with an owner that a master creates, or one of `owners`.

    `names`: of the masters that are known. The rest is as in `upcloud_sdk.ci.live_servers` and `.left_disks`.
    """

    def is_of_masters(labels: Mapping[str, str]) -> bool:
        owner = labels.get(OWNER, "")
        return owner in owners or is_of_a_master(owner)

    servers = [server for server in listed if is_of_masters(server.labels)]
    disks = [disk for disk in loose if is_of_masters(disk.labels)]
    found = {labels.get(OWNER, "") for labels in (*(each.labels for each in servers), *(each.labels for each in disks))}
    known = {owner: name for owner in found if (name := master_of(owner, names)) is not None}
    return LiveView(
        at=at,
        servers=tuple(live_servers(servers, up, now=at, earlier=earlier, masters=known, exclusive=exclusive)),
        disks=tuple(left_disks(disks, up, now=at, run=run_id(), earlier=earlier, masters=known, exclusive=exclusive)),
        problems=tuple(problems),
    )
