"""Which servers may be made now: `max_servers` and the `Budget`, over the record. For the reactor's thread.

Buildbot asks without waiting whether a worker takes a build, so the record's view in memory answers that. A worker that
takes one reserves its server until the record's database confirms the claim, just before the create.
"""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from twisted.internet import defer
from twisted.logger import Logger

from upcloud_sdk.buildbot._buildbot.api import LatentWorkerFailedToSubstantiate
from upcloud_sdk.buildbot._buildbot.bridge import fired
from upcloud_sdk.buildbot.configuration.values import is_renderable
from upcloud_sdk.ci import Quote, RecordProblem
from upcloud_sdk.ci.money.price import Spent, limits_of
from upcloud_sdk.ci.record.changes import Phase, ServerChange
from upcloud_sdk.ci.record.claims import Claim, Refused
from upcloud_sdk.errors import NotFound, UpCloudError

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping

    from upcloud_sdk.buildbot._buildbot.api import DelayedCall, Master
    from upcloud_sdk.buildbot._buildbot.bridge import Bridge, Operation
    from upcloud_sdk.buildbot.accounts.open_accounts import Account
    from upcloud_sdk.buildbot.configuration.arguments import Arguments
    from upcloud_sdk.ci import Record
    from upcloud_sdk.ci.record.claims import Limits
    from upcloud_sdk.ci.record.record import View

_LOOK_AGAIN_AFTER = 30.0
"""Seconds after which the bill, and servers that this master cannot see, are read again while a build waits."""
_FIRST_PRICE_WITHIN = 60.0
"""Seconds for which workers wait for a start that asks for the first price. Its arguments may never be rendered."""
_PRICED = ("image", "hostconfig", "zone", "zones", "plans", "networks", "storages", "firewall")
"""The arguments that the price of a server depends on."""
FREED_BY_A_SERVER = frozenset({"max_servers", "per_hour"})
"""The limits that have room again when a server is gone."""


class Known(NamedTuple):
    """What is known of the next server of a worker, or of one with the same arguments."""

    arguments: Arguments
    account: Account
    price: Quote


