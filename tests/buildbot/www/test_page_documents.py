"""The documents of the plugin, served by a real master to users who may see builds."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

import httpx
import pytest
from twisted.internet import threads

from tests.buildbot._types import SUCCESS, Secret, get_plugins, plugins
from tests.buildbot.harness import MasterCase, pause
from tests.buildbot.master.record_case import RecordCase
from tests.buildbot.recorded import record_files
from upcloud_sdk.buildbot import Budget
from upcloud_sdk.buildbot._buildbot import rival_plugins
from upcloud_sdk.buildbot.accounts.owner import owner_of
from upcloud_sdk.buildbot.master.record import RECORD
from upcloud_sdk.buildbot.master.service import UpcloudService
from upcloud_sdk.buildbot.www import application, metrics_resource
from upcloud_sdk.buildbot.www.resources import HOURS, MOST_HOURS, hours_of
from upcloud_sdk.ci.record.claims import Refused
from upcloud_sdk.models.ownership import LEASE

if TYPE_CHECKING:
    from tests.buildbot.quick import QuickWorker

SECRET = "secret-password"


class Served(MasterCase):
    """A master with the page."""

    options: Any = None
    rules: Any = None

    def configuration(self, *workers: QuickWorker, steps: Any = ()) -> dict[str, Any]:  # noqa: ANN401 - as its base's
        www: dict[str, Any] = {
            "port": "tcp:0:interface=127.0.0.1",
            "plugins": {"upcloud": {} if self.options is None else self.options},
        }
        if self.rules is not None:
            www["authz"] = self.rules
        return {**super().configuration(*workers, steps=steps), "www": www}

    async def ask(self, path: str, **headers: str) -> httpx.Response:
        url = f"http://127.0.0.1:{self.master.www.getPortnum()}/plugins/upcloud/{path}"
        plain = {"Accept-Encoding": "identity", "Connection": "close", **headers}
        answer: httpx.Response = await threads.deferToThread(lambda: httpx.get(url, headers=plain, timeout=60))
        return answer

    async def document(self, path: str) -> dict[str, Any]:
        answer = await self.ask(path)
        assert answer.status_code == 200, answer.text
        document: dict[str, Any] = answer.json()
        return document


class DocumentsOfThePage(Served):
    async def test_the_row_of_an_idle_server_has_all_its_values(self) -> None:
        cloud = self.serve()
        await self.start_master(self.worker("one", build_wait_timeout=60))
        assert (await self.build("one")).results == [SUCCESS]
        said = await self.document("now.json")
        while said["servers"][0]["cost"] is None:
            said = await self.document("now.json")
        [server] = cloud.servers.values()
        [row] = said["servers"]
        assert (row["uuid"], row["zone"], row["plan"]) == (server.uuid, server.zone, server.plan)
        assert (row["worker"], row["state"], row["phase"], row["master"]) == ("one", "idle", "idle", said["master"])
        assert 0 <= row["age"] < 3600
        assert 0 < row["paid_until"] - said["time"] <= 3600
        assert row["cost"] > 0
        assert said["hourly"] == [{"currency": "EUR", "amount": row["cost"]}]
        assert set(said["builders"]) >= {"one", "any"}
        assert "one" in said["workers"]
        assert said["left"] == said["notes"] == []

    async def test_the_history_has_the_server_its_build_and_the_totals(self) -> None:
        cloud = self.serve()
        await self.start_master(self.worker("one"))
        outcome = await self.build("one")
        while cloud.servers:
            await pause()
        said = await self.document("before.json?hours=1")
        while not said["servers"] or said["servers"][0]["how"] != "destroyed":
            said = await self.document("before.json?hours=1")
        [server] = said["servers"]
        assert server["uuid"] == outcome.properties["upcloud_uuid"]
        assert [build["builder"] for build in server["builds"]] == ["one"]
        assert server["queue"] >= 0
        phases = [each["phase"] for each in server["phases"]]
        assert phases[0] == "booting"
        assert "building" in phases
        costs = await self.document("before.json?part=costs")
        today = costs["totals"][0]
        assert (today["servers"], today["builds"], today["hours_paid"], today["failures"]) == (1, 1, 1, 0)
        assert today["queue"]["of"] == 1
        assert [row["name"] for row in costs["workers"]] == ["one"]
        [start] = (await self.document("before.json?part=health"))["starts"]["plan"]
        assert (start["name"], start["attached"], start["failed"]) == (server["plan"], 1, 0)

    async def test_no_secret_is_in_what_is_served(self) -> None:
        self.serve()
        await self.start_master(self.worker("one", build_wait_timeout=60))
        await self.build("one")
        guest = self.master.workers.workers["one"].password
        for path in ("now.json", "before.json", "metrics"):
            text = (await self.ask(path)).text
            assert SECRET not in text
            assert str(guest) not in text

    async def test_missing_answers_of_the_api_are_explained_in_a_sentence(self) -> None:
        cloud = self.serve()
        await self.start_master(self.worker("one"))
        cloud.fail("GET /server", status=403, code="ACTION_FORBIDDEN", times=None)
        [note] = (await self.document("now.json"))["notes"]
        assert re.match(r"Not listed: .*servers of buildbot-", note)
        cloud.faults.clear()

    async def test_two_lists_without_an_answer_for_one_reason_are_one_note(self) -> None:
        cloud = self.serve()
        await self.start_master(self.worker("one"))
        for path in ("/server", "/storage"):
            cloud.fail(f"GET {path}", status=403, code="ACTION_FORBIDDEN", times=None)
        [note] = (await self.document("now.json"))["notes"]
        assert re.match(r"Not listed: disks of buildbot-\S+, servers of buildbot-", note)
        cloud.faults.clear()

    async def test_each_limit_says_how_much_of_it_is_used(self) -> None:
        self.serve()
        budget = Budget(per_hour=1, per_month=10)
        workers = [self.worker(name, budget=budget, max_servers=5, build_wait_timeout=60) for name in ("one", "two")]
        await self.start_master(*workers)
        before = (await self.document("now.json"))["limits"]
        assert [(each["limit"], each["spent"], each["left"]) for each in before] == [
            ("max_servers", 0, 5),
            ("per_hour", 0, 1),
            ("per_month", 0, 10),
        ]
        assert (await self.build("one")).results == [SUCCESS]
        said = {each["limit"]: each for each in (await self.document("now.json"))["limits"]}
        while said["per_month"]["claimed"] or not said["per_month"]["spent"]:
            said = {each["limit"]: each for each in (await self.document("now.json"))["limits"]}
        assert (said["max_servers"]["spent"], said["max_servers"]["left"]) == (1, 4)
        assert said["per_month"]["spent"] == said["per_hour"]["spent"] > 0
        assert (said["per_month"]["currency"], said["per_hour"]["again"]) == ("EUR", None)
        assert said["per_month"]["again"] > said["per_month"]["spent"]

    async def test_servers_are_filtered_and_sorted_by_the_address(self) -> None:
        self.serve()
        await self.start_master(self.worker("one", build_wait_timeout=60))
        await self.build("one")
        for document in ("now.json", "before.json"):
            for query, count in (("worker=ON", 1), ("worker=two", 0), ("zone=%00", 0), ("offset=x&sort=%FF", 1)):
                said = await self.document(f"{document}?{query}")
                assert (said["count"], len(said["servers"])) == (count, count)

    async def test_the_limit_that_builds_wait_for_is_noted_and_a_metric(self) -> None:
        self.serve()
        await self.start_master(self.worker("one"))
        claims = (await UpcloudService.of(self.master)).claims
        assert (await self.document("now.json"))["notes"] == []
        claims.refused = Refused(limit="max_servers", allowed=2, spent=2)
        for path in ("now.json", "before.json"):
            [note] = (await self.document(path))["notes"]
            assert note == "Builds wait: max_servers=2 has no room: 2 are up or claimed"
        assert 'upcloud_limit_reached{limit="max_servers"} 1.0' in (await self.ask("metrics")).text

    async def test_the_documents_and_metrics_are_compressed(self) -> None:
        self.serve()
        await self.start_master(self.worker("one"))
        for path in ("now.json", "before.json", "metrics"):
            answer = await self.ask(path, **{"Accept-Encoding": "gzip"})
            assert (answer.status_code, answer.headers["content-encoding"]) == (200, "gzip")
            assert answer.text
            assert "content-encoding" not in (await self.ask(path)).headers

    async def test_a_record_that_cannot_be_read_is_said(self) -> None:
        self.serve()
        await self.start_master(self.worker("one"))
        await self.document("before.json")
        record = (await UpcloudService.of(self.master)).record.database
        assert record is not None
        for file in record_files(self.master.basedir):
            file.unlink()
        (Path(self.master.basedir) / RECORD).mkdir()
        await threads.deferToThread(record.left("x", "o", datetime.now(UTC)).exception)
        record.reaped("00f4", datetime.now(UTC))
        await threads.deferToThread(record.flush, self.timeout)
        for path in ("now.json", "before.json"):
            said = await self.document(path)
            assert len([note for note in said["notes"] if "The record cannot be" in note]) == 1
            assert said.get("problem") is None

    async def test_a_master_without_upcloud_workers_says_so(self) -> None:
        self.serve()
        await self.start_master(plugins.worker.Worker("plain", "password"))
        assert "No UpCloud worker" in (await self.document("now.json"))["notes"][0]
        assert "No UpCloud worker" in (await self.document("before.json"))["notes"][0]
        assert "No UpCloud worker" in (await self.ask("metrics")).text

    async def test_a_plugin_that_has_taken_the_name_of_the_page_is_named_in_the_log(self) -> None:
        self.serve()
        # Buildbot loads plugins once in a process: before another takes the place of this one.
        assert get_plugins("www", None, load_now=True).get("upcloud") is application.ep
        entry = mock.Mock(value="other_package:ep")
        entry.dist.name = "other-package"
        with (
            mock.patch.object(application.Application, "__module__", "other_package"),
            mock.patch.object(rival_plugins, "entry_points", return_value=[entry]),
            mock.patch.object(rival_plugins, "Logger") as logger,
        ):
            await self.start_master(self.worker("one"))
        [call] = logger.return_value.warn.call_args_list
        assert "uninstall other-package" in call.kwargs["problem"]


class DocumentsForSome(Served):
    def setUp(self) -> None:
        super().setUp()
        util = plugins.util
        self.rules = util.Authz(allowRules=[util.AnyEndpointMatcher(role="admins")], roleMatchers=[])
        self.options = {"metrics_token": Secret("prometheus")}

    def configuration(self, *workers: QuickWorker, steps: Any = ()) -> dict[str, Any]:  # noqa: ANN401 - as its base's
        provider = plugins.secrets.SecretInAFile
        folder = Path("secrets").absolute()
        folder.mkdir()
        (folder / "prometheus").write_text("a-token", encoding="utf-8")
        (folder / "prometheus").chmod(0o600)
        return {**super().configuration(*workers, steps=steps), "secretsProviders": [provider(str(folder))]}

    async def test_only_users_who_may_see_builds_and_the_token_can_read_the_metrics(self) -> None:
        self.serve()
        await self.start_master(self.worker("one"))
        for path in ("now.json", "before.json", "metrics"):
            answer = await self.ask(path)
            assert (answer.status_code, "admins" in answer.text) == (403, True)
        assert (await self.ask("metrics", Authorization="Bearer another")).status_code == 403
        answer = await self.ask("metrics", Authorization="Bearer a-token")
        assert answer.status_code == 200
        assert "upcloud_servers" in answer.text
        assert (await self.ask("now.json", Authorization="Bearer a-token")).status_code == 403
        assert "a-token" not in (await self.ask("../../config")).text


class UnreadableTokens(DocumentsForSome):
    async def is_closed(self, token: object) -> None:
        self.options = {"metrics_token": token}
        self.serve()
        await self.start_master(self.worker("one"))
        for given in ("Bearer None", "Bearer", "Bearer a-token"):
            assert (await self.ask("metrics", Authorization=given)).status_code == 403

    async def test_a_token_that_is_missing_opens_the_metrics_to_nobody(self) -> None:
        await self.is_closed(Secret("missing"))

    async def test_a_token_that_renders_to_none_opens_the_metrics_to_nobody(self) -> None:
        await self.is_closed(plugins.util.Transform(lambda: None))

    async def test_an_empty_token_opens_the_metrics_to_nobody(self) -> None:
        await self.is_closed(plugins.util.Interpolate(""))


class LeftOvers(Served, RecordCase):
    async def test_each_of_several_masters_of_an_account_tells_its_own_left_overs_and_how_old_its_list_is(self) -> None:
        cloud = self.serve()
        worker = self.worker("one")
        await self.start_master(worker)
        for owner in (await owner_of(self.master), "buildbot-0123456789ab-abcdef"):
            server = cloud.servers[await self.leave(owner, run="r")]
            server.labels[LEASE] = "2020-01-01T00:00:00Z"
        before = await self.metrics()
        assert before["upcloud_left_servers"] == 1
        # While the API is away, what it said last is told with its age.
        cloud.fail("GET /server", status=403, code="ACTION_FORBIDDEN", times=None)
        worker.forget_answers()
        after = await self.metrics()
        assert after["upcloud_left_servers"] == 1
        assert after["upcloud_left_age_seconds"] > before["upcloud_left_age_seconds"]
        cloud.faults.clear()
        cloud.servers.clear()
        cloud.storages.clear()

    async def metrics(self) -> dict[str, float]:
        text = (await self.ask("metrics")).text
        lines = [line.split() for line in text.splitlines() if line.startswith("upcloud_left")]
        return {name: float(value) for name, value in lines}


class MetricsOfAMaster(Served):
    async def test_a_build_is_counted(self) -> None:
        cloud = self.serve()
        await self.start_master(self.worker("one"))
        await self.build("one")
        while cloud.servers:
            await pause()
        text = (await self.ask("metrics")).text
        # The list of servers that are left over may be two seconds old.
        while 'destroy_seconds_count{plan="' not in text or "upcloud_left_servers 0.0" not in text:
            text = (await self.ask("metrics")).text
        lines = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
        counted = {name.partition("{")[0]: float(value) for name, value in lines.items()}
        # Not of the boot: a guest may call before its server is seen to be started.
        for name in ("queue_seconds_count", "attach_seconds_count", "destroy_seconds_count"):
            assert counted[f"upcloud_{name}"] == 1
        assert counted["upcloud_creates_total"] == 1
        assert counted["upcloud_paid_seconds_total"] == 3600
        assert counted["upcloud_left_servers"] == 0
        assert float(lines['upcloud_requests_total{status="202"}']) >= 1

    async def test_without_the_extra_a_sentence_says_which_it_is(self) -> None:
        self.serve()
        await self.start_master(self.worker("one"))
        with mock.patch.object(metrics_resource, "HAS_PROMETHEUS", new=False):
            answer = await self.ask("metrics")
        assert answer.status_code == 501
        assert "upcloud-sdk[buildbot,prometheus]" in answer.text


@pytest.mark.parametrize(
    ("asked", "hours"),
    [("1", 1), ("0.5", 0.5), ("-1", HOURS), ("nan", HOURS), ("inf", HOURS), ("x", HOURS), ("1e9", MOST_HOURS)],
)
def test_the_hours_to_show_are_limited(asked: str, hours: float) -> None:
    assert hours_of({b"hours": [asked.encode()]}) == hours


@pytest.mark.parametrize(
    ("config", "problem"),
    [
        (None, "is a mapping"),
        ({"colour": "red"}, "no option 'colour'; there is: metrics_token"),
        ({"metrics_token": "a-token"}, "must be a secret"),
    ],
)
def test_problems_of_the_configuration_are_reported_without_its_values(config: object, problem: str) -> None:
    [said] = application.problems(config)
    assert problem in said
    assert "a-token" not in said


def test_a_right_configuration_has_no_problem() -> None:
    assert application.problems({}) == application.problems({"metrics_token": Secret("prometheus")}) == []


def test_another_plugin_of_the_same_name_is_named() -> None:
    entry = mock.Mock(value="other_package:ep")
    entry.dist.name = "other-package"
    with mock.patch.object(rival_plugins, "entry_points", return_value=[entry]):
        [said] = rival_plugins.rivals()
    assert "other-package" in said
    assert rival_plugins.rivals() == []
