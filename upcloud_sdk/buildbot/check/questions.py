"""Checks UpCloud workers before their first build. Changes nothing."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import re
import socket
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import anyio
from pydantic import SecretStr

from upcloud_sdk import UpCloud
from upcloud_sdk.buildbot.arguments import host_and_port, mapping
from upcloud_sdk.buildbot.bootstrap import IN_TLS, Bootstrap, Guest
from upcloud_sdk.buildbot.owner import master_of
from upcloud_sdk.buildbot.request import MINIMUM_MEMORY, ServerRequest, bootstrap_of, rendered
from upcloud_sdk.ci import AccountCache, LiveView
from upcloud_sdk.ci.live import has_lease
from upcloud_sdk.errors import UpCloudError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from decimal import Decimal

    from upcloud_sdk import Recipe, ServerSpec
    from upcloud_sdk.buildbot.check.config import KnownWorker
    from upcloud_sdk.ci import LeastSize, ServerRecord
    from upcloud_sdk.models import Account, Plan, ServerSummary, StorageSummary
    from upcloud_sdk.placement import Budget

EACH_BUILD = "each build decides"
_ANSWERS_WITHIN = 3.0
_PORT = re.compile(r"(?:\w+:)?(?:port=)?(\d+)(?::|$)")
"""In an endpoint as Buildbot and Twisted take it."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What one question found for one worker."""

    worker: str
    question: str
    """`credentials`, `plan`, `place`, `image`, `server`, `limits`, `master`, `cost`, `standby`, `budget`, `up` or
    `left`."""
    good: bool | None
    """None if it cannot be known before a build."""
    answer: str


class _Rendered:
    """Takes the place of a build. All arguments are rendered already, if possible."""

    async def render(self, value: Any) -> Any:  # noqa: ANN401 - whatever stands in a master.cfg
        return value


