"""Tests on the real API what its reference does not say, and prints a report to paste into an issue.

    python -m examples.live_check                                       on the simulator, for nothing
    UPCLOUD_TOKEN=ucat_... python -m examples.live_check --live         on a real account, for a few cents

It creates small servers and disks, one after the other, and deletes them. If it is killed, then after a quarter of an
hour `upcloud-sdk leases reap --owner live-check` deletes servers and disks, and the next run deletes everything that
is named live-check-…. The report contains statuses, codes, names of fields and seconds, but no address, uuid or
secret. It says what each question costs, and which assumption of the SDK or the simulator a different answer changes.
"""

from __future__ import annotations

import argparse
import gzip
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import anyio
from rich.console import Console
from rich.table import Table

from examples.fleet import spec_for
from upcloud_sdk import Server, Token, UpCloud, WaitPolicy, errors
from upcloud_sdk.models import ServerRebuildSpec
from upcloud_sdk.simulator import Simulator

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

ZONE = "fi-hel1"
NAMED = "live-check-"
SERVER, DISK = "an hour of a small server", "an hour of 10 GB"
HOURS = "when `upcloud_sdk.billing` begins an hour: start at :58, and compare with the servers above"
LAG = "how long the SDK asks for what a list lacks"
_MOST_LAG = 120.0
MISSING = "00000000-0000-4000-8000-000000000000"


@dataclass(frozen=True)
class Finding:
    """The result of one question."""

    question: str
    reference: str
    """The answer by the reference. `?` if the reference does not say it."""
    seen: str
    cost: str = ""
    """What the question costs beside the server that all questions share. Empty: nothing."""
    changes: str = ""
    """What an answer changes that differs from the reference, or from what is assumed where it says nothing."""

    @property
    def holds(self) -> bool:
        return self.reference in {self.seen, "?"}


