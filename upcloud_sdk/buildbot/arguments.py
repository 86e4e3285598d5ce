"""The worker's own arguments, beside Buildbot's: their names, defaults, meaning, and what can be wrong with them."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from difflib import get_close_matches
from inspect import signature
from typing import TYPE_CHECKING, Any, TypeGuard, cast

from pydantic import SecretStr

from upcloud_sdk import Basic, Token, UpCloud
from upcloud_sdk.buildbot._buildbot_api import AbstractLatentWorker, IRenderable
from upcloud_sdk.buildbot.bootstrap import INSTALLS, Bootstrap, Guest
from upcloud_sdk.errors import UpCloudError
from upcloud_sdk.models import ServerGroupSpec
from upcloud_sdk.placement import Budget

if TYPE_CHECKING:
    from upcloud_sdk.credentials import Credentials

DEFAULT_ZONE = "de-fra1"
DEFAULT_PLAN = "1xCPU-1GB"
DEFAULT_PLAN_HAS = {"cores": 1, "memory": 1024, "storage": 25}
"""What the plan that takes its place must have, where it is no longer sold."""
DEFAULT_DISK_SIZE = 10
"""GB."""
DEFAULT_TIER = "maxiops"

HOST_KEYS = frozenset(
    {
        "zone",
        "plan",
        "hostname",
        "ssh_keys",
        "os_disk_size",
        "core_number",
        "memory_amount",
        "user_data",
        "tier",
        "encrypted",
        "username",
        "metadata",
        "timezone",
    }
)
"""What `hostconfig` may hold; the first line is what the worker that ships with Buildbot knows."""

_INSTALLS = ", ".join(map(repr, sorted(INSTALLS)))
_POSITIONAL = ("zone", "api_username", "api_password", "image", "hostconfig", "base_url", "masterFQDN")
_RENDERED_ONCE = ("api_username", "api_password", "api_token", "base_url", "owner", "masterFQDN")
"""Arguments that do not depend on a build."""
_MASTER = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\s:/@\[\]]+)(?::([0-9]{1,5}))?")
_SECONDS = ("create_timeout", "boot_timeout", "attach_timeout", "shutdown_timeout")


@dataclass(frozen=True, kw_only=True, repr=False)
class Arguments:
    """What a worker is configured with. All but the timeouts, `seal_metadata` and `max_servers` may be renderable."""

    zone: Any = None
    """Where servers are made; `hostconfig["zone"]` wins over it. `de-fra1` if neither is given."""
    api_username: Any = None
    api_password: Any = None
    image: Any = None
    """A template: its uuid or exact title; or an expression that its title matches, a function that accepts it, or a
    mapping of labels that it has, of which the newest is taken."""
    hostconfig: Any = None
    """A mapping; see `HOST_KEYS`."""
    base_url: Any = None
    """Of the API; None: UpCloud's own."""
    masterFQDN: Any = None  # noqa: N815 - the shipped worker's
    """The master's address as the guest sees it, `host` or `host:port`, that of a proxy if it is behind one; None: this
    machine's full name, and the port where it listens."""
    api_token: Any = None
    """Instead of `api_username` and `api_password`."""
    owner: Any = None
    """Who is answerable for the servers, as their label says; None: an id kept in the master's database."""
    zones: Any = None
    """Zones in the order in which they are tried, instead of one `zone`."""
    plans: Any = None
    """Plans in the order in which they are tried in each zone, instead of `hostconfig["plan"]`."""
    create_timeout: float = 120
    """Seconds within which the API must have made a server."""
    boot_timeout: float = 300
    """Seconds within which it must be started."""
    attach_timeout: float = 600
    """Seconds within which its worker must then attach, and come back if the connection is lost."""
    shutdown_timeout: float = 10
    """Seconds that a master which shuts down waits for its servers to be destroyed."""
    bootstrap: Any = None
    """What the guest runs if there is no `user_data`: a `Bootstrap`, or the name of its `install`; a document of your
    own, in which @NAME@, @PASSWORD@, @MASTER@ and @PORT@ are filled in; or False, for nothing. None: a `Bootstrap()`
    on images that have cloud-init."""
    seal_metadata: bool = False
    """Whether the guest's metadata service is switched off once its worker has attached."""
    max_servers: int | None = None
    """How many servers all UpCloud workers of this master may have together; None: no limit."""
    labels: Any = None
    """A mapping of labels to put on servers, beside the SDK's own."""
    networks: Any = None
    """Interfaces: "public", "public-ipv6", "utility", the uuid of a private network, or an `InterfaceSpec`."""
    storages: Any = None
    """Further disks, as `StorageDeviceSpec`: made ones are destroyed with the server, attached ones are kept."""
    server_group: Any = None
    """A server group that servers join: its uuid; or a `ServerGroupSpec`, for the owner's group of that title, which is
    made if there is none, and stays."""
    firewall: Any = False
    """Whether UpCloud's firewall is in front of servers."""
    prefer_idle: bool = True
    """Whether a build is left to another worker whose server is up and free, before this one makes a server for it. Not
    where a builder's `nextWorker` or `canStartBuild`, or `select_next_worker`, chooses workers."""
    budget: Budget | None = None
    """What all UpCloud workers of this master may cost together. Builds beyond it wait."""
    patience: float = 0
    """Seconds that a build may wait for a busy server to come free, before this worker makes one for it."""

    @classmethod
    def read(cls, args: Sequence[Any], kwargs: Mapping[str, Any]) -> tuple[Arguments, dict[str, Any]]:
        """Our arguments, and those that are Buildbot's. `args` are what follows the worker's name and password."""
        if len(args) > len(_POSITIONAL):
            raise TypeError(f"UpcloudLatentWorker takes at most {len(_POSITIONAL) + 2} positional arguments")
        given: dict[str, Any] = dict(zip(_POSITIONAL, args, strict=False))
        names = {field.name for field in fields(cls)}
        for name, value in kwargs.items():
            if name in given:
                raise TypeError(f"UpcloudLatentWorker got {name!r} twice")
            if name in names:
                given[name] = value
        return cls(**given), {name: value for name, value in kwargs.items() if name not in names}

    @classmethod
    def unknown(cls, names: Collection[str]) -> Iterator[str]:
        """A sentence for each of these names that is not an argument of Buildbot's latent workers either."""
        checks: list[Callable[..., object]] = [
            vars(kind)["checkConfig"] for kind in AbstractLatentWorker.__mro__ if "checkConfig" in vars(kind)
        ]
        buildbot = {name for check in checks for name in signature(check).parameters}
        buildbot -= {"self", "name", "password", "args", "kwargs"}
        for name in names:
            if name not in buildbot:
                own = {field.name for field in fields(cls)}
                yield f"there is no argument {name!r}{suggestion(name, own | buildbot)}"

    def problems(self) -> Iterator[str]:
        """What is wrong, a sentence each, as far as it can be told before anything is rendered."""
        yield from self._credential_problems()
        yield from self._image_problems()
        yield from self._place_problems()
        yield from host_problems(self.hostconfig)
        for name in _SECONDS:
            value: object = getattr(self, name)
            if not (isinstance(value, int | float) and value > 0):
                yield f"{name} is a number of seconds above 0, not {value!r}"
        budget = cast("object", self.budget)
        if budget is not None and not isinstance(budget, Budget):
            yield f"budget is a Budget, or None for no limit, not {budget!r}"
        patience, prefers = cast("object", self.patience), cast("object", self.prefer_idle)
        if isinstance(patience, bool) or not (isinstance(patience, int | float) and 0 <= patience < float("inf")):
            yield f"patience is a number of seconds, 0 for none, not {patience!r}"
        if not isinstance(prefers, bool):
            yield f"prefer_idle is True or False, not {prefers!r}"
        limit = cast("object", self.max_servers)
        if limit is not None and not (isinstance(limit, int) and limit >= 1):
            yield f"max_servers is a whole number above 0, or None for no limit, not {limit!r}"
        group = self.server_group
        if not (group is None or isinstance(group, str | ServerGroupSpec) or is_renderable(group)):
            yield f"server_group is a uuid, or a ServerGroupSpec for one that is made if need be, not {group!r}"
        given = self.bootstrap
        if not (given is None or given is False or isinstance(given, str | Bootstrap) or is_renderable(given)):
            yield f"bootstrap is a Bootstrap, one of {_INSTALLS}, a document with tokens, or False, not {given!r}"
        if given and mapping(self.hostconfig).get("user_data"):
            yield "hostconfig['user_data'] and bootstrap both say what the guest runs: give one of them"
        yield from self._master_problems()

    async def rendered_once(self, render: Callable[[list[Any]], Awaitable[list[Any]]]) -> Arguments:
        """The same, with the values of what does not depend on a build."""
        values = await render([getattr(self, name) for name in _RENDERED_ONCE])
        return replace(self, **dict(zip(_RENDERED_ONCE, values, strict=True)))

    def credentials(self) -> Credentials:
        """The credentials, of rendered arguments."""
        return Token(self.api_token) if self.api_token is not None else Basic(self.api_username, self.api_password)

    def _credential_problems(self) -> Iterator[str]:
        # By identity: some renderables answer `==` with another renderable.
        missing = [self.api_username is None, self.api_password is None]
        if self.api_token is None and any(missing):
            yield "give api_token, or both api_username and api_password: the account to make servers with"
            return
        if self.api_token is not None and not all(missing):
            yield "give either api_token or api_username and api_password: which account acts must be clear"
            return
        if is_static((self.api_username, self.api_password, self.api_token, self.base_url, self.owner)):
            try:
                UpCloud(self.credentials(), base_url=self.base_url, owner=self.owner)
            except (UpCloudError, TypeError, ValueError, AttributeError) as error:
                yield str(error)

    def _master_problems(self) -> Iterator[str]:
        if self.masterFQDN is None or is_renderable(self.masterFQDN):
            return
        try:
            host, _ = host_and_port(self.masterFQDN)
            if isinstance(self.bootstrap, Bootstrap):
                self.bootstrap.document(Guest(name="", password=SecretStr(""), master=host, port=0))
        except ValueError as error:
            yield str(error)

    def _image_problems(self) -> Iterator[str]:
        image = self.image
        if image is None or (isinstance(image, str) and not image):
            yield "image is missing: give a template's uuid or exact title, an expression, a function or its labels"
        elif not (isinstance(image, str | re.Pattern | Mapping) or is_renderable(image) or callable(image)):
            kinds = "a uuid, a title, a compiled expression, a function or a mapping of labels"
            yield f"image is {kinds}, not {type(image).__name__}"

    def _place_problems(self) -> Iterator[str]:
        host = mapping(self.hostconfig)
        if self.zones is not None and (self.zone is not None or "zone" in host):
            yield "zone and zones both say where servers are made: give one of them"
        if self.plans is not None and "plan" in host:
            yield "hostconfig['plan'] and plans both say how large servers are: give one of them"
        for name, value in (("zones", self.zones), ("plans", self.plans)):
            if value is None or is_renderable(value):
                continue
            if isinstance(value, str) or not isinstance(value, Sequence) or not value:
                yield f"{name} is a list of names, at least one"