class Check:
    """The questions about one worker."""

    def __init__(self, worker: KnownWorker) -> None:
        self._worker = worker
        self.findings: list[Finding] = []
        self.needs: tuple[int, int] | None = None
        """Cores and MiB of its first plan, for which the account's limits must have room."""
        self.max_servers = worker.arguments.max_servers

    def tell(self, question: str, good: bool | None, answer: str) -> None:
        """Add a finding."""
        self.findings.append(Finding(worker=self._worker.name, question=question, good=good, answer=answer))

    async def ask_nobody(self) -> None:
        """Check what needs no API."""
        for problem in self._worker.problems:
            self.tell("configuration", good=False, answer=problem)
        await self._ask_master()

    async def run(self, cloud: UpCloud) -> None:
        """Ask the API."""
        await self.ask_nobody()
        account = await self._ask_account(cloud)
        if account is None:
            return
        values = await rendered(self._worker.arguments, _Rendered())  # type: ignore[arg-type]  # an awaitable serves as a Deferred
        if "image" in self._worker.open:
            values["image"] = EACH_BUILD
        request = ServerRequest.of(values)
        await self._ask_place(cloud, request)
        template = await self._ask_image(cloud, request)
        if template is not None:
            await self._ask_server(cloud, request, template)

    async def _ask_account(self, cloud: UpCloud) -> Account | None:
        try:
            account = await cloud.account.get()
        except UpCloudError as error:
            self.tell("credentials", good=False, answer=str(error))
            return None
        self.tell("credentials", good=True, answer=f"{account.username}, {account.credits:.0f} credits left")
        return account

    async def _ask_place(self, cloud: UpCloud, request: ServerRequest) -> None:
        zones = {zone.id for zone in await cloud.zones.list()}
        plans = {plan.name: plan for plan in await cloud.plans.list()}
        plan = request.plans[0]
        if request.replaced_by is not None and (plan not in plans or plans[plan].current_offering is False):
            request = await self._ask_successor(cloud, request, request.replaced_by)
        missing = [f"no zone {zone!r}" for zone in request.zones if zone not in zones]
        missing += [f"no plan {plan!r}" for plan in request.plans if plan not in {*plans, "custom"}]
        self.needs = _size(request, plans)
        if missing:
            self.tell("place", good=False, answer="; ".join(missing))
        elif self._worker.open & {"zone", "zones", "plans", "hostconfig"}:
            self.tell("place", good=None, answer=EACH_BUILD)
        else:
            self.tell("place", good=True, answer=f"{', '.join(request.plans)} in {', '.join(request.zones)}")

    async def _ask_successor(self, cloud: UpCloud, request: ServerRequest, least: LeastSize) -> ServerRequest:
        """The request with the plan that replaces the default one if it is no longer sold to the account."""
        default, zone = request.plans[0], request.zones[0]
        try:
            plan = await cloud.plans.cheapest(zone=zone, **least._asdict())
        except UpCloudError as error:
            self.tell("plan", good=False, answer=f"{default} is no longer sold, and {error}")
            return request
        self.tell("plan", good=True, answer=f"{default} is no longer sold; where it is refused, {plan.name} is taken")
        return replace(request, plans=(plan.name,))

    async def _ask_image(self, cloud: UpCloud, request: ServerRequest) -> StorageSummary | None:
        if "image" in self._worker.open:
            self.tell("image", good=None, answer=EACH_BUILD)
            return None
        try:
            template = await cloud.storages.find_template(request.template())
        except UpCloudError as error:
            self.tell("image", good=False, answer=str(error))
            return None
        if request.recipe is None:
            self.tell("image", good=True, answer=template.title or template.uuid)
        else:
            self.tell("image", good=True, answer=await state_of_images(cloud, request.recipe, request.zones))
        return template

    async def _ask_server(self, cloud: UpCloud, request: ServerRequest, template: StorageSummary) -> None:
        guest = Guest(name=self._worker.name, password=SecretStr("-"), master="-", port=0)
        try:
            specs = request.specs(template, title=f"buildbot-{self._worker.name}", guest=guest)
        except ValueError as error:
            self.tell("server", good=False, answer=" ".join(str(error).split()))
            return
        await self._ask_cost(cloud, specs[0])

    async def _ask_cost(self, cloud: UpCloud, spec: ServerSpec) -> None:
        try:
            estimate = await cloud.prices.estimate(spec)
        except UpCloudError as error:
            self.tell("cost", good=None, answer=str(error))
            return
        self.tell("cost", good=True, answer=str(estimate))
        standby = self._worker.arguments.standby
        if standby is not None and self._worker.name in standby.workers:
            hours = standby.hours_a_month()
            cost = f"{hours * float(estimate.hourly):.2f} {estimate.currency or ''}".strip()
            count = f"{len(standby.workers)} servers, {hours:.0f} hours"
            self.tell("standby", good=True, answer=f"{count} a month: {cost}, whether there are builds or not")
        if self._worker.arguments.budget is not None:
            await self._ask_budget(cloud, self._worker.arguments.budget, estimate.hourly)

    async def _ask_budget(self, cloud: UpCloud, budget: Budget, hourly: Decimal) -> None:
        currency = await AccountCache(cloud).currency()
        if currency is None:
            self.tell("budget", good=None, answer="the account does not tell its currency")
            return
        problem = budget.problem(currency=currency, hourly=hourly)
        room = [f"{budget.servers_at_once(hourly)} servers at once"] if budget.per_hour is not None else []
        room += [f"{budget.hours_a_month(hourly)} hours a month"] if budget.per_month is not None else []
        self.tell("budget", good=problem is None, answer=problem or f"room for {', '.join(room)}")

    async def _ask_master(self) -> None:
        arguments = self._worker.arguments
        if "masterFQDN" in self._worker.open:
            self.tell("master", good=None, answer=EACH_BUILD)
            return
        try:
            host, port = host_and_port(arguments.masterFQDN or socket.getfqdn())
        except ValueError as error:
            self.tell("master", good=False, answer=str(error))
            return
        host, listens = host.strip("[]"), self._listens_at()
        if port is None and (deaf := self._deaf()) is not None:
            self.tell("master", good=False, answer=deaf)
            return
        try:
            found = await anyio.getaddrinfo(host, None)
        except OSError:
            self.tell("master", good=False, answer=f"{host} has no address: give masterFQDN as guests can resolve it")
            return
        addresses = {ipaddress.ip_address(str(entry[4][0]).partition("%")[0]) for entry in found}
        base_url = arguments.base_url or os.environ.get("UPCLOUD_DEBUG_API_BASE_URL")
        good, answer = reachable(host, addresses, arguments.networks, base_url)
        port = port or listens
        self.tell("master", good=good, answer=f"{answer}; {await _answers(host, port)}" if good and port else answer)

    def _own_bootstrap(self) -> Bootstrap | None:
        """The bootstrap of its guests, if it is the worker's own and is known."""
        arguments = self._worker.arguments
        if self._worker.open & {"bootstrap", "hostconfig"} or mapping(arguments.hostconfig).get("user_data"):
            return None
        bootstrap = bootstrap_of(arguments.bootstrap)
        return bootstrap if isinstance(bootstrap, Bootstrap) else None

    def _port_of(self, protocol: str) -> Any:  # noqa: ANN401 - a number or an endpoint
        return self._worker.protocols.get(protocol, {}).get("port")

    def _listens_at(self) -> int | None:
        """The port at which guests call if `masterFQDN` has none."""
        bootstrap = self._own_bootstrap()
        found = _PORT.match(str(self._port_of("pb" if bootstrap is None else bootstrap.protocol)))
        return int(found[1]) if found is not None else None

    def _deaf(self) -> str | None:
        """Why guests cannot use the port where the master listens. None if they can, or if that is not known."""
        bootstrap = self._own_bootstrap()
        if bootstrap is None:
            return None
        protocol = bootstrap.protocol
        port = self._port_of(protocol)
        if port is None:
            return f"connection={bootstrap.connection!r}, but c['protocols'] has no port for {protocol!r}"
        is_in_tls = str(port).startswith(("ssl:", "tls:"))
        if is_in_tls == (bootstrap.connection in IN_TLS):
            return None
        speaks = "is in TLS" if is_in_tls else "is not in TLS: name the proxy's port in masterFQDN, if one is before it"
        return f"connection={bootstrap.connection!r}, but the port for {protocol!r} {speaks}"


