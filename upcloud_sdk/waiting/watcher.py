"""One watcher for all waits of a client.

A hundred servers that boot cost one list a second and not a hundred looks. A waiter that is alone, or that waits
for what no list of ours shows, is looked up by itself. Absence from a list proves nothing: only a GET that answers
404 does.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

import anyio

from upcloud_sdk.errors import ServerFault, TransportError, UnexpectedAnswer, UpCloudError, WaitTimeout
from upcloud_sdk.events import ServerEvent, WaitEvent

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Iterator

    from upcloud_sdk._background import Background
    from upcloud_sdk.events import Emitter
    from upcloud_sdk.waiting.policy import WaitPolicy

log = logging.getLogger("upcloud_sdk")

FAILING = (ServerFault, TransportError, UnexpectedAnswer)
"""What a look may end in without an end to the wait."""


class Seen(Protocol):
    """What a look shows."""

    @property
    def uuid(self) -> str: ...
    @property
    def state(self) -> str: ...


S = TypeVar("S", bound=Seen)


class _Waiter(Generic[S]):
    def __init__(
        self,
        uuid: str,
        reached: Callable[[S], bool],
        *,
        deadline: float,
        due: float,
        listed: bool,
        pauses: Iterator[float],
    ) -> None:
        self.uuid, self.reached = uuid, reached
        self.deadline, self.due, self.listed, self.pauses = deadline, due, listed, pauses
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
        if isinstance(error, FAILING) and self.failures <= forgiven:
            return
        self.error = error
        self.done.set()


class Watcher(Generic[S]):
    """Looks for all who wait, once a tick."""

    def __init__(
        self,
        *,
        get: Callable[[str], Awaitable[S]],
        list_own: Callable[[], Awaitable[Iterable[S]]],
        policy: WaitPolicy,
        background: Background,
        emit: Emitter,
    ) -> None:
        self._emit = emit
        self._get, self._list_own, self._policy, self._background = get, list_own, policy, background
        self._waiters: set[_Waiter[S]] = set()
        self._wake = anyio.Event()
        self._running = False
        self._listed_at = float("-inf")

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
        """
        clock = self._policy.clock
        now = clock.now()
        waiter = _Waiter(
            uuid,
            reached,
            deadline=now + timeout,
            due=now + min(first_look, timeout),
            listed=listed,
            pauses=self._policy.pauses(),
        )
        self._waiters.add(waiter)
        try:
            self._start()
            with clock.limit(timeout):
                await waiter.done.wait()
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
            self._background.start_service(self._serve, "watcher")
            self._running = True

    async def _serve(self) -> None:
        """Runs while somebody waits; a watcher that nobody needs is no task at all."""
        try:
            while self._waiters:
                self._wake = anyio.Event()
                await self._nap()
                await self._tick()
        finally:
            self._running = False

    async def _nap(self) -> None:
        now = self._policy.clock.now()
        due = min(min(waiter.due, waiter.deadline) for waiter in self._waiters)
        if due <= now:
            # A tick a moment at the most, and the others get their turn.
            await anyio.lowlevel.checkpoint()
            return
        async with anyio.create_task_group() as race:

            async def sleep() -> None:
                await self._policy.clock.sleep(due - now)
                race.cancel_scope.cancel()

            race.start_soon(sleep)
            await self._wake.wait()
            race.cancel_scope.cancel()

    async def _tick(self) -> None:
        now = self._policy.clock.now()
        for waiter in [waiter for waiter in self._waiters if waiter.deadline <= now]:
            self._waiters.discard(waiter)
            waiter.done.set()
        due = [waiter for waiter in self._waiters if waiter.due <= now]
        if not due:
            return
        own = [waiter for waiter in self._waiters if waiter.listed]
        if len(own) > 1:
            # What is due so soon after a list waits for the next one: the list serves all.
            due = self._put_off(due, until=self._listed_at + self._policy.pause, now=now)
        singles = [waiter for waiter in due if not waiter.listed or len(own) == 1]
        if len(own) > 1 and any(waiter.listed for waiter in due):
            singles += await self._look_at_list(own, now)
        async with anyio.create_task_group() as looks:
            for waiter in singles:
                looks.start_soon(self._look_at, waiter)
        after = self._policy.clock.now()
        for waiter in due:
            waiter.due = after + next(waiter.pauses)

    @staticmethod
    def _put_off(due: list[_Waiter[S]], *, until: float, now: float) -> list[_Waiter[S]]:
        for waiter in due:
            if waiter.listed and until > now:
                waiter.due = until
        return [waiter for waiter in due if waiter.due <= now]

    async def _look_at_list(self, own: list[_Waiter[S]], now: float) -> list[_Waiter[S]]:
        """Look once for all that a list shows; returns those that it lacks and that are to be asked for."""
        self._listed_at = now
        try:
            seen = {each.uuid: each for each in await self._list_own()}
        except UpCloudError as error:
            log.debug("watcher: the list failed: %s", error)
            for waiter in own:
                waiter.fail(error, self._policy.forgiven)
            return []
        missing: list[_Waiter[S]] = []
        for waiter in own:
            if waiter.uuid in seen:
                self._show(waiter, seen[waiter.uuid])
            elif now - waiter.asked >= self._policy.get_missing_after:
                waiter.asked = now
                missing.append(waiter)
        return missing

    async def _look_at(self, waiter: _Waiter[S]) -> None:
        try:
            self._show(waiter, await self._get(waiter.uuid))
        except Exception as error:  # noqa: BLE001 - one look that fails must not end the others
            waiter.fail(error, self._policy.forgiven)
