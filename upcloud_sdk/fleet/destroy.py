"""Destroy that does not give up: from any state, whatever fails on the way."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Literal

from upcloud_sdk._transport import segment
from upcloud_sdk.errors import (
    AuthenticationFailed,
    CleanupFailed,
    Conflict,
    Forbidden,
    InvalidRequest,
    LimitReached,
    NotFound,
    NotOpen,
    UnexpectedAnswer,
    UpCloudError,
)
from upcloud_sdk.events import ServerEvent
from upcloud_sdk.fleet.glance import SERVER_GLANCE, STORAGE_GLANCE, UNREADABLE, ServerGlance
from upcloud_sdk.fleet.holdings import Leftover, disk_labels, disks_of, relabel_storage
from upcloud_sdk.models.ownership import ATTEMPT, LEASE, own_labels
from upcloud_sdk.models.servers import Server, ServerSummary
from upcloud_sdk.resources.servers import whole_seconds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from upcloud_sdk.resources._base import Core
    from upcloud_sdk.resources.policies import BackupPolicy, StopType, StoragePolicy
    from upcloud_sdk.waiting.watcher import Watcher

    ServerWatcher = Watcher[ServerSummary]

log = logging.getLogger("upcloud_sdk")

STOP_AGAIN_AFTER = 15.0
"""Seconds after which a server that still says "started" is told to stop once more."""

MAINTENANCE = 60.0
"""Seconds for which the end of a maintenance is waited for before the server is looked at anew."""

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
        labels: Mapping[str, str] | None = None,
        listed: bool = False,
        seen: ServerGlance | None = None,
        still_ours: Callable[[ServerGlance], bool] | None = None,
    ) -> None:
        self._core, self._watcher, self._uuid = core, watcher, uuid
        self._path = f"/server/{segment(uuid, 'uuid')}"
        self._clock, self._timeout = core.waits.clock, timeout
        self._soft_until = self._clock.now() + min(SOFT_STOP, timeout / 2) if stop_type == "soft" else None
        self._storages: StoragePolicy = storages
        self._backups: BackupPolicy | None = backups
        self._attempt, self._labels = attempt, labels
        self._listed, self._seen, self._still_ours = listed, seen, still_ours
        self._stop_sent: float | None = None
        self._doubted = False
        self._last, self._problem = "nothing was seen of it", ""
        self._disks: tuple[str, ...] = ()

    async def run(self) -> None:
        """Return when the server and the disks that go with it are gone.

        Raises:
            CleanupFailed: they were not within the time, or may not be deleted.
            InvalidRequest: no server can have this uuid.
            Spared: `still_ours` said no.
        """
        done = False
        try:
            # One limit over all that is sent and waited for: a dead API ends it in time too.
            with self._clock.limit(self._timeout):
                await self._destroy()
                done = True
            if not done:
                raise self._failed(f"within {self._timeout:g} s")
        except CleanupFailed as error:
            self._tell("left")
            log.error("%s", error)  # noqa: TRY400 - the error says all; a trace may show locals
            raise
        self._tell("destroyed")

    def leftover(self) -> Leftover:
        """What is to be remembered of a destroy that failed."""
        return Leftover(self._attempt, self._storages, self._backups, self._labels)

    async def _destroy(self) -> None:
        pauses = self._core.waits.pauses()
        if self._seen is None and self._still_ours is None:
            # Most are started: it costs no look to say so.
            await self._stop()
            if self._stop_sent is not None:
                # It says "started" for a while yet: no look can tell more.
                self._seen = ServerGlance(uuid=self._uuid, state="started")
                await self._rest(pauses)
        while not await self._delete(await self._look()):
            await self._rest(pauses)
        left = list(self._disks)
        while left := [disk for disk in left if not await self._delete_disk(disk)]:
            await self._clock.sleep(next(pauses))

    # --- looking and waiting ------------------------------------------------------------------------------------------

    async def _rest(self, pauses: Iterator[float]) -> None:
        """Wait for a change, or for a moment where there is nothing to wait for."""
        state = None if self._seen is None else self._seen.state
        self._seen = None
        if state in {"started", "maintenance"}:
            await self._watch(str(state), self._until_next_stop() if state == "started" else MAINTENANCE)
        else:
            await self._clock.sleep(next(pauses))

    async def _watch(self, state: str, seconds: float) -> None:
        """Return when the server has settled, or may be told to stop, or after some seconds."""

        def changed(seen: ServerSummary) -> bool:
            return seen.state in SETTLED or (
                seen.state == "started" and (state != "started" or self._stop_sent is None)
            )

        try:
            seen = await self._watcher.wait(
                self._uuid,
                changed,
                timeout=seconds,
                what="settling",
                listed=self._listed,
                first_look=self._core.waits.pause,
            )
        except UpCloudError:
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

    async def _look(self) -> ServerGlance | None:
        """The server; None when it is gone. Where looking fails, a server in a state that means: try again."""
        seen, self._seen = self._seen, None
        try:
            if seen is None:
                seen = await self._core.transport.call("GET", self._path, SERVER_GLANCE)
        except NotFound as error:
            if error.code or self._doubted:
                return None
            # Not the API's own words, but somebody's between us: believed when it is said again.
            self._doubted = True
            self._note(error)
        except InvalidRequest as error:
            if error.code == "SERVER_INVALID":
                raise
            self._note(error)
        except UpCloudError as error:
            self._note(error)
        if seen is None:
            seen = ServerGlance(uuid=self._uuid, state="unknown")
        else:
            self._doubted = False
            self._last = f"last seen in state {seen.state!r}"
            self._labels = own_labels(seen.labels)
            self._attempt = self._attempt or seen.ownership.attempt
            if self._still_ours is not None and not self._still_ours(seen):
                raise Spared(self._uuid)
        self._seen = seen
        return seen

    # --- stopping and deleting ----------------------------------------------------------------------------------------

    async def _stop(self) -> None:
        now = self._clock.now()
        soft = self._soft_until is not None and now < self._soft_until
        seconds = max(1.0, (self._soft_until or now) - now)
        stop = {"stop_type": "soft" if soft else "hard", "timeout": whole_seconds(seconds)}
        try:
            await self._core.transport.send("POST", self._path + "/stop", json={"stop_server": stop})
            self._stop_sent = now
            self._tell("stopping")
        except UpCloudError as error:
            self._note(error)

    def _stop_is_overdue(self) -> bool:
        assert self._stop_sent is not None
        now = self._clock.now()
        if self._soft_until is not None and self._stop_sent < self._soft_until:
            return now >= self._soft_until
        return now - self._stop_sent >= STOP_AGAIN_AFTER

    async def _delete(self, seen: ServerGlance | None) -> bool:
        """Do what its state allows; whether the server is gone, with `_disks` left to delete."""
        if seen is None:
            return await self._find_orphans()
        if seen.state == "started":
            if self._stop_sent is None or self._stop_is_overdue():
                await self._stop()
            return False
        if seen.state in {"maintenance", "unknown"}:
            return False
        if seen.state == UNREADABLE and (self._stop_sent is None or self._stop_is_overdue()):
            await self._stop()
        # "stopped"; "error", where it may work; and states of tomorrow.
        try:
            everything = await self._sort_disks(seen)
            params = [("storages", "1")] if everything else []
            if everything and self._backups is not None:
                params.append(("backups", self._backups))
            at_once = await self._send_delete(self._path, params)
        except UpCloudError as error:
            # If it says that the server is gone, so will the look that follows.
            self._note(error)
            return False
        if everything and at_once:
            self._disks = ()
        return True

    async def _sort_disks(self, seen: ServerGlance) -> bool:
        """Whether all its disks go with the server, which one DELETE can do. `_disks` are those that go."""
        attached = [device for device in seen.storage_devices if device.storage]
        if self._storages == "all":
            self._disks = tuple(str(device.storage) for device in attached if device.type == "disk")
            return True
        labels = await disk_labels(self._core, seen) if self._attempt else {}
        ours = [disk for disk, pairs in labels.items() if pairs.get(ATTEMPT) == self._attempt]
        if self._storages == "none":
            # What its owner wants to keep must not be reaped when the lease that it was made with has ended.
            for disk in [disk for disk in ours if LEASE in labels[disk]]:
                await relabel_storage(self._core, disk, {LEASE: None})
            return False
        self._disks = tuple(dict.fromkeys((*self._disks, *ours)))
        return bool(ours) and len(ours) == len(attached)

    async def _find_orphans(self) -> bool:
        """Somebody else deleted the server, or half of a destroy was done before: disks made with it may be left."""
        if self._attempt is None or self._storages == "none":
            return True
        try:
            found = await disks_of(self._core, self._attempt)
        except UpCloudError as error:
            self._note(error)
            return False
        self._disks = tuple(dict.fromkeys((*self._disks, *(storage.uuid for storage in found))))
        return True

    async def _delete_disk(self, disk: str) -> bool:
        path = f"/storage/{segment(disk, 'uuid')}"
        params = [] if self._backups is None else [("backups", self._backups)]
        try:
            try:
                await self._send_delete(path, params)
            except Conflict as conflict:
                seen = await self._core.transport.call("GET", path, STORAGE_GLANCE)
                if not seen.servers or self._uuid in seen.servers:
                    raise conflict from None
                log.warning("disk %s, made with server %s, is attached to another one: it stays", disk, self._uuid)
        except NotFound:
            return True
        except UpCloudError as error:
            self._note(error)
            return False
        return True

    async def _send_delete(self, path: str, params: Sequence[tuple[str, str]]) -> bool:
        """Delete something; whether the first attempt did it, so that its answer is about all that it was to do.

        Raises:
            UpCloudError: it is not known to be gone.
        """
        attempts: list[float] = []
        answer = await self._core.transport.send(
            "DELETE", path, params=params, on_send=lambda: attempts.append(self._clock.now())
        )
        if answer.content:
            # The API answers 204 and nothing else: this is somebody between us.
            raise UnexpectedAnswer(f"DELETE {path}", "nothing", "", f"HTTP {answer.status} has a body")
        return len(attempts) == 1

    # --- saying how it goes -------------------------------------------------------------------------------------------

    def _tell(self, happened: Literal["stopping", "destroyed", "left"]) -> None:
        emit = self._core.emit
        emit(ServerEvent(at=emit.now(), uuid=self._uuid, happened=happened))

    def _note(self, error: UpCloudError) -> None:
        """Remember what went wrong; what no repetition can mend ends the destroy."""
        self._problem = f"; {error}"
        forbidden = isinstance(error, Forbidden) and not isinstance(error, LimitReached) and error.code
        if isinstance(error, AuthenticationFailed | NotOpen) or forbidden:
            raise self._failed("at all") from error

    def _failed(self, how: str) -> CleanupFailed:
        why = self._last + self._problem
        return CleanupFailed(
            self._uuid, f"server {self._uuid} could not be destroyed {how} and may still cost money: {why}"
        )