async def _answers(host: str, port: int) -> str:
    """Whether something listens there now."""
    with anyio.move_on_after(_ANSWERS_WITHIN), contextlib.suppress(OSError):
        async with await anyio.connect_tcp(host, port):
            return f"port {port} answers"
    return f"port {port} does not answer from here, which is right if the master does not run"


def reachable(
    host: str,
    addresses: set[ipaddress.IPv4Address | ipaddress.IPv6Address],
    networks: Sequence[Any] | None,
    base_url: str | None,
) -> tuple[bool, str]:
    """Whether servers with these networks can reach a master at one of these addresses."""
    shown = ", ".join(sorted(map(str, addresses)))
    at_home = urlsplit(base_url or "").hostname in {"127.0.0.1", "localhost", "::1"}
    if at_home:
        return True, f"{host} ({shown}); servers are simulated on this machine"
    if all(address.is_loopback for address in addresses):
        return False, f"{host} is {shown}, which for a guest is the guest itself: set masterFQDN"
    private = networks is not None and any(network not in {"public", "public-ipv6"} for network in networks)
    if all(address.is_private for address in addresses) and not private:
        return False, f"{host} is {shown}: a private address, and no private network in networks="
    return True, f"{host} ({shown})"


def check_limits(checks: Sequence[Check], account: Account, servers: Sequence[ServerSummary]) -> Finding:
    """Whether the account's limits have room for all servers that may exist at the same time."""
    wanted = at_once([(check.needs, check.max_servers) for check in checks if check.needs is not None])
    limits = account.resource_limits
    lacks: list[str] = []
    for what, limit, used, more in (
        ("cores", limits.cores, sum(server.core_number or 0 for server in servers), sum(cores for cores, _ in wanted)),
        (
            "MiB",
            limits.memory,
            sum(server.memory_amount or 0 for server in servers),
            sum(memory for _, memory in wanted),
        ),
    ):
        if limit is not None and used + more > limit:
            lacks.append(f"{more} {what} wanted at once, but {limit - used} of {limit} {what} are free")
    if not wanted:
        return Finding(worker=_count(checks, "worker"), question="limits", good=None, answer="no plan is known")
    answer = "; ".join(lacks) or f"room for {_count(wanted, 'server')} at once"
    return Finding(worker=_count(checks, "worker"), question="limits", good=not lacks, answer=answer)


def _count(things: Sequence[object], name: str) -> str:
    return f"{len(things)} {name}{'' if len(things) == 1 else 's'}"


def at_once(workers: Sequence[tuple[tuple[int, int], int | None]]) -> list[tuple[int, int]]:
    """What is needed if as many workers as possible have a server, the largest ones first."""
    limits = [limit for _, limit in workers if limit is not None]
    limited = sorted((needs for needs, limit in workers if limit is not None), reverse=True)
    return [needs for needs, limit in workers if limit is None] + limited[: max(limits, default=0)]


