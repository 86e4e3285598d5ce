"""The latent worker. A build's way from its properties to a server and back, in reading order."""

from __future__ import annotations

import socket
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from twisted.cred.error import UnauthorizedLogin
from twisted.internet import defer, threads
from twisted.python.failure import Failure

from upcloud_sdk import WaitPolicy
from upcloud_sdk.buildbot._buildbot_api import (
    AbstractLatentWorker,
    LatentWorkerCannotSubstantiate,
    LatentWorkerFailedToSubstantiate,
    LatentWorkerSubstantiatiationCancelled,
    States,
    async_to_deferred,
    config_error,
    is_lost,
    listening_port,
    show_on_page,
)
from upcloud_sdk.buildbot.arguments import Arguments, host_and_port
from upcloud_sdk.buildbot.bootstrap import Guest, GuestPassword
from upcloud_sdk.buildbot.idle import IdleServer
from upcloud_sdk.buildbot.master import UpcloudService
from upcloud_sdk.buildbot.owner import short_hash
from upcloud_sdk.buildbot.placement import Placement
from upcloud_sdk.buildbot.request import ServerRequest, rendered
from upcloud_sdk.buildbot.server import BuildServer
from upcloud_sdk.ci import ReapPace, is_permanent
from upcloud_sdk.errors import UpCloudError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from upcloud_sdk import ServerSpec
    from upcloud_sdk.buildbot._buildbot_api import Build, Connection, Properties, WorkerForBuilder
    from upcloud_sdk.buildbot.account import Account
    from upcloud_sdk.buildbot.bridge import Operation
    from upcloud_sdk.models import StorageSummary

T = TypeVar("T")


