"""The running servers of all masters, for the web page and the metrics."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from twisted.internet import defer

from upcloud_sdk.buildbot.accounts.owner import master_of
from upcloud_sdk.ci import LiveView
from upcloud_sdk.errors import UpCloudError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from upcloud_sdk.buildbot.master.service import UpcloudService
    from upcloud_sdk.models import ServerSummary, StorageSummary

T = TypeVar("T")

ANSWERS_WITHIN = 5.0
"""Seconds to wait for a list. After that, the view says that the list is missing."""


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
            _ask(service, account.cache.orphaned_disks, f"the disks of owner {account.key.owner}", problems),
        )
        for account in accounts
    ]
    at = datetime.now(UTC)
    listed: dict[str, ServerSummary] = {}
    orphaned: dict[str, StorageSummary] = {}
    for asked_servers, asked_disks in seen:
        servers, disks = await asked_servers, await asked_disks
        orphaned |= {disk.uuid: disk for disk in disks or ()}
        if servers is not None:
            at = servers.at
            listed |= {server.uuid: server for server in servers.servers}
    names = {row["name"] for row in await service.master.data.get(("masters",))}
    owners = {account.key.owner for account in accounts}
    up = list(service.record.log.up.values())
    is_all_known = not orphaned and listed.keys() <= {record.uuid for record in up}
    return LiveView.of(
        listed.values(),
        orphaned.values(),
        up,
        at=at,
        earlier=[] if is_all_known else await service.record.history(),
        master_of=partial(master_of, names=names, owners=owners),
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
