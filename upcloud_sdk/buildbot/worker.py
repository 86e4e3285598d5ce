"""The latent worker. It follows one build: configure, choose a build, start a server and let its guest attach, stop."""

from __future__ import annotations

import socket
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import ValidationError
from twisted.cred.error import UnauthorizedLogin
from twisted.internet import defer, threads

from upcloud_sdk import WaitPolicy
from upcloud_sdk.buildbot._buildbot.api import AbstractLatentWorker, States, async_to_deferred, config_error
from upcloud_sdk.buildbot._buildbot.build_ends import drop_builders, ensure_end, restore_builder, starting_build
from upcloud_sdk.buildbot._buildbot.private import (
    close_soon,
    is_forgotten,
    is_lost,
    join_stop,
    limit_logins,
    listening_port,
    queued_stop,
    stop_parked,
)
from upcloud_sdk.buildbot.accounts.owner import short_hash
from upcloud_sdk.buildbot.configuration.arguments import Arguments
from upcloud_sdk.buildbot.configuration.bootstrap import Guest, GuestPassword
from upcloud_sdk.buildbot.configuration.request import BuildServer, ServerRequest
from upcloud_sdk.buildbot.configuration.values import buildbot_problems, host_and_port, rendered, sentences
from upcloud_sdk.buildbot.current_server import CurrentServer, set_facts
from upcloud_sdk.buildbot.master.placement import Placement
from upcloud_sdk.buildbot.master.service import UpcloudService
from upcloud_sdk.buildbot.servers import builds, heartbeat
from upcloud_sdk.buildbot.servers.claims import FREED_BY_A_SERVER
from upcloud_sdk.ci import ReapPace

if TYPE_CHECKING:
    from upcloud_sdk import ServerSpec
    from upcloud_sdk.buildbot._buildbot.api import Build, Connection, Properties, WorkerForBuilder
    from upcloud_sdk.ci.servers.choice import MakeSpecs
    from upcloud_sdk.models import StorageSummary


