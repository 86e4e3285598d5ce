"""Checks before the first build: what the API says of an account and of the servers that workers will need.

Changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from upcloud_sdk.ci.account.cache import AccountCache
from upcloud_sdk.ci.money.price import NO_CURRENCY
from upcloud_sdk.ci.record.live import LiveView, has_lease
from upcloud_sdk.errors import UpCloudError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from upcloud_sdk import Recipe, ServerSpec, UpCloud
    from upcloud_sdk.ci.record.recorded import RecordedServer
    from upcloud_sdk.ci.servers.choice import LeastSize, ServerChoice
    from upcloud_sdk.models import Account, Plan, ServerSummary, StorageSummary
    from upcloud_sdk.placement import Budget, Standby
    from upcloud_sdk.pricing import Estimate

EACH_BUILD = "each build decides"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """The result of one check for one worker."""

    worker: str
    question: str
    """`credentials`, `plan`, `place`, `image`, `server`, `limits`, `master`, `cost`, `standby`, `budget`, `up` or
    `left`."""
    good: bool | None
    """None if it cannot be known before a build."""
    answer: str


class ServerCheck:
    """The checks for the servers of one worker. Each method adds its findings to `findings`.

    Give `is_known=False` for values that each build decides.

    Args:
        worker: Its name.
        max_servers: How many servers there may be at the same time. None: no limit.
    """

    def __init__(self, worker: str, *, max_servers: int | None = None) -> None:
        self._name, self.max_servers = worker, max_servers
        self.findings: list[Finding] = []
        self.needs: tuple[int, int] | None = None
        """Cores and MiB of its first plan, for which the account's limits must have room."""

    def tell(self, question: str, good: bool | None, answer: str) -> None:
        """Add a finding: whether the answer is good, and the answer as text."""
        self.findings.append(Finding(worker=self._name, question=question, good=good, answer=answer))

    async def ask_account(self, cloud: UpCloud) -> Account | None:
        """The account. None if its credentials are refused."""
        try:
            account = await cloud.account.get()
        except UpCloudError as error:
            self.tell("credentials", good=False, answer=str(error))
            return None
        self.tell("credentials", good=True, answer=f"{account.username}, {account.credits:.0f} credits left")
        return account

    async def ask_place(
        self, cloud: UpCloud, choice: ServerChoice, *, is_known: bool = True, custom: tuple[int, int] | None = None
    ) -> None:
        """Whether its zones and plans exist. `custom`: cores and MiB of a server of the plan `custom`."""
        zones = {zone.id for zone in await cloud.zones.list()}
        plans = {plan.name: plan for plan in await cloud.plans.list()}
        plan = choice.plans[0]
        if choice.replaced_by is not None and (plan not in plans or plans[plan].current_offering is False):
            choice = await self._ask_successor(cloud, choice, choice.replaced_by)
        missing = [f"no zone {zone!r}" for zone in choice.zones if zone not in zones]
        missing += [f"no plan {plan!r}" for plan in choice.plans if plan not in {*plans, "custom"}]
        self.needs = custom if choice.plans[0] == "custom" else _size(plans.get(choice.plans[0]))
        if missing:
            self.tell("place", good=False, answer="; ".join(missing))
        elif not is_known:
            self.tell("place", good=None, answer=EACH_BUILD)
        else:
            self.tell("place", good=True, answer=f"{', '.join(choice.plans)} in {', '.join(choice.zones)}")

    async def _ask_successor(self, cloud: UpCloud, choice: ServerChoice, least: LeastSize) -> ServerChoice:
        """The choice with the plan that replaces the default one if it is no longer sold to the account."""
        default, zone = choice.plans[0], choice.zones[0]
        try:
            plan = await cloud.plans.cheapest(zone=zone, **least._asdict())
        except UpCloudError as error:
            self.tell("plan", good=False, answer=f"{default} is no longer sold, and {error}")
            return choice
        self.tell("plan", good=True, answer=f"{default} is no longer sold; where it is refused, {plan.name} is taken")
        return replace(choice, plans=(plan.name,))

    async def ask_image(self, cloud: UpCloud, choice: ServerChoice, *, is_known: bool = True) -> StorageSummary | None:
        """The template of its image. None if there is none, or if it is not known."""
        if not is_known:
            self.tell("image", good=None, answer=EACH_BUILD)
            return None
        try:
            template = await cloud.storages.find_template(choice.template())
        except UpCloudError as error:
            self.tell("image", good=False, answer=str(error))
            return None
        if choice.recipe is None:
            self.tell("image", good=True, answer=template.title or template.uuid)
        else:
            self.tell("image", good=True, answer=await state_of_images(cloud, choice.recipe, choice.zones))
        return template

    async def ask_cost(self, cloud: UpCloud, spec: ServerSpec) -> Estimate | None:
        """Check the price of a server. Returns it, or None if it is not known."""
        try:
            estimate = await cloud.prices.estimate(spec)
        except UpCloudError as error:
            self.tell("cost", good=None, answer=str(error))
            return None
        self.tell("cost", good=True, answer=str(estimate))
        return estimate

    def tell_standby(self, standby: Standby, estimate: Estimate) -> None:
        """Add a finding about the cost of a standby's servers."""
        hours = standby.hours_a_month()
        cost = f"{hours * float(estimate.hourly):.2f} {estimate.currency or ''}".strip()
        count = f"{len(standby.workers)} servers, {hours:.0f} hours"
        self.tell("standby", good=True, answer=f"{count} a month: {cost}, whether there are builds or not")

    def tell_budget(self, budget: Budget, estimate: Estimate) -> None:
        """Add a finding about how many servers at this price the budget allows."""
        currency, hourly = estimate.currency, estimate.hourly
        if currency is None:
            self.tell("budget", good=None, answer=NO_CURRENCY)
            return
        problem = budget.problem(currency=currency, hourly=hourly)
        allowed = [f"{budget.servers_at_once(hourly)} servers at once"] if budget.per_hour is not None else []
        allowed += [f"{budget.hours_a_month(hourly)} hours a month"] if budget.per_month is not None else []
        self.tell("budget", good=problem is None, answer=problem or f"room for {', '.join(allowed)}")


