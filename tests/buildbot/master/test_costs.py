"""Costs of builds, and the record of servers."""

from __future__ import annotations

import contextlib
import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from twisted.internet import defer, threads

from tests.buildbot._types import SUCCESS, ShellCommand
from tests.buildbot.harness import MasterCase, pause
from tests.buildbot.recorded import read_record, record_files
from upcloud_sdk.buildbot.__main__ import main
from upcloud_sdk.buildbot.master.record import url_in
from upcloud_sdk.ci import Phase, Record, ServerChange
from upcloud_sdk.ci.record.changes import MILLION
from upcloud_sdk.ci.record.recorded import held_spans
from upcloud_sdk.simulator import Simulator, never

if TYPE_CHECKING:
    from tests.buildbot.quick import QuickWorker
    from upcloud_sdk.ci import RecordedServer

CONFIGURATION = """
from upcloud_sdk.buildbot import UpcloudLatentWorker
account = {{"api_username": "user", "api_password": "secret-password", "base_url": {url!r}}}
BuildmasterConfig = {{
    "builders": [],
    "multiMaster": True,
    "protocols": {{"pb": {{"port": "tcp:0"}}}},
    "workers": [UpcloudLatentWorker("one", image="x", **account)],
}}
"""


class CostsOfBuilds(MasterCase):
    def record(self) -> dict[str, RecordedServer]:
        return read_record(Path(self.master.basedir))

    async def gone(self, cloud: Simulator) -> None:
        while cloud.servers or any(server.gone is None for server in self.record().values()):
            await pause()

    async def priced(self) -> QuickWorker:
        """Let the first server start when its price is known. Returns its worker."""
        server = await self.starting_server()
        while not any(server.hourly for server in self.record().values()):
            await pause()
        self.let_start(server)
        worker: QuickWorker = self.master.workers.workers["bot"]
        return worker

    async def test_costs_of_builds_and_idle_time_add_up_to_what_the_server_is_billed(self) -> None:
        cloud = self.serve(boot=never())
        await self.start_master(self.worker(build_wait_timeout=600), steps=[ShellCommand(command=["sleep", "0.2"])])
        building = defer.ensureDeferred(self.build())
        worker = await self.priced()
        outcomes = [await building, await self.build(), await self.build()]
        await worker.insubstantiate()
        await self.gone(cloud)
        [server] = self.record().values()
        assert server.price is not None
        assert server.gone is not None
        held = sum((ended - began).total_seconds() for began, ended in held_spans(server, server.gone))
        builds = sum(outcome.properties["upcloud_cost"] for outcome in outcomes)
        assert builds == pytest.approx(float(server.price) * held / 3600, abs=1e-5)
        assert 0 < held < 3600
        assert {outcome.properties["upcloud_currency"] for outcome in outcomes} == {"EUR"}

    async def test_the_build_that_a_server_was_made_for_pays_for_its_boot(self) -> None:
        self.serve(boot=never())
        await self.start_master(self.worker(build_wait_timeout=600))
        building = defer.ensureDeferred(self.build())
        (await self.priced()).let_pass(1800)
        first, second = await building, await self.build()
        assert first.properties["upcloud_cost"] > 1800 / 3600 * first.properties["upcloud_credits_per_hour"] / 100
        assert second.properties["upcloud_cost"] < first.properties["upcloud_cost"]

    async def test_the_record_has_each_server_with_its_end(self) -> None:
        cloud = self.serve()
        await self.start_master(self.worker("one"), self.worker("two"))
        outcomes = await defer.gatherResults([defer.ensureDeferred(self.build(name)) for name in ("one", "two")])
        assert [outcome.results for outcome in outcomes] == [[SUCCESS]] * 2
        await self.gone(cloud)
        found = self.record()
        assert {server.worker for server in found.values()} == {"one", "two"}
        assert set(found) == {outcome.properties["upcloud_uuid"] for outcome in outcomes}
        for server in found.values():
            assert server.span is not None
            began, ended = server.span
            assert began.tzinfo is not None
            assert began < ended
            assert len(server.disks) == 1

    async def test_a_server_is_in_the_record_before_it_is_gone(self) -> None:
        self.serve()
        await self.start_master(self.worker(build_wait_timeout=60))
        outcome = await self.build()
        while not self.record():
            await pause()
        server = self.record()[outcome.properties["upcloud_uuid"]]
        assert server.gone is None
        assert server.span is None

    async def test_a_build_has_no_cost_if_the_price_is_not_known(self) -> None:
        cloud = self.serve()
        cloud.fail("GET /price", status=403, code="ACTION_FORBIDDEN", times=50)
        await self.start_master(self.worker())
        outcome = await self.build()
        assert outcome.results == [SUCCESS]
        assert "upcloud_cost" not in outcome.properties
        await self.gone(cloud)
        [server] = self.record().values()
        assert server.hourly is None
        assert server.cost is None

    async def test_recorded_costs_agree_with_the_bill(self) -> None:
        cloud = self.serve()
        whole_disk = {"os_disk_size": 25}
        await self.start_master(self.worker("one", hostconfig=whole_disk), self.worker("two", hostconfig=whole_disk))
        for name in ("one", "two", "one"):
            await self.build(name)
        await self.gone(cloud)
        assert await self.costs() == 0, self.read()
        text = self.read()
        assert "3 servers" in text
        assert text.count("│ one ") == 2

    async def test_a_server_that_is_up_is_named(self) -> None:
        self.serve()
        await self.start_master(self.worker(build_wait_timeout=600), steps=[ShellCommand(command=["sleep", "0.2"])])
        await self.build()
        while not any(server.hourly and server.builds[-1].ended for server in self.record().values()):
            await pause()
        assert await self.costs() == 1
        assert "its end is not recorded" in self.read()

    async def test_without_a_record_there_is_nothing_to_compare(self) -> None:
        self.serve()
        await self.start_master(self.worker())
        for file in record_files(self.master.basedir):
            file.unlink()
        assert await self.costs() == 2

    async def test_a_server_that_is_billed_longer_is_named_with_its_hours(self) -> None:
        cloud = self.serve()
        await self.start_master(self.worker())
        await self.build()
        await self.gone(cloud)
        cloud.usages[0].ended += 3600
        assert await self.costs() == 1
        assert "+1 hours on the bill" in self.read()

    async def test_an_unreadable_amount_of_the_bill_does_not_count_as_zero(self) -> None:
        cloud = self.serve()
        await self.start_master(self.worker())
        await self.build()
        await self.gone(cloud)
        server = next(iter(self.record()))
        resource = {"resource_id": server, "amount": "much", "hours": 1}
        servers = {"total_amount": 1.0, "server": {"total_amount": 1.0, "resources": [resource]}}
        bill = {"currency": "EUR", "total_amount": 1.0, "servers": servers}
        cloud.fail("GET /account/billing/summary/*", status=200, body=json.dumps(bill))
        assert await self.costs() == 1
        assert "its hours or an amount on the bill cannot be read" in self.read()
        assert "1 servers: ? EUR billed" in self.read()

    async def costs(self, *options: str) -> int:
        config = Path(self.master.basedir) / "master.cfg"
        config.write_text(CONFIGURATION.format(url=self.url), encoding="utf-8")
        month = datetime.now(UTC).strftime("%Y-%m")
        with contextlib.redirect_stdout(io.StringIO()) as self._output:
            return await threads.deferToThread(main, ["costs", str(config), "--month", month, *options])

    def read(self) -> str:
        return self._output.getvalue()


