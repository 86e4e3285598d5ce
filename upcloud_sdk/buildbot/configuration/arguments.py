"""The worker's own arguments, in addition to Buildbot's: names, defaults, meaning, and checks."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from difflib import get_close_matches
from inspect import signature
from typing import TYPE_CHECKING, Any, TypeGuard, cast

from pydantic import SecretStr

from upcloud_sdk import Basic, Recipe, Token, UpCloud
from upcloud_sdk.buildbot._buildbot.api import AbstractLatentWorker, IRenderable
from upcloud_sdk.buildbot.configuration.bootstrap import INSTALLS, Bootstrap, Guest
from upcloud_sdk.ci import LeastSize
from upcloud_sdk.ci.record.database import database_url
from upcloud_sdk.ci.servers.choice import REFRESH
from upcloud_sdk.errors import UpCloudError
from upcloud_sdk.models import ServerGroupSpec
from upcloud_sdk.placement import Budget, Standby

if TYPE_CHECKING:
    from upcloud_sdk.credentials import Credentials

DEFAULT_ZONE = "de-fra1"
DEFAULT_PLAN = "1xCPU-1GB"
DEFAULT_PLAN_HAS = LeastSize(cores=1, memory=1024, storage=25)
"""The minimum size of the plan that replaces the default plan, if that is no longer sold."""
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
"""The keys of `hostconfig`. Those down to `user_data` are of the worker that ships with Buildbot."""

_INSTALLS = ", ".join(map(repr, sorted(INSTALLS)))
_POSITIONAL = ("zone", "api_username", "api_password", "image", "hostconfig", "base_url", "masterFQDN")
_RENDERED_ONCE = ("api_username", "api_password", "api_token", "base_url", "owner", "masterFQDN", "record")
"""Arguments that do not depend on a build."""
_MASTER = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\s:/@\[\]]+)(?::([0-9]{1,5}))?")
_SECONDS = ("refresh", "create_timeout", "boot_timeout", "attach_timeout", "shutdown_timeout")


@dataclass(frozen=True, kw_only=True, repr=False)
class Arguments:
    """The arguments of a worker. All except the timeouts, `seal_metadata` and `max_servers` may be renderable."""

    zone: Any = None
    """The zone; `hostconfig["zone"]` overrides it. `de-fra1` if neither is given."""
    api_username: Any = None
    api_password: Any = None
    image: Any = None
    """A template: uuid, exact title, compiled expression, function, or a mapping of labels. If several match an
    expression, a function or labels, the newest is used. Or a `Recipe`: the master makes its image in the background.
    Until the image is there, servers of the recipe's base run its commands before their worker starts."""
    refresh: float = REFRESH
    """How often to look whether the base of a `Recipe` has changed, in seconds. Then a new image is made."""
    hostconfig: Any = None
    """A mapping; see `HOST_KEYS`."""
    base_url: Any = None
    """The API's URL. None: UpCloud's own."""
    masterFQDN: Any = None  # noqa: N815 - the shipped worker's
    """The address of the master, or of its proxy, as guests see it: `host` or `host:port`. None: this machine's full
    name, and the port where the master listens."""
    api_token: Any = None
    """Instead of `api_username` and `api_password`."""
    owner: Any = None
    """The owner label of the servers. None: an id in the master's database."""
    zones: Any = None
    """A list of zones, tried in order, instead of `zone`."""
    plans: Any = None
    """A list of plans, tried in order in each zone, instead of `hostconfig["plan"]`."""
    create_timeout: float = 120
    """Seconds for the API to create a server."""
    boot_timeout: float = 300
    """Seconds for the server to start."""
    attach_timeout: float = 600
    """Seconds for its worker to attach after that, to answer while it is connected (at least 60), and to come back if
    the connection is lost."""
    shutdown_timeout: float = 10
    """Seconds that a stopping master waits until its servers are destroyed."""
    bootstrap: Any = None
    """What the guest runs if there is no `user_data`: a `Bootstrap`; the name of its `install`; your own document, in
    which @NAME@, @PASSWORD@, @MASTER@ and @PORT@ are filled in; or False, for nothing. None: a `Bootstrap()` on images
    with cloud-init."""
    seal_metadata: bool = False
    """Whether to switch off the guest's metadata service when its worker has attached."""
    max_servers: int | None = None
    """How many servers all UpCloud workers of this master may have together; None: no limit."""
    labels: Any = None
    """More labels for the servers, as a mapping."""
    networks: Any = None
    """Interfaces: "public", "public-ipv6", "utility", the uuid of a private network, or an `InterfaceSpec`."""
    storages: Any = None
    """More disks, as `StorageDeviceSpec`: created disks are deleted with the server, attached disks are kept."""
    server_group: Any = None
    """A server group to join: its uuid; or a `ServerGroupSpec` for the owner's group with that title. The group is
    created if there is none, and stays."""
    firewall: Any = False
    """Whether to switch on UpCloud's firewall for the servers."""
    prefer_idle: bool = True
    """Whether to leave a build to another worker with a running, free server, before creating a server. Not if a
    builder's `nextWorker` or `canStartBuild`, or `select_next_worker`, chooses workers."""
    budget: Budget | None = None
    """What all UpCloud workers of this master may cost together. Other builds wait."""
    patience: float = 0
    """Seconds that a build may wait until a busy server is free, before this worker creates one."""
    fresh_disk: bool = False
    """Whether each build gets a fresh disk of a server that stays as long as `build_wait_timeout` says."""
    record: Any = None
    """The URL of the database with the record of servers: 'postgresql://…' for one that several masters share, or
    'sqlite:///FILE'. The same for all UpCloud workers of a master. None: the file upcloud.sqlite in the master's base
    directory."""
    standby: Standby | None = None
    """Keeps the server of this worker running at certain hours, if the `Standby` names it. See `standby_scheduler`."""

    @classmethod
    def read(cls, args: Sequence[Any], kwargs: Mapping[str, Any]) -> tuple[Arguments, dict[str, Any]]:
        """Split the arguments into ours and Buildbot's. `args` are those after the worker's name and password."""
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
        """A sentence for each error that can be found before anything is rendered."""
        yield from self._credential_problems()
        yield from server_problems(vars(self))
        yield from self._recipe_problems()
        yield from self._place_problems()
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
            yield f"server_group is a uuid, or a ServerGroupSpec for a group to find or create, not {group!r}"
        given = self.bootstrap
        if not (given is None or given is False or isinstance(given, str | Bootstrap) or is_renderable(given)):
            yield f"bootstrap is a Bootstrap, one of {_INSTALLS}, a document with tokens, or False, not {given!r}"
        if given and mapping(self.hostconfig).get("user_data"):
            yield "hostconfig['user_data'] and bootstrap both say what the guest runs: give one of them"
        yield from self._master_problems()

    def disk_problems(self, buildbot: Mapping[str, Any]) -> Iterator[str]:
        """A sentence for each error in `fresh_disk` and `standby`, also together with Buildbot's own arguments."""
        fresh = cast("object", self.fresh_disk)
        if not isinstance(fresh, bool):
            yield f"fresh_disk is True or False, not {fresh!r}"
        stays = buildbot.get("build_wait_timeout", 1)
        standby = cast("object", self.standby)
        if standby is not None and not isinstance(standby, Standby):
            yield f"standby is a Standby, or None, not {standby!r}"
        if standby is not None and (fresh or (isinstance(stays, int | float) and stays <= 0)):
            yield "standby is for servers that stay as they are: give build_wait_timeout=PaidHour(), and no fresh_disk"
        if fresh is not True:
            return
        if isinstance(stays, int | float) and stays <= 0:
            yield "fresh_disk=True is for servers that stay: give build_wait_timeout=PaidHour(), or seconds above 0"
        if buildbot.get("max_builds") not in {None, 1}:
            yield "fresh_disk=True gives each build a disk of its own: leave max_builds out, or give 1"

    async def rendered_once(self, render: Callable[[list[Any]], Awaitable[list[Any]]]) -> Arguments:
        """The same arguments, after rendering those that do not depend on a build."""
        values = await render([getattr(self, name) for name in _RENDERED_ONCE])
        return replace(self, **dict(zip(_RENDERED_ONCE, values, strict=True)))

    def credentials(self) -> Credentials:
        """The credentials. For rendered arguments."""
        return Token(self.api_token) if self.api_token is not None else Basic(self.api_username, self.api_password)

    def _credential_problems(self) -> Iterator[str]:
        # `is`, because some renderables answer `==` with another renderable.
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
        if self.record is not None and not is_renderable(self.record):
            try:
                database_url(self.record)
            except ValueError as error:
                yield str(error)
        if self.masterFQDN is None or is_renderable(self.masterFQDN):
            return
        try:
            host, _ = host_and_port(self.masterFQDN)
            if isinstance(self.bootstrap, Bootstrap):
                self.bootstrap.document(Guest(name="", password=SecretStr(""), master=host, port=0))
        except ValueError as error:
            yield str(error)

    def _recipe_problems(self) -> Iterator[str]:
        bootstrap = self.bootstrap
        is_own = bootstrap is None or isinstance(bootstrap, Bootstrap) or is_renderable(bootstrap)
        is_own = is_own or (isinstance(bootstrap, str) and bootstrap in INSTALLS)
        if isinstance(self.image, Recipe) and (mapping(self.hostconfig).get("user_data") or not is_own):
            yield (
                "image is a Recipe, whose commands run in the worker's own bootstrap until there is an image: give a "
                "Bootstrap, or the name of its install, and no hostconfig['user_data']"
            )

    def _place_problems(self) -> Iterator[str]:
        host = mapping(self.hostconfig)
        if self.zones is not None and (self.zone is not None or "zone" in host):
            yield "zone and zones both say where servers are created: give one of them"
        if self.plans is not None and "plan" in host:
            yield "hostconfig['plan'] and plans both say how large servers are: give one of them"


