"""One watcher for all waits of a client.

A hundred booting servers cost one list per second, not a hundred reads. A single wait, or a wait for a server that is
not in the list of this run, reads the server itself. A server that is missing in a list may exist: only a GET with 404
proves that it is gone.
"""

from __future__ import annotations

import logging
import math
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

import anyio
import anyio.lowlevel

from upcloud_sdk._background import WhileOpen
from upcloud_sdk._tasks import protected
from upcloud_sdk.errors import NotOpen
from upcloud_sdk.events import ServerEvent, WaitEvent
from upcloud_sdk.waiting.policy import Waiter

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Iterable

    from anyio.abc import TaskGroup

    from upcloud_sdk._background import Background
    from upcloud_sdk._emitter import Emitter
    from upcloud_sdk.waiting.policy import WaitPolicy

log = logging.getLogger("upcloud_sdk")


class Seen(Protocol):
    """The result of a read."""

    @property
    def uuid(self) -> str: ...
    @property
    def state(self) -> str: ...
    @property
    def progress(self) -> int | None: ...


S = TypeVar("S", bound=Seen)


class _Waiter(Waiter[S]):
    """A wait for one server, which shares its requests with others."""

    def __init__(
        self, uuid: str, reached: Callable[[S], bool], policy: WaitPolicy, *, due: float, listed: bool
    ) -> None:
        super().__init__(reached, policy)
        self.uuid, self.due, self.listed = uuid, due, listed
        self.busy = False
        """Whether a read of only this server is running."""
        self.asked = due
        """Time of the last read of only this server, or of the first possible one."""