@pytest.mark.parametrize("month", ["2026", "2026-13", "november"])
def test_an_invalid_month_is_refused(month: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["costs", "master.cfg", "--month", month]) == 2
    assert "give a month such as 2026-11" in capsys.readouterr().err


def test_a_missing_configuration_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["costs", str(tmp_path / "master.cfg"), "--month", "2026-11"]) == 2
    assert "master.cfg" in capsys.readouterr().err


def test_of_two_accounts_each_has_its_own_servers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clouds = [Simulator(username="user", password="secret-password") for _ in range(2)]
    with clouds[0].serve() as first, clouds[1].serve() as second:
        config = CONFIGURATION.format(url=first).replace(
            '"x", **account)',
            f'"x", **account), UpcloudLatentWorker("two", image="x", **{{**account, "base_url": {second!r}}})',
        )
        (tmp_path / "master.cfg").write_text(config, encoding="utf-8")
        for cloud, uuid in zip(clouds, ("one", "two"), strict=True):
            resource = '{"resource_id": "%s", "amount": 1.0, "hours": 1}' % uuid  # noqa: UP031 - braces
            servers = f'{{"total_amount": 1.0, "server": {{"total_amount": 1.0, "resources": [{resource}]}}}}'
            answer = f'{{"currency": "EUR", "total_amount": 1.0, "servers": {servers}}}'
            cloud.fail("GET /account/billing/summary/*", status=200, body=answer)
        record = Record(url_in(tmp_path))
        for uuid in ("one", "two"):
            began = datetime(2027, 1, 1, tzinfo=UTC)
            facts: dict[str, Any] = {"uuid": uuid, "worker": uuid, "hourly": MILLION, "created": began}
            record.tell(ServerChange(id=uuid, at=began, phase=Phase.MADE, **facts))
            record.tell(ServerChange(id=uuid, at=began + timedelta(minutes=10), phase=Phase.GONE))
        assert record.close(30)
        assert main(["costs", str(tmp_path / "master.cfg"), "--month", "2027-01"]) == 0
    assert capsys.readouterr().out.count("1 servers: 1.00000 EUR billed") == 2