def _size(request: ServerRequest, plans: Mapping[str, Plan]) -> tuple[int, int] | None:
    first = request.plans[0]
    if first == "custom":
        host = dict(request.host)
        return host.get("core_number", 1), host.get("memory_amount", MINIMUM_MEMORY)
    plan = plans.get(first)
    return None if plan is None else (plan.core_number or 0, plan.memory_amount or 0)


async def check_workers(workers: Sequence[KnownWorker], records: Iterable[ServerRecord] = ()) -> list[Finding]:
    """Check these workers. Those of one account share a client.

    `records`: what the master has recorded of its servers, for what it knows of those that are up.
    """
    recorded = tuple(records)
    findings: list[Finding] = []
    by_account: dict[tuple[Any, ...], list[KnownWorker]] = {}
    for worker in workers:
        given = worker.arguments
        by_account.setdefault((given.api_token, given.api_username, given.api_password, given.base_url), []).append(
            worker
        )
    for group in by_account.values():
        findings += await _check_account(group, recorded)
    return findings


async def _check_account(workers: Sequence[KnownWorker], records: Sequence[ServerRecord]) -> list[Finding]:
    checks = [Check(worker) for worker in workers]
    first = workers[0]
    if first.open & {"api_token", "api_username", "api_password", "base_url"}:
        return await _without_account(checks, good=None, answer="they cannot be rendered without a running master")
    try:
        client = UpCloud(first.arguments.credentials(), base_url=first.arguments.base_url)
    except UpCloudError as error:
        return await _without_account(checks, good=False, answer=str(error))
    limits: list[Finding] = []
    async with client as cloud:
        for check in checks:
            await check.run(cloud)
        if all(finding.good for check in checks for finding in check.findings if finding.question == "credentials"):
            limits.append(check_limits(checks, await cloud.account.get(), await cloud.servers.list()))
            limits += await _ask_what_is_up(cloud, workers, records)
    return [finding for check in checks for finding in check.findings] + limits


async def _ask_what_is_up(
    cloud: UpCloud, workers: Sequence[KnownWorker], records: Sequence[ServerRecord]
) -> list[Finding]:
    """The running servers of masters, and left-over disks, described as on the web page."""
    cache, findings = AccountCache(cloud), list[Finding]()
    seen, loose = await cache.leased(), tuple["StorageSummary", ...]()
    try:
        loose = await cache.loose_disks()
    except UpCloudError as error:
        count = _count(workers, "worker")
        findings.append(Finding(worker=count, question="left", good=None, answer=f"disks cannot be listed: {error}"))
    # As long as its lease lasts, the master of this record holds a server.
    held = {server.uuid for server in seen.servers if has_lease(server, seen.at)}
    owners = {record.owner for record in records}
    owners |= {worker.arguments.owner for worker in workers if worker.arguments.owner is not None}
    view = LiveView.of(
        seen.servers,
        loose,
        [record for record in records if record.gone is None and record.uuid in held],
        at=seen.at,
        earlier=records,
        master_of=partial(master_of, names={record.master for record in records}, owners=owners),
    )
    for question, rows in (("up", view.servers), ("left", view.disks)):
        findings += [
            Finding(worker=row.worker or row.title, question=question, good=None, answer=str(row)) for row in rows
        ]
    return findings


async def _without_account(checks: Sequence[Check], *, good: bool | None, answer: str) -> list[Finding]:
    for check in checks:
        await check.ask_nobody()
        check.tell("credentials", good, answer)
    return [finding for check in checks for finding in check.findings]


async def state_of_images(cloud: UpCloud, recipe: Recipe, zones: Sequence[str]) -> str:
    """Which image of a recipe exists in each zone, and its age."""
    found = await cloud.images.find(recipe)
    now = await cloud.leases.now()
    parts: list[str] = []
    for zone in zones:
        image = found.get(zone)
        if image is None:
            parts.append(f"none in {zone} yet: the master makes it, and until then {recipe.base} runs its commands")
            continue
        age = "" if image.created is None else f", {(now - image.created).days} days old"
        parts.append(f"{image.title} in {zone}{age}")
    return f"{recipe.title}: {'; '.join(parts)}"
