"""Tests of `website` with the fixtures of `upcloud-sdk`: no account, no waiting, on asyncio and trio."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from examples.pytest_suite.website import website

if TYPE_CHECKING:
    from upcloud_sdk import UpCloud
    from upcloud_sdk.simulator import Simulator


async def test_both_servers_run_inside_the_block_and_none_after_it(
    upcloud: UpCloud, upcloud_simulator: Simulator
) -> None:
    async with website(upcloud) as servers:
        assert {upcloud_simulator.servers[each.uuid].state for each in servers.values()} == {"started"}
        assert sorted(servers) == ["blue", "green"]
    assert upcloud_simulator.servers == {}
    assert upcloud_simulator.storages == {}


async def test_where_a_zone_is_full_nothing_is_left(upcloud: UpCloud, upcloud_simulator: Simulator) -> None:
    upcloud_simulator.fail("POST /server", status=409, code="SERVER_RESOURCES_UNAVAILABLE", skip=1)
    with pytest.RaisesGroup(pytest.RaisesExc(match="RESOURCES_UNAVAILABLE")):
        async with website(upcloud):
            pytest.fail("there is one server only")
    assert upcloud_simulator.servers == {}


async def test_an_answer_that_is_lost_costs_no_second_server(upcloud: UpCloud, upcloud_simulator: Simulator) -> None:
    upcloud_simulator.fail("POST /server", status=502, after_effect=True)
    async with website(upcloud):
        assert len(upcloud_simulator.servers) == 2
