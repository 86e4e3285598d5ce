"""One watcher for all waits of a client.

A hundred servers that boot cost one list a second and not a hundred looks. A waiter that is alone, or that waits
for what no list of ours shows, is looked up by itself. Absence from a list proves nothing: only a GET that answers
404 does.
"""

from __future__ import annotations

import logging
import math
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

import anyio
import anyio.lowlevel

from upcloud_sdk._tasks import protected
from upcloud_sdk.errors import NotOpen, WaitTimeout
from upcloud_sdk.events import ServerEvent, WaitEvent
from upcloud_sdk.waiting.policy import asked_pause, may_pass

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator
    from contextlib import AbstractContextManager

    from anyio.abc import TaskGroup

    from upcloud_sdk._background import Background
    from upcloud_sdk._emitter import Emitter
    from upcloud_sdk.waiting.policy import WaitPolicy

log = logging.getLogger("upcloud_sdk")


class Seen(Protocol):
    """What a look shows."""

    @property
    def uuid(self) -> str: ...
    @property
    def state(self) -> str: ...


S = TypeVar("S", bound=Seen)


class _Waiter(Generic[S]):
    def __init__(
        self, uuid: str, reached: Callable[[S], bool], *, due: float, listed: bool, pauses: Iterator[float]
    ) -> None:
        self.uuid, self.reached = uuid, reached
        self.due, self.listed, self.pauses = due, listed, pauses
        self.busy = False
        """Whether it is being asked for by itself just now."""
        self.asked = due
        """When it was last asked for by itself, or first might have been."""
        self.failures = 0
        self.last: S | None = None
        self.found: S | None = None
        self.error: Exception | None = None
        self.done = anyio.Event()

    def show(self, seen: S) -> None:
        """Tell the waiter what was seen."""
        self.failures, self.last = 0, seen
        try:
            if not self.reached(seen):
                return
            self.found = seen
        except Exception as error:  # noqa: BLE001 - belongs to the one who waits, and must not stop the others
            self.error = error
        self.done.set()

    def fail(self, error: Exception, forgiven: int) -> None:
        """Tell the waiter that a look failed."""
        self.failures += 1
        if may_pass(error) and self.failures <= forgiven:
            return
        self.error = error
        self.done.set()

    def look_again(self, now: float, error: Exception | None = None) -> None:
        """Plan the next look."""
        self.due = now + max(next(self.pauses), asked_pause(error))


