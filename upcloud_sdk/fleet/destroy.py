"""Destroy that does not give up: from any state, whatever fails on the way."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Literal

from upcloud_sdk._transport import segment
from upcloud_sdk.errors import (
    AuthenticationFailed,
    CleanupFailed,
    Forbidden,
    LimitReached,
    NotFound,
    NotOpen,
    UpCloudError,
    WaitTimeout,
)
from upcloud_sdk.events import ServerEvent
from upcloud_sdk.fleet.glance import SERVER_GLANCE, STORAGE_GLANCES, ServerGlance
from upcloud_sdk.fleet.holdings import own_disks
from upcloud_sdk.models.ownership import ATTEMPT
from upcloud_sdk.models.servers import Server, ServerSummary
from upcloud_sdk.resources._base import label_params
from upcloud_sdk.resources.servers import whole_seconds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from typing import Any

    from upcloud_sdk.resources._base import Core
    from upcloud_sdk.resources.servers import StopType
    from upcloud_sdk.resources.storages import BackupPolicy
    from upcloud_sdk.waiting import Watcher

    ServerWatcher = Watcher[ServerSummary]

log = logging.getLogger("upcloud_sdk")

StoragePolicy = Literal["created", "all", "none"]
"""Which disks go with a server: those made with it, all, or none."""

STOP_AGAIN_AFTER = 15.0
"""Seconds after which a server that still says "started" is told to stop once more."""

SOFT_STOP = 60.0
"""Seconds that a soft stop gets before a hard one, or half of the time there is."""

SETTLED = frozenset({"stopped", "error"})


class Spared(Exception):
    """The server is not to be destroyed after all: somebody renewed or took its lease in the last moment."""


class Destroyer:
    """One destroy of one server, from wherever it stands."""

    def __init__(
        self,
        core: Core,
        watcher: ServerWatcher,
        uuid: str,
        *,
        timeout: float,
        stop_type: StopType = "hard",
        storages: StoragePolicy = "created",
        backups: BackupPolicy | None = "delete",
        attempt: str | None = None,
        listed: bool = False,
        seen: ServerGlance | None = None,
        still_ours: Callable[[ServerGlance], bool] | None = None,
    ) -> None:
        self._core, self._watcher, self._uuid = core, watcher, uuid
        self._path = f"/server/{segment(uuid, 'uuid')}"
        self._clock = core.waits.clock
        self._timeout, self._deadline = timeout, self._clock.now() + timeout
        self._soft_until = self._clock.now() + min(SOFT_STOP, timeout / 2) if stop_type == "soft" else None
        self._storages, self._backups = storages, backups
        self.attempt = attempt
        self._listed, self._seen, self._still_ours = listed, seen, still_ours
        self._stop_sent: float | None = None
        self._last = "nothing was seen of it"
        self._disks: tuple[str, ...] = ()

    async def run(self) -> None:
        """Return when the server and the disks that go with it are gone.

        Raises:
            CleanupFailed: they were not within the time, or may not be deleted.
            Spared: `still_ours` said no.
        """
        pauses = self._core.waits.pauses()
        try:
            if self._seen is None or self._seen.state == "started":
                await self._stop()
            if self._stop_sent is not None:
                # It says "started" for a while yet: no look can tell more.
                self._seen = ServerGlance(uuid=self._uuid, state="started")
                await self._rest(pauses)
            while not await self._delete(await self._look()):
                await self._rest(pauses)
            await self._delete_disks(pauses)
            self._tell("destroyed")
        except CleanupFailed as error:
            self._tell("left")
            log.error("%s", error)  # noqa: TRY400 - the error says all; a trace may show locals
            raise

    async def _rest(self, pauses: Iterator[float]) -> None:
        """Wait for a change, or for a moment where there is nothing to wait for."""
        left = self._deadline - self._clock.now()
        if left <= 0:
            raise CleanupFailed(
                self._uuid,
                f"server {self._uuid} could not be destroyed within {self._timeout:g} s and may still cost money: "
                f"{self._last}",
            )
        state = None if self._seen is None else self._seen.state
        if state in {"started", "maintenance"}:
            await self._watch(str(state), min(left, self._until_next_stop()))
        else:
            await self._clock.sleep(min(next(pauses), left))

    async def _watch(self, state: str, seconds: float) -> None:
        """Return when the server has settled, or may be told to stop, or after some seconds."""

        def changed(seen: ServerSummary) -> bool:
            return seen.state in SETTLED or (
                seen.state == "started" and (state != "started" or self._stop_sent is None)
            )

        self._seen = None
        try:
            seen = await self._watcher.wait(
                self._uuid,
                changed,
                timeout=seconds,
                what=f"server {self._uuid} to settle",
                listed=self._listed,
                first_look=self._core.waits.pause,
            )
        except (UpCloudError, WaitTimeout):
            return  # The look that follows says what there is.
        if isinstance(seen, Server):
            # It was looked at in full: no need to ask again.
            self._seen = ServerGlance.model_validate(
                seen.model_dump(include={"uuid", "state", "labels", "storage_devices"})
            )

    def _until_next_stop(self) -> float:
        if self._stop_sent is None:
            return STOP_AGAIN_AFTER
        again = self._stop_sent + STOP_AGAIN_AFTER
        if self._soft_until is not None:
            again = max(again, self._soft_until)
        return max(1.0, again - self._clock.now())

    async def _stop(self) -> None:
        now = self._clock.now()
        soft = self._soft_until is not None and now < self._soft_until
        seconds = max(1.0, (self._soft_until or now) - now)
        stop = {"stop_type": "soft" if soft else "hard", "timeout": whole_seconds(seconds)}
        try:
            await self._send("POST", self._path + "/stop", json={"stop_server": stop})
            self._stop_sent = now
            self._tell("stopping")
        except UpCloudError as error:
            self._note(error)

    async def _look(self) -> ServerGlance | None:
        """The server; None when it is gone. Where looking fails, a server in a state that means: try again."""
        seen, self._seen = self._seen, None
        try:
            if seen is None:
                with self._clock.limit(self._left()):
                    seen = await self._core.transport.call("GET", self._path, SERVER_GLANCE)
        except NotFound:
            return None
        except UpCloudError as error:
            self._note(error)
        if seen is None:
            seen = ServerGlance(uuid=self._uuid, state="unknown")
        else:
            self._last = f"last seen in state {seen.state!r}"
            self.attempt = self.attempt or seen.ownership.attempt
            if self._still_ours is not None and not self._still_ours(seen):
                raise Spared(self._uuid)
        self._seen = seen
        return seen

    async def _delete(self, seen: ServerGlance | None) -> bool:
        if seen is None:
            await self._find_orphans()
            return True
        if seen.state == "started":
            if self._stop_sent is None or self._stop_is_overdue():
                await self._stop()
            return False
        if seen.state in {"maintenance", "unknown"}:
            return False
        # "stopped"; "error", where it may work; and states of tomorrow.
        try:
            everything, self._disks = await self._which_disks(seen)
            params = [("storages", "1")] if everything else []
            if everything and self._backups is not None:
                params.append(("backups", self._backups))
            await self._send("DELETE", self._path, params=params)
        except NotFound:
            await self._find_orphans()
        except UpCloudError as error:
            self._note(error)
            return False
        return True

    def _stop_is_overdue(self) -> bool:
        assert self._stop_sent is not None
        now = self._clock.now()
        if self._soft_until is not None and self._stop_sent < self._soft_until:
            return now >= self._soft_until
        return now - self._stop_sent >= STOP_AGAIN_AFTER

    async def _which_disks(self, seen: ServerGlance) -> tuple[bool, tuple[str, ...]]:
        """Whether all disks go, which one DELETE can do; else which of them."""
        if self._storages != "created":
            return self._storages == "all", ()
        attached = [device for device in seen.storage_devices if device.storage]
        ours = await own_disks(self._core, seen, self.attempt)
        return (True, ()) if ours and len(ours) == len(attached) else (False, tuple(ours))

    async def _find_orphans(self) -> None:
        """Somebody else deleted the server, or half of a destroy was done before: disks made with it may be left."""
        if self.attempt is None or self._storages == "none":
            return
        params = label_params({ATTEMPT: self.attempt})
        try:
            found = await self._core.transport.call("GET", "/storage", STORAGE_GLANCES, params=params)
        except UpCloudError as error:
            self._note(error)
            return
        ours = (storage.uuid for storage in found if storage.labels.get(ATTEMPT) == self.attempt)
        self._disks = tuple(dict.fromkeys((*self._disks, *ours)))

    async def _delete_disks(self, pauses: Iterator[float]) -> None:
        left = list(self._disks)
        while left:
            left = [disk for disk in left if not await self._delete_disk(disk)]
            if left:
                self._seen = None
                await self._rest(pauses)

    async def _delete_disk(self, disk: str) -> bool:
        params = [] if self._backups is None else [("backups", self._backups)]
        try:
            await self._send("DELETE", f"/storage/{segment(disk, 'uuid')}", params=params)
        except NotFound:
            return True
        except UpCloudError as error:
            self._note(error)
            return False
        return True

    def _tell(self, happened: Literal["stopping", "destroyed", "left"]) -> None:
        emit = self._core.emit
        emit(ServerEvent(at=emit.now(), uuid=self._uuid, happened=happened))

    def _left(self) -> float:
        return max(1.0, self._deadline - self._clock.now())

    async def _send(
        self, method: str, path: str, *, params: Sequence[tuple[str, str]] = (), json: Mapping[str, Any] | None = None
    ) -> None:
        """A call that is cut off where the time of the whole destroy ends."""
        done = False
        with self._clock.limit(self._left()):
            await self._core.transport.send(method, path, params=params, json=json)
            done = True
        if not done:
            raise WaitTimeout(f"{method} {path}: not within the time of the destroy")

    def _note(self, error: UpCloudError) -> None:
        """Remember what went wrong; what no repetition can mend ends the destroy."""
        self._last = str(error)
        refused = isinstance(error, AuthenticationFailed | Forbidden) and not isinstance(error, LimitReached)
        if refused or isinstance(error, NotOpen):
            raise CleanupFailed(
                self._uuid, f"server {self._uuid} could not be destroyed and may still cost money: {error}"
            ) from error