class Questions:
    """Asks one API the questions."""

    def __init__(self, cloud: UpCloud, report: Callable[[Finding], None]) -> None:
        self._cloud, self._report = cloud, report

    async def ask(
        self, question: str, reference: str, answer: Awaitable[str], *, cost: str = "", changes: str = ""
    ) -> None:
        """Ask one question. An unexpected error is an answer too."""
        try:
            seen = await answer
        except errors.UpCloudError as error:
            seen = type(error).__name__
        self._report(Finding(question, reference, seen, cost, changes))

    async def outcome(self, method: str, path: str, json: dict[str, Any] | None = None, **params: str) -> str:
        """The status of a call. For a refusal, also its code."""
        try:
            answer = await self._cloud.request(method, path, json=json, params=params)
        except errors.ApiError as error:
            return f"{error.status} {error.code}"
        return str(answer.status)

    async def header(self, path: str, name: str) -> str:
        answer = await self._cloud.request("GET", path)
        return "yes" if name in answer.headers else "no"

    async def about_lists(self) -> None:
        """Ask how lists of storages behave. Needs an own storage."""
        paging = "pages of `storages.list`, and of the simulator"
        await self.ask("GET /storage without limit: how many come", "25", self.length("/storage"), changes=paging)
        order = "the order of lists in the simulator"
        await self.ask("access of the first entry of GET /storage", "private", self.first_access(), changes=order)

    async def length(self, path: str) -> str:
        return str(len((await self._cloud.request("GET", path)).document["storages"]["storage"]))

    async def first_access(self) -> str:
        document = (await self._cloud.request("GET", "/storage")).document
        return str(document["storages"]["storage"][0]["access"])

    async def seconds_until(self, path: str, uuid: str, *, listed: bool) -> str:
        """How long a list lags behind a create or a delete: seconds until it has the uuid, or has it no more."""
        began = anyio.current_time()
        while (uuid in str((await self._cloud.request("GET", path, params={"limit": "100"})).document)) != listed:
            if anyio.current_time() - began > _MOST_LAG:
                return f"more than {_MOST_LAG:.0f}"
            await anyio.sleep(1)
        return f"{anyio.current_time() - began:.0f}"

    async def about_storages(self) -> None:
        """Ask the questions that need a disk of their own, and copies of it."""
        cloud, ask = self._cloud, self.ask
        # With a lease, which `storages.create` does not take.
        wanted = {"zone": ZONE, "title": f"{NAMED}disk", "size": 10, "labels": self.leased()}
        created = await cloud.request("POST", "/storage", json={"storage": wanted})
        disk = await cloud.storages.get(created.document["storage"]["uuid"])
        made = [disk.uuid]
        try:
            lag = self.seconds_until("/storage/private", disk.uuid, listed=True)
            await ask("seconds until /storage/private lists a new disk", "0", lag, cost=DISK, changes=LAG)
            await ask("written_bytes of an upload of 1000 zeros in gzip", "1000", self.written(disk.uuid), cost=DISK)
            await cloud.storages.wait_for_state(disk.uuid, "online", timeout=300)
            for action, more in (("clone", {"zone": ZONE}), ("templatize", {})):
                body = {"storage": {"title": f"{NAMED}{action}", "labels": self.leased(), **more}}
                answer = self.copied(f"/storage/{disk.uuid}/{action}", body, made)
                changes = "whether copies are labelled at once, or later by their uuid"
                await ask(f"{action} with labels", "400 UNKNOWN_ATTRIBUTE", answer, cost=DISK, changes=changes)
                await cloud.storages.wait_for_state(disk.uuid, "online", timeout=300)
            answer = self.restored(disk.uuid, made)
            await ask("a server from a clone of a backup", "202", answer, cost=SERVER, changes="examples/restore.py")
        finally:
            left = [uuid for uuid in reversed(made) if not await self.is_deleted(uuid)]
            self._report(Finding(f"disks named {NAMED}… that are left: delete them by hand", "0", str(len(left))))
        lag = self.seconds_until("/storage/private", disk.uuid, listed=False)
        await ask("seconds until /storage/private has a deleted disk no more", "0", lag, changes=LAG)

    async def delete_leftovers(self) -> None:
        """Delete what a killed run has left, its copies too, which no reaper deletes."""
        for each in await self._cloud.storages.list(access="private"):
            if (each.title or "").startswith(NAMED):
                await self.is_deleted(each.uuid)

    async def is_deleted(self, storage: str) -> bool:
        try:
            await self._cloud.storages.wait_for_state(storage, "online", timeout=300)
            await self._cloud.storages.delete(storage)
        except errors.UpCloudError:
            return False
        return True

    async def written(self, uuid: str) -> str:
        done = await self._cloud.storages.upload(uuid, gzip.compress(bytes(1000)), content_type="application/gzip")
        return str(done.written_bytes)

    async def copied(self, path: str, body: dict[str, Any], made: list[str]) -> str:
        try:
            answer = await self._cloud.request("POST", path, json=body)
        except errors.ApiError as error:
            return f"{error.status} {error.code}"
        made.append(answer.document["storage"]["uuid"])
        return str(answer.status)

    async def restored(self, disk: str, made: list[str]) -> str:
        backup = await self._cloud.storages.backup(disk, f"{NAMED}backup")
        made.append(backup.uuid)
        await self._cloud.storages.wait_for_state(backup.uuid, "online", timeout=300)
        device = {"action": "clone", "storage": backup.uuid, "title": f"{NAMED}restored"}
        body = spec_for("live-check", backup.uuid).wire()
        return await self.refused(body | {"storage_devices": {"storage_device": [device]}})

    async def about_creates(self, template: str) -> None:
        """Try creates as official tools send them. Each server is destroyed at once."""
        body = spec_for("live-check", template).wire()
        [device] = body["storage_devices"]["storage_device"]
        extra = {"action": "create", "storage": "", "title": f"{NAMED}data", "size": 10}
        for question, reference, change, changes in (
            ("networking: null", "202", {"networking": None}, "empty values in the simulator"),
            ('storage: "" beside create', "202", {"storage_devices": {"storage_device": [device, extra]}}, "the same"),
            ("a discontinued plan", "?", {"plan": "1xCPU-1GB"}, '`discontinued_plans="sold"` of the simulator'),
        ):
            answer = self.refused({**body, **change}, words=reference == "?")
            await self.ask(f"POST /server with {question}", reference, answer, cost=SERVER, changes=changes)

    async def about_a_rebuild(self, server: str, template: str) -> None:
        """Ask how long a rebuild takes. Needs a stopped server."""
        await self._cloud.servers.wait_for_state(server, "stopped", timeout=300)
        changes = "whether `fresh_disk` rebuilds or clones"
        await self.ask("seconds of a rebuild", "?", self.rebuilt(server, template), cost=DISK, changes=changes)

    async def rebuilt(self, server: str, template: str) -> str:
        began = anyio.current_time()
        spec = ServerRebuildSpec(clone_source=template, delete_detached_disk=True)
        await self._cloud.servers.rebuild_disk(server, spec, timeout=600)
        return f"{anyio.current_time() - began:.0f}"

    async def about_requests(self) -> None:
        """Ask the questions that need no server."""
        ask, outcome = self.ask, self.outcome
        await ask("does an answer carry Date", "yes", self.header("/account", "date"))
        await ask(
            "does the list of servers carry Upcloud-Total-Count", "?", self.header("/server", "upcloud-total-count")
        )
        await ask("GET /storage with limit=1: how many come", "1", self.page_of_one())
        await ask("a server that does not exist", "404 SERVER_NOT_FOUND", outcome("GET", f"/server/{MISSING}"))
        await ask("a malformed uuid", "400 SERVER_INVALID", outcome("GET", "/server/nonsense"))
        await ask(
            "DELETE of a server that does not exist", "404 SERVER_NOT_FOUND", outcome("DELETE", f"/server/{MISSING}")
        )

    async def page_of_one(self) -> str:
        answer = await self._cloud.request("GET", "/storage/template", params={"limit": "1"})
        return str(len(answer.document["storages"]["storage"]))

    async def about_refusals(self, template: str) -> None:
        """Try creates that must be refused. If one succeeds, its server is destroyed."""
        body = spec_for("live-check", template).wire()
        for question, reference, change in (
            ("metadata as a JSON boolean", "400 METADATA_INVALID", {"metadata": True}),
            ("a cloud-init template without metadata", "409 METADATA_DISABLED_ON_CLOUD-INIT", {"metadata": "no"}),
            ("a zone that does not exist", "404 ZONE_NOT_FOUND", {"zone": "xx-xxx1"}),
            ("a host name with _", "400 HOSTNAME_INVALID", {"hostname": "a_b"}),
        ):
            await self.ask(f"POST /server with {question}", reference, self.refused({**body, **change}))

    async def refused(self, server: dict[str, Any], *, words: bool = False) -> str:
        """The answer to a create. The server has a lease: if the answer is lost, `upcloud-sdk leases reap` finds it."""
        labels = self.leased()
        disks = [{**disk, "labels": labels} for disk in server["storage_devices"]["storage_device"]]
        server = {**server, "labels": {"label": labels}, "storage_devices": {"storage_device": disks}}
        try:
            answer = await self._cloud.request("POST", "/server", json={"server": server})
        except errors.ApiError as error:
            return f"{error.status} {error.code}" + (f": {error.message}" if words else "")
        await self._cloud.servers.destroy(answer.document["server"]["uuid"], storages="all")
        return str(answer.status)

    def leased(self) -> list[dict[str, str]]:
        """Labels with a lease of a quarter of an hour."""
        ends = datetime.now(UTC) + timedelta(minutes=15)
        labels = {"upcloud_sdk_owner": self._cloud.owner, "upcloud_sdk_lease": f"{ends:%Y-%m-%dT%H:%M:%SZ}"}
        return [{"key": key, "value": value} for key, value in labels.items()]

    async def about_a_server(self, server: Server) -> None:
        """Ask the questions about a running server."""
        ask, outcome, path = self.ask, self.outcome, f"/server/{server.uuid}"
        kinds = [str(interface.type) for interface in server.networking.interfaces]
        await ask("default interfaces of a server", "public public utility", _value(" ".join(kinds)))
        shown = "yes" if all(device.labels for device in server.storage_devices) else "no"
        await ask("does a server show the labels of its disks", "yes", _value(shown))
        wrong = {"server": {"colour": "red"}}
        await ask("PUT of an attribute that does not exist", "400 UNKNOWN_ATTRIBUTE", outcome("PUT", path, wrong))
        await ask("PUT title while started", "202", outcome("PUT", path, {"server": {"title": "live check"}}))
        zone = {"server": {"timezone": "Europe/Helsinki"}}
        await ask("PUT timezone while started", "409 SERVER_STATE_ILLEGAL", outcome("PUT", path, zone))
        model = {"server": {"nic_model": "e1000"}}
        await ask("PUT nic_model while started", "409 SERVER_STATE_ILLEGAL", outcome("PUT", path, model))
        await ask("PUT metadata while started", "202", outcome("PUT", path, {"server": {"metadata": "no"}}))
        await ask("DELETE while started", "409 SERVER_STATE_ILLEGAL", outcome("DELETE", path))
        await ask("start while started", "409 SERVER_STATE_ILLEGAL", outcome("POST", path + "/start"))
        disk = server.storage_devices[0].storage
        await ask("DELETE of a disk of a started server", "409 STORAGE_ATTACHED", outcome("DELETE", f"/storage/{disk}"))
        await ask("is a new server immediately in the list by label", "yes", self.is_listed(server))
        await ask("a list by two labels, one of them wrong", "0", self.listed_with_a_wrong_label(server))
        await ask("favourite", "204", outcome("POST", f"/storage/{disk}/favorite"))
        await ask("favourite, a second time", "204", outcome("POST", f"/storage/{disk}/favorite"))
        await ask("no longer favourite", "204", outcome("DELETE", f"/storage/{disk}/favorite"))
        await ask("state in the answer to a stop", "started", self.state_in_answer_to_stop(server.uuid))
        await ask("PUT title right after a stop", "?", outcome("PUT", path, {"server": {"title": "live check 2"}}))

    async def is_listed(self, server: Server) -> str:
        attempt = {"upcloud_sdk_attempt": server.labels["upcloud_sdk_attempt"]}
        return "yes" if await self._cloud.servers.list(labels=attempt) else "no"

    async def listed_with_a_wrong_label(self, server: Server) -> str:
        both = {"upcloud_sdk_attempt": server.labels["upcloud_sdk_attempt"], "upcloud_sdk_owner": "nobody"}
        return str(len(await self._cloud.servers.list(labels=both)))

    async def state_in_answer_to_stop(self, uuid: str) -> str:
        return (await self._cloud.servers.stop(uuid, stop_type="hard")).state