class Watcher(Generic[S]):
    """Looks for all who wait, once a tick."""

    def __init__(
        self,
        *,
        get: Callable[[str], Awaitable[S]],
        list_own: Callable[[Collection[str]], Awaitable[Iterable[S]]],
        policy: WaitPolicy,
        background: Background,
        while_open: Callable[[str], AbstractContextManager[None]],
        emit: Emitter,
    ) -> None:
        self._emit, self._while_open = emit, while_open
        self._get, self._list_own, self._policy, self._background = get, list_own, policy, background
        self._waiters: set[_Waiter[S]] = set()
        self._wake = anyio.Event()
        self._running = False
        self._listing = False
        self._list_due = -math.inf
        """When the next list may be asked for: it serves all, so one a pause is enough."""

    async def wait(
        self,
        uuid: str,
        reached: Callable[[S], bool],
        *,
        timeout: float,
        what: str,
        listed: bool,
        first_look: float = 0.0,
    ) -> S:
        """What was seen when `reached` said yes.

        `listed`: whether the list of what this run made shows it. `first_look`: seconds until the first look.

        Raises:
            WaitTimeout: `timeout` seconds passed; its `last` is what was seen last.
            NotOpen: the client was closed meanwhile.
        """
        clock = self._policy.clock
        now = clock.now()
        # Half of a short time is left for what the first look does not see yet.
        due = now + min(first_look, timeout / 2)
        waiter = _Waiter(uuid, reached, due=due, listed=listed, pauses=self._policy.pauses())
        self._waiters.add(waiter)
        try:
            with self._while_open(what):
                self._start()
                with clock.limit(timeout):
                    await waiter.done.wait()
        except NotOpen as error:
            waiter.error = error
        finally:
            self._waiters.discard(waiter)
        self._tell(waiter, what, clock.now() - now)
        if waiter.error is not None:
            raise waiter.error
        if waiter.found is not None:
            return waiter.found
        seen = "nothing was seen" if waiter.last is None else f"last seen in state {str(waiter.last.state)!r}"
        raise WaitTimeout(f"{what}: not within {timeout:g} s; {seen}", last=waiter.last)

    def _tell(self, waiter: _Waiter[S], what: str, seconds: float) -> None:
        reached = "reached" if waiter.found is not None else "WaitTimeout"
        outcome = reached if waiter.error is None else type(waiter.error).__name__
        self._emit(WaitEvent(at=self._emit.now(), uuid=waiter.uuid, what=what, seconds=seconds, outcome=outcome))

    def _show(self, waiter: _Waiter[S], seen: S) -> None:
        if waiter.last is None or waiter.last.state != seen.state:
            state = str(seen.state)
            self._emit(ServerEvent(at=self._emit.now(), uuid=waiter.uuid, happened="seen", state=state))
        waiter.show(seen)

    def _start(self) -> None:
        self._wake.set()
        if not self._running:
            self._background.start_service(self._serve, "watcher", ends_by_itself=True)
            self._running = True

    async def _serve(self) -> None:
        """Runs while somebody waits; a watcher that nobody needs is no task at all."""
        try:
            while self._waiters:
                self._listing = False
                async with anyio.create_task_group() as looks:
                    while self._waiters:
                        self._wake = anyio.Event()
                        await self._nap()
                        self._tick(looks)
                    # Looks that are still under way are nobody's any more, and must not delay who waits next.
                    looks.cancel_scope.cancel()
        finally:
            self._running = False

    def _due(self, waiter: _Waiter[S]) -> float:
        """When to look for it next; not while somebody does."""
        return math.inf if waiter.busy or (waiter.listed and self._listing) else waiter.due

    async def _nap(self) -> None:
        """Return when a look is due, or something has changed."""
        now = self._policy.clock.now()
        due = min(self._due(waiter) for waiter in self._waiters)
        if due <= now:
            # The others get their turn.
            await anyio.lowlevel.checkpoint()
            return
        async with anyio.create_task_group() as race:

            async def sleep() -> None:
                await self._policy.clock.sleep(due - now)
                race.cancel_scope.cancel()

            # A sleep and not a limit: a clock of tests moves when somebody sleeps.
            if due < math.inf:
                race.start_soon(protected(sleep))
            await self._wake.wait()
            race.cancel_scope.cancel()

    def _tick(self, looks: TaskGroup) -> None:
        """Start the looks that are due. None waits for another: a slow one delays only its own."""
        now = self._policy.clock.now()
        own = [waiter for waiter in self._waiters if waiter.listed]
        due = [waiter for waiter in self._waiters if self._due(waiter) <= now]
        if len(own) > 1:
            to_list = [waiter for waiter in due if waiter.listed]
            due = [waiter for waiter in due if not waiter.listed]
            if to_list and now < self._list_due:
                # A list serves all: what is due so soon after one waits for the next.
                for waiter in to_list:
                    waiter.due = self._list_due
            elif to_list:
                self._listing = True
                looks.start_soon(protected(self._look_at_list), own, to_list, looks)
        for waiter in due:
            self._ask_for(waiter, looks)

    def _ask_for(self, waiter: _Waiter[S], looks: TaskGroup) -> None:
        waiter.busy = True
        looks.start_soon(protected(self._look_at), waiter)

    async def _look_at(self, waiter: _Waiter[S]) -> None:
        problem: Exception | None = None
        try:
            self._show(waiter, await self._get(waiter.uuid))
        except Exception as error:  # noqa: BLE001 - one look that fails must not end the others
            problem = error
            waiter.fail(error, self._policy.forgiven)
        waiter.busy = False
        waiter.look_again(self._policy.clock.now(), problem)
        self._wake.set()

    async def _look_at_list(self, own: list[_Waiter[S]], due: list[_Waiter[S]], looks: TaskGroup) -> None:
        """Look once for all that waited when the list was asked for; what it lacks is asked for, but not each time."""
        began = self._policy.clock.now()
        problem: Exception | None = None
        seen: dict[str, S] = {}
        try:
            seen = {each.uuid: each for each in await self._list_own({waiter.uuid for waiter in own})}
        except Exception as error:  # noqa: BLE001 - one look that fails must not end the others
            log.debug("watcher: the list failed: %s", error)
            problem = error
        now = self._policy.clock.now()
        self._listing, self._list_due = False, began + self._policy.pause
        for waiter in due:
            waiter.look_again(now, problem)
            if problem is not None:
                waiter.fail(problem, self._policy.forgiven)
        for waiter in own if problem is None else ():
            if waiter.uuid in seen:
                self._show(waiter, seen[waiter.uuid])
            elif waiter in self._waiters and now - waiter.asked >= self._policy.get_missing_after:
                waiter.asked = now
                self._ask_for(waiter, looks)
        self._wake.set()
