"""The running servers of all masters, for the web page and the metrics."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from twisted.internet import defer

from upcloud_sdk.buildbot.accounts.owner import master_of
from upcloud_sdk.ci import LiveView, RecordProblem
from upcloud_sdk.ci.record.queries import servers_named
from upcloud_sdk.errors import UpCloudError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection

    from upcloud_sdk.buildbot.master.service import UpcloudService
    from upcloud_sdk.ci import RecordedServer, View
    from upcloud_sdk.models import ServerSummary, StorageSummary

T = TypeVar("T")

ANSWERS_WITHIN = 5.0
"""Seconds to wait for a list. After that, the view says that the list is missing."""


async def live_view(service: UpcloudService) -> LiveView:
    """The servers of this master and of all masters with the same accounts. Call it on the reactor's thread.

    Sends one request per account, at most every two seconds, and two for disks, at most every 30 seconds. Errors of the
    API are in `problems`: then the last lists are shown.
    """
    accounts = service.accounts.all
    problems: dict[object, tuple[list[str], str]] = {}
    asked = [
        (
            account.cache,
            _ask(service, account.cache.leased, f"servers of {account.key.owner}", problems),
            _ask(service, account.cache.orphaned_disks, f"disks of {account.key.owner}", problems),
        )
        for account in accounts
    ]
    at, last = datetime.now(UTC), None
    listed: dict[str, ServerSummary] = {}
    orphaned: dict[str, StorageSummary] = {}
    for cache, asked_servers, asked_disks in asked:
        servers, disks = await asked_servers, await asked_disks
        orphaned |= {disk.uuid: disk for disk in (cache.last_orphaned if disks is None else disks)}
        if servers is not None:
            at = servers.at
        elif cache.last_leased is not None:
            servers = cache.last_leased
            last = servers.at if last is None else min(last, servers.at)
        if servers is not None:
            listed |= {server.uuid: server for server in servers.servers}
    instead = "" if last is None else f" What the API listed at {last:%H:%M} UTC is shown instead."
    names = {row["name"] for row in await service.master.data.get(("masters",))}
    owners = {account.key.owner for account in accounts}
    view = service.record.view
    up = [server for server in view.servers if server.id in view.own]
    return LiveView.of(
        listed.values(),
        orphaned.values(),
        up,
        at=at,
        earlier=await _earlier(service, view, listed.keys(), orphaned.keys()),
        master_of=partial(master_of, names=names, owners=owners),
        exclusive={account.key.owner for account in accounts if account.key.is_exclusive},
        problems=[f"Not listed: {', '.join(sorted(set(what)))}. {why}{instead}" for what, why in problems.values()],
    )


async def _earlier(
    service: UpcloudService, view: View, listed: Collection[str], orphaned: Collection[str]
) -> list[RecordedServer]:
    """What the record has of servers that this process has not made."""
    others = [server for server in view.servers if server.id not in view.own]
    unknown = set(listed) - {server.uuid for server in view.servers}
    if unknown or orphaned:
        with contextlib.suppress(RecordProblem):
            others += await service.record.ask(lambda connection: servers_named(connection, unknown, orphaned))
    return others


def _ask(
    service: UpcloudService, ask: Callable[[], Awaitable[T]], what: str, problems: dict[object, tuple[list[str], str]]
) -> defer.Deferred[T | None]:
    """The answer of an account's cache. None if there is none: then `problems` says what lacks for each cause."""
    operation = service.bridge.run(ask)
    operation.cancel(after=ANSWERS_WITHIN)

    async def answer() -> T | None:
        try:
            return await operation.ended
        except UpCloudError as error:
            cause, why = (type(error), getattr(error, "code", None)), str(error)
        except defer.CancelledError:
            cause, why = None, f"The API has not answered within {ANSWERS_WITHIN:g} s."
        why = why if why.endswith((".", "?")) else f"{why}."
        problems.setdefault(cause, ([], why))[0].append(what)
        return None

    return defer.ensureDeferred(answer())
