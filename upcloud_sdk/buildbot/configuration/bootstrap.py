"""The data for a guest: name, password, the master's address, and a document that installs and starts its worker."""

from __future__ import annotations

import hmac
import json
import math
import re
import secrets
import ssl
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal, Self

from pydantic import SecretStr

from upcloud_sdk._wire import FrozenDict
from upcloud_sdk.buildbot._buildbot.api import buildbot_version
from upcloud_sdk.errors import ConfigError
from upcloud_sdk.images.guest import for_a_server

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from upcloud_sdk import Recipe
    from upcloud_sdk.buildbot._buildbot.api import Properties

Install = Literal["package", "venv", "image"]
Connection = Literal["tcp", "tls", "ws", "wss"]

_TOKEN = re.compile("@(NAME|PASSWORD|MASTER|PORT)@")
_BASEDIR = "/var/lib/upcloud-worker"
_LOG = f"{_BASEDIR}/twistd.log"
_PASSWORD = "/etc/upcloud-worker/password"  # noqa: S105 - the path of a file
_TRUSTED = "/etc/upcloud-worker/trusted"
_UNIT = "upcloud-worker.service"
_VENV = "/opt/upcloud-worker"
_PROGRAMS: Mapping[Install, str] = {
    "package": "/usr/bin/buildbot-worker",
    "venv": f"{_VENV}/bin/buildbot-worker",
    "image": "buildbot-worker",
}
_BEGIN = """\
import ctypes
import os

from buildbot_worker.bot import Worker
from twisted.application import service
from twisted.internet import reactor, task
from twisted.python import log

# Builds run as the same user. None may read the password, neither in the memory of this process nor where it was.
ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)  # PR_SET_DUMPABLE
with open(0, encoding="utf-8", newline="", closefd=False) as file:
    password = file.read()
os.dup2(os.open(os.devnull, os.O_RDONLY), 0)

"""
_SETTLED = 60.0
_WATCH = """

class Watch:
    def __init__(self, factory):
        self.last, self.opened, self.build = reactor.seconds(), None, factory.buildProtocol
        factory.buildProtocol = self.watched
        task.LoopingCall(self.look).start({settled} / 4, now=False)

    def watched(self, address):
        protocol = self.build(address)
        ended = protocol.connectionLost

        def lost(*reason):
            self.opened = None
            # The worker itself does not log why TLS has failed.
            log.msg(f"connection to the master lost: {{', '.join(str(each.value) for each in reason)}}")
            return ended(*reason)

        protocol.connectionLost, self.opened = lost, reactor.seconds()
        return protocol

    def look(self):
        now = reactor.seconds()
        if self.opened is not None:
            if now - self.opened >= {settled}:
                self.last = now
        elif now - self.last > {lost_after}:
            reactor.stop()


Watch(worker.bf)
"""
"""Ends a worker some time after its last connection to the master.

Buildbot's own `maxRetries` counts refused connections only, but a proxy, or the published port of a container, accepts
connections for a master that is down. So a connection that ends at once does not count.
"""
LONGEST = 365 * 86_400
"""The limit of all times of a guest, in seconds."""
_CERTIFICATE = re.compile("-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
IN_TLS = frozenset({"tls", "wss"})
WEBSOCKET = "msgpack_experimental_v7"
INSTALLS = frozenset(_PROGRAMS)
_PACKAGES: Mapping[Install, tuple[str, ...]] = {"package": ("buildbot-worker",), "venv": ("python3-venv",), "image": ()}


@dataclass(frozen=True, kw_only=True)
class Guest:
    """The values that a guest needs to attach to its master."""

    name: str
    password: SecretStr
    master: str
    port: int
    is_fixed: bool = False
    """Whether the password is a configured one, which the next guest has too."""

    def fill(self, document: str) -> str:
        """The document with its tokens filled in. Nothing else is changed."""
        values = {
            "NAME": self.name,
            "PASSWORD": self.password.get_secret_value(),
            "MASTER": self.master,
            "PORT": str(self.port),
        }
        return _TOKEN.sub(lambda token: values[token[1]], document)


class GuestPassword:
    """The password with which Buildbot compares a login.

    It is registered once and stays the same object, also when the password changes: to register another object closes
    the listening port for a moment if the worker is the only one on it, and guests would be refused.
    """

    def __init__(self) -> None:
        self._fixed: str | None = None
        self._text = secrets.token_urlsafe(24)

    def fix(self, password: str | None) -> None:
        """Use this password for every guest from now on. None: a random one for each."""
        self._fixed = password

    @property
    def is_fixed(self) -> bool:
        """Whether every guest has the same password."""
        return self._fixed is not None

    def renew(self) -> SecretStr:
        """Make the password of the next guest."""
        self._text = self._fixed if self._fixed is not None else secrets.token_urlsafe(24)
        return SecretStr(self._text)

    def getRenderingFor(self, _: Properties) -> str:  # noqa: N802 - Buildbot's
        """The current password, for the PB listener."""
        return self._text

    def __eq__(self, other: object) -> bool:
        """Whether `other` is the valid password (for the msgpack listener), or this object."""
        if isinstance(other, str):
            return hmac.compare_digest(other.encode(), self._text.encode())
        return other is self

    __hash__ = object.__hash__


@dataclass(frozen=True, kw_only=True)
class Bootstrap:
    """A cloud-init document that installs and starts a worker. For templates of the type `cloud-init` with systemd."""

    install: Install = "package"
    """Where `buildbot-worker` comes from: "package" is the distribution's package, "venv" is the package index, into a
    virtual environment, and "image" means that the image has it on its path."""
    requirement: str | None = None
    """With "venv": what pip installs. None: `buildbot-worker` in the master's version."""
    connection: Connection = "tcp"
    """How the worker reaches the master: "tcp" or "tls" is Buildbot's own protocol, "ws" or "wss" is its websocket
    protocol, which Buildbot calls experimental. With TLS the certificate must be for the name in `masterFQDN`."""
    ca_certificate: str | None = None
    """With "tls" and "wss": the authorities that the worker trusts for its master, as the text of a PEM file. None:
    those that the image trusts."""
    user: str = "buildbot"
    """The user who runs the builds. Created if there is none."""
    lost_after: float = 900.0
    """Seconds to try to reach a lost master, before the server is switched off."""
    max_age: float = 86_400.0
    """Seconds after which the server switches itself off, in any case. At most a year."""
    packages: Sequence[str] = ()
    """Packages of the distribution to install."""
    commands: Sequence[str | Sequence[str]] = ()
    """Commands to run as root before the worker starts, as in cloud-init's `runcmd`."""
    files: Mapping[str, str] = field(default_factory=FrozenDict[str, str])
    """Text files to write before that: full paths and contents."""

    def __post_init__(self) -> None:
        """Refuse invalid values.

        Raises:
            ValueError: a value is not one of the known ones.
        """
        for what, value, known in (
            ("install", self.install, _PROGRAMS),
            ("connection", self.connection, ("tcp", "tls", "ws", "wss")),
        ):
            if value not in known:
                raise ValueError(f"Bootstrap.{what} is one of {', '.join(map(repr, known))}, not {value!r}")
        if self.ca_certificate is not None:
            self._check_certificate(self.ca_certificate)
        for what, seconds in (("lost_after", self.lost_after), ("max_age", self.max_age)):
            if not _is_time(seconds):
                raise ConfigError(f"Bootstrap.{what} is a number of seconds above 0, at most {LONGEST} (a year)")
        if isinstance(self.packages, str) or isinstance(self.commands, str):
            raise ValueError("Bootstrap.packages and commands are lists")  # noqa: TRY004 - one error for all bad values
        # Stored as tuples, so that equal values compare equal.
        object.__setattr__(self, "files", FrozenDict(self.files))
        object.__setattr__(self, "packages", tuple(self.packages))
        object.__setattr__(self, "commands", tuple(c if isinstance(c, str) else tuple(c) for c in self.commands))

    @property
    def protocol(self) -> str:
        """The master's name for it, among its `c["protocols"]`."""
        return WEBSOCKET if self.connection in {"ws", "wss"} else "pb"

    def _check_certificate(self, text: object) -> None:
        if self.connection not in IN_TLS:
            raise ValueError(f"Bootstrap.ca_certificate is for connection='tls' or 'wss', not {self.connection!r}")
        if not isinstance(text, str):
            raise ValueError("Bootstrap.ca_certificate is the text of a PEM file: give Path(...).read_text()")  # noqa: TRY004 - one error for all bad values
        if "PRIVATE KEY" in text:
            raise ValueError("Bootstrap.ca_certificate has a private key in it, which is not for guests to see")
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata="\n".join(_CERTIFICATE.findall(text)))
        except (ssl.SSLError, ValueError) as error:
            raise ValueError(f"Bootstrap.ca_certificate is the text of a PEM file with certificates: {error}") from None

    def with_recipe(self, recipe: Recipe) -> Self:
        """The same, but run the recipe's commands first. For a server of the recipe's base."""
        files, command = for_a_server(recipe.commands, recipe.files)
        return replace(self, files={**files, **self.files}, commands=(command, *self.commands))

    def attach_hint(self, guest: Guest) -> str:
        """What to check if a guest does not attach: the end of a sentence."""
        hint = f"; it connects to {guest.master}:{guest.port}, and logs the reason of a failure to {_LOG} in the guest"
        if self.connection in IN_TLS:
            trusted = "the image trusts" if self.ca_certificate is None else "ca_certificate names"
            hint += f"; the certificate must be for {guest.master}, of an authority that {trusted}"
        return hint

    def document(self, guest: Guest) -> str:
        """The document for one guest.

        Raises:
            ValueError: no worker can call its master by this connection.
        """
        packages = [*_PACKAGES[self.install], *self.packages]
        document: dict[str, object] = {
            # First, so that the server powers itself off at this age even if the rest hangs.
            "bootcmd": [_power_off_after(self.max_age)],
            "users": [
                "default",
                {"name": self.user, "system": True, "homedir": f"/home/{self.user}", "shell": "/bin/bash"},
            ],
            "write_files": [
                *({"path": path, "content": content} for path, content in self.files.items()),
                {"path": f"{_BASEDIR}/buildbot.tac", "permissions": "0600", "content": self._tac(guest)},
                {"path": _PASSWORD, "permissions": "0600", "content": guest.password.get_secret_value()},
                {"path": f"/etc/systemd/system/{_UNIT}", "permissions": "0644", "content": self._unit()},
                *self._trusted(),
            ],
            "runcmd": [*self.commands, *self._install_commands(), *self._start_commands()],
        }
        if self.user == "root":
            del document["users"]
        if packages:
            document |= {"package_update": True, "packages": packages}
        # JSON is valid YAML, and needs no quoting rules.
        return "#cloud-config\n" + json.dumps(document, indent=1) + "\n"

    def _install_commands(self) -> list[list[str]]:
        if self.install != "venv":
            return []
        wanted = self.requirement or f"buildbot-worker=={buildbot_version}"
        # The package of the worker does not require what Twisted needs for TLS.
        tls = ["twisted[tls]"] if self.connection in IN_TLS else []
        # Compiling takes longer than it saves: the worker imports few modules, and starts once.
        install = [f"{_VENV}/bin/pip", "install", "--quiet", "--no-compile", "--no-cache-dir", wanted, *tls]
        return [["python3", "-m", "venv", _VENV], install]

    def _start_commands(self) -> list[list[str]]:
        return [
            ["chown", "-R", f"{self.user}:", _BASEDIR],
            ["systemctl", "daemon-reload"],
            # Without --no-block it hangs: the unit waits for cloud-init, which runs this command.
            ["systemctl", "start", "--no-block", _UNIT],
        ]

    def _tac(self, guest: Guest) -> str:
        """The worker's configuration. Builds can read it, so the password is in another file, which only root can."""
        host, port = guest.master.strip("[]"), guest.port
        if ":" in host and self.connection != "tcp":
            raise ValueError(
                f"masterFQDN is {host}: Buildbot's worker connects to IPv6 addresses with connection='tcp' only, "
                f"not {self.connection!r}; give a name instead"
            )
        address: dict[str, object] = {"buildmaster_host": host, "port": port}
        if self.connection in IN_TLS:
            trusted = "" if self.ca_certificate is None else f":trustRoots={_TRUSTED}"
            endpoint = f"tls:host={host}:port={port}{trusted}"
            address = {"buildmaster_host": None, "port": None, "connection_string": endpoint}
        if self.protocol == WEBSOCKET:
            address["protocol"] = WEBSOCKET
        arguments = {
            **address,
            "name": guest.name,
            "basedir": _BASEDIR,
            "keepalive": 60,
            "umask": 0o022,
        }
        lines = "".join(f"    {name}={value!r},\n" for name, value in arguments.items())
        return (
            _BEGIN + "application = service.Application('buildbot-worker')\n"
            f"worker = Worker(\n    passwd=password,\n{lines})\n"
            "worker.setServiceParent(application)\n"
        ) + _WATCH.format(lost_after=self.lost_after, settled=min(_SETTLED, self.lost_after / 2))

    def _trusted(self) -> list[dict[str, str]]:
        """A file for each authority: Twisted reads one certificate per file."""
        return [
            {"path": f"{_TRUSTED}/{number}.pem", "permissions": "0644", "content": f"{certificate}\n"}
            for number, certificate in enumerate(_CERTIFICATE.findall(self.ca_certificate or ""), 1)
        ]

    def _unit(self) -> str:
        """A service that powers the server off when it ends: a server without a worker only costs money."""
        return (
            "[Unit]\n"
            "Description=Buildbot worker\n"
            "Wants=network-online.target\n"
            "After=network-online.target\n"
            "SuccessAction=poweroff\n"
            "FailureAction=poweroff\n\n"
            "[Service]\n"
            f"User={self.user}\n"
            f"WorkingDirectory={_BASEDIR}\n"
            # Opened by root.
            f"StandardInput=file:{_PASSWORD}\n"
            f"ExecStart={_PROGRAMS[self.install]} start --nodaemon {_BASEDIR}\n"
        )


def _is_time(seconds: object) -> bool:
    return isinstance(seconds, int | float) and not isinstance(seconds, bool) and 0 < seconds <= LONGEST


def _power_off_after(seconds: float) -> list[str]:
    # With systemd's default dependencies it hangs: the timer waits for the early boot, which waits for this command.
    unbound = ["--property=DefaultDependencies=no", "--timer-property=DefaultDependencies=no"]
    return ["systemd-run", *unbound, f"--on-active={math.ceil(seconds)}s", "systemctl", "poweroff"]
