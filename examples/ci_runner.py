"""An adapter for a CI system of your own: jobs are shell commands, which run on servers that are created for them.

    python -m examples.ci_runner                       on a simulator whose servers are processes of this machine
    python -m examples.ci_runner "make test" "date"    the same with other jobs

A server is kept for the next job until its paid hour ends. A job whose server is lost runs again on another one. What
happens is in a record, a database, which also holds the budget: a job waits while its server would cost too much. At
the end the record is compared with the bill.
"""

from __future__ import annotations

import json
import secrets
import sys
import tempfile
import time
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from uuid import uuid4

import anyio
import anyio.to_thread
from anyio.abc import SocketAttribute
from anyio.streams.buffered import BufferedByteReceiveStream
from pydantic import SecretStr
from rich.console import Console
from rich.table import Table

from upcloud_sdk import LoginUser, ServerSpec, StorageDeviceSpec, Token, UpCloud, WaitPolicy
from upcloud_sdk.ci import Claim, JobServer, OpenAccount, ReapPace, Record, ServerChoice, is_permanent
from upcloud_sdk.ci.money.reconciliation import reconcile
from upcloud_sdk.ci.record.changes import millionths
from upcloud_sdk.ci.record.queries import servers_known
from upcloud_sdk.errors import NotFound, UpCloudError
from upcloud_sdk.placement import Budget, PaidHour
from upcloud_sdk.simulator import Simulator

if TYPE_CHECKING:
    from concurrent.futures import Future

    from anyio.abc import ByteStream
    from anyio.streams.memory import MemoryObjectReceiveStream

    from upcloud_sdk.ci import Quote, Refused
    from upcloud_sdk.ci.money.reconciliation import Reconciliation
    from upcloud_sdk.models import StorageSummary

CREATE_TIMEOUT, BOOT_TIMEOUT, ATTACH_TIMEOUT, DESTROY_TIMEOUT = 300, 300, 300, 300
JOB_TIMEOUT = 3600
MOST_TRIES = 3
MASTER = "ci-runner"
"""The name of this process in the record. Other processes that share the record have other names."""
WORKERS = 3
BUDGET = Budget(per_hour=Decimal("0.03"), per_month=Decimal(20))
"""For two of the servers that `main` asks for, at the simulator's prices."""
LOOK_EVERY = 0.5
"""Seconds between two looks whether the budget has room."""

T = TypeVar("T")

AGENT = """#!/bin/sh
exec python3 - <<'END'
import json, socket, subprocess
with socket.create_connection(({host!r}, {port})) as connection:
    connection.sendall(b"{password}\\n")
    for line in connection.makefile():
        done = subprocess.run(json.loads(line), shell=True, capture_output=True, text=True, errors="replace")
        # The end of it is enough to see why a job failed.
        answer = [done.returncode, (done.stdout + done.stderr)[-100_000:]]
        connection.sendall(json.dumps(answer).encode() + b"\\n")
END
"""
"""The program on a server: it connects to the runner, and runs the commands that the runner sends."""


class AgentLostError(Exception):
    """The connection to the agent of a server was lost."""


@dataclass(eq=False)
class Job:
    """A command and its result."""

    command: str
    id: str = field(default_factory=lambda: uuid4().hex)
    submitted: float = field(default_factory=time.monotonic)
    tries: int = 0
    waited: float = 0
    """Seconds until it started."""
    server: str = ""
    status: int | None = None
    output: str = ""


class Agent:
    """The connection to the program on a server that runs commands there."""

    def __init__(self, stream: ByteStream) -> None:
        self._stream, self._lines = stream, BufferedByteReceiveStream(stream)

    async def line(self) -> bytes:
        """The next line from the program, at most a MiB."""
        try:
            return await self._lines.receive_until(b"\n", 1 << 20)
        except (
            anyio.IncompleteRead,
            anyio.DelimiterNotFound,
            anyio.BrokenResourceError,
            anyio.ClosedResourceError,
        ) as error:
            raise AgentLostError from error

    async def run(self, job: Job) -> None:
        """Run a job, and store its exit status and output."""
        try:
            await self._stream.send(json.dumps(job.command).encode() + b"\n")
            with anyio.fail_after(JOB_TIMEOUT):
                job.status, job.output = json.loads(await self.line())
        except (anyio.BrokenResourceError, anyio.ClosedResourceError) as error:
            raise AgentLostError from error


