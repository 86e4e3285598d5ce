"""A server for the jobs of a CI system: created exactly once, in a zone with capacity, and always destroyed."""

from __future__ import annotations

from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from tests.moved_time import MovedCloud, server_spec
from upcloud_sdk import Recipe, ServerSpec, StorageDeviceSpec
from upcloud_sdk._identity import RUN
from upcloud_sdk.ci import JobServer, LeastSize, OpenAccount, ReapPace, ServerChoice
from upcloud_sdk.errors import LeaseLost, OutcomeUnknown, ResourceFailed, WaitTimeout
from upcloud_sdk.models import ServerGroupSpec
from upcloud_sdk.simulator import after_seconds, to_error

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from upcloud_sdk.models import StorageSummary

pytestmark = pytest.mark.anyio

WITHIN = 300.0
CHOICE = ServerChoice(image="debian-12", zones=("fi-hel1", "de-fra1"), plans=("PREMIUM-1xCPU-1GB",))
CREATE = r"POST /server"


@pytest.fixture
async def moved() -> AsyncGenerator[MovedCloud]:
    async with MovedCloud.open(boot_seconds=33, stop_seconds=16, storage_seconds=20) as cloud:
        yield cloud


@asynccontextmanager
async def opened(moved: MovedCloud, reaps: ReapPace | None = None) -> AsyncGenerator[OpenAccount]:
    account = OpenAccount(moved.client, clock=moved.clock, reaps=reaps, is_exclusive=True)
    async with account.running():
        yield account


def specs(choice: ServerChoice, template: StorageSummary) -> list[ServerSpec]:
    disk = StorageDeviceSpec.clone(template.uuid, size=25)
    group = choice.server_group if isinstance(choice.server_group, str) else None
    places = [(zone, plan) for zone in choice.zones for plan in choice.plans]
    return [server_spec(zone=zone, plan=plan, storage_devices=(disk,), server_group=group) for zone, plan in places]


def job_server(account: OpenAccount, choice: ServerChoice = CHOICE, **options: bool) -> JobServer[ServerChoice]:
    return JobServer(account, "runner-1", choice, specs, **options)


async def started(account: OpenAccount, choice: ServerChoice = CHOICE, **options: bool) -> JobServer[ServerChoice]:
    server = job_server(account, choice, **options)
    await server.start(WITHIN, WITHIN)
    return server


async def test_a_server_is_made_once_and_nothing_of_it_is_left(moved: MovedCloud) -> None:
    async with opened(moved) as account:
        server = await started(account)
        assert server.details is not None
        assert (server.details.zone, server.image) == ("fi-hel1", "Debian GNU/Linux 12 (Bookworm)")
        await server.destroy(WITHIN)
    assert moved.count(CREATE) == 1
    assert not moved.sim.servers


async def test_a_second_start_is_refused_before_another_server_is_made(moved: MovedCloud) -> None:
    async with opened(moved) as account:
        server = await started(account)
        with pytest.raises(RuntimeError, match="server of runner-1: start was called already"):
            await server.start(WITHIN, WITHIN)
        await server.destroy(WITHIN)
    assert moved.count(CREATE) == 1
    assert not moved.sim.servers


@pytest.mark.parametrize(
    ("places", "wrong"),
    [
        ({"zones": (), "plans": ("1xCPU-1GB",)}, "zones"),
        ({"zones": ("fi-hel1",), "plans": ()}, "plans"),
        ({"zones": "fi-hel1", "plans": ("1xCPU-1GB",)}, "zones"),
    ],
)
def test_a_choice_without_a_place_is_refused(places: dict[str, Any], wrong: str) -> None:
    with pytest.raises(ValueError, match=f"{wrong} is a tuple of names, at least one"):
        ServerChoice(image="debian-12", **places)


async def test_the_next_place_is_taken_if_the_first_is_full(moved: MovedCloud) -> None:
    moved.sim.fail("POST /server", status=409, code="SERVER_RESOURCES_UNAVAILABLE")
    sentences: list[str] = []
    async with opened(moved) as account:
        server = job_server(account)
        server.tell = sentences.append
        await server.start(WITHIN, WITHIN)
        assert server.details is not None
        assert server.details.zone == "de-fra1"
    assert any("PREMIUM-1xCPU-1GB in fi-hel1 was refused" in sentence for sentence in sentences)


