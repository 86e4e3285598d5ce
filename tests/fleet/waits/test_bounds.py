"""If the API is unreachable, each operation ends within the time in docs/reliability.md."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anyio
import httpx
import pytest

from tests.moved_time import MovedCloud, MovedTransport, server_spec
from upcloud_sdk import errors

if TYPE_CHECKING:
    from upcloud_sdk import UpCloud

pytestmark = pytest.mark.anyio

CALL = 90 + 30
"""Seconds for a call: the budget of its retries, and the limit of the last attempt."""
CREATE = 90 + 60
"""Seconds for the POST of a create."""
LOOKS = 18.5 + 5 * 15
"""Seconds for the searches after a lost create."""
EXPIRE = 10
"""Seconds to set the end of a lease after a failed destroy."""

DEATHS: dict[str, dict[str, Any]] = {
    "no answer": {"timeout": True},
    "drops each connection": {"drop": True},
    "503": {"status": 503, "code": "SERVICE_UNAVAILABLE"},
    "502 of a proxy": {"status": 502},
    "429": {"status": 429, "headers": {"retry-after": "60"}},
}


class Unreachable(MovedTransport):
    """A network that loses its connection to the API on request."""

    cut = False

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if not self.cut:
            return await super().handle_async_request(request)
        await self._clock.sleep(request.extensions["timeout"]["connect"])
        raise httpx.ConnectTimeout("no route", request=request)


class Dying:
    """A client whose API becomes unreachable, and the seconds that an operation takes from then."""

    def __init__(self, moved: MovedCloud, death: dict[str, Any]) -> None:
        self.moved, self.death = moved, death
        self.transport = Unreachable(moved.sim, moved.clock)
        self.died = moved.hand.now()

    def client(self, **options: Any) -> UpCloud:  # noqa: ANN401 - UpCloud's own
        return self.moved.client(transport=self.transport, **options)

    def die(self) -> None:
        self.died = self.moved.hand.now()
        if self.death:
            self.moved.sim.fail("*", times=None, **self.death)
        else:
            self.transport.cut = True

    def took(self) -> float:
        return self.moved.hand.now() - self.died


@pytest.fixture(params=[{}, *DEATHS.values()], ids=["unreachable", *DEATHS])
def dying(moved: MovedCloud, request: pytest.FixtureRequest) -> Dying:
    return Dying(moved, request.param)


async def test_a_call_ends_in_bounded_time(dying: Dying) -> None:
    async with dying.client() as cloud:
        dying.die()
        with pytest.raises(errors.UpCloudError):
            await cloud.zones.list()
    assert dying.took() <= CALL


async def test_a_create_and_the_close_of_its_client_end_in_bounded_time(dying: Dying) -> None:
    """The client keeps searching after the error, since without an answer there may be a server."""
    began: list[float] = []
    lost: list[errors.UpCloudError] = []

    async def script() -> None:
        async with dying.client() as cloud:
            dying.die()
            with pytest.raises(errors.UpCloudError) as caught:
                await cloud.servers.create(server_spec())
            assert dying.took() <= CREATE + LOOKS
            lost.append(caught.value)
            began.append(dying.moved.hand.now())

    named: list[str] = []
    try:
        await script()
    except errors.CleanupFailed as error:
        named.append(str(error))
    labels = [str(error.label) for error in lost if isinstance(error, errors.OutcomeUnknown)]
    assert len(labels) == len(named)
    assert all(label in name for label, name in zip(labels, named, strict=True))
    assert dying.moved.hand.now() - began[0] <= 90


async def test_a_create_that_reads_the_apis_time_first_ends_in_bounded_time(dying: Dying) -> None:
    async with dying.client() as cloud:
        dying.die()
        with pytest.raises(errors.UpCloudError):
            await cloud.servers.create(server_spec(), lease=600)
    assert dying.took() <= CALL + CREATE + LOOKS


async def test_a_wait_ends_in_bounded_time(dying: Dying) -> None:
    async with dying.client() as cloud:
        server = await cloud.servers.create(server_spec())
        dying.die()
        with pytest.raises(errors.UpCloudError):
            await cloud.servers.wait_for_state(server.uuid, "started", timeout=200)
    assert dying.took() <= 200


async def test_a_destroy_ends_in_bounded_time(dying: Dying) -> None:
    async with dying.client() as cloud:
        server = await cloud.servers.create(server_spec(), lease=600)
        dying.die()
        with pytest.raises(errors.CleanupFailed) as caught:
            await cloud.servers.destroy(server.uuid, timeout=100)
        assert caught.value.uuid == server.uuid
    assert dying.took() <= 100 + EXPIRE


async def test_a_block_whose_api_dies_before_it_ends_in_bounded_time(dying: Dying) -> None:
    async with dying.client() as cloud:
        dying.die()
        with pytest.raises(errors.UpCloudError):
            async with cloud.servers.ephemeral(server_spec(), timeout=200):
                raise AssertionError("it is not made")
        assert dying.took() <= 200


async def test_a_block_whose_api_dies_while_the_server_boots_ends_in_bounded_time(dying: Dying) -> None:
    async with dying.client() as cloud, anyio.create_task_group() as group:

        async def live() -> None:
            with pytest.raises(errors.UpCloudError):
                async with cloud.servers.ephemeral(server_spec(), timeout=200, cleanup_timeout=50):
                    raise AssertionError("it does not start")

        group.start_soon(live)
        await dying.moved.later(10)
        dying.die()
    assert dying.took() <= 200 + 50 + EXPIRE


async def test_a_block_whose_api_dies_in_it_ends_in_bounded_time(dying: Dying) -> None:
    async with dying.client() as cloud:

        async def live() -> None:
            async with cloud.servers.ephemeral(server_spec(), cleanup_timeout=50):
                dying.die()

        with pytest.raises(errors.CleanupFailed):
            await live()
    assert dying.took() <= 50 + EXPIRE


async def test_a_reaper_ends_in_bounded_time(dying: Dying) -> None:
    async with dying.client() as cloud:
        dying.die()
        with pytest.raises(errors.UpCloudError):
            await cloud.leases.reap()
    assert dying.took() <= CALL


async def test_closing_the_client_under_running_calls_ends_in_bounded_time(dying: Dying) -> None:
    async def script() -> None:
        async with dying.client(close_timeout=40) as cloud, anyio.create_task_group() as group:
            server = await cloud.servers.create(server_spec("first"), lease=600)
            dying.die()
            group.start_soon(cloud.servers.create, server_spec("second"))
            group.start_soon(cloud.servers.destroy, server.uuid)
            await dying.moved.later(1)
            group.cancel_scope.cancel()

    with pytest.raises(errors.CleanupFailed):
        await script()
    assert dying.took() <= 1 + 40