class Runner:
    """Runs jobs on servers of an account, one job per worker at the same time, within a budget.

    Args:
        account: Where the servers are.
        choice: What is created.
        host: Address of this machine, as the servers see it.
        record: Of the servers and the jobs.
        budget: What all servers in the record may cost.
    """

    def __init__(self, account: OpenAccount, choice: ServerChoice, host: str, record: Record, budget: Budget) -> None:
        self._account, self._choice, self._host = account, choice, host
        self._record, self._budget = record, budget
        account.on_change.append(record.tell)
        self._port = 0
        self._awaited: dict[str, tuple[anyio.Event, list[Agent]]] = {}
        """The expected agents that have not connected yet, by password."""
        self._reserved: list[int | None] = []
        """Prices of the servers of workers that wait for a job, and have room for it."""

    async def run(self, jobs: list[Job], *, workers: int) -> None:
        """Run all jobs. Afterwards no server is left."""
        await self._put_right()
        send, receive = anyio.create_memory_object_stream[Job](len(jobs))
        for job in jobs:
            send.send_nowait(job)
        send.close()
        listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
        self._port = listener.extra(SocketAttribute.local_port)  # noqa: S610 - not Django's
        async with listener, anyio.create_task_group() as agents:
            agents.start_soon(listener.serve, self._accept)
            async with anyio.create_task_group() as tasks:
                for number in range(workers):
                    tasks.start_soon(self._work, f"runner-{number}", receive.clone())
            receive.close()
            agents.cancel_scope.cancel()

    async def _put_right(self) -> None:
        """Servers that an earlier process has left count until the reaper, or somebody, has destroyed them."""
        await self._account.first_round()
        cloud = self._account.cloud
        now = await cloud.leases.now()
        for server in await answer(self._record.left(MASTER, cloud.owner, now)):
            try:
                if server.uuid is not None:
                    await cloud.servers.get(server.uuid)
            except NotFound:
                self._record.note_gone(server, now)

    async def _accept(self, stream: ByteStream) -> None:
        """Accept an agent only if it sends the password of an expected server."""
        agent = Agent(stream)
        async with stream:
            try:
                waiting = self._awaited.get((await agent.line()).decode(errors="replace"))
            except AgentLostError:
                return
            if waiting is not None:
                called, agents = waiting
                agents.append(agent)
                called.set()
                await anyio.sleep_forever()

    async def _work(self, name: str, jobs: MemoryObjectReceiveStream[Job]) -> None:
        """Run jobs one after the other. A server runs jobs until its paid hour ends."""
        job: Job | None = None
        async with jobs:
            while True:
                password = secrets.token_urlsafe()
                server = JobServer(self._account, name, self._choice, partial(self._specs, name, password))
                hourly = await self._wait_for_room(server)
                self._reserved.append(hourly)
                try:
                    job = job or await jobs.receive()
                    refused = await self._claim(server, job)
                except anyio.EndOfStream:
                    return
                finally:
                    self._reserved.remove(hourly)
                if refused is None:
                    job = await self._serve(server, password, job, jobs)

    async def _wait_for_room(self, server: JobServer[ServerChoice]) -> int | None:
        """Wait until the budget has room for another server. Returns what it costs an hour at most."""
        told = False
        while True:
            claim = await self._claim_of(server)
            refused = self._record.refusal(claim, self._reserved)
            if refused is None:
                return claim.server.hourly
            if not told:
                print(f"{server.name} waits: {refused}", file=sys.stderr)
                told = True
            await anyio.sleep(LOOK_EVERY)

    async def _claim(self, server: JobServer[ServerChoice], job: Job) -> Refused | None:
        """Claim a server in the record. It may be refused if other processes share the record."""
        claim, refused = await self._claim_of(server), None
        with anyio.CancelScope(shield=True):
            refused = await answer(self._record.claim(claim))
            if refused is None:
                server.ask(job.id, master=MASTER, build=job.id)
        return refused

    async def _claim_of(self, server: JobServer[ServerChoice]) -> Claim:
        price = await self._price_of(server)
        problem = price.problem(self._budget)
        if problem is not None:
            raise SystemExit(problem)
        now = price.spent.now()
        wanted = replace(server.wanted(master=MASTER), at=now, hourly=price.hourly, currency=price.currency)
        return Claim(server=wanted, limits=price.limits(None, self._budget, now))

    async def _price_of(self, server: JobServer[ServerChoice]) -> Quote:
        """What it costs at most. Asked again after an answer that cannot be read: a job must not be lost by it."""
        while True:
            recorded = [each.uuid for each in self._record.view.servers if each.uuid is not None]
            try:
                return await server.likely_price(with_bill=self._budget.per_month is not None, recorded=recorded)
            except UpCloudError as error:
                if is_permanent(error):
                    raise
                print(f"{server.name}: what a server costs is not known yet: {error}", file=sys.stderr)
                await anyio.sleep(LOOK_EVERY)

    async def _serve(
        self, server: JobServer[ServerChoice], password: str, first: Job, jobs: MemoryObjectReceiveStream[Job]
    ) -> Job | None:
        """Create a server and run jobs on it. Returns the job that must run again, if there is one."""
        job: Job | None = first
        try:
            agent = await self._start(server, password)
            await server.ask_price()
            while job is not None:
                await self._run(server, agent, job)
                job = await self._next(server, jobs)
        except (AgentLostError, UpCloudError, TimeoutError) as error:
            assert job is not None
            if is_permanent(error):
                raise
            server.fail(repr(error))
            job.tries += 1
            print(f"{server.name}: {job.command!r} has lost its server: {error!r}", file=sys.stderr)
            if job.tries == MOST_TRIES:
                job.output = "given up"
                job = None
        finally:
            with anyio.CancelScope(shield=True):
                if server.details is None or server.is_abandoned:
                    server.end()
                else:
                    await server.destroy(DESTROY_TIMEOUT)
        return job

    async def _run(self, server: JobServer[ServerChoice], agent: Agent, job: Job) -> None:
        """Run a job, and record what it costs."""
        job.waited, job.server = time.monotonic() - job.submitted, server.uuid
        server.hold(job.id)
        server.tell_job(job.id, queued=job.waited)
        try:
            await agent.run(job)
        finally:
            cost = server.release(job.id)
            result = "lost" if job.status is None else f"exit status {job.status}"
            told = None if cost is None else millionths(cost)
            server.tell_job(job.id, ended=server.moment(), result=result, cost=told)

    async def _start(self, server: JobServer[ServerChoice], password: str) -> Agent:
        """Create a server, and wait until its agent connects."""
        called, agents = self._awaited[password] = anyio.Event(), []
        try:
            await server.start(CREATE_TIMEOUT, BOOT_TIMEOUT)
            with anyio.fail_after(ATTACH_TIMEOUT):
                await called.wait()
        finally:
            del self._awaited[password]
        server.note_attach()
        # No job may read the password.
        if not await server.seal(BOOT_TIMEOUT):
            raise TimeoutError("its metadata could not be switched off")
        return agents[0]

    async def _next(self, server: JobServer[ServerChoice], jobs: MemoryObjectReceiveStream[Job]) -> Job | None:
        """The next job, if it arrives within the server's paid hour."""
        with anyio.move_on_after(PaidHour().idle_seconds(*server.billed_span())):
            try:
                return await jobs.receive()
            except anyio.EndOfStream:
                return None
        return None

    def _specs(self, name: str, password: str, choice: ServerChoice, template: StorageSummary) -> list[ServerSpec]:
        """A spec for each combination of zone and plan, the best first."""
        agent = SecretStr(AGENT.format(host=self._host, port=self._port, password=password))
        return [
            ServerSpec(
                zone=zone,
                plan=plan,
                hostname=name,
                title=name,
                storage_devices=(StorageDeviceSpec.clone(template.uuid, size=max(25, template.size or 0)),),
                login_user=LoginUser(create_password=False),
                metadata=True,
                user_data=agent,
            )
            for zone in choice.zones
            for plan in choice.plans
        ]


