"""The latent worker: Buildbot's side of it. What it does with servers is in `machine`, the way there in `bridge`."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from twisted.cred.error import UnauthorizedLogin
from twisted.internet import defer
from twisted.logger import Logger
from twisted.python.failure import Failure

from upcloud_sdk.buildbot._types import (
    LatentWorkerCannotSubstantiate,
    LatentWorkerFailedToSubstantiate,
    LatentWorkerSubstantiatiationCancelled,
    States,
)
from upcloud_sdk.buildbot.choosing import ChoosingWorker
from upcloud_sdk.buildbot.connections import is_lost
from upcloud_sdk.buildbot.machine import Machine, is_permanent
from upcloud_sdk.errors import CleanupFailed, UpCloudError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from upcloud_sdk.buildbot._types import Build, Connection, Properties
    from upcloud_sdk.buildbot.bridge import Operation

T = TypeVar("T")

_DESTROY_TIMEOUT = 300.0
"""Seconds within which a server must be gone."""
_DESTROY_WAIT = 30.0
"""Seconds of these that its worker waits before it takes another build."""


class UpcloudLatentWorker(ChoosingWorker):
    """A Buildbot worker on an UpCloud server that is made for a build and destroyed after it.

    Takes the arguments of the worker of this name that ships with Buildbot, those of all latent workers
    (`build_wait_timeout`, `max_builds`, `properties`, ...), and those of `upcloud_sdk.buildbot.arguments.Arguments`.
    """

    builds_may_be_incompatible: ClassVar[bool] = True
    quarantine_max_timeout: ClassVar[float] = 300
    """Seconds; Buildbot's own hour is too long for a limit or a zone that is full at the moment."""

    _log = Logger()
    _operation: Operation[Any] | None = None
    _turn: defer.Deferred[None] | None = None
    """What it waits for while there is no room for another server."""
    _starting = False
    _unwanted = False
    """Whether the start that is under way, or about to be, was called off."""

    # --- a server for a build -----------------------------------------------------------------------------------------

    def start_instance(self, build: Build) -> defer.Deferred[bool]:
        """Make a server, and wait until it is started or its worker attaches."""
        return defer.ensureDeferred(self._start(build))

    async def _start(self, build: Build) -> bool:
        self._starting = True
        try:
            order, guest = await self._order(build)
            machine = Machine(self._catalogue, order, guest, title=self.title)
            self._machine, self._build = machine, build
            try:
                await self._wait_for_room(machine)
                await self._unless_unwanted(self._reaping.first_round)
                await self._unless_unwanted(machine.create, self._arguments.create_timeout)
                self._tell(machine)
                self._bridge.run(machine.ask_price).ended.addBoth(lambda _: self._priced(machine))
                if machine.attached_at is None:
                    await self._unless_unwanted(machine.boot, self._arguments.boot_timeout)
            except (defer.CancelledError, UpCloudError, ValueError) as error:
                # The worker may attach before the API says that its server is there. Then there is nothing to fail.
                if machine.attached_at is None:
                    raise self._failure(error, machine) from None
        finally:
            self._starting = self._unwanted = False
        return True

    async def _wait_for_room(self, machine: Machine) -> None:
        """Builds that are handed out at one moment may be more than there is room for: they wait for their turn."""
        if self._unwanted:
            raise defer.CancelledError
        self._turn = self._bridge.room.enter(machine, self._arguments.max_servers)
        try:
            await self._turn
        finally:
            self._turn = None

    def _tell(self, machine: Machine) -> None:
        """Give the build that waits for the server what is known of it; later builds get it from `setupProperties`."""
        if self._build is not None and machine is self._machine:
            for name, value in machine.facts().items():
                self._build.setProperty(name, value, "Worker")

    def _priced(self, machine: Machine) -> None:
        self._tell(machine)
        if machine is self._machine and machine.attached_at is not None and self.conn is not None:
            self._deferwaiter.add(self._show(machine, self.conn))

    def setupProperties(self, props: Properties) -> None:  # noqa: N802 - Buildbot's
        """The properties of a build that runs here: those configured, and those of the server that is up."""
        super().setupProperties(props)
        if self._machine is not None:
            for name, value in self._machine.facts().items():
                props.setProperty(name, value, "Worker")

    def _failure(self, error: Exception, machine: Machine) -> Exception:
        if isinstance(error, defer.CancelledError):
            return LatentWorkerSubstantiatiationCancelled(self.name, "the start of its server was called off")
        # What was wrong with an earlier configuration may be right now.
        is_final = is_permanent(error) and not machine.is_outdated
        kind = LatentWorkerCannotSubstantiate if is_final else LatentWorkerFailedToSubstantiate
        return kind(self.name, str(error))

    def check_instance(self) -> defer.Deferred[tuple[bool, str]]:
        """Whether the worker may still attach; asked between the start and that."""
        return defer.ensureDeferred(self._check())

    async def _check(self) -> tuple[bool, str]:
        machine = self._machine
        if machine is None or machine.up_since is None:
            return True, ""
        waited = time.monotonic() - machine.up_since
        if waited > self._arguments.attach_timeout:
            limit = f"attach_timeout={self._arguments.attach_timeout:g} s"
            return False, f"the worker on server {machine.uuid} has not attached within {limit}{machine.attach_hint}"
        try:
            problem = await self._run(machine.look).ended
        except defer.CancelledError:
            return True, ""
        return problem is None, problem or ""

    # --- the guest's connection ---------------------------------------------------------------------------------------

    def attached(self, conn: Connection) -> defer.Deferred[None]:
        """Let the guest of our own server in, and only it."""
        return defer.ensureDeferred(self._attach(conn))

    async def _attach(self, conn: Connection) -> None:
        machine = self._machine
        if (
            machine is None
            or not self._awaits(machine)
            or not await self._is_sealed(machine)
            or not self._awaits(machine)
        ):
            # Dropped here, because a connection that Buildbot refuses itself keeps the master from shutting down.
            conn.loseConnection()
            raise UnauthorizedLogin(f"worker {self.name!r}: no server of its own is ready for it")
        conn.info.update(machine.facts())
        await super().attached(conn)
        if is_lost(conn):
            # Its guest has hung up during the login, and nobody else will tell: the master would never stop.
            conn.detached(conn.mind)
            raise UnauthorizedLogin(f"worker {self.name!r}: its connection was lost")
        if self.conn is conn and machine is self._machine:
            await self._has_attached(machine, conn)
        elif self.conn is conn:
            # Its server was given up meanwhile, and may leave the connection open when it is switched off.
            conn.loseConnection()

    def _awaits(self, machine: Machine) -> bool:
        in_time = self.state is States.SUBSTANTIATING_STARTING or self.build_wait_timeout < 0
        return in_time and machine is self._machine and machine.may_attach

    async def _is_sealed(self, machine: Machine) -> bool:
        """Whether the build may begin: not where it could read the worker's password. If not, the guest tries again."""
        if not self._arguments.seal_metadata:
            return True
        try:
            await self._bridge.run(machine.seal, self._arguments.boot_timeout).ended
        except (UpCloudError, TimeoutError, defer.CancelledError) as error:
            self._log.error(
                "worker {name}: the metadata of server {uuid} could not be switched off: {reason}",
                name=self.name, uuid=machine.uuid, reason=str(error),
            )  # fmt: skip
            return False
        return True

    async def _has_attached(self, machine: Machine, conn: Connection) -> None:
        machine.attached_at = time.monotonic()
        machine.up_since = machine.up_since or machine.attached_at
        self._tell(machine)
        if machine.server is not None and self._operation is not None:
            # It is up. As long as its uuid is not known, the create goes on: cancelled, it would destroy the server.
            self._operation.cancel()
        await self._show(machine, conn)

    def _show(self, machine: Machine, conn: Connection) -> defer.Deferred[None]:
        """The worker's page shows what the database has."""
        known = {name: conn.info.get(name) for name in ("admin", "host", "access_uri", "version")}
        return self.master.data.updates.workerConnected(
            workerid=self.workerid, masterid=self.master.masterid, workerinfo={**known, **machine.facts()}
        )

    # --- the end ------------------------------------------------------------------------------------------------------

    def insubstantiate(
        self, fast: bool = False, force_substantiation_build: Build | None = None
    ) -> defer.Deferred[None]:
        """Call off a start that is under way, which Buildbot would wait for, and destroy the server."""
        if self.state is States.INSUBSTANTIATING and force_substantiation_build is None:
            # It is being done. Another in the queue behind it would call off the start of the build that comes next.
            return defer.succeed(None)
        if self.state is States.INSUBSTANTIATING_SUBSTANTIATING and force_substantiation_build is None:
            # The same; only the build that waits for its end is to be told.
            self.state, self.substantiation_build = States.INSUBSTANTIATING, None
            reason = LatentWorkerSubstantiatiationCancelled(self.name, "the start of its server was called off")
            self._fireSubstantiationNotifier(Failure(reason))  # type: ignore[no-untyped-call]  # Twisted's has no types
            return defer.succeed(None)
        self._call_off()
        return super().insubstantiate(fast, force_substantiation_build)

    def stopService(self) -> defer.Deferred[None]:  # noqa: N802 - Buildbot's
        """Stop, within `shutdown_timeout` seconds if it is the whole master that stops."""
        self._call_off()
        return super().stopService()

    def _call_off(self) -> None:
        if self._starting or self.state in {States.SUBSTANTIATING, States.SUBSTANTIATING_STARTING}:
            self._unwanted = self._starting or self.state is States.SUBSTANTIATING
            if self._turn is not None:
                self._turn.cancel()
            if self._operation is not None:
                self._operation.cancel()
        else:
            self._hurry()

    def _hurry(self) -> None:
        if self._operation is not None:
            left = self._bridge.shutdown_time_left(self._arguments.shutdown_timeout)
            if left is not None:
                self._operation.cancel(after=left)

    def stop_instance(self, fast: bool = False) -> defer.Deferred[bool]:  # noqa: ARG002 - it is always switched off
        """Destroy the server. What cannot be destroyed is logged; its lease runs out."""
        return defer.ensureDeferred(self._stop())

    async def _stop(self) -> bool:
        machine, self._machine, self._build = self._machine, None, None
        if machine is None or machine.server is None:
            # None was made, or the client destroys what turns up of it.
            self._gone(machine)
            return True
        defer.ensureDeferred(self._destroy(machine))
        waiting = self._run(machine.until_destroyed)
        waiting.cancel(after=_DESTROY_WAIT)
        self._hurry()
        try:
            await waiting.ended
        except defer.CancelledError:
            # The destroy goes on without us, as long as the master lives.
            self._may_cost(machine, "it is not destroyed yet")
            return False
        return True

    async def _destroy(self, machine: Machine) -> None:
        try:
            await self._bridge.run(machine.destroy, _DESTROY_TIMEOUT).ended
        except CleanupFailed as error:
            self._may_cost(machine, str(error))
        except defer.CancelledError:
            pass  # The master has stopped, and did not wait for it: that was told before.
        finally:
            self._gone(machine)

    def _gone(self, machine: Machine | None) -> None:
        self._bridge.room.leave(machine)
        if self._arguments.max_servers is not None:
            # A worker may take a build now, and nothing else would tell it.
            self.master.botmaster.maybeStartBuildsForAllBuilders()

    def _may_cost(self, machine: Machine, reason: str) -> None:
        self._log.error(
            "worker {name}: server {uuid} may still be running and cost money: {reason}",
            name=self.name, uuid=machine.uuid, reason=reason,
        )  # fmt: skip

    async def _unless_unwanted(self, function: Callable[..., Awaitable[None]], *args: float) -> None:
        if self._unwanted:
            raise defer.CancelledError
        await self._run(function, *args).ended

    def _run(self, function: Callable[..., Awaitable[T]], *args: float) -> Operation[T]:
        operation = self._operation = self._bridge.run(function, *args)
        operation.ended.addBoth(self._over, operation)
        return operation

    def _over(self, outcome: T, operation: Operation[Any]) -> T:
        if self._operation is operation:
            self._operation = None
        return outcome