class UpcloudLatentWorker(AbstractLatentWorker):
    """A Buildbot worker on an UpCloud server that is made for a build and destroyed after it.

    Takes the arguments of the worker of this name that ships with Buildbot, those of all latent workers
    (`build_wait_timeout`, `max_builds`, `properties`, ...), and those of `upcloud_sdk.buildbot.arguments.Arguments`.

    A subclass may override `server_request`, `server_specs`, `guest` and `server_title`, and the attributes below.
    """

    waits: ClassVar[WaitPolicy] = WaitPolicy()
    """The pace of all waiting."""
    reaps: ClassVar[ReapPace] = ReapPace()
    """How often this master destroys what was left behind."""
    quarantine_max_timeout: ClassVar[float] = 300
    """Seconds; Buildbot's own hour is too long for a limit or a zone that is full at the moment."""
    builds_may_be_incompatible: ClassVar[bool] = True

    arguments_as_given: Arguments
    """As the configuration gave them: nothing is rendered."""

    _arguments: Arguments
    _password: GuestPassword
    _service: UpcloudService
    _account: Account | None = None
    """Where the next server is made; a server that exists keeps its own."""
    _server: BuildServer | None = None
    _operation: Operation[Any] | None = None
    """What the start or the stop waits for."""
    _is_starting = False
    _start_is_cancelled = False
    _idle: IdleServer
    """Also stands for this worker in sets, where Buildbot's own hash of it would change with its configuration."""
    placement: Placement
    """Which builds it leaves to other workers, and how long its server stays."""

    # --- configure ----------------------------------------------------------------------------------------------------

    def checkConfig(self, name: str, password: Any = None, *args: Any, **kwargs: Any) -> None:  # noqa: N802, ANN401 - Buildbot's
        """Refuse what is wrong with the configuration; nothing is sent."""
        arguments, buildbot = Arguments.read(args, kwargs)
        self.arguments_as_given = self._arguments = arguments
        self._password = GuestPassword()
        self._idle = IdleServer(self, lambda: self._server)
        self.placement = Placement(self, lambda: self._server, self._serves)
        unknown = list(Arguments.unknown(buildbot))
        for problem in (*unknown, *arguments.problems()):
            config_error(f"UpcloudLatentWorker {name!r}: {problem}")
        super().checkConfig(name, password, **({} if unknown else buildbot))

    @async_to_deferred
    async def reconfigServiceWithSibling(self, sibling: UpcloudLatentWorker) -> None:  # noqa: N802 - Buildbot's
        """Take over the configuration of `sibling`, unless it is the one that this worker has."""
        try:
            await super().reconfigServiceWithSibling(sibling)
        except Exception:
            self.configured = False
            raise
        # Buildbot compares with the arguments of the construction, and would not see that the first ones come back.
        self._config_args, self._config_kwargs = sibling._config_args, sibling._config_kwargs

    @async_to_deferred
    async def reconfigService(self, name: str, password: Any = None, *args: Any, **kwargs: Any) -> None:  # noqa: N802, ANN401 - Buildbot's
        """Take the configuration over for the servers that are made from now on."""
        arguments, buildbot = Arguments.read(args, kwargs)
        arguments = await arguments.rendered_once(self.renderSecrets)
        if arguments.masterFQDN is None:
            # It may ask a name server.
            arguments = replace(arguments, masterFQDN=await threads.deferToThread(socket.getfqdn))
        self._service = await UpcloudService.of(self.master)
        self._service.idle.add(self._idle)
        self._account = await self._service.account_for(self._idle, arguments, self.waits, self.reaps, self._account)
        self._arguments = arguments
        self.placement.configure(arguments, buildbot, self._service.placements)
        interval = min(buildbot.pop("check_instance_interval", 10), arguments.attach_timeout)
        self._password.fix(await self.renderSecrets(password))
        await super().reconfigService(name, self._password, check_instance_interval=interval, **buildbot)
        if (server := self._server) is not None and not await self._serves(server, server.build):
            server.is_outdated = True
            self._idle.give_up()
        self._service.wake_builders()

    @property
    def password(self) -> GuestPassword:
        """What Buildbot registers with its listeners."""
        return self._password

    @password.setter
    def password(self, _: object) -> None:
        """Buildbot sets it to the argument of this name, which may be None."""

    def getConfigDict(self) -> dict[str, Any]:  # noqa: N802 - Buildbot's
        """The worker's name and class only: Buildbot logs this, and there are secrets among the arguments."""
        return {**super().getConfigDict(), "args": [], "kwargs": {}}

    # --- choose a build -----------------------------------------------------------------------------------------------

    def canStartBuild(self) -> bool:  # noqa: N802 - Buildbot's
        """Whether a build can be taken: not while all UpCloud workers together have `max_servers` servers."""
        return super().canStartBuild() and self._has_room() and not self._idle.guest_comes_back

    def _has_room(self) -> bool:
        limit, budget = self._arguments.max_servers, self._arguments.budget
        has_place = self._service.limit.has_room(limit) and self._service.spending.has_room(self.name, budget)
        if self._server is not None or has_place:
            return True
        self._service.idle.make_room_for(self._idle)
        return False

    @async_to_deferred
    async def isCompatibleWithBuild(self, build_props: Properties) -> bool:  # noqa: N802 - Buildbot's
        """Whether a build may run here: the server that is up was made for the same values, or there is none."""
        server = self._server
        if server is None:
            # A build that gets the next server decides what that is; this is asked again when its worker attaches.
            # Other workers may have taken the last place since `canStartBuild`.
            is_able = not self.building and self._has_room()
            return is_able and not await self.placement.leaves_to_another(build_props) and self._has_room()
        if not server.is_outdated and await self._serves(server, build_props):
            return bool(self.building) or not await self.placement.leaves_to_another(build_props)
        self._idle.make_way()
        return False

    async def _serves(self, server: BuildServer, properties: Properties) -> bool:
        try:
            return server.account is self._account and server.request == await self.server_request(properties)
        except Exception:  # noqa: BLE001 - a build whose values cannot be rendered fails when it has a server of its own
            return False

    async def server_request(self, properties: Properties) -> ServerRequest:
        """What server a build with these properties wants. Override it to change that; call it on the reactor's thread.

        Builds whose requests are equal share a server. A ValueError ends the build; after any other error it is tried
        again.
        """
        return ServerRequest.of(await rendered(self._arguments, properties))

    def buildStarted(self, wfb: WorkerForBuilder) -> None:  # noqa: N802 - Buildbot's
        """Reserve a place among `max_servers` for the server of this build, before another worker is asked."""
        if self._server is None:
            self._service.limit.reserve(self._idle, self._arguments.max_servers)
            self._service.spending.claim(self.name)
        self.placement.build_started(wfb)
        self._service.costs.build_started(self._server, wfb)
        super().buildStarted(wfb)

    def _setBuildWaitTimer(self) -> None:  # noqa: N802 - Buildbot's
        if not self.placement.set_timer():
            super()._setBuildWaitTimer()

    def buildFinished(self, wfb: WorkerForBuilder) -> None:  # noqa: N802 - Buildbot's
        """Let the next build come; a server of an earlier configuration is destroyed first."""
        if not self.building and self._server is None and self._service.limit.release(self._idle):
            self._service.wake_builders()
        self._service.spending.release_claim(self.name)
        self.placement.build_finished(wfb)
        self._service.costs.build_finished(self._server, wfb)
        super().buildFinished(wfb)
        if self._server is not None and self._server.is_outdated:
            self._idle.give_up()
        self.maybeShutdown()

    # --- start a server, and let its guest attach ---------------------------------------------------------------------

    @async_to_deferred
    async def start_instance(self, build: Build) -> bool:
        """Make a server, and wait until it is started or its worker attaches."""
        self._is_starting, server = True, None
        try:
            server = await self._server_for(build)
            if (budget := self._arguments.budget) is not None:
                ask = partial(server.ask_likely_price, with_bill=budget.per_month is not None)
                self._service.spending.reserve(server, await self._run(ask).ended, budget)
            limits = self._arguments.create_timeout, self._arguments.boot_timeout
            created = partial(self.master.reactor.callFromThread, self._created, server)
            await self._run(server.start, *limits, created).ended
        except Exception as error:
            # The worker may attach before the API says that its server is there. Then there is nothing to fail.
            if server is None or server.attached_at is None:
                raise self._failure(error, server) from error
        finally:
            self._is_starting = self._start_is_cancelled = False
        return True

    async def _server_for(self, build: Build) -> BuildServer:
        """The server that a build wants, not made yet; it has its place among `max_servers`."""
        while True:
            arguments = self._arguments
            request = await self.server_request(build)
            # Again if the master was reconfigured meanwhile: the server's account must be that of the request.
            if arguments is self._arguments:
                break
        if self._start_is_cancelled:
            raise defer.CancelledError
        if not self._service.limit.reserve(self._idle, arguments.max_servers):
            raise LatentWorkerFailedToSubstantiate(self.name, "max_servers: the place of its last server is not free")
        assert self._account is not None
        self._server = BuildServer(build, self._account, request, self.guest(request), self.server_specs)
        self._service.limit.hand_over(self._idle, self._server)
        self._account.holders.add(self._server)
        return self._server

    def _failure(self, error: Exception, server: BuildServer | None) -> Exception:
        if isinstance(error, LatentWorkerFailedToSubstantiate):
            return error
        if isinstance(error, defer.CancelledError):
            return LatentWorkerSubstantiatiationCancelled(self.name, "the start of its server was cancelled")
        if not isinstance(error, UpCloudError | ValueError):
            # What gives a secret, or another value, may do so in a moment.
            reason = f"the worker's arguments cannot be rendered: {error!r}"
            return LatentWorkerFailedToSubstantiate(self.name, reason)
        # What was wrong with an earlier configuration may be right now.
        is_final = is_permanent(error) and (server is None or not server.is_outdated)
        return (LatentWorkerCannotSubstantiate if is_final else LatentWorkerFailedToSubstantiate)(self.name, str(error))

    def server_specs(self, request: ServerRequest, template: StorageSummary, guest: Guest) -> list[ServerSpec]:
        """The servers that would do, in the order in which they are tried. Override it to change any field of them.

        It is called on the SDK's thread. A ValueError ends the build.
        """
        return request.specs(template, title=self.server_title, guest=guest)

    @property
    def server_title(self) -> str:
        """The title of its servers and disks."""
        return f"buildbot-{self.name}-{short_hash(self.master)}".replace("_", "-")

    def guest(self, request: ServerRequest) -> Guest:
        """What the next guest is told of its master. The password is a new one, unless one is configured."""
        host, port = host_and_port(self._arguments.masterFQDN)
        port = port or listening_port(self, websocket=request.is_by_websocket)
        return Guest(name=self.name, password=self._password.renew(), master=host, port=port)

    def _created(self, server: BuildServer) -> None:
        self._tell(server)
        self._service.costs.server_is_made(server)
        self._service.bridge.run(server.ask_price).ended.addBoth(lambda _: self._priced(server))

    def _priced(self, server: BuildServer) -> None:
        if server is self._server:
            self._service.costs.server_is_made(server)
        self._tell(server)

    def _tell(self, server: BuildServer) -> None:
        """Tell the build that the server was made for, and the worker's page, what is known of it."""
        if server is not self._server:
            return
        server.set_properties(server.build)
        if self.conn is not None:
            show_on_page(self, server.facts())

    def setupProperties(self, props: Properties) -> None:  # noqa: N802 - Buildbot's
        """The properties of a build that runs here: those configured, and those of the server that is up."""
        super().setupProperties(props)
        if self._server is not None:
            self._server.set_properties(props)

    @async_to_deferred
    async def check_instance(self) -> tuple[bool, str]:
        """Whether the worker may still attach; Buildbot asks between the start and the attach."""
        server = self._server
        if server is None or server.up_since is None:
            return True, ""
        problem = server.is_late(self._arguments.attach_timeout)
        try:
            problem = problem or await self._run(server.find_problem).ended
        except defer.CancelledError:
            return True, ""
        return problem is None, problem or ""

    @async_to_deferred
    async def attached(self, conn: Connection) -> None:
        """Let the guest of our own server in, and only it."""
        server = self._server
        if (
            server is None
            or not self._may_attach(server)
            or not await self._is_sealed(server)
            or not self._may_attach(server)
        ):
            # Dropped here, because a connection that Buildbot refuses itself keeps the master from shutting down.
            conn.loseConnection()
            raise UnauthorizedLogin(f"worker {self.name!r}: no server of its own is ready for it")
        conn.info.update(server.facts())
        await (self._idle.let_guest_back(conn) if self.state is States.SUBSTANTIATED else super().attached(conn))
        if is_lost(conn):
            # The guest has hung up during the login, and nobody else will tell: the master would never stop. Nothing
            # may be waited for between this and the end: a connection that is lost meanwhile would not be noticed.
            conn.detached(conn.mind)
            raise UnauthorizedLogin(f"worker {self.name!r}: its connection was lost")
        if self.conn is not conn:
            return
        if server is self._server:
            self._has_attached(server)
        else:
            # Its server was given up meanwhile, and may leave the connection open when it is switched off.
            conn.loseConnection()

    def _may_attach(self, server: BuildServer) -> bool:
        starts = self.state is States.SUBSTANTIATING_STARTING
        comes_back = self.state is States.SUBSTANTIATED and self.conn is None and not self.building
        return server is self._server and server.may_attach and (starts or comes_back or self.build_wait_timeout < 0)

    async def _is_sealed(self, server: BuildServer) -> bool:
        """Whether the build may begin: not where it could read the worker's password. If not, the guest tries again."""
        if not self._arguments.seal_metadata or server.attached_at is not None:
            return True
        try:
            return await self._service.bridge.run(server.seal, self._arguments.boot_timeout).ended
        except defer.CancelledError:
            return False

    def _has_attached(self, server: BuildServer) -> None:
        server.note_attach()
        self._idle.guest_is_back()
        if server.details is not None and self._operation is not None:
            # Stop waiting for "started". Don't cancel an unanswered create: that would destroy the server.
            self._operation.cancel()
        self._tell(server)

    def detached(self) -> defer.Deferred[None]:
        """Give a worker whose connection is lost `attach_timeout` seconds to come back."""
        if self.state is States.SUBSTANTIATED:
            self._idle.expect_guest(self._arguments.attach_timeout)
        return super().detached()

    # --- stop ---------------------------------------------------------------------------------------------------------

    def insubstantiate(
        self, fast: bool = False, force_substantiation_build: Build | None = None
    ) -> defer.Deferred[None]:
        """Cancel a start that is under way, which Buildbot would wait for, and destroy the server."""
        if self.state is States.INSUBSTANTIATING and force_substantiation_build is None:
            # It is being done. Another in the queue behind it would cancel the start of the build that comes next.
            return defer.succeed(None)
        if self.state is States.INSUBSTANTIATING_SUBSTANTIATING and force_substantiation_build is None:
            # The same; only the build that waits for its end is to be told.
            self.state, self.substantiation_build = States.INSUBSTANTIATING, None
            reason = LatentWorkerSubstantiatiationCancelled(self.name, "the start of its server was cancelled")
            self._fireSubstantiationNotifier(Failure(reason))  # type: ignore[no-untyped-call]  # Twisted's has no types
            return defer.succeed(None)
        self._cancel_start()
        return super().insubstantiate(fast, force_substantiation_build)

    def _cancel_start(self) -> None:
        if self._is_starting or self.state in {States.SUBSTANTIATING, States.SUBSTANTIATING_STARTING}:
            self._start_is_cancelled = self._is_starting or self.state is States.SUBSTANTIATING
            if self._operation is not None:
                self._operation.cancel()
        else:
            self._hurry_stop()

    @async_to_deferred
    async def stop_instance(self, fast: bool = False) -> bool:  # noqa: ARG002 - it is always switched off
        """Destroy the server. What cannot be destroyed is logged; its lease runs out."""
        server, self._server = self._server, None
        if server is not None and server.details is None:
            # None was made, or the client destroys what turns up of it.
            self._service.forget(server, self._heir())
        elif server is not None:
            self._operation = self._service.destroy(server, self._heir)
            self._hurry_stop()
            try:
                await self._operation.ended
            except defer.CancelledError:
                # The destroy goes on without us, as long as the master lives.
                self._service.warn_of_cost(server, "it is not destroyed yet")
        self.maybeShutdown()
        return True

    def maybeShutdown(self) -> None:  # noqa: N802 - Buildbot's
        """End a graceful shutdown: when no build runs, the server goes. Then the worker takes builds again."""
        if not self._graceful or self.building:
            return
        if self._server is not None:
            self._idle.give_up()
            return
        self._graceful = False
        self._update_graceful()
        self.botmaster.maybeStartBuildsForWorker(self.name)

    def _heir(self) -> IdleServer | None:
        """Who gets the place of a server that is gone: this worker, if a build has been given to it meanwhile."""
        return self._idle if self.substantiation_build is not None or self.building else None

    def _hurry_stop(self) -> None:
        """While the master shuts down, wait for `shutdown_timeout` in all."""
        if self._operation is not None:
            left = self._service.shutdown_time_left(self._arguments.shutdown_timeout)
            if left is not None:
                self._operation.cancel(after=left)

    @async_to_deferred
    async def stopService(self) -> None:  # noqa: N802 - Buildbot's
        """Stop, within `shutdown_timeout` seconds if it is the whole master that stops."""
        self._idle.close()
        self._service.idle.remove(self._idle)
        self._cancel_start()
        await super().stopService()
        if self._account is not None:
            self._service.accounts.release(self._account, self._idle)
            self._account = None

    def _run(self, function: Callable[..., Awaitable[T]], *args: object) -> Operation[T]:
        operation = self._operation = self._service.bridge.run(function, *args)
        return operation