class Claims:
    """One per master."""

    record: Record

    _log = Logger()

    def __init__(
        self, master: Master, bridge: Bridge, accounts: Callable[[], list[Account]], wake: Callable[[], object]
    ) -> None:
        self._master, self._bridge, self._accounts, self._wake = master, bridge, accounts, wake
        self.refused: Refused | None = None
        """Why builds wait now. None if none does."""
        self._reserved: dict[Hashable, int | None] = {}
        """Prices of servers of workers that have taken a build, before their claims."""
        self._first: dict[Hashable, int | None] = {}
        """The same of servers of images that wait. They go before those of builds."""
        self._price_awaited_until = 0.0
        """Until when no other worker of a budget starts without a price, by the monotonic clock."""
        self._known: dict[str, Known] = {}
        self._waiting: dict[str, Known | None] = {}
        """The workers that were refused since builders were woken last."""
        self._answers: dict[object, Refused | None] = {}
        self._answered_of: tuple[View, int] | None = None
        self._version = 0
        self._put_right = set[str]()
        """The owners whose left servers are put right, or about to be."""
        self._listed = set[str]()
        """The left servers that were listed once: their account is one of this master's."""
        self._call: DelayedCall | None = None

    @staticmethod
    def now(price: Quote | None = None) -> datetime:
        """The time of a claim: by the API's clock, once a price was asked for."""
        return datetime.now(UTC) if price is None else price.spent.now()

    # --- by the view in memory ----------------------------------------------------------------------------------------

    def refusal(self, worker: str, arguments: Arguments, account: Account | None) -> Refused | None:
        """Why a worker may not make another server now. None if it may."""
        if arguments.max_servers is None and arguments.budget is None:
            return None
        known = self._known_of(worker, arguments, account)
        if known is None and arguments.budget is None:
            # The list of servers is the same for all.
            known = next((each for each in self._known.values() if each.account is account), None)
        price = None if known is None else known.price
        at = self.now(price)
        limits = _limits(price, arguments, at)
        reserved = [each for holder, each in self._reserved.items() if holder != worker]
        is_asked = bool(reserved) and time.monotonic() < self._price_awaited_until
        if price is None and arguments.budget is not None and is_asked:
            # Without it, all would start, and the budget would refuse those that it has no room for.
            unpriced = Refused(limit="price")
            self._note_waiting(worker, None, unpriced)
            return unpriced
        key = (arguments.max_servers, arguments.budget, price and price.hourly, limits.billed, len(limits.listed))
        refused = self._answer(key, limits, price, at, [*reserved, *self._first.values()])
        if refused is not None:
            self._note_waiting(worker, known, refused)
        return refused

    def _answer(
        self, key: object, limits: Limits, price: Quote | None, at: datetime, reserved: list[int | None]
    ) -> Refused | None:
        """The record's answer. Many workers ask the same as long as nothing changes."""
        key, state = (key, len(reserved), at.replace(microsecond=0)), (self.record.view, self._version)
        if self._answered_of is None or self._answered_of[0] is not state[0] or self._answered_of[1] != state[1]:
            self._answers, self._answered_of = {}, state
        if key not in self._answers:
            self._answers[key] = self.record.refusal(Claim(server=_change(price, at), limits=limits), reserved)
        return self._answers[key]

    def standings(self, workers: Mapping[str, Arguments]) -> Callable[[], list[Refused]]:
        """A function that says how each limit of these workers stands, for any thread."""
        at = self.now()
        alike: dict[tuple[object, ...], tuple[Arguments, Quote | None]] = {}
        for worker, arguments in workers.items():
            known = self._known.get(worker)
            key = (arguments.max_servers, arguments.budget)
            if key != (None, None) and (known is not None or key not in alike):
                alike[key] = arguments, None if known is None else known.price
        claims: list[Claim] = []
        for arguments, price in alike.values():
            change = _change(price, at)
            if price is None or price.hourly is None:  # What is spent is known before the first price.
                given = None if arguments.budget is None else arguments.budget.currency
                change = replace(change, currency=given or next(iter(self.record.view.paid), None))
            claims.append(Claim(server=change, limits=_limits(price, arguments, at)))
        record, reserved = self.record, [*self._reserved.values(), *self._first.values()]

        def count() -> list[Refused]:
            found: dict[tuple[str, int], Refused] = {}
            for each in (each for claim in claims for each in record.standings(claim, reserved)):
                before = found.setdefault((each.limit, each.allowed), each)
                if each.spent > before.spent:
                    found[each.limit, each.allowed] = each
            return list(found.values())

        return count

    def _known_of(self, worker: str, arguments: Arguments, account: Account | None) -> Known | None:
        own = self._known.get(worker)
        if own is not None and own.account is account and (own.arguments is arguments or _are_alike(own, arguments)):
            return own
        alike = (each for each in self._known.values() if each.account is account and _are_alike(each, arguments))
        return next(alike, None)

    def reserve(self, worker: str, arguments: Arguments, account: Account | None) -> None:
        """Count the next server of a worker that takes a build, until `claim` or `release`."""
        known = self._known_of(worker, arguments, account)
        if known is None and arguments.budget is not None:
            self._price_awaited_until = time.monotonic() + _FIRST_PRICE_WITHIN
        self._set(self._reserved, worker, None if known is None else known.price.hourly)

    def reserve_first(self, holder: Hashable, hourly: int | None) -> None:
        """Keep the next free place for this holder."""
        self._set(self._first, holder, hourly)

    def _set(self, places: dict[Hashable, int | None], holder: Hashable, hourly: int | None) -> None:
        places[holder] = hourly
        self._version += 1

    def release(self, holder: Hashable) -> bool:
        """Stop counting a reservation. Returns whether there was one."""
        had_one = holder in self._reserved or holder in self._first
        self._reserved.pop(holder, None)
        self._first.pop(holder, None)
        self._version += had_one
        return had_one

    @property
    def is_awaited(self) -> bool:
        """Whether the server of an image waits for a place."""
        return bool(self._first)

    @property
    def is_freeing(self) -> bool:
        """Whether a server of this master is being destroyed, so that there is a place soon."""
        view = self.record.view
        return any(server.phase is Phase.STOPPING and server.id in view.own for server in view.servers)

    # --- by the database ----------------------------------------------------------------------------------------------

    async def claim(
        self,
        worker: str,
        change: ServerChange,
        price: Callable[..., Operation[Quote]],
        arguments: Arguments,
        account: Account,
    ) -> None:
        """Claim a server for a worker, just before its create.

        Args:
            worker: Its name.
            change: That the server is asked for.
            price: Asks for its price, if there is a budget, with `with_bill` and `recorded` of `price_of`.
            arguments: With the limits.
            account: Where it is made.

        Raises:
            LatentWorkerFailedToSubstantiate: There is no room now.
            ValueError: The budget never allows it.
            UpCloudError: The servers of other processes, or the price for a budget, cannot be read.
        """
        budget = arguments.budget
        if budget is None and arguments.max_servers is None:
            self.release(worker)
            return
        found = await self._ask_price(price, arguments, account)
        self._known[worker] = Known(arguments, account, found)
        problem = None if budget is None else found.problem(budget)
        if problem is not None:
            raise ValueError(problem)
        at = self.now(found)
        limits = found.limits(arguments.max_servers, budget, at)
        # A worker that starts again without being asked must not take the place of another one.
        refused = None if worker in self._reserved else self.refusal(worker, arguments, account)
        if refused is None:
            priced = replace(change, at=at, hourly=found.hourly, currency=found.currency)
            refused = await self.ask_record(priced, limits)
        self.release(worker)
        if refused is not None:
            self._note_waiting(worker, self._known.get(worker), refused)
            raise LatentWorkerFailedToSubstantiate(worker, f"{refused}; its build waits")
        if self._waiting:
            # For a moment, it was counted as reserved and as claimed.
            self._wake()

    async def _ask_price(self, price: Callable[..., Operation[Quote]], arguments: Arguments, account: Account) -> Quote:
        recorded = frozenset(server.uuid for server in self.record.view.servers if server.uuid is not None)
        if arguments.budget is None:
            return await self._bridge.run(partial(Quote.not_asked_for, account.cache, recorded=recorded)).ended
        try:
            return await price(with_bill=arguments.budget.per_month is not None, recorded=recorded).ended
        except UpCloudError as error:
            if type(error) is UpCloudError:
                raise UpCloudError(f"there is a budget, but what its server costs is not known: {error}") from error
            raise

    async def claim_first(self, holder: Hashable, change: ServerChange, limits: Limits) -> Refused | None:
        """Claim a server for a holder that goes before builds. None if it may be made."""
        earlier: list[int | None] = []
        for other, hourly in self._first.items():
            if other == holder:
                break
            earlier.append(hourly)
        refused = self.record.refusal(Claim(server=change, limits=limits), [*self._reserved.values(), *earlier])
        refused = refused or await self.ask_record(change, limits)
        if refused is not None:
            self.record.watch(refused)
        return refused

    async def ask_record(self, change: ServerChange, limits: Limits) -> Refused | None:
        """One transaction. None if the server may be made: then it counts until it is gone."""
        await self.put_right()
        return await fired(self.record.claim(Claim(server=change, limits=limits)), self._master.reactor)

    async def put_right(self) -> None:
        """Once for each owner, before the first claim: end the servers of this master's last process that are gone.

        Repeated while builds wait, also for servers of others that nobody looks after.
        """
        for owner in {account.cloud.owner for account in self._accounts()} - self._put_right:
            self._put_right.add(owner)
            if not await self.put_right_of(self._master.name, owner):
                self._put_right.discard(owner)

    async def put_right_of(self, master: str, owner: str) -> bool:
        """End the servers that a master without a process has left, and that are gone. Returns whether all was read."""
        accounts = [account for account in self._accounts() if account.cloud.owner == owner]
        try:
            at = max([await self._bridge.run(each.cloud.leases.now).ended for each in accounts])
            left = await fired(self.record.left(master, owner, at), self._master.reactor)
            lists = [await self._bridge.run(each.cache.leased).ended for each in accounts if left]
            listed = {server.uuid for seen in lists for server in seen.servers}
            self._listed |= listed & {server.uuid for server in left}
            for server in left:
                uuid = server.uuid
                # An account knows nothing of another's servers, and other owners may have another account.
                is_ours = server.owner == owner or uuid in self._listed
                # A list may lag, or be cut short, so it does not show that a server is gone.
                if uuid is None or (
                    is_ours and uuid not in listed and all([await self._is_gone(a, uuid) for a in accounts])
                ):
                    self.record.note_gone(server, at)
        except (UpCloudError, RecordProblem, defer.CancelledError) as error:
            self._log.warn("the record cannot be compared with the servers that are up: {error}", error=error)
            return False
        return True

    async def _is_gone(self, account: Account, uuid: str) -> bool:
        try:
            await self._bridge.run(account.cloud.servers.get, uuid).ended
        except NotFound:
            return True
        return False

    # --- while builds wait --------------------------------------------------------------------------------------------

    def _note_waiting(self, worker: str, known: Known | None, refused: Refused) -> None:
        """Look again, since another master may free a place, and a bill may be read."""
        if self.refused is None or self.refused.limit != refused.limit:
            self._log.info("{refused}; builds wait", refused=refused)
        self.refused = refused
        self._waiting[worker] = known
        self.record.watch(refused)
        # Under `max_servers`, too: somebody may have destroyed a server whose destroy had failed.
        if self._call is None or not self._call.active():
            self._call = self._master.reactor.callLater(_LOOK_AGAIN_AFTER, self._begin_look)

    def begin_wake(self) -> None:
        """Called before builders look again: who still waits will be refused again."""
        self._waiting.clear()
        self.refused = None
        self.record.watch(None)

    def _begin_look(self) -> None:
        defer.ensureDeferred(self._look_again())

    async def _look_again(self) -> None:
        waiting = {known.account for known in self._waiting.values() if known is not None}
        for account in waiting:
            mine = {name: known for name, known in self._known.items() if known.account is account}
            budgets = [known.arguments.budget for known in mine.values()]
            is_monthly = any(budget is not None and budget.per_month is not None for budget in budgets)
            recorded = frozenset(server.uuid for server in self.record.view.servers if server.uuid is not None)
            read = partial(
                Spent.read,
                account.cache,
                with_bill=is_monthly,
                with_prices=any(budgets),
                recorded=recorded,
                within=0,
            )
            try:
                spent = await self._bridge.run(read).ended
            except (UpCloudError, defer.CancelledError):
                continue
            self._known |= {
                name: known._replace(price=known.price._replace(spent=spent)) for name, known in mine.items()
            }
        self._put_right.clear()
        await self.put_right()
        self._wake()

    def close(self) -> None:
        """Stop the timer when the master stops."""
        if self._call is not None and self._call.active():
            self._call.cancel()


def _change(price: Quote | None, at: datetime) -> ServerChange:
    if price is None:
        return ServerChange(id="", at=at, phase=Phase.ASKED)
    return ServerChange(id="", at=at, phase=Phase.ASKED, hourly=price.hourly, currency=price.currency)


def _limits(price: Quote | None, arguments: Arguments, at: datetime) -> Limits:
    if price is None:
        return limits_of(arguments.max_servers, arguments.budget)
    return price.limits(arguments.max_servers, arguments.budget, at)


def _are_alike(known: Known, arguments: Arguments) -> bool:
    """Whether a worker with these arguments makes servers of the same price, and that is known if it has a budget."""
    if known.price.hourly is None and arguments.budget is not None:
        return False
    for name in _PRICED:
        one, other = getattr(known.arguments, name), getattr(arguments, name)
        # Some renderables answer `==` with another renderable.
        if one is not other and (is_renderable(one) or is_renderable(other) or one != other):
            return False
    return True