class UpcloudLatentWorker(AbstractLatentWorker):
    """A Buildbot worker on an UpCloud server that is created for a build and destroyed afterwards.

    Takes the arguments of the worker of this name that ships with Buildbot, those of all latent workers
    (`build_wait_timeout`, `max_builds`, `properties`, ...), and those of
    `upcloud_sdk.buildbot.configuration.arguments.Arguments`.

    A subclass may override `server_request`, `server_specs`, `guest` and `server_title`, and these attributes: `waits`,
    `reaps` and `quarantine_max_timeout`.
    """

    waits: ClassVar[WaitPolicy] = WaitPolicy()
    """The policy for all waits."""
    reaps: ClassVar[ReapPace] = ReapPace()
    """How often this master reaps leftover servers."""
    quarantine_max_timeout: ClassVar[float] = 300
    """Seconds. Buildbot's own hour is too long for a limit or a zone that is full for a moment."""
    builds_may_be_incompatible: ClassVar[bool] = True

    arguments_as_given: Arguments
    """The arguments in the configuration, before anything is rendered."""
    placement: Placement
    """Decides which builds it leaves to other workers, and how long its server stays."""

    _service: UpcloudService
    _password: GuestPassword
    _current: CurrentServer
    _is_reconfiguring = False

    # --- configure ----------------------------------------------------------------------------------------------------

    def checkConfig(self, name: str, password: Any = None, *args: Any, **kwargs: Any) -> None:  # noqa: N802, ANN401 - Buildbot's
        """Refuse a wrong configuration. Nothing is sent."""
        wrong: list[str] = []
        try:
            arguments, buildbot = Arguments.read(args, kwargs)
        except ValidationError as error:
            arguments, buildbot, wrong = Arguments(), {}, sentences(error)
        self.arguments_as_given = arguments
        self._password = GuestPassword()
        self._current = CurrentServer(self, arguments, self._request_of)
        self.placement = Placement(self, self._current)
        unknown = list(Arguments.unknown(buildbot))
        for problem in wrong or (*unknown, *arguments.problems({"password": password, **buildbot})):
            config_error(f"UpcloudLatentWorker {name!r}: {problem}")
        super().checkConfig(name, password, **({} if unknown else buildbot))

    @async_to_deferred
    async def reconfigServiceWithSibling(self, sibling: UpcloudLatentWorker) -> None:  # noqa: N802 - Buildbot's
        """Use the configuration of `sibling`, if it differs from this worker's, and the builders that have it now."""
        if drop_builders(self) and self._current.server is not None:
            self._current.server.is_outdated = True
        self._is_reconfiguring = True
        try:
            await super().reconfigServiceWithSibling(sibling)
        except Exception:
            self.configured = False
            raise
        finally:
            self._is_reconfiguring = False
        # Buildbot compares with the arguments of the constructor, and would ignore a return to these.
        self._config_args, self._config_kwargs = sibling._config_args, sibling._config_kwargs

    @async_to_deferred
    async def reconfigService(self, name: str, password: Any = None, *args: Any, **kwargs: Any) -> None:  # noqa: N802, ANN401 - Buildbot's
        """Use this configuration for new servers."""
        arguments, buildbot = Arguments.read(args, kwargs)
        arguments = await arguments.rendered_once(self.renderSecrets)
        if arguments.masterFQDN is None:
            # This may send a DNS request.
            arguments = replace(arguments, masterFQDN=await threads.deferToThread(socket.getfqdn))
        self._service = await UpcloudService.of(self.master)
        await self._current.configure(self._service, arguments, self.waits, self.reaps)
        is_idle_time_new = self.placement.configure(arguments, buildbot, self._service.placements)
        interval = min(buildbot.pop("check_instance_interval", 10), arguments.attach_timeout)
        password = await rendered("password", password, self.renderSecrets)
        for problem in buildbot_problems({"password": password}):
            config_error(f"UpcloudLatentWorker {name!r}: {problem}")
        self._password.fix(password)
        await super().reconfigService(name, self._password, check_instance_interval=interval, **buildbot)
        limit_logins(self, heartbeat.SHORTEST)
        if self.info.hasProperty("upcloud_uuid"):
            self._current.clear_page()  # An earlier run of the master was killed.
        server = self._current.server
        build = self._current.build
        if server is not None and build is not None and not await self._current.serves(build):
            server.is_outdated = True
            self._current.give_up()
        elif server is not None and is_idle_time_new and self._current.is_idle:
            self._set_idle_time(server)
        self._service.wake_builders()

    @async_to_deferred
    async def updateWorker(self) -> None:  # noqa: N802 - Buildbot's
        """Tell the guest its builders. If its connection is lost meanwhile, the next one hears them."""
        conn = self.conn
        try:
            await super().updateWorker()
        except Exception:
            # Buildbot would end the whole reconfiguration. But a login must fail, which calls this, too.
            if not self._is_reconfiguring or (self.conn is conn and not (conn is None or is_lost(conn))):
                raise

    def _set_idle_time(self, server: BuildServer) -> None:
        """Let an idle server stay as long as a new configuration says, from now on."""
        if server.is_parked:
            server.stays_until = time.monotonic() + self.placement.idle_seconds(server)
            ends = not self._current.stay_parked()
        else:
            ends = self.build_wait_timeout == 0
            self._setBuildWaitTimer()
        if ends:
            self._current.give_up()

    @property
    def password(self) -> GuestPassword:
        """The password object that Buildbot registers with its listeners."""
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
        return super().canStartBuild() and self._has_room() and not self._current.guest_comes_back

    def _has_room(self) -> bool:
        refused = self._current.refusal()
        if refused is not None and refused.limit in FREED_BY_A_SERVER:
            self._service.idle.make_room_for(self._current)
        return refused is None

    @async_to_deferred
    async def isCompatibleWithBuild(self, build_props: Properties) -> bool:  # noqa: N802 - Buildbot's
        """Whether a build may run here: the server that is up was created for the same values, or there is none."""
        server = self._current.server
        if server is None:
            # The build that gets the next server decides what it is. Buildbot asks again when its guest attaches.
            # Other workers may have taken the last slot since `canStartBuild`.
            is_able = not self.building and self._has_room()
            return is_able and not await self.placement.leaves_to_another(build_props) and self._has_room()
        if server.has_fresh_disks and self.state is States.SUBSTANTIATED and not self.building:
            return False  # It is about to be parked. The disk is still that of the last build.
        if await self._current.serves(build_props):
            return bool(self.building) or not await self.placement.leaves_to_another(build_props)
        self._current.make_way()
        return False

    async def server_request(self, properties: Properties) -> ServerRequest:
        """The server that a build with these properties needs. May be overridden. Called on the reactor's thread.

        Builds with equal requests can share a server. A ValueError ends the build. After any other error it is tried
        again.
        """
        return ServerRequest.of(await self._current.arguments.rendered(properties.render))

    def buildStarted(self, wfb: WorkerForBuilder) -> None:  # noqa: N802 - Buildbot's
        """Reserve a slot among `max_servers` for the server of this build, before Buildbot asks another worker."""
        ensure_end(self, starting_build(wfb), self._service.sleep)
        self._current.reserve()
        self.placement.build_started(wfb)
        builds.build_started(self._current.server, wfb, self.master)
        super().buildStarted(wfb)

    def buildFinished(self, wfb: WorkerForBuilder) -> None:  # noqa: N802 - Buildbot's
        """Allow the next build. A server of an earlier configuration is destroyed first."""
        restore_builder(self, wfb.builder)  # It may have been removed while the end of the build was recorded.
        self._current.release()
        self.placement.build_finished(wfb)
        server = self._current.server
        builds.build_finished(server, wfb, self.master, lambda: self._service.record.view)
        super().buildFinished(wfb)
        if self._current.server is not None and self._current.server.is_outdated:
            self._current.give_up()
        self.maybeShutdown()

    # --- start a server, and let its guest attach ---------------------------------------------------------------------

    @async_to_deferred
    async def start_instance(self, build: Build) -> bool:
        """Create a server for a build, or start the parked one again, until it is started or its guest attaches."""
        async with self._current.starting(build):
            if not await self._start_parked(build):
                request = await self._request_of(build)
                guest = self.guest(request)
                await self._current.create(build, request, guest, self._specs_with(guest))
        return True

    async def _start_parked(self, build: Build) -> bool:
        parked = self._current.server
        if parked is None:
            return False
        if await self._current.serves(build):
            guest = self.guest(parked.choice) if parked.gets_new_password else self._current.guest
            assert guest is not None
            if await self._current.renew(parked, build, guest, self._specs_with(guest)):
                return True
        await self._current.remove()
        return False

    async def _request_of(self, build: Properties) -> ServerRequest:
        while True:
            arguments = self._current.arguments
            request = await self.server_request(build)
            # Repeat after a reconfiguration of the master: the server's account must be that of the request.
            if arguments is self._current.arguments:
                return request

    def _specs_with(self, guest: Guest) -> MakeSpecs[ServerRequest]:
        return lambda request, template: self.server_specs(request, template, guest)

    def server_specs(self, request: ServerRequest, template: StorageSummary, guest: Guest) -> list[ServerSpec]:
        """The specs of the server, in the order in which they are tried. May be overridden to change any field.

        Called on the SDK's thread. A ValueError ends the build.
        """
        return request.specs(template, title=self.server_title, guest=guest)

    @property
    def server_title(self) -> str:
        """The title of its servers and disks. May be overridden."""
        return f"buildbot-{self.name}-{short_hash(self.master)}".replace("_", "-")

    def guest(self, request: ServerRequest) -> Guest:
        """The worker name, the password and the master's address for the next guest. May be overridden.

        The password is a new one, unless one is configured.
        """
        host, port = host_and_port(self._current.arguments.masterFQDN)
        port = port or listening_port(self, websocket=request.is_by_websocket)
        password = self._password.renew()
        return Guest(name=self.name, password=password, master=host, port=port, is_fixed=self._password.is_fixed)

    def setupProperties(self, props: Properties) -> None:  # noqa: N802 - Buildbot's
        """Set the properties of a build on this worker: the configured ones, and those of the running server."""
        super().setupProperties(props)
        if self._current.server is not None:
            set_facts(self._current.server, props)

    @async_to_deferred
    async def check_instance(self) -> tuple[bool, str]:
        """Whether the guest may still attach. Buildbot asks between the start and the attach."""
        problem = await self._current.find_problem()
        return problem is None, problem or ""

    @async_to_deferred
    async def attached(self, conn: Connection) -> None:
        """Accept the guest of this worker's own server, and no other."""
        server = self._current.server
        if (
            server is None
            or not self._may_attach(server)
            or not await self._current.is_sealed(server)
            or not self._may_attach(server)
            or is_forgotten(conn)
        ):
            # Closed here, because a connection that Buildbot itself refuses prevents the master's shutdown.
            if not is_forgotten(conn):
                conn.loseConnection()
            raise UnauthorizedLogin(f"worker {self.name!r}: no server of its own is ready for it")
        conn.info.update(server.facts())
        heart = heartbeat.Heartbeat(self, conn)
        heart.start()
        await (self._current.let_guest_back(conn) if self.state is States.SUBSTANTIATED else super().attached(conn))
        if is_lost(conn):
            # The guest has hung up during the login. Buildbot does not notice, and the master would never stop.
            # No await from here to the end: a connection that is lost during an await would not be noticed either.
            conn.detached(conn.mind)
            raise UnauthorizedLogin(f"worker {self.name!r}: its connection was lost")
        if self.conn is not conn:
            return
        heart.allow(self._current.arguments.attach_timeout)
        if server is self._current.server:
            self._current.guest_is_back()
            self._current.note_attach(server)
        else:
            # Its server was given up during the attach, and may leave the connection open when it is switched off.
            conn.loseConnection()

    def _may_attach(self, server: BuildServer) -> bool:
        starts = self.state is States.SUBSTANTIATING_STARTING
        was_lost = self.state is States.SUBSTANTIATED and self.conn is None
        if server is not self._current.server or not server.may_attach or (was_lost and self.building):
            return False  # Wait until the build of the lost connection has ended.
        return starts or was_lost or self.build_wait_timeout < 0

    def detached(self) -> defer.Deferred[None]:
        """Give a guest `attach_timeout` seconds to come back after its connection was lost."""
        if self.state is States.SUBSTANTIATED:
            self._current.expect_guest(self._current.arguments.attach_timeout)
        detached = super().detached()
        self._current.clear_page()
        return detached

    # --- stop ---------------------------------------------------------------------------------------------------------

    def _setBuildWaitTimer(self) -> None:  # noqa: N802 - Buildbot's
        if not self.placement.set_timer():
            super()._setBuildWaitTimer()

    def insubstantiate(
        self, fast: bool = False, force_substantiation_build: Build | None = None
    ) -> defer.Deferred[None]:
        """Cancel a running start, since Buildbot would wait for it, and destroy the server."""
        if force_substantiation_build is None and join_stop(self):
            return defer.succeed(None)
        self._current.cancel_start()
        if force_substantiation_build is None and (queued := queued_stop(self)) is not None:
            return queued
        server = self._current.server
        if self.state is States.NOT_SUBSTANTIATED and server is not None and not self.building:
            if not server.is_outdated and self._current.stay_parked():
                return defer.succeed(None)
            stop_parked(self)
        return super().insubstantiate(fast, force_substantiation_build)

    @async_to_deferred
    async def stop_instance(self, fast: bool = False) -> bool:  # noqa: ARG002 - it is always switched off
        """Park the server for the next build (`fresh_disk`), or destroy it."""
        if self.conn is not None:
            # After a power-off, the connection may stay open.
            close_soon(self, self.conn)
        if not await self._park():
            await self._current.destroy()
            self.maybeShutdown()
        return True

    async def _park(self) -> bool:
        server = self._current.server
        if server is None or self._graceful or self.botmaster.shuttingDown:
            return False
        self._current.guest_is_back()
        is_parked = await self._current.park(self.placement.idle_seconds(server))
        return is_parked and (bool(self.building) or self._current.stay_parked())

    def maybeShutdown(self) -> None:  # noqa: N802 - Buildbot's
        """End a graceful shutdown: destroy the server after its last build. Then the worker takes builds again."""
        if not self._graceful or self.building:
            return
        if self._current.server is not None:
            self._current.give_up()
            return
        self._graceful = False
        self._update_graceful()
        self.botmaster.maybeStartBuildsForWorker(self.name)

    @async_to_deferred
    async def stopService(self) -> None:  # noqa: N802 - Buildbot's
        """Stop, within `shutdown_timeout` seconds if the whole master stops."""
        self._service.idle.remove(self._current)
        self._current.cancel_start()
        if self._current.server is not None:
            self._current.server.is_outdated = True
            if self.state is States.NOT_SUBSTANTIATED:
                stop_parked(self)
        await super().stopService()
        # Not earlier, since the connection is lost during the stop.
        self._current.close()
