"""Types for the parts of Buildbot, its worker and Twisted that the tests use. They have none, or partial ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import typing
    from collections.abc import Callable
    from typing import Any
    from unittest import TestResult

    from twisted.internet.defer import Deferred

    class Transport:
        def abortConnection(self) -> None: ...
        def pauseProducing(self) -> None: ...
        def write(self, data: bytes) -> None: ...

    class Protocol:
        transport: Transport

    class ClientFactory:
        protocol: type[Protocol]

    class Broker:
        transport: Transport
        expressionReceived: Callable[[list[object]], None]

    class BotFactory:
        buildProtocol: Callable[[object], Any]

    class Worker:
        bf: BotFactory

        def __init__(
            self,
            host: str | None,
            port: int | None,
            name: str,
            passwd: str,
            basedir: str,
            *,
            keepalive: float,
            protocol: str = "pb",
            connection_string: str | None = None,
        ) -> None: ...
        def startService(self) -> None: ...
        def stopService(self) -> Deferred[None]: ...

    class LineReceiver:
        delimiter: bytes
        MAX_LENGTH: int

    class StandardIO:
        def __init__(self, protocol: LineReceiver) -> None: ...

    class RunMasterBase:
        timeout: float
        master: Any
        tested_master: Any

        def __init__(self, method: str) -> None: ...
        def run(self, result: TestResult) -> None: ...
        def setUp(self) -> None: ...
        def flushLoggedErrors(self, *kinds: type[Exception]) -> list[Any]: ...
        def addCleanup(self, function: Callable[..., object], *args: object) -> None: ...
        def patch(self, thing: object, attribute: str, value: object) -> object: ...
        def setup_master(self, config_dict: dict[str, Any], startWorker: bool = ...) -> Deferred[None]: ...

    class Reactor(typing.Protocol):
        stop: Callable[[], None]
        seconds: Callable[[], float]
        waker: object

        def callLater(self, delay: float, function: Callable[..., object], *args: object) -> object: ...
        def connectTCP(self, host: str, port: int, factory: ClientFactory) -> object: ...
        def crash(self) -> None: ...
        def getReaders(self) -> list[object]: ...
        def removeReader(self, reader: object) -> None: ...
        def installWaker(self) -> None: ...
        def run(self) -> None: ...

    reactor: Reactor

    def get_plugins(namespace: str, interface: object, *, load_now: bool) -> Any: ...  # noqa: ANN401 - by their name

    plugins: Any
    """The plugins of Buildbot, by their group."""

    class Connection: ...

    class ProxyFactory:
        port: int

        def __init__(self, host: str, port: int) -> None: ...

    class Address:
        port: int

    class ListeningPort:
        def getHost(self) -> Address: ...
        def stopListening(self) -> Deferred[None]: ...

    class ServerEndpoint:
        def listen(self, factory: ProxyFactory) -> Deferred[ListeningPort]: ...

    def serverFromString(reactor: Reactor, description: str) -> ServerEndpoint: ...

    class BuilderConfig:
        def __init__(self, **arguments: object) -> None: ...

    class BuildFactory:
        def __init__(self, steps: list[object]) -> None: ...

    class ForceScheduler:
        def __init__(self, **arguments: object) -> None: ...

    class ShellCommand:
        def __init__(self, **arguments: object) -> None: ...

    class ConfigErrors(Exception):
        errors: list[str]

    class Secret:
        def __init__(self, name: str) -> None: ...

    class Interpolate:
        def __init__(self, text: str) -> None: ...

    def renderer(function: Callable[[Any], object]) -> object: ...

    class Properties:
        def __init__(self, **values: object) -> None: ...
        def getProperty(self, name: str, default: Any = ...) -> Any: ...  # noqa: ANN401 - any value
        def render(self, value: object) -> Deferred[Any]: ...
        def setProperty(self, name: str, value: object, source: str) -> None: ...

    class UnauthorizedLogin(Exception): ...

    class PBConnectionLost(Exception): ...

    class ConnectioLostError(Exception): ...

    class PingException(Exception): ...

    SUCCESS: int
    EXCEPTION: int
    RETRY: int
    CANCELLED: int
else:
    from buildbot import plugins
    from buildbot.config import BuilderConfig, ConfigErrors
    from buildbot.plugins.db import get_plugins
    from buildbot.process.factory import BuildFactory
    from buildbot.process.properties import Interpolate, Properties, Secret, renderer
    from buildbot.process.results import CANCELLED, EXCEPTION, RETRY, SUCCESS
    from buildbot.process.workerforbuilder import PingException
    from buildbot.schedulers.forcesched import ForceScheduler
    from buildbot.steps.shell import ShellCommand
    from buildbot.test.util.integration import RunMasterBase
    from buildbot.worker.protocols.manager.msgpack import ConnectioLostError
    from buildbot_worker.bot import Worker
    from twisted.cred.error import UnauthorizedLogin
    from twisted.internet import reactor
    from twisted.internet.endpoints import serverFromString
    from twisted.internet.protocol import ClientFactory, Protocol
    from twisted.internet.stdio import StandardIO
    from twisted.internet.tcp import Server as Connection
    from twisted.protocols.basic import LineOnlyReceiver as LineReceiver
    from twisted.protocols.portforward import ProxyFactory
    from twisted.spread.pb import PBConnectionLost

__all__ = [
    "CANCELLED",
    "EXCEPTION",
    "RETRY",
    "SUCCESS",
    "BuildFactory",
    "BuilderConfig",
    "ClientFactory",
    "ConfigErrors",
    "ConnectioLostError",
    "Connection",
    "ForceScheduler",
    "Interpolate",
    "LineReceiver",
    "PBConnectionLost",
    "PingException",
    "Properties",
    "Protocol",
    "ProxyFactory",
    "RunMasterBase",
    "Secret",
    "ShellCommand",
    "StandardIO",
    "UnauthorizedLogin",
    "Worker",
    "get_plugins",
    "plugins",
    "reactor",
    "renderer",
    "serverFromString",
]
