"""What these tests use of Buildbot and its worker, which ship no types."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Protocol

    from twisted.internet.defer import Deferred

    class Worker:
        def __init__(self, host: str, port: int, name: str, passwd: str, basedir: str, keepalive: float) -> None: ...  # noqa: PLR0917 - Buildbot's
        def startService(self) -> None: ...  # noqa: N802 - Twisted's
        def stopService(self) -> Deferred[None]: ...  # noqa: N802 - Twisted's

    class LineReceiver:
        delimiter: bytes
        MAX_LENGTH: int

    class StandardIO:
        def __init__(self, protocol: LineReceiver) -> None: ...

    class RunMasterBase:
        timeout: float
        master: Any
        tested_master: Any

        def setUp(self) -> None: ...
        def mktemp(self) -> str: ...
        def flushLoggedErrors(self, *kinds: type[Exception]) -> list[object]: ...  # noqa: N802 - Twisted's
        def addCleanup(self, function: Callable[..., object], *args: object) -> None: ...  # noqa: N802 - unittest's
        def setup_master(
            self,
            config_dict: dict[str, Any],
            startWorker: bool = ...,  # noqa: N803 - Buildbot's
            basedir: str | None = ...,
        ) -> Deferred[None]: ...

    class Reactor(Protocol):
        def callFromThread(self, function: Callable[..., object], *args: object) -> None: ...  # noqa: N802 - Twisted's
        def callLater(self, delay: float, function: Callable[..., object], *args: object) -> object: ...  # noqa: N802 - Twisted's
        def crash(self) -> None: ...
        def getReaders(self) -> list[object]: ...  # noqa: N802 - Twisted's
        def run(self) -> None: ...

        stop: Callable[[], None]

    reactor: Reactor

    class Connection: ...

    def builder(**kwargs: object) -> object: ...
    def factory(steps: list[object]) -> object: ...
    def shell_step(**kwargs: object) -> object: ...
    def master_step(**kwargs: object) -> object: ...

    class ConfigErrors(Exception):
        errors: list[str]

    class Secret:
        def __init__(self, name: str) -> None: ...

    class Interpolate:
        def __init__(self, text: str) -> None: ...

    def renderer(function: Callable[[Any], object]) -> object: ...

    class Properties:
        def __init__(self, **values: object) -> None: ...
        def render(self, value: object) -> Deferred[Any]: ...
        def setProperty(self, name: str, value: object, source: str) -> None: ...  # noqa: N802 - Buildbot's

    class UnauthorizedLogin(Exception): ...

    SUCCESS: int
    EXCEPTION: int
    RETRY: int
    CANCELLED: int
else:
    from buildbot.config import BuilderConfig as builder  # noqa: N813 - used as a function
    from buildbot.config import ConfigErrors
    from buildbot.process.factory import BuildFactory as factory  # noqa: N813 - used as a function
    from buildbot.process.properties import Interpolate, Properties, Secret, renderer
    from buildbot.process.results import CANCELLED, EXCEPTION, RETRY, SUCCESS
    from buildbot.steps.master import MasterShellCommand as master_step  # noqa: N813 - used as a function
    from buildbot.steps.shell import ShellCommand as shell_step  # noqa: N813 - used as a function
    from buildbot.test.util.integration import RunMasterBase
    from buildbot_worker.bot import Worker
    from twisted.cred.error import UnauthorizedLogin
    from twisted.internet import reactor
    from twisted.internet.tcp import Server as Connection

__all__ = [
    "CANCELLED",
    "EXCEPTION",
    "RETRY",
    "SUCCESS",
    "ConfigErrors",
    "Connection",
    "Interpolate",
    "Properties",
    "RunMasterBase",
    "Secret",
    "UnauthorizedLogin",
    "Worker",
    "builder",
    "factory",
    "master_step",
    "reactor",
    "renderer",
    "shell_step",
]
