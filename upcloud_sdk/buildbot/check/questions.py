"""Checks UpCloud workers before their first build. Changes nothing."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from pydantic import SecretStr

from upcloud_sdk import UpCloud
from upcloud_sdk.buildbot.accounts.owner import master_of
from upcloud_sdk.buildbot.check.master_address import find_master
from upcloud_sdk.buildbot.configuration.bootstrap import Guest
from upcloud_sdk.buildbot.configuration.request import MINIMUM_MEMORY, ServerRequest
from upcloud_sdk.ci.servers.check import EACH_BUILD, ServerCheck, check_limits, counted, find_what_is_up
from upcloud_sdk.errors import UpCloudError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from upcloud_sdk.buildbot.check.config import KnownWorker
    from upcloud_sdk.ci import RecordedServer
    from upcloud_sdk.ci.servers.check import Finding
    from upcloud_sdk.models import StorageSummary


class Check(ServerCheck):
    """The checks of one worker, in their order."""

    def __init__(self, worker: KnownWorker) -> None:
        super().__init__(worker.name, max_servers=worker.arguments.max_servers)
        self._worker = worker

    async def ask_nobody(self) -> None:
        """Check what needs no API."""
        for problem in self._worker.problems:
            self.tell("configuration", good=False, answer=problem)
        self.tell("master", *await find_master(self._worker))

    async def run(self, cloud: UpCloud) -> None:
        """Run the checks that need the API."""
        await self.ask_nobody()
        if await self.ask_account(cloud) is None:
            return
        undecided = self._worker.open
        arguments = self._worker.arguments
        request = ServerRequest.of(replace(arguments, image=EACH_BUILD) if "image" in undecided else arguments)
        host = dict(request.host)
        size = host.get("core_number", 1), host.get("memory_amount", MINIMUM_MEMORY)
        has_place = not undecided & {"zone", "zones", "plans", "hostconfig"}
        await self.ask_place(cloud, request, is_known=has_place, custom=size)
        template = await self.ask_image(cloud, request, is_known="image" not in undecided)
        if template is not None:
            await self._ask_server(cloud, request, template)

    async def _ask_server(self, cloud: UpCloud, request: ServerRequest, template: StorageSummary) -> None:
        arguments, name = self._worker.arguments, self._worker.name
        guest = Guest(name=name, password=SecretStr("-"), master="-", port=0)
        try:
            specs = request.specs(template, title=f"buildbot-{name}", guest=guest)
        except ValueError as error:
            self.tell("server", good=False, answer=" ".join(str(error).split()))
            return
        estimate = await self.ask_cost(cloud, specs[0])
        if estimate is None:
            return
        if arguments.standby is not None and name in arguments.standby.workers:
            self.tell_standby(arguments.standby, estimate)
        if arguments.budget is not None:
            self.tell_budget(arguments.budget, estimate)


async def check_workers(workers: Sequence[KnownWorker], records: Sequence[RecordedServer] = ()) -> list[Finding]:
    """Check these workers. Those of one account share a client.

    `records`: the master's record of its servers, for details about running ones.
    """
    by_account: dict[object, list[KnownWorker]] = {}
    for worker in workers:
        by_account.setdefault(worker.account, []).append(worker)
    return [finding for group in by_account.values() for finding in await _check_account(group, records)]


async def _check_account(workers: Sequence[KnownWorker], records: Sequence[RecordedServer]) -> list[Finding]:
    checks = [Check(worker) for worker in workers]
    first = workers[0]
    if first.account is None:
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
            limits += await _find_what_is_up(cloud, workers, records)
    return [finding for check in checks for finding in check.findings] + limits


async def _find_what_is_up(
    cloud: UpCloud, workers: Sequence[KnownWorker], records: Sequence[RecordedServer]
) -> list[Finding]:
    owners = {record.owner for record in records}
    owners |= {worker.arguments.owner for worker in workers if worker.arguments.owner is not None}
    of = partial(master_of, names={record.master for record in records}, owners=owners)
    return await find_what_is_up(cloud, records, master_of=of, worker=counted(workers, "worker"))


async def _without_account(checks: Sequence[Check], *, good: bool | None, answer: str) -> list[Finding]:
    for check in checks:
        await check.ask_nobody()
        check.tell("credentials", good, answer)
    return [finding for check in checks for finding in check.findings]
