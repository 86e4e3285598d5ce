"""Guests that hang during the login: after the right name and password they send nothing more."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

from twisted.internet import defer

from tests.buildbot._types import RETRY, SUCCESS, ClientFactory, Connection, Protocol, reactor
from tests.buildbot.guests import Login
from tests.buildbot.harness import MasterCase, pause
from upcloud_sdk.buildbot.servers import heartbeat

if TYPE_CHECKING:
    from tests.buildbot.harness import Outcome
    from tests.buildbot.quick import QuickWorker
    from upcloud_sdk.buildbot.configuration.request import BuildServer
    from upcloud_sdk.simulator.records.records import Server

ANSWERS_WITHIN = 5
"""Seconds: far more than a healthy guest needs."""
HANDSHAKE = """\
GET / HTTP/1.1\r
Host: 127.0.0.1\r
Upgrade: websocket\r
Connection: Upgrade\r
Sec-WebSocket-Version: 13\r
Sec-WebSocket-Key: {key}\r
Authorization: Basic {login}\r
\r
"""


class Silent(Protocol):
    """Logs in by websocket, and sends nothing more."""

    factory: SilentGuest

    def connectionMade(self) -> None:  # noqa: N802 - Twisted's
        self.factory.guest = self
        self.transport.write(self.factory.handshake)

    def dataReceived(self, data: bytes) -> None:  # noqa: N802 - Twisted's
        self.factory.heard += data

    def connectionLost(self, reason: object = None) -> None:  # noqa: N802 - Twisted's
        self.factory.is_closed = True


class SilentGuest(ClientFactory):
    """The guest of a server, with the login in its `user_data`."""

    protocol = Silent

    def __init__(self, user_data: str) -> None:
        login = json.loads(user_data)
        pair = f"{login['name']}:{login['passwd']}".encode()
        key, words = (base64.b64encode(each).decode() for each in (bytes(16), pair))
        self.handshake = HANDSHAKE.format(key=key, login=words).encode()
        self.heard = b""
        self.is_closed = False
        self.guest: Silent | None = None

    def hang_up(self) -> None:
        assert self.guest is not None
        self.guest.transport.abortConnection()

    @property
    def is_asked(self) -> bool:
        """Whether it has been accepted, and the master waits for its first answer."""
        return b"attached" in self.heard


class SilentCase(MasterCase):
    def setUp(self) -> None:
        super().setUp()
        self.patch(heartbeat, "SHORTEST", ANSWERS_WITHIN)

    def configuration(self, *workers: QuickWorker, **options: Any) -> dict[str, Any]:  # noqa: ANN401 - the harness's
        """A master that listens for both protocols."""
        protocols = {"pb": {"port": "tcp:0:interface=127.0.0.1"}, "msgpack_experimental_v7": {"port": 0}}
        return {**super().configuration(*workers, **options), "protocols": protocols}


class Websocket(SilentCase):
    """Buildbot itself would wait forever, and accept no other guest of any worker."""

    async def waits_for_its_guest(self) -> tuple[defer.Deferred[Outcome], Server, SilentGuest]:
        self.serve()
        self.guests.attaches = False
        bot = self.worker()
        await self.start_master(bot, self.worker("other"))
        building = defer.ensureDeferred(self.build("bot"))
        server = await self.server_in("started")
        guest = SilentGuest(str(server.user_data))
        reactor.connectTCP("127.0.0.1", bot.websocket_port, guest)
        while not guest.is_asked:
            await pause()
        self.guests.attaches = True
        return building, server, guest

    async def test_a_guest_that_says_nothing_keeps_no_other_out(self) -> None:
        building, server, guest = await self.waits_for_its_guest()
        assert (await self.build("other")).results == [SUCCESS]
        assert guest.is_closed
        self.guests.connect(server.uuid, str(server.user_data))
        assert (await building).results == [SUCCESS]

    async def test_a_master_reads_its_configuration_though_a_guest_says_nothing(self) -> None:
        building, server, guest = await self.waits_for_its_guest()
        self.config.update(self.configuration(self.worker(hostconfig={"plan": "2xCPU-4GB"})))
        await self.master.reconfig()
        assert guest.is_closed
        self.guests.connect(server.uuid, str(server.user_data))
        assert (await building).results == [SUCCESS]

    async def test_a_guest_that_hangs_up_while_its_password_is_compared_keeps_no_other_out(self) -> None:
        self.serve()
        self.guests.attaches = False
        bot = self.worker()
        await self.start_master(bot)
        building = defer.ensureDeferred(self.build())
        server = await self.server_in("started")
        guest = SilentGuest(str(server.user_data))
        # Buildbot holds it while another guest logs in.
        await self.master.initLock.acquire()
        reactor.connectTCP("127.0.0.1", bot.websocket_port, guest)
        while not self.master.initLock.waiting:
            await pause()
        guest.hang_up()
        while any(isinstance(reader, Connection) for reader in reactor.getReaders()):
            await pause()
        self.master.initLock.release()
        self.guests.connect(server.uuid, str(server.user_data))
        assert (await building).results == [SUCCESS]

    async def test_a_guest_that_hangs_up_while_its_server_is_sealed_is_forgotten(self) -> None:
        self.serve()
        bot = self.worker(bootstrap=Login(connection="ws"))
        await self.start_master(bot)
        current: Any = bot._current  # pyright: ignore[reportPrivateUsage]  # to hold the login there
        is_sealed, reached, go_on = current.is_sealed, defer.Deferred[None](), defer.Deferred[None]()

        async def held(server: BuildServer) -> bool:
            self.patch(current, "is_sealed", is_sealed)
            reached.callback(None)
            await go_on
            return True

        self.patch(current, "is_sealed", held)
        building = defer.ensureDeferred(self.build())
        await reached
        [uuid] = self.guests.running
        self.guests.stop(uuid, hard=True)
        while any(isinstance(reader, Connection) for reader in reactor.getReaders()):
            await pause()
        go_on.callback(None)
        self.guests.connect(uuid, self.guests.seen[0])
        assert (await building).results == [SUCCESS]

    async def test_a_master_stops_though_a_guest_says_nothing(self) -> None:
        await self.waits_for_its_guest()
        await self.tested_master.shutdown()
        assert self.cloud.servers == {}


class BuildbotsOwnProtocol(SilentCase):
    """The connection would stay open until the system closes it."""

    async def test_a_build_whose_guest_says_nothing_is_tried_again(self) -> None:
        self.serve()
        await self.start_master(self.worker(attach_timeout=ANSWERS_WITHIN))
        self.guests.freezes_at = "print"
        results = (await self.build()).results
        assert (results[0], results[-1]) == (RETRY, SUCCESS)

    async def test_a_master_stops_though_a_guest_says_nothing(self) -> None:
        self.serve()
        await self.start_master(self.worker())
        self.guests.freezes_at = "print"
        defer.ensureDeferred(self.build())
        await self.server_in("started")
        await self.tested_master.shutdown()
        assert self.cloud.servers == {}
