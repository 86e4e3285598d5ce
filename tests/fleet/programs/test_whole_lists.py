"""Operations that use lists, with an API that sends 25 items at a time and no total."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
import pytest

from tests.fleet.leased import started
from tests.moved_time import MovedCloud, server_spec
from tests.pages import CutPages
from upcloud_sdk._identity import RUN

if TYPE_CHECKING:
    from upcloud_sdk import UpCloud

pytestmark = pytest.mark.anyio

LOOK = r"GET /server\?label=upcloud_sdk_run.*"


def client_of(moved: MovedCloud) -> UpCloud:
    """A client whose lists come in pages."""
    return moved.client(transport=CutPages(moved.transport()))


async def lease(cloud: UpCloud, number: int, seconds: float) -> list[str]:
    """Create servers with leases. Returns their uuids."""
    return [(await cloud.servers.create(server_spec(f"a-{each}"), lease=seconds)).uuid for each in range(number)]


async def test_an_ended_lease_behind_a_page_of_held_ones_is_reaped(
    moved: MovedCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(RUN, "id", "a-dead-run")
        async with moved.client() as dead:
            await lease(dead, 30, 86_400)
            due = [await started(dead, lease=600) for _ in range(3)]
    await moved.later(3600)
    async with client_of(moved) as cloud:
        report = await cloud.leases.reap()
        left = await cloud.leases.list()
    assert sorted(report.servers) == sorted(due)
    assert not report.failed
    assert {each.kind: sum(other.kind == each.kind for other in left) for each in left} == {"server": 30, "storage": 30}


async def test_the_watcher_sees_all_servers_if_they_need_several_pages(moved: MovedCloud) -> None:
    async with client_of(moved) as cloud, anyio.create_task_group() as group:
        for uuid in await lease(cloud, 40, 3600):
            group.start_soon(lambda uuid: cloud.servers.wait_for_state(uuid, "started", timeout=200), uuid)


async def test_the_watchers_list_is_one_request_if_the_api_sends_all_servers_at_once(moved: MovedCloud) -> None:
    async with moved.client(transport=CutPages(moved.transport(), most=1000)) as cloud:
        uuids = await lease(cloud, 40, 3600)
        async with anyio.create_task_group() as group:
            for uuid in uuids:
                group.start_soon(lambda uuid: cloud.servers.wait_for_state(uuid, "started", timeout=200), uuid)
    assert moved.count(LOOK) == moved.count(LOOK + "&offset=0") > 0