async def _value(text: str) -> str:
    return text


async def check(cloud: UpCloud, report: Callable[[Finding], None]) -> None:
    """Ask all questions. The server is deleted at the end, also after an error."""
    questions = Questions(cloud, report)
    template = await cloud.storages.find_template("Debian GNU/Linux 12 (Bookworm)")
    await questions.delete_leftovers()
    await questions.about_requests()
    await questions.about_refusals(template.uuid)
    before, begun = (await cloud.account.get()).credits or 0, datetime.now(UTC).strftime("%H:%M")
    await questions.about_creates(template.uuid)
    await questions.about_storages()
    began = anyio.current_time()
    async with cloud.servers.ephemeral(spec_for("live-check", template.uuid), wait=False) as created:
        lag = questions.seconds_until("/server", created.uuid, listed=True)
        await questions.ask("seconds until /server lists a new server", "0", lag, changes=LAG)
        server = await cloud.servers.wait_for_state(created.uuid, "started", timeout=300)
        report(Finding("seconds from create to started", "?", f"{anyio.current_time() - began:.0f}"))
        await questions.about_lists()
        await questions.about_a_server(server)
        await questions.about_a_rebuild(server.uuid, template.uuid)
        server = await cloud.servers.get(server.uuid)
        began = anyio.current_time()
    report(Finding("seconds from the end of the block to gone", "?", f"{anyio.current_time() - began:.0f}"))
    lag = questions.seconds_until("/server", server.uuid, listed=False)
    await questions.ask("seconds until /server has a deleted server no more", "0", lag, changes=LAG)
    spent = before - ((await cloud.account.get()).credits or 0)
    report(Finding(f"credits spent since {begun}", "?", f"{spent:.2f}", changes=HOURS))
    disks = [device.storage for device in server.storage_devices]
    left = [await questions.outcome("GET", f"/storage/{disk}") for disk in disks]
    report(Finding("its disk, after DELETE with storages=1", "404 STORAGE_NOT_FOUND", " ".join(left)))