class Watcher(Generic[S]):
    """Reads states for all waiters."""

    def __init__(
        self,
        *,
        get: Callable[[str], Awaitable[S]],
        list_run: Callable[[Collection[str]], Awaitable[Iterable[S]]],
        policy: WaitPolicy,
        background: Background,
        emit: Emitter,
    ) -> None:
        self._emit = emit
        self._get, self._list_run, self._policy, self._background = get, list_run, policy, background
        self._waiters: set[_Waiter[S]] = set()
        self._wake = anyio.Event()
        self._running = False
        self._listing = False
        self._list_due = -math.inf
        """Earliest time of the next list. One list per pause is enough for all waiters."""

    async def wait(
        self,
        uuid: str,
        reached: Callable[[S], bool],
        *,
        timeout: float,
        what: str,
        listed: bool,
        delay: float = 0.0,
    ) -> S:
        """Wait until `reached` is true for a result, and return that result.

        `listed`: whether the list of this run's servers contains it. `delay`: seconds until the first read.

        Raises:
            WaitTimeout: The time is over. `last` is the last result.
            NotOpen: The client was closed meanwhile.
        """
        clock = self._policy.clock
        now = clock.now()
        # With a short timeout, the first read is at its half, so that there is time for another one.
        due = now + min(delay, timeout / 2)
        waiter = _Waiter(uuid, reached, self._policy, due=due, listed=listed)
        self._waiters.add(waiter)
        try:
            with WhileOpen(self._background.open_state, what):
                self._start()
                with clock.limit(timeout):
                    await waiter.done.wait()
        except NotOpen as error:
            waiter.error = error
        finally:
            self._waiters.discard(waiter)
        self._tell(waiter, what, clock.now() - now)
        return waiter.result(what, timeout)

    def _tell(self, waiter: _Waiter[S], what: str, seconds: float) -> None:
        reached = "reached" if waiter.found is not None else "WaitTimeout"
        outcome = reached if waiter.error is None else type(waiter.error).__name__
        self._emit(WaitEvent(at=self._emit.now(), uuid=waiter.uuid, what=what, seconds=seconds, outcome=outcome))

    def _show(self, waiter: _Waiter[S], seen: S) -> None:
        last, now = waiter.last, self._emit.now()
        state, progress = str(seen.state), seen.progress
        if last is None or last.state != seen.state:
            self._emit(ServerEvent(at=now, uuid=waiter.uuid, happened="seen", state=state, progress=progress))
        elif progress not in {None, last.progress}:
            self._emit(ServerEvent(at=now, uuid=waiter.uuid, happened="progress", state=state, progress=progress))
        waiter.show(seen)

    def _start(self) -> None:
        self._wake.set()
        if not self._running:
            self._background.run_service(self._serve, "watcher", ends_by_itself=True)
            self._running = True

    async def _serve(self) -> None:
        """Run as long as somebody waits. Without waiters, there is no task."""
        try:
            while self._waiters:
                self._listing = False
                async with anyio.create_task_group() as reads:
                    while self._waiters:
                        self._wake = anyio.Event()
                        await self._nap()
                        self._tick(reads)
                    # Nobody needs the running reads any more. They must not delay the next waiter.
                    reads.cancel_scope.cancel()
        finally:
            self._running = False

    def _due(self, waiter: _Waiter[S]) -> float:
        """Time of its next read. Never while a read is running."""
        return math.inf if waiter.busy or (waiter.listed and self._listing) else waiter.due

    async def _nap(self) -> None:
        """Wait until a read is due or something has changed."""
        now = self._policy.clock.now()
        due = min(self._due(waiter) for waiter in self._waiters)
        if due <= now:
            # Let other tasks run.
            await anyio.lowlevel.checkpoint()
            return
        async with anyio.create_task_group() as race:

            async def sleep() -> None:
                await self._policy.clock.sleep(due - now)
                race.cancel_scope.cancel()

            # A sleep instead of a timeout: clocks of tests move when somebody sleeps.
            if due < math.inf:
                race.start_soon(protected(sleep))
            await self._wake.wait()
            race.cancel_scope.cancel()

    def _tick(self, reads: TaskGroup) -> None:
        """Start the reads that are due. They are independent: a slow one delays no other."""
        now = self._policy.clock.now()
        listed = [waiter for waiter in self._waiters if waiter.listed]
        due = [waiter for waiter in self._waiters if self._due(waiter) <= now]
        if len(listed) > 1:
            to_list = [waiter for waiter in due if waiter.listed]
            due = [waiter for waiter in due if not waiter.listed]
            if to_list and now < self._list_due:
                # A list serves all waiters. If one is due soon after a list, it waits for the next list.
                for waiter in to_list:
                    waiter.due = self._list_due
            elif to_list:
                self._listing = True
                reads.start_soon(protected(self._read_list), listed, to_list, reads)
        for waiter in due:
            self._start_read(waiter, reads)

    def _start_read(self, waiter: _Waiter[S], reads: TaskGroup) -> None:
        waiter.busy = True
        reads.start_soon(protected(self._read_one), waiter)

    async def _read_one(self, waiter: _Waiter[S]) -> None:
        problem: Exception | None = None
        try:
            self._show(waiter, await self._get(waiter.uuid))
        except Exception as error:  # noqa: BLE001 - a failed read must not end the others
            problem = error
            waiter.fail(error)
        waiter.busy = False
        waiter.due = self._policy.clock.now() + waiter.next_pause(problem)
        self._wake.set()

    async def _read_list(self, listed: list[_Waiter[S]], due: list[_Waiter[S]], reads: TaskGroup) -> None:
        """Read the list once for all current waiters. Missing servers are read alone, but not each time."""
        began = self._policy.clock.now()
        problem: Exception | None = None
        seen: dict[str, S] = {}
        try:
            seen = {each.uuid: each for each in await self._list_run({waiter.uuid for waiter in listed})}
        except Exception as error:  # noqa: BLE001 - a failed read must not end the others
            log.debug("watcher: the list failed: %s", error)
            problem = error
        now = self._policy.clock.now()
        self._listing, self._list_due = False, began + self._policy.pause
        for waiter in due:
            waiter.due = now + waiter.next_pause(problem)
            if problem is not None:
                waiter.fail(problem)
        for waiter in listed if problem is None else ():
            if waiter.uuid in seen:
                self._show(waiter, seen[waiter.uuid])
            elif waiter in self._waiters and now - waiter.asked >= self._policy.get_missing_after:
                waiter.asked = now
                self._start_read(waiter, reads)
        self._wake.set()
