"""What builds cost, and what the record says of servers."""

from __future__ import annotations

import contextlib
import io
import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from twisted.internet import defer, threads

from tests.buildbot._types import SUCCESS, ShellCommand
from tests.buildbot.harness import MasterCase, pause
from upcloud_sdk.buildbot.__main__ import main
from upcloud_sdk.buildbot.costs import RECORD, RecordedServer, credits_of, read_record

if TYPE_CHECKING:
    from upcloud_sdk.simulator.app import Simulator

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
        while cloud.servers or any(server.ended is None for server in self.record().values()):
            await pause()

    async def test_costs_of_builds_and_idle_time_add_up_to_what_the_server_is_billed(self) -> None:
        cloud = self.serve()
        await self.start_master(self.worker(build_wait_timeout=1), steps=[ShellCommand(command=["sleep", "0.2"])])
        outcomes = [await self.build() for _ in range(3)]
        await self.gone(cloud)
        [server] = self.record().values()
        hourly = credits_of(server)
        assert hourly is not None
        assert server.held_seconds is not None
        builds = sum(outcome.properties["upcloud_cost"] for outcome in outcomes)
        assert builds == pytest.approx(float(hourly) / 100 * server.held_seconds / 3600, abs=1e-5)
        assert 0 < server.held_seconds < 3600
        assert {outcome.properties["upcloud_currency"] for outcome in outcomes} == {"EUR"}

    async def test_the_build_that_a_server_was_made_for_pays_for_its_boot(self) -> None:
        cloud = self.serve(boot_seconds=2)
        await self.start_master(self.worker(build_wait_timeout=1))
        first, second = await self.build(), await self.build()
        await self.gone(cloud)
        assert first.properties["upcloud_cost"] > 2 / 3600 * first.properties["upcloud_credits_per_hour"] / 100
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
        server = self.record()[outcome.properties["upcloud_uuid"]]
        assert server.ended is None
        assert server.span is None

    async def test_where_the_price_is_not_known_a_build_has_no_cost(self) -> None:
        cloud = self.serve()
        cloud.fail("GET /price", status=403, code="ACTION_FORBIDDEN", times=50)
        await self.start_master(self.worker())
        outcome = await self.build()
        assert outcome.results == [SUCCESS]
        assert "upcloud_cost" not in outcome.properties
        await self.gone(cloud)
        [server] = self.record().values()
        assert credits_of(server) is None

    async def test_costs_are_those_of_the_bill(self) -> None:
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

    async def test_a_server_whose_end_nobody_saw_is_named(self) -> None:
        cloud = self.serve()
        await self.start_master(self.worker())
        await self.build()
        await self.gone(cloud)
        record = Path(self.master.basedir) / RECORD
        [made, *_, _gone] = record.read_text(encoding="utf-8").splitlines()
        record.write_text(made + "\n", encoding="utf-8")
        assert await self.costs() == 1
        assert "its master did not see its end" in self.read()

    async def test_a_server_that_is_billed_longer_is_named_with_its_hours(self) -> None:
        cloud = self.serve()
        await self.start_master(self.worker())
        await self.build()
        await self.gone(cloud)
        cloud.usages[0].ended += 3600
        assert await self.costs() == 1
        assert "+1 hours on the bill" in self.read()

    async def costs(self, *options: str) -> int:
        config = Path(self.master.basedir) / "master.cfg"
        config.write_text(CONFIGURATION.format(url=self.url), encoding="utf-8")
        month = datetime.now(UTC).strftime("%Y-%m")
        with contextlib.redirect_stdout(io.StringIO()) as self._output:
            return await threads.deferToThread(main, ["costs", str(config), "--month", month, *options])

    def read(self) -> str:
        return self._output.getvalue()


@pytest.mark.parametrize("month", ["2026", "2026-13", "november"])
def test_a_month_that_is_none_is_refused(month: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["costs", "master.cfg", "--month", month]) == 2
    assert "give a month such as 2026-11" in capsys.readouterr().err


def test_a_configuration_that_is_not_there_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["costs", str(tmp_path / "master.cfg"), "--month", "2026-11"]) == 2
    assert "master.cfg" in capsys.readouterr().err


def test_a_record_that_was_cut_off_is_read_up_to_there(tmp_path: Path) -> None:
    whole = json.dumps({"uuid": "1", "created": "2026-11-25T10:00:00+00:00", "credits_per_hour": "1.79"})
    (tmp_path / RECORD).write_text(f'{whole}\n{{"uuid": "2", "crea', encoding="utf-8")
    [server] = read_record(tmp_path).values()
    assert credits_of(server) == Decimal("1.79")
    assert datetime.fromisoformat(server.created).hour == 10


def test_a_record_with_another_line_in_it_is_refused(tmp_path: Path) -> None:
    (tmp_path / RECORD).write_text("hello\n{}\n", encoding="utf-8")
    with pytest.raises(ValueError, match="line 1: it is not JSON"):
        read_record(tmp_path)


def test_no_record_is_an_empty_one(tmp_path: Path) -> None:
    assert read_record(tmp_path) == {}
