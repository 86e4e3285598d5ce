"""The server that a worker has now: created for a build, kept for the next one, destroyed. For the reactor's thread."""

from __future__ import annotations

import contextlib
import time
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from twisted.internet import defer

from upcloud_sdk.buildbot._buildbot.api import (
    LatentWorkerCannotSubstantiate,
    LatentWorkerFailedToSubstantiate,
    LatentWorkerSubstantiatiationCancelled,
    States,
)
from upcloud_sdk.buildbot._buildbot.build_ends import builds_on
from upcloud_sdk.buildbot._buildbot.private import clear_page, show_on_page, wait_for
from upcloud_sdk.buildbot.configuration.bootstrap import Bootstrap
from upcloud_sdk.buildbot.configuration.request import BuildServer
from upcloud_sdk.buildbot.configuration.values import NotRendered, kind_of
from upcloud_sdk.buildbot.servers.build_log import NAME as LOG
from upcloud_sdk.buildbot.servers.build_log import BuildLog, add_notice
from upcloud_sdk.buildbot.servers.builds import ask_for, origin_of
from upcloud_sdk.buildbot.servers.idle import WorkerServer
from upcloud_sdk.ci import is_permanent
from upcloud_sdk.ci.record.changes import Phase, ServerChange
from upcloud_sdk.errors import UpCloudError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

    from upcloud_sdk import WaitPolicy
    from upcloud_sdk.buildbot._buildbot.api import AbstractLatentWorker, Build, Properties
    from upcloud_sdk.buildbot._buildbot.bridge import Operation
    from upcloud_sdk.buildbot.configuration.arguments import Arguments
    from upcloud_sdk.buildbot.configuration.bootstrap import Guest
    from upcloud_sdk.buildbot.configuration.request import ServerRequest
    from upcloud_sdk.buildbot.master.service import UpcloudService
    from upcloud_sdk.ci import ReapPace
    from upcloud_sdk.ci.record.changes import Change
    from upcloud_sdk.ci.servers.choice import MakeSpecs

T = TypeVar("T")

_READABLE = (
    "its next guest would have the same password, which builds on it can read: with an image of your own, fresh_disk "
    "needs seal_metadata=True and a Bootstrap with a user other than root"
)
_LATE_GONE_WITHIN = 7500.0
"""Seconds within which the client has destroyed a server that appeared late, or has given up."""