async def main(*, live: bool) -> list[Finding]:
    """Check the API that the environment variables name, or a simulator."""
    findings: list[Finding] = []
    if live:
        async with UpCloud(owner="live-check") as cloud:
            await check(cloud, findings.append)
        return findings
    sim = Simulator(boot_seconds=0.2, stop_seconds=0.2)
    brisk = WaitPolicy(first_read_after=0.1, pause=0.1)
    async with UpCloud(Token("ucat_any"), transport=sim.transport(), waits=brisk, owner="live-check") as cloud:
        await check(cloud, findings.append)
    findings.append(Finding("servers and disks left", "0", str(len(sim.servers) + len(sim.storages))))
    return findings


def show(findings: list[Finding]) -> None:
    """Print the table, and the number of differences."""
    table = Table("question", "cost", "reference", "seen", "", title="what the reference says, and what the API does")
    for finding in findings:
        mark = "[green]holds" if finding.holds else "[red]differs"
        cost = finding.cost or "nothing"
        table.add_row(finding.question, cost, finding.reference, finding.seen, "" if finding.reference == "?" else mark)
    Console(width=None if sys.stdout.isatty() else 120).print(table)
    for finding in findings:
        if finding.changes and (not finding.holds or finding.reference == "?"):
            print(f"{finding.question}: {finding.seen} decides {finding.changes}")
    differs = sum(not finding.holds for finding in findings)
    print(f"{len(findings)} questions, {differs} answers differ from the reference")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--live", action="store_true", help="use a real account, which costs a few cents")
    arguments = parser.parse_args()
    try:
        found = anyio.run(lambda: main(live=arguments.live))
    except errors.UpCloudError as error:
        sys.exit(f"{type(error).__name__}: {error}")
    show(found)
