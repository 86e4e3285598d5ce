"""What a configuration makes of a worker: what it checks, and what it takes over when the master reads it."""

from __future__ import annotations

import socket
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from twisted.internet import defer, threads

from upcloud_sdk import WaitPolicy
from upcloud_sdk.buildbot._types import AbstractLatentWorker, config_error
from upcloud_sdk.buildbot.arguments import Arguments, host_and_port
from upcloud_sdk.buildbot.bootstrap import WEBSOCKET, Bootstrap, Guest
from upcloud_sdk.buildbot.bridge import Account, Bridge
from upcloud_sdk.buildbot.owner import owner_of, short_hash
from upcloud_sdk.buildbot.password import GuestPassword
from upcloud_sdk.buildbot.reaping import ReapPace

if TYPE_CHECKING:
    from upcloud_sdk.buildbot.memo import Catalogue
    from upcloud_sdk.buildbot.order import Order
    from upcloud_sdk.buildbot.reaping import Reaping

_RENDERED_ONCE = ("api_username", "api_password", "api_token", "base_url", "owner", "masterFQDN")
"""Arguments that do not depend on a build."""
_DEFAULT_PORT = 9989


class ConfiguredWorker(AbstractLatentWorker):
    """A latent worker with our arguments, and with a client of the account that they name."""

    waits: ClassVar[WaitPolicy] = WaitPolicy()
    """The pace of all waiting; a subclass may have another."""
    reaps: ClassVar[ReapPace] = ReapPace()
    """How often this master destroys what was left behind."""

    as_given: Arguments
    """As the configuration gave them: nothing is rendered."""

    _arguments: Arguments
    _password: GuestPassword
    _bridge: Bridge
    _reaping: Reaping
    _catalogue: Catalogue
    """Of the account in which the next server is made; a server that exists keeps its own."""

    def checkConfig(self, name: str, password: Any = None, *args: Any, **kwargs: Any) -> None:  # noqa: N802, ANN401 - Buildbot's
        """Refuse what is wrong with the configuration; nothing is sent."""
        arguments, buildbot = Arguments.read(args, kwargs)
        self.as_given = self._arguments = arguments
        self._password = GuestPassword()
        unknown = list(Arguments.unknown(buildbot))
        for problem in (*unknown, *arguments.problems()):
            config_error(f"UpcloudLatentWorker {name!r}: {problem}")
        super().checkConfig(name, password, **({} if unknown else buildbot))

    def reconfigService(self, name: str, password: Any = None, *args: Any, **kwargs: Any) -> defer.Deferred[None]:  # noqa: N802, ANN401 - Buildbot's
        """Take the configuration over for the servers that are made from now on."""
        return defer.ensureDeferred(self._reconfigure(name, password, args, kwargs))

    async def _reconfigure(
        self,
        name: str,
        password: Any,  # noqa: ANN401 - renderable
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> None:
        arguments, buildbot = Arguments.read(args, kwargs)
        values = await self.renderSecrets([getattr(arguments, key) for key in _RENDERED_ONCE])
        arguments = replace(arguments, **dict(zip(_RENDERED_ONCE, values, strict=True)))
        if arguments.masterFQDN is None:
            # It may ask a name server.
            arguments = replace(arguments, masterFQDN=await threads.deferToThread(socket.getfqdn))
        await self._open_account(arguments)
        self._arguments = arguments
        interval = min(buildbot.pop("check_instance_interval", 10), arguments.attach_timeout)
        self._password.fix(await self.renderSecrets(password))
        await super().reconfigService(name, self._password, check_instance_interval=interval, **buildbot)
        await self._configured_anew()

    async def _configured_anew(self) -> None:
        """Look at what there is from before."""

    async def _open_account(self, arguments: Arguments) -> None:
        owner = arguments.owner or await owner_of(self.master)
        account = Account(arguments.credentials(), arguments.base_url, self.waits)
        self._bridge = await Bridge.of(self.master)
        self._catalogue = await self._bridge.catalogue(account, owner)
        # Masters of a multi-master often share their configuration: an owner that is given may be that of several.
        alone = arguments.owner is None or not self.master.config.multiMaster
        self._reaping = self._bridge.reaping(account, self._catalogue.cloud, self.reaps, exclusive=alone)

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

    def next_guest(self, order: Order) -> Guest:
        """What the guest of the next server must know; its password is a new one."""
        host, port = host_and_port(self._arguments.masterFQDN)
        if port is None:
            websocket = isinstance(order.bootstrap, Bootstrap) and order.bootstrap.protocol == WEBSOCKET
            port = self._port(websocket=websocket)
        return Guest(name=self.name, password=self._password.renew(), master=host, port=port)

    def _port(self, *, websocket: bool) -> int:
        """Where this master listens for workers."""
        registered = self.registration
        if registered is not None and websocket and registered.msgpack_reg is not None:
            return registered.get_msgpack_port()
        return registered.getPBPort() if registered is not None and registered.pbReg is not None else _DEFAULT_PORT

    @property
    def title(self) -> str:
        """Of its servers and disks."""
        return f"buildbot-{self.name}-{short_hash(self.master)}".replace("_", "-")
