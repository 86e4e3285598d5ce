"""Budgets: builds beyond the budget wait until it has room."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, Self

import httpx
import pytest
from twisted.internet import defer

from tests.buildbot._types import EXCEPTION, RETRY, SUCCESS, ShellCommand, renderer
from tests.buildbot.harness import IMAGE, pause, until
from tests.buildbot.master.record_case import RecordCase
from tests.buildbot.quick import QuickWorker
from tests.simulator.documents import server_request
from upcloud_sdk.buildbot import Budget, PaidHour
from upcloud_sdk.buildbot._buildbot.api import ConfigErrors
from upcloud_sdk.buildbot.servers import claims, idle
from upcloud_sdk.ci import Record
from upcloud_sdk.ci.account import cache
from upcloud_sdk.ci.record.changes import Phase, ServerChange
from upcloud_sdk.models.ownership import LEASE, OWNER, RUN
from upcloud_sdk.simulator import never

CREATE = "POST /server"
PRICE = 0.00744
"""Price per hour of the test's servers, in EUR."""
WORK = ShellCommand(command=["sleep", "0.3"])


class Later(datetime):
    """The clock of a host that is two months ahead."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Self:
        return super().now(tz) + timedelta(days=61)


class Budgets(RecordCase):
    def builds(self, number: int) -> defer.Deferred[list[Any]]:
        return defer.gatherResults([defer.ensureDeferred(self.build()) for _ in range(number)])

    async def start(self, count: int, *, step: object = WORK, **options: object) -> list[QuickWorker]:
        workers = [self.worker(f"bot-{number}", **options) for number in range(1, count + 1)]
        await self.start_master(*workers, steps=[step])
        return workers

    async def test_there_are_never_more_servers_than_an_hour_may_cost_and_all_builds_succeed(self) -> None:
        cloud = self.serve()
        most = 0
        boot = cloud.start_boot

        def count(server: Any) -> None:  # noqa: ANN401 - handed through
            nonlocal most
            boot(server)
            most = max(most, len(cloud.servers))

        self.patch(cloud, "start_boot", count)
        await self.start(4, budget=Budget(per_hour=2 * PRICE))
        outcomes = await self.builds(5)
        # None of them is refused, not even before the price is known.
        assert [outcome.results for outcome in outcomes] == [[SUCCESS]] * 5
        assert 1 <= most <= 2

    async def test_the_servers_of_another_master_of_the_same_owner_count(self) -> None:
        cloud = self.serve()
        [worker] = await self.start(1, budget=Budget(per_hour=1.5 * PRICE), owner="both")
        self.make_server_of_another_run(owner="both")
        waiting = defer.ensureDeferred(self.build())
        await pause(1.5)
        assert cloud.count(CREATE) == 1
        self.forget_servers()
        await worker.look_again()
        assert (await waiting).results[-1] == SUCCESS

    async def test_under_max_servers_alone_they_count_too_and_each_waiting_build_is_refused_once(self) -> None:
        cloud = self.serve()
        workers = await self.start(3, max_servers=1, owner="both")
        self.make_server_of_another_run(owner="both")
        waiting = defer.ensureDeferred(self.build())
        await self.retried()
        for _ in range(5):
            await workers[0].look_again()
        assert cloud.count(CREATE) == 1
        assert cloud.count("GET /price") == 0
        self.forget_servers()
        await workers[0].look_again()
        assert (await waiting).results == [RETRY, SUCCESS]

    async def test_the_servers_of_another_owner_do_not(self) -> None:
        self.serve()
        await self.start(1, budget=Budget(per_hour=1.5 * PRICE), owner="one")
        self.make_server_of_another_run(owner="two")
        assert (await self.build()).results == [SUCCESS]
        self.forget_servers()

    def make_server_of_another_run(self, owner: str) -> None:
        labels = {OWNER: owner, RUN: "another", LEASE: "2999-01-01T00:00:00Z"}
        self.cloud.boot_next(never())
        pairs = [{"key": key, "value": value} for key, value in labels.items()]
        answer = httpx.post(
            f"{self.url}/1.3/server", json=server_request(labels={"label": pairs}), auth=("user", "secret-password")
        )
        assert answer.status_code == 202, answer.text

    def forget_servers(self) -> None:
        """Servers of another run, which this master does not destroy."""
        for uuid, server in list(self.cloud.servers.items()):
            if server.labels[RUN] == "another":
                for device in server.devices:
                    self.cloud.storages.pop(device.storage, None)
                del self.cloud.servers[uuid]

    async def test_the_log_of_a_refused_build_has_the_reason_and_the_record_nothing(self) -> None:
        self.serve()
        [worker] = await self.start(1, budget=Budget(per_hour=1.5 * PRICE), owner="both")
        self.make_server_of_another_run(owner="both")
        waiting = defer.ensureDeferred(self.build())
        await self.retried()
        while not worker.builds_wait:
            await pause()
        self.forget_servers()
        await worker.look_again()
        outcome = await waiting
        assert outcome.results == [RETRY, SUCCESS]
        assert "the budget of 0.01116 an hour has no room" in outcome.logs
        assert [server.uuid is None for server in await self.all_gone()] == [False]

    async def test_a_budget_that_is_raised_by_a_reconfiguration_lets_waiting_builds_start(self) -> None:
        cloud = self.serve()
        gate = self.gate()
        await self.start(2, step=until(gate), budget=Budget(per_hour=PRICE))
        building = self.builds(2)
        while not cloud.count(CREATE):
            await pause()
        raised = [self.worker(f"bot-{number}", budget=Budget(per_hour=2 * PRICE)) for number in (1, 2)]
        self.config.update(self.configuration(*raised, steps=[until(gate)]))
        await self.master.reconfig()
        while cloud.count(CREATE) < 2:
            await pause()
        gate.touch()
        assert [outcome.results[-1] for outcome in await building] == [SUCCESS] * 2

    async def test_no_server_is_created_while_the_budget_of_the_month_is_used_up(self) -> None:
        cloud = self.serve()
        [worker] = await self.start(1, budget=Budget(per_month=1.5 * PRICE))
        assert (await self.build()).results == [SUCCESS]
        waiting = defer.ensureDeferred(self.build())
        await pause(2)
        assert cloud.count(CREATE) == 1
        assert not waiting.called
        cloud.usages.clear()
        worker.begin_new_month()
        assert (await waiting).results[-1] == SUCCESS

    async def test_servers_from_before_the_masters_start_count_by_its_record(self) -> None:
        cloud = self.serve()
        [worker] = await self.start(1, budget=Budget(per_month=1.5 * PRICE))
        database = worker._service.record.database  # pyright: ignore[reportPrivateUsage]  # as the master's last run
        assert database is not None
        before = Record(database.name)
        now = datetime.now(UTC)
        before.tell(
            ServerChange(id="1", at=now, phase=Phase.ASKED, master=self.master.name, currency="EUR", hourly=7440)
        )
        before.tell(ServerChange(id="1", at=now, phase=Phase.MADE, uuid="1", created=now))
        before.tell(ServerChange(id="1", at=now, phase=Phase.GONE))
        assert before.close(self.timeout)
        waiting = defer.ensureDeferred(self.build())
        await self.retried()
        await self.cancel_request()
        await waiting
        assert cloud.count(CREATE) == 0

    async def retried(self) -> None:
        """Wait until a build was refused."""
        while RETRY not in {build["results"] for build in await self.master.data.get(("builds",))}:
            await pause()

    async def test_a_month_that_is_used_up_neither_destroys_an_idle_server_nor_keeps_builds_from_it(self) -> None:
        cloud = self.serve()
        self.patch(idle, "_MAKE_WAY_AFTER", 0.01)
        await self.start(2, budget=Budget(per_month=1.5 * PRICE), build_wait_timeout=PaidHour())
        assert (await self.build("bot-1")).results == [SUCCESS]
        [server] = cloud.servers
        waiting = defer.ensureDeferred(self.build("bot-2"))
        await pause(0.2)
        assert (await self.build("any")).properties["upcloud_uuid"] == server
        await pause(0.2)
        assert list(cloud.servers) == [server]
        assert cloud.count(CREATE) == 1
        await self.cancel_request()
        await waiting

    async def test_servers_that_were_made_without_a_budget_count_for_one_that_is_added(self) -> None:
        cloud = self.serve()
        gate = self.gate()
        await self.start(3, step=until(gate))
        running = [defer.ensureDeferred(self.build(name)) for name in ("bot-1", "bot-2")]
        while cloud.count("GET /price") == 0 or cloud.count(CREATE) < 2:
            await pause()
        workers = [self.worker(f"bot-{number}", budget=Budget(per_hour=2 * PRICE)) for number in (1, 2, 3)]
        self.config.update(self.configuration(*workers, steps=[until(gate)]))
        await self.master.reconfig()
        third = defer.ensureDeferred(self.build("bot-3"))
        await self.retried()
        assert cloud.count(CREATE) == 2
        gate.touch()
        outcomes = [await each for each in (*running, third)]
        assert [outcome.results[-1] for outcome in outcomes] == [SUCCESS] * 3

    async def test_a_build_that_the_bill_keeps_waiting_is_refused_once(self) -> None:
        cloud = self.serve()
        labels = [{"key": OWNER, "value": "ci"}]
        detail = {"amount": 5.0, "hours": 1, "labels": labels}
        resource = {"resource_id": "00aa", "amount": 5.0, "hours": 1, "details": [detail]}
        servers = {"total_amount": 5.0, "server": {"total_amount": 5.0, "resources": [resource]}}
        bill = {"currency": "EUR", "total_amount": 5.0, "servers": servers}
        cloud.fail("GET /account/billing/summary/*", status=200, body=json.dumps(bill), times=None)
        workers = await self.start(4, budget=Budget(per_month=5), owner="ci")
        waiting = defer.ensureDeferred(self.build())
        await self.retried()
        for _ in range(5):
            while not workers[0].builds_wait:
                await pause()
            await workers[0].look_again()
            await pause(0.1)
        assert [build["results"] for build in await self.master.data.get(("builds",))] == [RETRY]
        assert cloud.count(CREATE) == 0
        await self.cancel_request()
        await waiting

    async def test_a_build_whose_price_cannot_be_read_says_why(self) -> None:
        cloud = self.serve()
        cloud.fail("GET /price", status=403, code="ACTION_FORBIDDEN", times=1)
        self.patch(cache, "_NO_PRICE_FOR", 0.0)
        await self.start(1, budget=Budget(per_hour=1))
        outcome = await self.build()
        assert outcome.results == [RETRY, SUCCESS]
        assert "there is a budget, but what its server costs is not known: GET /price: " in outcome.logs

    async def test_answers_that_cannot_be_read_keep_a_build_waiting_with_a_sentence(self) -> None:
        cloud = self.serve()
        self.patch(cache, "_NO_PRICE_FOR", 0.0)
        workers = [self.worker("bot", budget=Budget(per_hour=PRICE, per_month=10))]
        await self.start_master(*workers)
        page, none = "<html>Bad gateway</html>", "{}"
        # A proxy's page, a document without what is needed, one that is cut short.
        answers = {
            "GET /price": [page, none, '{"prices": {"zone": [{"name": "de-fra1", '],
            "GET /account/billing/summary/*": [page, "[]", '{"currency": "EUR", "total_amount": '],
            "GET /server": [page, none, '{"servers": {"server": [{"uuid": "00'],
        }
        for call, bodies in answers.items():
            for body in bodies:
                workers[0].forget_answers()
                cloud.fail(call, status=200, body=body)
                outcome = await self.build()
                assert outcome.results == [RETRY, SUCCESS], (call, body, outcome)
                assert call.removesuffix("*") in outcome.logs

    async def test_a_proxys_page_in_the_place_of_the_first_price_list_lets_the_other_workers_try(self) -> None:
        cloud = self.serve()
        self.patch(cache, "_NO_PRICE_FOR", 0.0)
        cloud.fail("GET /price", status=200, body="<html>Bad gateway</html>", times=3)
        await self.start(4, budget=Budget(per_hour=2 * PRICE))
        outcomes = await self.builds(4)
        assert [outcome.results[-1] for outcome in outcomes] == [SUCCESS] * 4
        # Each page ends one start, since nobody else begins without a price.
        assert sum(outcome.results.count(RETRY) for outcome in outcomes) == 3

    async def test_a_first_start_that_hangs_keeps_the_other_workers_for_a_while_only(self) -> None:
        cloud = self.serve()
        self.patch(claims, "_FIRST_PRICE_WITHIN", 0.2)
        self.patch(claims, "_LOOK_AGAIN_AFTER", 0.1)
        rendered: defer.Deferred[str] = defer.Deferred()
        workers = [self.worker(f"bot-{number}", budget=Budget(per_hour=3 * PRICE)) for number in (1, 2)]
        hanging = self.worker("hangs", budget=Budget(per_hour=3 * PRICE), image=renderer(lambda _: rendered))
        await self.start_master(hanging, *workers, steps=[WORK])
        first = defer.ensureDeferred(self.build("hangs"))
        while not hanging.building:
            await pause()
        outcomes = await defer.gatherResults([defer.ensureDeferred(self.build(f"bot-{number}")) for number in (1, 2)])
        assert [outcome.results for outcome in outcomes] == [[SUCCESS]] * 2
        assert not first.called
        assert cloud.count(CREATE) == 2
        rendered.callback(IMAGE)
        assert (await first).results == [SUCCESS]

    async def test_a_claim_belongs_to_the_month_of_the_api_and_not_of_this_host(self) -> None:
        cloud = self.serve()
        [worker] = await self.start(1, budget=Budget(per_month=1.5 * PRICE))
        assert (await self.build()).results == [SUCCESS]
        self.patch(claims, "datetime", Later)
        waiting = defer.ensureDeferred(self.build())
        await pause(0.5)
        await worker.look_again()
        await pause(0.5)
        assert cloud.count(CREATE) == 1
        await self.cancel_request()
        await waiting

    async def cancel_request(self) -> None:
        requests = await self.master.data.get(("buildrequests",))
        for request in requests:
            if not request["complete"]:
                await self.master.data.control(
                    "cancel", {"reason": "enough"}, ("buildrequests", request["buildrequestid"])
                )

    async def test_a_budget_below_one_server_ends_the_build_with_the_reason(self) -> None:
        cloud = self.serve()
        await self.start(1, budget=Budget(per_hour=0.001))
        outcome = await self.build()
        assert outcome.results == [EXCEPTION]
        assert "per_hour=0.001 is less than an hour of one server, 0.00744 EUR" in outcome.logs
        assert cloud.count(CREATE) == 0

    async def test_the_currency_is_that_of_the_price_list_where_the_account_may_not_be_read(self) -> None:
        cloud = self.serve()
        cloud.fail("GET /account", status=403, code="FORBIDDEN", times=None)
        await self.start(1, budget=Budget(per_hour=2 * PRICE))
        assert (await self.build()).results == [SUCCESS]

    async def test_a_budget_in_a_currency_that_the_account_does_not_have_ends_the_build(self) -> None:
        self.serve()
        await self.start(1, budget=Budget(per_hour=1, currency="USD"))
        outcome = await self.build()
        assert outcome.results == [EXCEPTION]
        assert "the budget is in USD, the account in EUR" in outcome.logs


def test_an_invalid_budget_is_refused() -> None:
    with pytest.raises(ConfigErrors, match="budget is a Budget"):
        QuickWorker("bot", api_token="t", image="x", budget=5)