class CurrentServer(WorkerServer):
    """The server of one worker, and its place among `max_servers` and in the budget while there is no server yet."""

    service: UpcloudService

    def __init__(
        self,
        worker: AbstractLatentWorker,
        arguments: Arguments,
        request_of: Callable[[Properties], Awaitable[ServerRequest]],
    ) -> None:
        super().__init__(worker, arguments, request_of)
        self.build: Build | None = None
        """The build that the server was created for, or started again."""
        self.guest: Guest | None = None
        """What the guest of the server was told."""
        self._build_log: BuildLog | None = None
        self._started: BuildServer | None = None
        """The server of the running start."""
        self._is_starting = self._is_cancelled = False
        self._operation: Operation[Any] | None = None
        """The operation that the start or the stop waits for."""

    async def configure(
        self, service: UpcloudService, arguments: Arguments, waits: WaitPolicy, reaps: ReapPace
    ) -> None:
        """Use this configuration for new servers."""
        self.service, self.bridge, self.claims = service, service.bridge, service.claims
        service.idle.add(self)
        self.account = await service.account_for(self, arguments, waits, reaps, self.account)
        self.arguments = arguments

    # --- room for the next server -------------------------------------------------------------------------------------

    def reserve(self) -> None:
        """Reserve the server of a build that the worker has just taken."""
        if self.server is None:
            self.claims.reserve(self._worker.name, self.arguments, self.account)

    def release(self) -> None:
        """Release that after a build without a server. Otherwise, let an image have the place of the idle server."""
        self.service.images.look()
        if not self._worker.building and self.server is None and self.claims.release(self._worker.name):
            self.service.wake_builders()

    def _inherit(self) -> None:
        """The server is about to be forgotten: the next one has its place, if the worker has got another build."""
        if self._worker.substantiation_build is not None or self._worker.building:
            self.claims.reserve(self._worker.name, self.arguments, self.account)

    # --- start --------------------------------------------------------------------------------------------------------

    @contextlib.asynccontextmanager
    async def starting(self, build: Build) -> AsyncGenerator[None]:
        """In this block, a server is created or started again for a build.

        Raises:
            LatentWorkerCannotSubstantiate: No attempt can succeed.
            LatentWorkerFailedToSubstantiate: The next attempt may succeed.
            LatentWorkerSubstantiatiationCancelled: The master stops.
        """
        self._is_starting, self._started = True, None
        try:
            yield
        except Exception as error:
            failure = self._failure_of(build, error)
            if failure is not None:
                raise failure from error
        finally:
            self._is_starting = self._is_cancelled = False

    def _failure_of(self, build: Build, error: Exception) -> Exception | None:
        """The exception for Buildbot after an error of the start.

        None if its guest has attached nevertheless, or if a stop waits that has cancelled it: Buildbot would tell the
        people of `notify_on_missing` that a worker is missing.
        """
        server = self._started
        if server is not None and server.attached_at is not None:
            if server.details is None:
                # Its build may end before the client destroys the server.
                server.fail(str(error))
                server.is_outdated = True
                self.lose(server)
            return None
        failure = _failure(error, self._worker.name, is_outdated=server is not None and server.is_outdated)
        if server is not None and server.phase is not None:
            # Who stops the master or the build while the server boots has not made anything fail.
            if not isinstance(error, defer.CancelledError):
                server.fail(str(error) or str(failure))
            if self._build_log is not None and self._build_log.server is server:
                # The client may need long to destroy a server that is given up. `call`: after the line of the error.
                self.service.call(self._build_log.finish)
        elif isinstance(error, LatentWorkerFailedToSubstantiate):
            add_notice(build, LOG, str(error.args[-1]))
        elif not isinstance(error, defer.CancelledError):
            origin = origin_of(build, self._worker.master)
            self.service.record.refused(error=str(failure.args[-1]), worker=self._worker.name, **origin)
        return None if self._is_cancelled and isinstance(error, defer.CancelledError) else failure

    async def create(
        self, build: Build, request: ServerRequest, guest: Guest, make_specs: MakeSpecs[ServerRequest]
    ) -> None:
        """Create a server for a build, and return when it is started or its guest has attached."""
        if self._is_cancelled:
            raise defer.CancelledError
        account, arguments, worker = self.account, self.arguments, self._worker
        assert account is not None
        server = BuildServer(account, worker.name, request, make_specs, has_fresh_disks=arguments.fresh_disk)
        self.service.images.use_limits_of(request, lambda: self.arguments, lambda: worker.running)
        self.server = self._started = server
        account.holders.add(server)
        # What the last run of the master has left counts until the reaper has destroyed it.
        await self._run(account.first_round).ended
        asked, price = server.wanted(**origin_of(build, worker.master)), partial(self._run, server.likely_price)
        await self.claims.claim(worker.name, asked, price, arguments, account)
        self._use_for(server, build, guest)
        ask_for(server, build, worker.master)
        if self._is_cancelled:
            raise defer.CancelledError
        await self._run(server.start, arguments.create_timeout, arguments.boot_timeout).ended

    def _use_for(self, server: BuildServer, build: Build, guest: Guest) -> None:
        self.build, self.guest = build, guest
        master, service = self._worker.master, self.service
        self._build_log = log = BuildLog(build, server, f"{guest.master}:{guest.port}", master.reactor.seconds)
        server.tell = partial(master.reactor.callFromThread, log.write)
        # The log listens itself: the next start may begin before the end of this server is told, which closes the log.
        server.listeners[:] = [partial(service.call, log.hear), partial(service.call, self._hear, server)]

    def _hear(self, server: BuildServer, change: Change) -> None:
        """Handle a change of a server, on the reactor's thread."""
        if not isinstance(change, ServerChange):
            return
        if server.is_abandoned and change.uuid is not None and self.bridge.is_running:
            defer.ensureDeferred(self._await_end(server))
        if server is not self.server:
            return
        if change.uuid is not None and not server.is_abandoned:
            self.bridge.run(server.ask_price).ended.addErrback(lambda _: None)
        if server.lost is not None and change.error is not None:
            # Running builds may end on it.
            for build in builds_on(self._worker):
                add_notice(build, "lease", f"{server.lost}. The build goes on as long as its worker is connected.")
            self.lose(server)
        if change.uuid is not None or change.hourly is not None or change.phase is Phase.ATTACHED:
            self._show(server)

    def _show(self, server: BuildServer) -> None:
        """Show the facts about the server on the worker's page, and as properties of its first build."""
        if server.details is not None and self.build is not None:
            set_facts(server, self.build)
            if self._worker.conn is not None:
                show_on_page(self._worker, server.facts())

    async def _await_end(self, server: BuildServer) -> None:
        """Record the end of a server that the client destroys, or that never appeared."""
        ends = time.monotonic() + _LATE_GONE_WITHIN
        destroyed = self.bridge.run(server.until_destroyed)
        destroyed.cancel(after=_LATE_GONE_WITHIN)
        try:
            await destroyed.ended
        except defer.CancelledError:
            if time.monotonic() < ends:
                return  # The master has stopped.
            if server.details is not None:
                server.note_left("it was not seen to be destroyed")
                return
        if server.details is not None and server.hourly is None:
            with contextlib.suppress(UpCloudError, defer.CancelledError):
                await self.bridge.run(server.ask_price).ended
        server.end()

    def clear_page(self) -> None:
        """Remove the server from the worker's page when the server and its guest are gone."""
        if self.server is None and self._worker.conn is None:
            wait_for(self._worker, defer.ensureDeferred(clear_page(self._worker)))

    def cancel_start(self) -> None:
        """Cancel the start that is running, or that Buildbot is about to call. Else, let a stop end in time."""
        is_next = self._worker.state is States.SUBSTANTIATING
        server = self.server
        if server is not None and server.attached_at is not None and server.details is None:
            # Its build was quicker than the search after a lost answer. Without the answer, the server would be
            # missing in the record. The create has a deadline.
            self._hurry_stop()
        elif self._is_starting or is_next or self._worker.state is States.SUBSTANTIATING_STARTING:
            self._is_cancelled = self._is_starting or is_next
            if self._operation is not None:
                self._operation.cancel()
        else:
            self._hurry_stop()

    # --- its guest ----------------------------------------------------------------------------------------------------

    async def find_problem(self) -> str | None:
        """Why the guest of a started server cannot attach. None if it may still attach."""
        server = self.server
        if server is None or server.up_since is None:
            return None
        problem = self._lateness(server)
        try:
            problem = problem or await self._run(server.find_problem).ended
        except defer.CancelledError:
            return None
        if problem is not None:
            server.fail(problem)
        return problem

    def _lateness(self, server: BuildServer) -> str | None:
        """Why its guest is too late to attach. None if it is not."""
        limit, up_since = self.arguments.attach_timeout, server.up_since
        if up_since is None or time.monotonic() - up_since <= limit:
            return None
        request, hint = server.choice, ""
        is_told = any(spec.user_data is not None for spec in server.specs) and not request.user_data.get_secret_value()
        if is_told and isinstance(request.bootstrap, Bootstrap) and self.guest is not None:
            hint = request.bootstrap.attach_hint(self.guest)
        return f"the worker on server {server.uuid} has not attached within attach_timeout={limit:g} s{hint}"

    async def is_sealed(self, server: BuildServer) -> bool:
        """Whether the build may begin, because it cannot read the worker's password. If not, the guest tries again."""
        if not self.arguments.seal_metadata or server.attached_at is not None:
            return True
        try:
            return await self.bridge.run(server.seal, self.arguments.boot_timeout).ended
        except defer.CancelledError:
            return False

    def note_attach(self, server: BuildServer) -> None:
        """Note that its guest has attached, which ends the start."""
        server.note_attach()
        if server.details is not None and self._operation is not None:
            # Stop waiting for "started". Don't cancel an unanswered create: that would destroy the server.
            self._operation.cancel()
        if not self._builds_know_next_password(server):
            self.bridge.run(server.prepare_disk, self.arguments.boot_timeout)

    # --- between two builds -------------------------------------------------------------------------------------------

    async def park(self, seconds: float) -> bool:
        """Switch the server off, and keep it this many seconds for the next build. False: it must be destroyed."""
        server = self.server
        if server is None or not server.may_be_parked or seconds <= 0:
            return False
        if self._builds_know_next_password(server):
            self.service.note_replaced(server, _READABLE)
            return False
        server.may_attach, server.stays_until = False, time.monotonic() + seconds
        try:
            await self._run(server.park, self.arguments.boot_timeout).ended
        except (UpCloudError, defer.CancelledError) as error:
            self.service.note_replaced(server, str(error))
            return False
        return not server.is_outdated

    def _builds_know_next_password(self, server: BuildServer) -> bool:
        """Whether a build on this server could log in instead of the guest of the next one."""
        is_same = not server.gets_new_password and (self.guest is None or not self.guest.is_fixed)
        return is_same and not (server.is_sealed and server.choice.hides_password)

    async def renew(
        self, server: BuildServer, build: Build, guest: Guest, make_specs: MakeSpecs[ServerRequest]
    ) -> bool:
        """Start the parked server with a fresh disk for a build. False if that failed: it must be removed."""
        self._started = server
        server.begin_again(make_specs)
        self._use_for(server, build, guest)
        try:
            await self._run(server.renew, self.arguments.boot_timeout).ended
        except (UpCloudError, ValueError, defer.CancelledError) as error:
            if server.attached_at is None:
                if self._is_cancelled:
                    raise
                self.service.note_replaced(server, str(error))
                if self._build_log is not None:
                    self._build_log.write(f"it could not be started again, and is replaced: {error}")
        return server.attached_at is not None or server.up_since is not None

    async def remove(self) -> None:
        """Destroy the parked server, before another one takes its place."""
        server, self.server, self._started = self.server, None, None
        if server is not None:
            self._operation = self.service.destroy(server, self._inherit)
            with contextlib.suppress(defer.CancelledError):
                await self._operation.ended

    # --- stop ---------------------------------------------------------------------------------------------------------

    async def destroy(self) -> None:
        """Destroy the server, if there is one. If that fails, the log names it, and its lease ends."""
        server, self.server = self.server, None
        if server is not None and (server.details is None or server.is_abandoned):
            # None was created; or the client destroys it when its create is answered.
            if not server.is_abandoned and (server.attached_at is None or self._worker.botmaster.shuttingDown):
                server.end()
            elif not server.is_abandoned:
                defer.ensureDeferred(self._await_end(server))
            self.service.forget(server, self._inherit)
        elif server is not None:
            self._operation = self.service.destroy(server, self._inherit)
            self._hurry_stop()
            try:
                await self._operation.ended
            except defer.CancelledError:
                # The destroy continues in the background while the master runs.
                self.service.warn_of_cost(server, "it is not destroyed yet")
            self.clear_page()

    def _hurry_stop(self) -> None:
        """While the master shuts down, wait at most `shutdown_timeout` seconds in total."""
        if self._operation is not None:
            left = self.service.shutdown_time_left(self.arguments.shutdown_timeout)
            if left is not None:
                self._operation.cancel(after=left)

    def close(self) -> None:
        """Stop the timers and release the account when the worker has stopped."""
        self.stop_timers()
        if self.account is not None:
            self.service.accounts.release(self.account, self)
            self.account = None

    def _run(self, function: Callable[..., Awaitable[T]], *args: object, **options: object) -> Operation[T]:
        operation = self._operation = self.bridge.run(partial(function, **options), *args)
        return operation


def set_facts(server: BuildServer, properties: Properties) -> None:
    """Set what is known of a server as properties of a build."""
    for name, value in server.facts().items():
        properties.setProperty(name, value, "Worker")


def _failure(error: Exception, worker: str, *, is_outdated: bool) -> Exception:
    """The exception for Buildbot after an error of the start."""
    if isinstance(error, LatentWorkerFailedToSubstantiate):
        return error
    if isinstance(error, defer.CancelledError):
        return LatentWorkerSubstantiatiationCancelled(worker, "the start of its server was cancelled")
    if not isinstance(error, UpCloudError | ValueError):
        # A secret that cannot be read now may be readable in a moment.
        reason = str(error) if isinstance(error, NotRendered) else f"the start failed: {kind_of(error)}"
        return LatentWorkerFailedToSubstantiate(worker, reason)
    # An error in an old configuration may be corrected in the new one.
    is_final = is_permanent(error) and not is_outdated
    return (LatentWorkerCannotSubstantiate if is_final else LatentWorkerFailedToSubstantiate)(worker, str(error))