async def test_a_server_whose_answer_is_lost_is_found_and_not_made_twice(moved: MovedCloud) -> None:
    moved.sim.fail("POST /server", drop=True, after_effect=True)
    async with opened(moved) as account:
        server = await started(account)
        assert server.is_adopted
        assert len(moved.sim.servers) == 1


async def test_a_plan_that_is_no_longer_sold_is_replaced_by_one_of_the_least_size(moved: MovedCloud) -> None:
    moved.sim.discontinued_plans = "refused"
    least = LeastSize(cores=1, memory=1024, storage=25)
    choice = ServerChoice(image="debian-12", zones=("fi-hel1",), plans=("1xCPU-1GB",), replaced_by=least)
    async with opened(moved) as account:
        first, second = await started(account, choice), await started(account, choice)
        assert first.details is not None
        assert second.details is not None
        assert first.details.plan == second.details.plan != "1xCPU-1GB"
    # The second one does not try the old plan again.
    assert moved.count(CREATE) == 3


async def test_a_group_of_this_title_is_made_once_for_all_servers(moved: MovedCloud) -> None:
    choice = ServerChoice(
        image="debian-12", zones=("fi-hel1",), plans=("PREMIUM-1xCPU-1GB",), server_group=ServerGroupSpec(title="ci")
    )
    async with opened(moved) as account:
        servers = [await started(account, choice) for _ in range(2)]
        (group,) = await account.cloud.server_groups.list()
        assert set(group.servers) == {server.uuid for server in servers}


async def test_a_template_that_is_gone_is_looked_up_again(moved: MovedCloud) -> None:
    async with opened(moved) as account:
        await started(account)
        moved.sim.fail("POST /server", status=404, code="STORAGE_NOT_FOUND")
        await started(account)
    assert moved.count(r"GET /storage/template.*") >= 2


async def test_a_404_of_a_proxy_is_not_answered_by_another_create(moved: MovedCloud) -> None:
    moved.sim.fail("POST /server", status=404)
    async with opened(moved) as account:
        with pytest.raises(OutcomeUnknown):
            await started(account)
    assert moved.count(CREATE) == 1


async def test_a_server_that_fails_to_boot_fails_its_start(moved: MovedCloud) -> None:
    moved.sim.boot_next(to_error(leaves_after=60))
    async with opened(moved) as account:
        server = job_server(account)
        with pytest.raises(ResourceFailed):
            await server.start(WITHIN, WITHIN)
        await server.destroy(WITHIN)
    assert not moved.sim.servers


async def test_a_guest_that_cannot_attach_any_more_is_known_by_the_state_of_its_server(moved: MovedCloud) -> None:
    async with opened(moved) as account:
        server = await started(account)
        assert await server.find_problem() is None
        await account.cloud.servers.stop(server.uuid, stop_type="hard")
        await account.cloud.servers.wait_for_state(server.uuid, "stopped", timeout=WITHIN)
        assert await server.find_problem() == f"server {server.uuid} is in state 'stopped'"
        await account.cloud.servers.destroy(server.uuid)
        assert await server.find_problem() == f"server {server.uuid} is gone"


async def test_an_api_that_does_not_answer_says_nothing_of_a_guest(moved: MovedCloud) -> None:
    async with opened(moved) as account:
        server = await started(account)
        moved.sim.fail("GET /server/*", timeout=True, times=None)
        assert await server.find_problem() is None


async def test_a_create_that_is_not_answered_ends_at_its_limit_and_leaves_nothing(moved: MovedCloud) -> None:
    moved.sim.fail("POST /server", timeout=True, after_effect=True)
    async with opened(moved) as account:
        with pytest.raises(WaitTimeout, match="create_timeout=5 s"):
            await job_server(account).start(5, WITHIN)
    assert not moved.sim.servers


