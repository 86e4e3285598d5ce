"""Several specs for one server."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import anyio
import pytest

from tests.moved_time import MovedCloud, server_spec
from upcloud_sdk import errors

if TYPE_CHECKING:
    from upcloud_sdk import ServerSpec, UpCloud

pytestmark = pytest.mark.anyio

ZONES = ("fi-hel1", "fi-hel2", "de-fra1")


def choices() -> tuple[ServerSpec, ...]:
    """The same server in several zones."""
    return server_spec().variants(zones=ZONES)


async def zone_of_next(cloud: UpCloud) -> str | None:
    return (await cloud.servers.create(choices())).zone


def test_variants_are_all_zones_and_within_each_all_plans_in_order() -> None:
    specs = server_spec().variants(zones=ZONES[:2], plans=("1xCPU-1GB", "1xCPU-2GB"))
    assert [(each.zone, each.plan) for each in specs] == [
        ("fi-hel1", "1xCPU-1GB"),
        ("fi-hel1", "1xCPU-2GB"),
        ("fi-hel2", "1xCPU-1GB"),
        ("fi-hel2", "1xCPU-2GB"),
    ]


async def test_the_next_spec_is_tried_if_there_is_no_capacity(moved: MovedCloud) -> None:
    moved.sim.sell_out(zone="fi-hel1")
    async with moved.client() as cloud:
        assert await zone_of_next(cloud) == "fi-hel2"
    assert moved.count("POST /server") == 2
    assert len(moved.sim.servers) == 1


@pytest.mark.parametrize("code", ["SERVER_RESOURCES_UNAVAILABLE", "server_resources_unavailable"])
async def test_the_next_spec_is_tried_if_the_refusal_has_the_format_of_the_contract(
    moved: MovedCloud, code: str
) -> None:
    body = json.dumps({"error": {"code": code, "message": "There is no host for the server."}})
    moved.sim.fail("POST /server", status=409, body=body, headers={"content-type": "application/json"})
    async with moved.client() as cloud:
        assert await zone_of_next(cloud) == "fi-hel2"
    assert len(moved.sim.servers) == 1


async def test_the_next_spec_is_tried_if_a_limit_is_reached(moved: MovedCloud) -> None:
    moved.sim.fail("POST /server", status=403, code="SERVER_CORE_LIMIT_REACHED")
    async with moved.client() as cloud:
        assert await zone_of_next(cloud) == "fi-hel2"


async def test_ephemeral_takes_several_specs_too(moved: MovedCloud) -> None:
    moved.sim.sell_out(zone="fi-hel1")
    async with moved.client() as cloud, cloud.servers.ephemeral(choices()) as server:
        assert server.zone == "fi-hel2"
    assert moved.sim.servers == {}


async def test_if_all_specs_are_refused_the_last_error_has_the_others_as_notes(moved: MovedCloud) -> None:
    moved.sim.sell_out()
    async with moved.client() as cloud:
        with pytest.raises(errors.NoCapacity) as caught:
            await zone_of_next(cloud)
    assert [note.partition(":")[0] for note in caught.value.__notes__] == [
        "PREMIUM-1xCPU-1GB in fi-hel1 was refused before",
        "PREMIUM-1xCPU-1GB in fi-hel2 was refused before",
    ]
    assert moved.count("POST /server") == 3


@pytest.mark.parametrize(
    "fault",
    [
        {"drop": True},
        {"timeout": True},
        {"status": 502},
        {"status": 400, "code": "TITLE_INVALID"},
        {"status": 402, "code": "INSUFFICIENT_CREDITS"},
        {"status": 403, "code": "TRIAL_PLAN"},
        {"status": 409, "code": "MULTIPLE_TEMPLATES"},
    ],
    ids=str,
)
async def test_after_any_other_error_no_other_spec_is_tried(moved: MovedCloud, fault: dict[str, str]) -> None:
    """The server may exist, or the next spec would be refused as well."""
    moved.sim.fail("POST /server", **fault)  # type: ignore[arg-type]  # keywords of a table
    async with moved.client() as cloud:
        with pytest.raises(errors.UpCloudError):
            await zone_of_next(cloud)
    # The simulator does not count a call whose client disconnected before the answer.
    assert moved.count("POST /server") <= 1
    assert moved.sim.servers == {}


async def test_after_a_lost_answer_the_server_is_adopted_and_no_other_spec_is_tried(moved: MovedCloud) -> None:
    moved.sim.fail("POST /server", drop=True, after_effect=True)
    async with moved.client() as cloud:
        assert await zone_of_next(cloud) == "fi-hel1"
    assert moved.count("POST /server") == 1


async def test_a_refused_spec_is_tried_last_for_a_while(moved: MovedCloud) -> None:
    moved.sim.sell_out(zone="fi-hel1")
    async with moved.client() as cloud:
        assert await zone_of_next(cloud) == "fi-hel2"
        moved.sim.restock()
        assert await zone_of_next(cloud) == "fi-hel2"
        assert moved.count("POST /server") == 3
        await moved.later(301)
        assert await zone_of_next(cloud) == "fi-hel1"


async def test_a_refused_spec_is_still_tried_if_there_is_no_other(moved: MovedCloud) -> None:
    moved.sim.sell_out(zone="fi-hel1")
    async with moved.client() as cloud:
        await zone_of_next(cloud)
        moved.sim.restock()
        moved.sim.sell_out(zone="fi-hel2")
        moved.sim.sell_out(zone="de-fra1")
        assert await zone_of_next(cloud) == "fi-hel1"


async def test_each_client_remembers_only_its_own_refusals(moved: MovedCloud) -> None:
    moved.sim.sell_out(zone="fi-hel1")
    async with moved.client() as cloud, moved.client() as other:
        await zone_of_next(cloud)
        moved.sim.restock()
        assert await zone_of_next(other) == "fi-hel1"


# --- a zone that is full ----------------------------------------------------------------------------------------------


async def test_creates_that_wait_for_a_full_zone_do_not_give_up_and_do_not_flood_it(moved: MovedCloud) -> None:
    moved.sim.sell_out(zone="fi-hel1")
    # Slow answers, so that no create has an answer yet when the next one wakes up.
    moved.sim.fail("POST /server", delay=0.5, times=None)
    made: list[str] = []
    async with moved.client() as cloud, anyio.create_task_group() as group:

        async def create(number: int) -> None:
            made.append((await cloud.servers.create(server_spec(f"build-{number}"), patience=900)).uuid)

        for number in range(20):
            group.start_soon(create, number)
        await moved.later(600)
        assert made == []
        # Besides each first attempt: attempts one after the other, after 5, 10, 20, 40 and then every 60 seconds.
        assert moved.count("POST /server") <= 20 + 14
        moved.sim.restock()
        await moved.later(60 + 20 * 6)
        assert len(made) == 20
    assert moved.count("POST /server") <= 20 + 14 + 20 + 1


async def test_a_create_gives_up_when_its_patience_is_over(moved: MovedCloud) -> None:
    moved.sim.sell_out(zone="fi-hel1")
    async with moved.client() as cloud:
        began = moved.hand.now()
        with pytest.raises(errors.NoCapacity):
            await cloud.servers.create(server_spec(), patience=120)
        assert moved.hand.now() - began == pytest.approx(120, abs=1)
        assert moved.count("POST /server") <= 7


async def test_patience_covers_all_specs_and_uses_the_first_with_capacity(moved: MovedCloud) -> None:
    for zone in ZONES:
        moved.sim.sell_out(zone=zone)
    zones: list[str | None] = []
    async with moved.client() as cloud, anyio.create_task_group() as group:

        async def create() -> None:
            zones.append((await cloud.servers.create(choices(), patience=900)).zone)

        group.start_soon(create)
        await moved.later(300)
        moved.sim.restock()
        moved.sim.sell_out(zone="fi-hel1")
        moved.sim.sell_out(zone="de-fra1")
    assert zones == ["fi-hel2"]


async def test_a_refused_size_does_not_delay_other_sizes(moved: MovedCloud) -> None:
    small, large = server_spec(), server_spec(plan="PREMIUM-2xCPU-4GB")
    moved.sim.fail("POST /server", status=409, code="SERVER_RESOURCES_UNAVAILABLE")
    async with moved.client() as cloud:
        assert (await cloud.servers.create([large, small])).plan == "PREMIUM-1xCPU-1GB"
        # From here on only the large size is tried last. The small size keeps its place.
        assert (await cloud.servers.create([small, large])).plan == "PREMIUM-1xCPU-1GB"
        assert (await cloud.servers.create([large, small])).plan == "PREMIUM-1xCPU-1GB"
    assert moved.count("POST /server") == 4


async def test_a_block_that_waits_for_capacity_ends_at_its_timeout(moved: MovedCloud) -> None:
    moved.sim.sell_out(zone="fi-hel1")
    async with moved.client() as cloud:
        began = moved.hand.now()
        with pytest.raises(errors.UpCloudError):
            async with cloud.servers.ephemeral(server_spec(), timeout=100, patience=900):
                raise AssertionError("there is no room")
        assert moved.hand.now() - began <= 101
    assert moved.sim.servers == {}