def server_problems(values: Mapping[str, Any]) -> Iterator[str]:
    """A sentence for each error in `image`, `zones`, `plans` and `hostconfig`. None for what is still renderable."""
    image = values["image"]
    if image is None or (isinstance(image, str | Mapping) and not image):
        yield "image is missing: give a template's uuid or exact title, an expression, a function or its labels"
    elif not (isinstance(image, str | re.Pattern | Mapping | Recipe) or is_renderable(image) or callable(image)):
        kinds = "a Recipe, a uuid, a title, a compiled expression, a function or a mapping of labels"
        yield f"image is {kinds}, not {type(image).__name__}"
    for name in ("zones", "plans"):
        value = values[name]
        if value is None or is_renderable(value):
            continue
        if isinstance(value, str) or not isinstance(value, Sequence) or not value:
            yield f"{name} is a list of names, at least one"
    yield from host_problems(values["hostconfig"])


def host_problems(hostconfig: Any) -> Iterator[str]:  # noqa: ANN401 - whatever stands in a master.cfg
    """A sentence for each error in a `hostconfig`. None as long as it is renderable."""
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
    """Split `host`, `host:port`, `[IPv6]:port` or a bare IPv6 address. None: without a port.

    Raises:
        ValueError: The text has another form.
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
    """Whether it is a mapping."""
    return isinstance(value, Mapping)


def mapping(value: object) -> Mapping[str, Any]:
    """The value if it is a mapping, else an empty one."""
    return value if is_mapping(value) else {}


def suggestion(word: str, known: Collection[str]) -> str:
    """The end of a sentence: a similar known word, or all known words."""
    close = get_close_matches(word, sorted(known), n=1)
    return f"; did you mean {close[0]!r}?" if close else f"; there are {', '.join(sorted(known))}"


def is_renderable(value: object) -> bool:
    """Whether Buildbot renders the value, for each build."""
    return IRenderable.providedBy(value)


def is_static(value: object) -> bool:
    """Whether the value contains nothing renderable."""
    if is_renderable(value):
        return False
    if is_mapping(value):
        return is_static(list(value.values()))
    return not isinstance(value, list | tuple) or all(map(is_static, cast("Sequence[object]", value)))