async def test_no_job_can_read_the_metadata_of_a_sealed_server(moved: MovedCloud) -> None:
    async with opened(moved) as account:
        server = job_server(account)
        async with anyio.create_task_group() as tasks:
            # The guest may call before the API says "started".
            tasks.start_soon(server.start, WITHIN, WITHIN)
            assert await server.seal(WITHIN)
        assert (await account.cloud.servers.get(server.uuid)).metadata is False


async def test_a_server_that_cannot_be_sealed_says_so(moved: MovedCloud) -> None:
    async with opened(moved) as account:
        server = await started(account)
        moved.sim.fail("PUT /server/*", status=403, code="ACTION_FORBIDDEN", times=None)
        assert not await server.seal(WITHIN)


async def test_a_parked_server_starts_again_with_a_fresh_disk(moved: MovedCloud) -> None:
    async with opened(moved) as account:
        server = await started(account, has_fresh_disks=True)
        server.note_attach()
        assert server.may_be_parked
        await server.park(WITHIN)
        assert await server.find_problem() == f"server {server.uuid} is in state 'stopped'"
        server.begin_again()
        await server.renew(WITHIN)
        assert (await account.cloud.servers.get(server.uuid)).state == "started"
        assert moved.count(CREATE) == 1


async def test_a_guest_may_be_sealed_before_the_renewal_of_its_disk_returns(moved: MovedCloud) -> None:
    async with opened(moved) as account:
        server = await started(account, has_fresh_disks=True)
        server.note_attach()
        assert await server.seal(WITHIN)
        await server.park(WITHIN)
        server.begin_again()
        # Between two looks of the renewal.
        moved.sim.boot_next(after_seconds(20.5))

        async def attach() -> None:
            while (await account.cloud.servers.get(server.uuid)).state != "started":
                await moved.clock.sleep(0.1)
            assert await server.seal(WITHIN)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(attach)
            await server.renew(WITHIN)
        assert server.is_sealed
        assert (await account.cloud.servers.get(server.uuid)).metadata is False


async def test_a_server_that_somebody_kept_is_not_destroyed(moved: MovedCloud) -> None:
    async with opened(moved) as account:
        server = await started(account)
        await moved.later(400)
        async with moved.client("somebody") as somebody:
            await somebody.leases.keep(server.uuid)
        with pytest.raises(LeaseLost):
            await server.destroy(WITHIN)
    assert len(moved.sim.servers) == 1


async def test_the_first_server_waits_until_those_of_the_last_run_are_gone(
    moved: MovedCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(RUN, "id", "an-earlier-run")
        async with moved.client() as dead:
            await dead.servers.create(server_spec(), lease=3600)
    async with opened(moved, reaps=ReapPace()) as account:
        server = await started(account)
        assert list(moved.sim.servers) == [server.uuid]


async def test_a_server_costs_at_most_what_the_dearest_of_its_places_costs(moved: MovedCloud) -> None:
    choice = ServerChoice(image="debian-12", zones=("fi-hel1",), plans=("PREMIUM-1xCPU-1GB", "PREMIUM-2xCPU-4GB"))
    async with opened(moved) as account:
        price = await job_server(account, choice).likely_price(with_bill=True)
        server = await started(account, choice)
        await server.ask_price()
        assert price.hourly is not None
        assert server.hourly is not None
        # Millionths, and hundredths.
        assert price.hourly > server.hourly * 1_000_000


@pytest.mark.parametrize("error", [KeyError, KeyboardInterrupt])
async def test_an_error_in_the_block_is_raised_as_it_is(moved: MovedCloud, error: type[BaseException]) -> None:
    with pytest.raises(error):
        async with opened(moved, reaps=ReapPace()):
            raise error


def test_an_image_is_known_by_the_same_key_each_time() -> None:
    labels = partial(ServerChoice, zones=("fi-hel1",), plans=("1xCPU-1GB",))
    assert labels(image={"a": "1", "b": "2"}).image_key() == labels(image={"b": "2", "a": "1"}).image_key()
    assert labels(image=Recipe(base="debian-12")).template() == "debian-12"
