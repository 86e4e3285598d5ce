from __future__ import annotations

import pytest

from tests.moved_time import MovedCloud, server_spec
from upcloud_sdk.events import Event, LeaseEvent, RefusalEvent, RequestEvent, Retry, ServerEvent, WaitEvent

pytestmark = pytest.mark.anyio


async def test_the_events_of_a_server_come_in_order(moved: MovedCloud) -> None:
    told: list[Event] = []
    async with moved.client(on_event=told.append) as cloud, cloud.servers.ephemeral(server_spec()) as server:
        pass
    servers = [each for each in told if isinstance(each, ServerEvent)]
    life = [(each.happened, each.state) for each in servers if each.happened != "progress"]
    assert life[:3] == [("created", "maintenance"), ("seen", "maintenance"), ("seen", "started")]
    assert ("stopping", None) in life
    assert life[-1] == ("destroyed", None)
    assert {each.uuid for each in told if isinstance(each, ServerEvent)} == {server.uuid}
    wait = next(each for each in told if isinstance(each, WaitEvent))
    assert (wait.outcome, wait.seconds) == ("reached", 33.0)
    assert [each.happened for each in told if isinstance(each, LeaseEvent)] == ["taken"]


async def test_the_progress_of_a_new_server_is_an_event(moved: MovedCloud) -> None:
    told: list[Event] = []
    async with moved.client(on_event=told.append) as cloud, cloud.servers.ephemeral(server_spec()):
        pass
    percents = [each.progress for each in told if isinstance(each, ServerEvent) and each.progress is not None]
    assert len(percents) > 1
    assert percents == sorted(set(percents))


async def test_a_refused_spec_is_an_event_with_the_reason(moved: MovedCloud) -> None:
    told: list[Event] = []
    moved.sim.fail("POST /server", status=409, code="SERVER_RESOURCES_UNAVAILABLE")
    specs = [server_spec(), server_spec(zone="fi-hel2")]
    async with moved.client(on_event=told.append) as cloud:
        await cloud.servers.create(specs)
    [refused] = [each for each in told if isinstance(each, RefusalEvent)]
    assert (refused.zone, refused.plan) == (specs[0].zone, specs[0].plan)
    assert "SERVER_RESOURCES_UNAVAILABLE" in refused.reason


async def test_the_event_of_a_create_has_its_duration(moved: MovedCloud) -> None:
    told: list[Event] = []
    moved.sim.fail("POST /server", delay=2)
    async with moved.client(on_event=told.append) as cloud:
        await cloud.servers.create(server_spec())
    assert [each.seconds for each in told if isinstance(each, ServerEvent)] == [2.0]


async def test_each_attempt_and_each_retry_is_an_event(moved: MovedCloud) -> None:
    told: list[Event] = []
    moved.sim.fail("GET /zone", status=502)
    async with moved.client(on_event=told.append) as cloud:
        await cloud.zones.list()
    assert [each.status for each in told if isinstance(each, RequestEvent)] == [502, 200]
    retry = next(each for each in told if isinstance(each, Retry))
    assert (retry.call, retry.attempt) == ("GET /zone", 1)


async def test_a_failing_listener_has_no_effect(moved: MovedCloud, caplog: pytest.LogCaptureFixture) -> None:
    def fail(_: Event) -> None:
        raise RuntimeError("the listener's own fault")

    async with moved.client(on_event=fail) as cloud:
        assert await cloud.zones.list()
    assert "the listener for events failed" in caplog.text