def check_limits(checks: Sequence[ServerCheck], account: Account, servers: Sequence[ServerSummary]) -> Finding:
    """Whether the account's limits have room for all servers that may exist at the same time."""
    wanted = _at_once([(check.needs, check.max_servers) for check in checks if check.needs is not None])
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
        return Finding(worker=counted(checks, "worker"), question="limits", good=None, answer="no plan is known")
    answer = "; ".join(lacks) or f"room for {counted(wanted, 'server')} at once"
    return Finding(worker=counted(checks, "worker"), question="limits", good=not lacks, answer=answer)


def counted(things: Sequence[object], name: str) -> str:
    """Such as `2 workers`."""
    return f"{len(things)} {name}{'' if len(things) == 1 else 's'}"


def _at_once(workers: Sequence[tuple[tuple[int, int], int | None]]) -> list[tuple[int, int]]:
    """The resources needed if as many workers as possible have a server, the largest ones first."""
    limits = [limit for _, limit in workers if limit is not None]
    limited = sorted((needs for needs, limit in workers if limit is not None), reverse=True)
    return [needs for needs, limit in workers if limit is None] + limited[: max(limits, default=0)]


def _size(plan: Plan | None) -> tuple[int, int] | None:
    return None if plan is None else (plan.core_number or 0, plan.memory_amount or 0)


async def find_what_is_up(
    cloud: UpCloud, records: Sequence[RecordedServer], *, master_of: Callable[[str], str | None], worker: str
) -> list[Finding]:
    """The running servers of masters, and left-over disks, described as on a web page.

    Args:
        cloud: The client of an account.
        records: What is recorded of servers.
        master_of: As for `LiveView.of`.
        worker: For a finding about no single worker.
    """
    cache, findings = AccountCache(cloud), list[Finding]()
    seen, orphaned = await cache.leased(), tuple["StorageSummary", ...]()
    try:
        orphaned = await cache.orphaned_disks()
    except UpCloudError as error:
        findings.append(Finding(worker=worker, question="left", good=None, answer=f"disks cannot be listed: {error}"))
    # As long as its lease lasts, the master of this record holds a server.
    held = {server.uuid for server in seen.servers if has_lease(server, seen.at)}
    up = [record for record in records if record.gone is None and record.uuid in held]
    view = LiveView.of(seen.servers, orphaned, up, at=seen.at, earlier=records, master_of=master_of)
    for question, rows in (("up", view.servers), ("left", view.disks)):
        findings += [
            Finding(worker=row.worker or row.title, question=question, good=None, answer=str(row)) for row in rows
        ]
    return findings


async def state_of_images(cloud: UpCloud, recipe: Recipe, zones: Sequence[str]) -> str:
    """Describe the image of a recipe in each zone, with its age."""
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
