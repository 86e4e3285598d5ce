"""The worker's own arguments, in addition to Buildbot's: names, defaults, meaning, and checks."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import fields, replace
from inspect import signature
from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import ConfigDict, SecretStr, ValidationError
from pydantic.dataclasses import dataclass

from upcloud_sdk import Basic, Recipe, Token, UpCloud
from upcloud_sdk.buildbot._buildbot.api import AbstractLatentWorker
from upcloud_sdk.buildbot.configuration.bootstrap import INSTALLS, Bootstrap, Guest
from upcloud_sdk.buildbot.configuration.values import (
    BOOTSTRAP,
    BUDGET,
    FIREWALL,
    FLAG,
    GROUP,
    HOST,
    IMAGE,
    LABELS,
    LIMIT,
    NAMES,
    NETWORKS,
    PATIENCE,
    SECONDS,
    SECRET,
    STANDBY,
    STORAGES,
    TEXT,
    buildbot_problems,
    host_and_port,
    is_renderable,
    is_static,
    mapping,
    rendered,
    sentences,
    suggestion,
)
from upcloud_sdk.ci import LeastSize
from upcloud_sdk.ci.record.database import database_url
from upcloud_sdk.ci.servers.choice import REFRESH
from upcloud_sdk.errors import UpCloudError
from upcloud_sdk.placement import PaidHour

if TYPE_CHECKING:
    from upcloud_sdk.buildbot.configuration.values import Render
    from upcloud_sdk.credentials import Credentials

DEFAULT_ZONE = "de-fra1"
DEFAULT_PLAN = "1xCPU-1GB"
DEFAULT_PLAN_HAS = LeastSize(cores=1, memory=1024, storage=25)
"""The minimum size of the plan that replaces the default plan, if that is no longer sold."""
DEFAULT_DISK_SIZE = 10
"""GB."""
DEFAULT_TIER = "maxiops"

_POSITIONAL = ("zone", "api_username", "api_password", "image", "hostconfig", "base_url", "masterFQDN")
_RENDERED_ONCE = ("api_username", "api_password", "api_token", "base_url", "owner", "masterFQDN")
"""Arguments that do not depend on a build."""
_RENDERED = (
    "image", "zone", "zones", "plans", "hostconfig", "bootstrap", "labels", "networks", "storages", "server_group",
    "firewall",
)  # fmt: skip
"""Arguments that are rendered for each build."""


@dataclass(frozen=True, kw_only=True, repr=False, config=ConfigDict(hide_input_in_errors=True))
class Arguments:
    """The arguments of a worker. All except the timeouts, `seal_metadata` and `max_servers` may be renderable."""

    zone: Annotated[Any, TEXT] = None
    """The zone; `hostconfig["zone"]` overrides it. `de-fra1` if neither is given."""
    api_username: Annotated[Any, TEXT] = None
    api_password: Annotated[Any, SECRET] = None
    image: Annotated[Any, IMAGE] = None
    """A template: uuid, exact title, compiled expression, function, or a mapping of labels. If several match an
    expression, a function or labels, the newest is used. Or a `Recipe`: the master makes its image in the background.
    Until the image is there, servers of the recipe's base run its commands before their worker starts."""
    refresh: Annotated[float, SECONDS] = REFRESH
    """How often to look whether the base of a `Recipe` has changed, in seconds. Then a new image is made."""
    hostconfig: Annotated[Any, HOST] = None
    """A mapping; see `HOST_KEYS`."""
    base_url: Annotated[Any, TEXT] = None
    """The API's URL. None: UpCloud's own."""
    masterFQDN: Annotated[Any, TEXT] = None  # noqa: N815 - the shipped worker's
    """The address of the master, or of its proxy, as guests see it: `host` or `host:port`. None: this machine's full
    name, and the port where the master listens."""
    api_token: Annotated[Any, SECRET] = None
    """Instead of `api_username` and `api_password`."""
    owner: Annotated[Any, TEXT] = None
    """The owner label of the servers. None: an id in the master's database."""
    zones: Annotated[Any, NAMES] = None
    """A list of zones, tried in order, instead of `zone`."""
    plans: Annotated[Any, NAMES] = None
    """A list of plans, tried in order in each zone, instead of `hostconfig["plan"]`."""
    create_timeout: Annotated[float, SECONDS] = 120
    """Seconds for the API to create a server."""
    boot_timeout: Annotated[float, SECONDS] = 300
    """Seconds for the server to start."""
    attach_timeout: Annotated[float, SECONDS] = 600
    """Seconds for its worker to attach after that, to answer while it is connected (at least 60), and to come back if
    the connection is lost."""
    shutdown_timeout: Annotated[float, SECONDS] = 10
    """Seconds that a stopping master waits until its servers are destroyed."""
    bootstrap: Annotated[Any, BOOTSTRAP] = None
    """What the guest runs if there is no `user_data`: a `Bootstrap`; the name of its `install`; your own document, in
    which @NAME@, @PASSWORD@, @MASTER@ and @PORT@ are filled in; or False, for nothing. None: a `Bootstrap()` on images
    with cloud-init."""
    seal_metadata: Annotated[bool, FLAG] = False
    """Whether to switch off the guest's metadata service when its worker has attached."""
    max_servers: Annotated[int | None, LIMIT] = None
    """How many servers all UpCloud workers of this master may have together; None: no limit."""
    labels: Annotated[Any, LABELS] = None
    """More labels for the servers, as a mapping."""
    networks: Annotated[Any, NETWORKS] = None
    """Interfaces: "public", "public-ipv6", "utility", the uuid of a private network, or an `InterfaceSpec`."""
    storages: Annotated[Any, STORAGES] = None
    """More disks, as `StorageDeviceSpec`: created disks are deleted with the server, attached disks are kept."""
    server_group: Annotated[Any, GROUP] = None
    """A server group to join: its uuid; or a `ServerGroupSpec` for the owner's group with that title. The group is
    created if there is none, and stays."""
    firewall: Annotated[Any, FIREWALL] = False
    """Whether to switch on UpCloud's firewall for the servers."""
    prefer_idle: Annotated[bool, FLAG] = True
    """Whether to leave a build to another worker with a running, free server, before creating a server. Not if a
    builder's `nextWorker` or `canStartBuild`, or `select_next_worker`, chooses workers."""
    budget: Annotated[Any, BUDGET] = None
    """What all UpCloud workers of this master may cost together. Other builds wait."""
    patience: Annotated[float, PATIENCE] = 0
    """Seconds that a build may wait until a busy server is free, before this worker creates one."""
    fresh_disk: Annotated[bool, FLAG] = False
    """Whether each build gets a fresh disk of a server that stays as long as `build_wait_timeout` says."""
    record: Annotated[Any, TEXT] = None
    """The URL of the database with the record of servers: 'postgresql://…' for one that several masters share, or
    'sqlite:///FILE'. The same for all UpCloud workers of a master. None: the file upcloud.sqlite in the master's base
    directory."""
    standby: Annotated[Any, STANDBY] = None
    """Keeps the server of this worker running at certain hours, if the `Standby` names it. See `standby_scheduler`."""

    @classmethod
    def read(cls, args: Sequence[Any], kwargs: Mapping[str, Any]) -> tuple[Self, dict[str, Any]]:
        """Split the arguments into ours and Buildbot's. `args` are those after the worker's name and password.

        Raises:
            ValidationError: Values are wrong. `sentences` tells which.
        """
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

    def problems(self, buildbot: Mapping[str, Any]) -> Iterator[str]:
        """A sentence for each error in how values go together, also with Buildbot's, before anything is rendered."""
        yield from self._credential_problems()
        if is_missing(self.image):
            yield MISSING_IMAGE
        yield from self._recipe_problems()
        yield from self._place_problems()
        if self.bootstrap and mapping(self.hostconfig).get("user_data"):
            yield "hostconfig['user_data'] and bootstrap both say what the guest runs: give one of them"
        yield from self._master_problems()
        wrong = list(buildbot_problems(buildbot))
        yield from wrong or self._disk_problems(buildbot)

    def _disk_problems(self, buildbot: Mapping[str, Any]) -> Iterator[str]:
        stays = buildbot.get("build_wait_timeout", 1)
        is_kept = isinstance(stays, PaidHour) or stays > 0
        if self.standby is not None and (self.fresh_disk or not is_kept):
            yield "standby is for servers that stay as they are: give build_wait_timeout=PaidHour(), and no fresh_disk"
        if self.fresh_disk and not is_kept:
            yield "fresh_disk=True is for servers that stay: give build_wait_timeout=PaidHour(), or seconds above 0"
        if self.fresh_disk and buildbot.get("max_builds") not in {None, 1}:
            yield "fresh_disk=True gives each build a disk of its own: leave max_builds out, or give 1"

    async def rendered_once(self, render: Render) -> Self:
        """The same arguments, after rendering those that do not depend on a build.

        Raises:
            NotRendered, ValueError: as for `rendered`.
        """
        return await self._rendered(_RENDERED_ONCE, render)

    async def rendered(self, render: Render) -> Self:
        """The same arguments, with the values for a build.

        Raises:
            NotRendered: a value cannot be rendered now.
            ValueError: a value is wrong.
        """
        return await self._rendered(_RENDERED, render)

    async def _rendered(self, names: Sequence[str], render: Render) -> Self:
        known = {name: await rendered(name, getattr(self, name), render) for name in names}
        try:
            return replace(self, **known)
        except ValidationError as error:
            wrong = "; ".join(sentences(error))
        raise ValueError(wrong)

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


MISSING_IMAGE = "image is missing: give a template's uuid or exact title, an expression, a function or its labels"


def is_missing(image: object) -> bool:
    """Whether there is no image."""
    return image is None or (isinstance(image, str | Mapping) and not image)
