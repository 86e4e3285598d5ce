"""Records the life of a job's server from its request to its end."""

from __future__ import annotations

from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from tests.moved_time import MovedCloud, server_spec
from upcloud_sdk.ci import (
    JobServer,
    OpenAccount,
    RecordHistory,
    ServerChoice,
    ServerLog,
    ServerRecord,
    ServerRecorder,
)
from upcloud_sdk.ci.record.changes import MILLION

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator
    from pathlib import Path

pytestmark = pytest.mark.anyio

CHOICE = ServerChoice(image="Debian GNU/Linux 12 (Bookworm)", zones=("fi-hel1",), plans=("PREMIUM-1xCPU-1GB",))


class Recorder(ServerRecorder[JobServer[ServerChoice]]):
    """A recorder that stores the events."""

    def __init__(self, log: ServerLog) -> None:
        super().__init__(log)
        self.told: list[str] = []

    def tell(self, server: JobServer[Any], record: ServerRecord, event: str) -> None:
        assert record.worker == "one"
        self.told.append(event)


@pytest.fixture
def recorder(tmp_path: Path) -> Iterator[Recorder]:
    log = ServerLog(tmp_path / "servers.jsonl")
    yield Recorder(log)
    assert log.close(30)


@asynccontextmanager
async def up(recorder: Recorder) -> AsyncGenerator[JobServer[ServerChoice]]:
    """A started server whose guest has attached."""
    async with MovedCloud.open(boot_seconds=33, stop_seconds=16) as moved:
        account = OpenAccount(moved.client)
        server = JobServer(account, "one", CHOICE, lambda _choice, _template: [server_spec()])
        server.listeners.append(partial(recorder.hear, server))
        async with account.running():
            server.ask("first", build="1")
            server.tell_job("1", builder="all")
            await server.start(300, 300)
            await server.ask_price()
            server.note_attach()
            yield server
            await server.destroy(300)


def recorded(recorder: Recorder) -> ServerRecord:
    [record] = RecordHistory(recorder.log).read()
    return record


async def test_the_file_has_each_step_of_a_server(recorder: Recorder) -> None:
    async with up(recorder) as server:
        building = recorded(recorder)
        assert (building.uuid, building.state, building.plan) == (server.uuid, "building", "PREMIUM-1xCPU-1GB")
        assert len(building.disks) == 1
        assert building.hourly is not None
        assert None not in {building.created, building.started, building.attached}
    gone = recorded(recorder)
    assert (gone.state, gone.hours, gone.cost, gone.error) == ("gone", 1, building.hourly, None)
    assert recorder.told == ["made", "started", "attached", "stopping", "gone"]


async def test_the_build_that_a_server_was_created_for_pays_from_the_create_on(recorder: Recorder) -> None:
    async with up(recorder) as server:
        assert server.asked_at is not None
        assert server.credits_per_hour is not None
        server.asked_at -= 1800
        first = server.release("first")
        assert first is not None
        server.tell_job("1", ended=server.moment(), result="success", cost=round(first * MILLION))
        server.hold("second")
        second = server.release("second")
        assert second is not None
        assert first >= server.credits_per_hour / 200 > second
        assert recorded(recorder).state == "idle"
    assert recorded(recorder).builds[0].cost == round(first, 6)
    assert (recorded(recorder).held_seconds or 0) >= 1800


async def test_a_server_that_the_reaper_has_destroyed_gets_its_end(recorder: Recorder) -> None:
    async with up(recorder) as server:
        assert not recorder.gone_by_uuid("another")
        assert recorder.gone_by_uuid(server.uuid)
        server.fail("too late to be recorded")
    assert (recorded(recorder).state, recorded(recorder).error) == ("gone", None)


async def test_the_first_reason_of_a_failure_is_recorded(recorder: Recorder) -> None:
    async with up(recorder) as server:
        server.fail("its guest is lost")
        server.note_left("it may still be running")
        assert (recorded(recorder).state, recorded(recorder).error) == ("left", "its guest is lost")