def host_problems(hostconfig: Any) -> Iterator[str]:  # noqa: ANN401 - whatever stands in a master.cfg
    """What is wrong with a `hostconfig`; nothing as long as it is renderable."""
    if hostconfig is None or is_renderable(hostconfig):
        return
    if not is_mapping(hostconfig):
        yield f"hostconfig is a mapping, not {type(hostconfig).__name__}"
        return
    for key in hostconfig:
        if key not in HOST_KEYS:
            yield f"hostconfig has no {key!r}{suggestion(key, HOST_KEYS)}"
    if isinstance(hostconfig.get("ssh_keys"), str):
        yield "hostconfig['ssh_keys'] is a list of public keys, not one string"


def host_and_port(address: object) -> tuple[str, int | None]:
    """The parts of `host`, `host:port`, `[IPv6]:port` or a bare IPv6 address; None where no port is given.

    Raises:
        ValueError: it is none of these.
    """
    if isinstance(address, str):
        if _is_ipv6(address):
            return address, None
        found = _MASTER.fullmatch(address)
        if found is not None and (found[2] is None or 1 <= int(found[2]) <= 65535):
            return found[1], None if found[2] is None else int(found[2])
    raise ValueError(f"masterFQDN is 'host' or 'host:port', not {address!r}")


def _is_ipv6(text: str) -> bool:
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True


def is_mapping(value: object) -> TypeGuard[Mapping[str, Any]]:
    """Whether it is a mapping; its keys are names."""
    return isinstance(value, Mapping)


def mapping(value: object) -> Mapping[str, Any]:
    """The value if it is a mapping, else an empty one."""
    return value if is_mapping(value) else {}


def suggestion(word: str, known: Collection[str]) -> str:
    """What may have been meant."""
    close = get_close_matches(word, sorted(known), n=1)
    return f"; did you mean {close[0]!r}?" if close else f"; there are {', '.join(sorted(known))}"


def is_renderable(value: object) -> bool:
    """Whether Buildbot gives the value only when a build is there."""
    return IRenderable.providedBy(value)


def is_static(value: object) -> bool:
    """Whether nothing in the value waits to be rendered."""
    if is_renderable(value):
        return False
    if is_mapping(value):
        return is_static(list(value.values()))
    return not isinstance(value, list | tuple) or all(map(is_static, cast("Sequence[object]", value)))
