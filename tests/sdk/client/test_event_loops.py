"""A client that is used in another event loop than its own says so, and stays usable in its own."""

from __future__ import annotations

import re
import threading
from typing import TYPE_CHECKING

import anyio
import anyio.to_thread
import pytest

from tests.sdk.endpoints import SPEC
from upcloud_sdk import Token, UpCloud, WaitPolicy
from upcloud_sdk.errors import NotOpen
from upcloud_sdk.models import ServerChanges
from upcloud_sdk.simulator import Simulator

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

UUID = "00a1b2c3-d4e5-4f60-8a7b-0123456789ab"


async def _ephemeral(cloud: UpCloud) -> None:
    async with cloud.servers.ephemeral(SPEC):
        pass


CALLS: dict[str, Callable[[UpCloud], Awaitable[object]]] = {
    "get": lambda cloud: cloud.account.get(),
    "list": lambda cloud: cloud.servers.list(),
    "request": lambda cloud: cloud.request("GET", "/account"),
    "stream": lambda cloud: cloud.audit_logs.export().read(),
    "upload": lambda cloud: cloud.storages.upload(UUID, b"a disk"),
    "modify": lambda cloud: cloud.servers.modify(UUID, ServerChanges(labels={"env": "dev"})),
    "create": lambda cloud: cloud.servers.create(SPEC),
    "create with a lease": lambda cloud: cloud.servers.create(SPEC, lease=600),
    "ephemeral": _ephemeral,
    "wait": lambda cloud: cloud.servers.wait_for_state(UUID, "started", timeout=60),
    "destroy": lambda cloud: cloud.servers.destroy(UUID),
    "take": lambda cloud: cloud.leases.take(UUID, 60),
    "reap": lambda cloud: cloud.leases.reap(),
}


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with Simulator(boot_seconds=0, stop_seconds=0).serve() as url:
        yield url


@pytest.mark.parametrize("other", ["asyncio", "trio"])
async def test_a_call_in_another_event_loop_is_refused_and_the_client_stays_usable(url: str, other: str) -> None:
    failures: dict[str, BaseException] = {}

    def elsewhere(cloud: UpCloud) -> None:
        threading.current_thread().name = "the other thread"
        for name, call in CALLS.items():
            try:
                anyio.run(call, cloud, backend=other)
            except BaseException as error:  # noqa: BLE001 - looked at below
                failures[name] = error

    async with UpCloud(Token("ucat_x"), base_url=url, waits=WaitPolicy(first_read_after=0.01, pause=0.01)) as cloud:
        await cloud.account.get()
        await anyio.to_thread.run_sync(elsewhere, cloud)
        assert (await cloud.account.get()).username
        created = await cloud.servers.create(SPEC)
        await cloud.servers.destroy(created.uuid)
    assert {name: type(error) for name, error in failures.items()} == dict.fromkeys(CALLS, NotOpen)
    threads = re.escape(repr(threading.current_thread().name)), "'the other thread'"
    for error in failures.values():
        assert re.search("opened in the event loop of thread {}, but .* of thread {};".format(*threads), str(error))


def test_a_client_that_was_not_closed_is_refused_in_the_next_event_loop_of_the_thread(url: str) -> None:
    cloud = UpCloud(Token("ucat_x"), base_url=url)
    anyio.run(cloud.__aenter__)
    with pytest.raises(NotOpen, match="is used in another event loop"):
        anyio.run(cloud.account.get)