async def answer(future: Future[T]) -> T:
    """What the record answers, on a thread of its own."""
    return await anyio.to_thread.run_sync(future.result, abandon_on_cancel=True)


async def costs(cloud: UpCloud, record: Record) -> Reconciliation:
    """What the servers of this month have cost by the record, and by the bill."""
    now = await cloud.leases.now()
    servers = {server.uuid: server for server in await answer(record.ask(servers_known)) if server.uuid is not None}
    return reconcile(servers, await cloud.account.billing(f"{now:%Y-%m}"), (now.year, now.month))


async def main(commands: list[str]) -> None:
    """Run these jobs on a simulator, and show the results."""
    jobs = [Job(command) for command in commands]
    sim = Simulator(guests="process", boot_seconds=1, stop_seconds=0.5)
    client = partial(
        UpCloud,
        Token("ucat_any"),
        transport=sim.transport(),
        waits=WaitPolicy(first_read_after=0.2, pause=0.2),
        # The same after a restart, so that the servers of a process that was killed are destroyed by the next one.
        owner="ci-runner-1",
    )
    account = OpenAccount(client, reaps=ReapPace(), is_exclusive=True)
    # The first combination with capacity is used.
    choice = ServerChoice(image="debian-13", zones=("fi-hel1", "de-fra1"), plans=("PREMIUM-1xCPU-1GB",))
    # For servers that are not simulated, a file that stays, or a PostgreSQL that several runners share.
    with tempfile.TemporaryDirectory() as folder, sim:
        record = Record(f"sqlite:///{Path(folder) / 'ci-runner.sqlite'}")
        async with account.running():
            await Runner(account, choice, "127.0.0.1", record, BUDGET).run(jobs, workers=WORKERS)
            left = len(await account.cloud.servers.list())
            result = await costs(account.cloud, record)
        record.close(timeout=5)
    table = Table("job", "waited", "server", "status", "output")
    for job in jobs:
        table.add_row(job.command, f"{job.waited:.0f} s", job.server[:8], str(job.status), job.output.strip()[-60:])
    Console().print(table)
    print(result)
    print(f"servers left: {left}")


if __name__ == "__main__":
    anyio.run(
        main, sys.argv[1:] or ["echo hello", "uname -s", "pwd >/dev/null; exit 3", "sleep 1; echo slow", "date +%Y"]
    )
