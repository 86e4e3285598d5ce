"""Methods are plain coroutine functions, which tools and task groups know."""

from __future__ import annotations

import asyncio
import gc
import inspect
from operator import attrgetter, itemgetter
from typing import TYPE_CHECKING, Any, cast

import anyio
import pytest
import trio

from upcloud_sdk import Token, UpCloud

if TYPE_CHECKING:
    from collections.abc import Callable

    import respx

Cloud = Any
"""A client without types, as a program without a type checker uses it."""


def client(**arguments: object) -> Cloud:
    return cast("Callable[..., Cloud]", UpCloud)(Token("ucat_x"), **arguments)


def test_the_signature_of_the_client_can_be_inspected() -> None:
    assert {"base_url", "timeout", "retry"} <= set(inspect.signature(UpCloud).parameters)


METHODS = ("servers.get", "servers.create", "servers.destroy", "storages.find_template", "plans.cheapest", "request")


@pytest.mark.parametrize("method", METHODS)
def test_methods_are_coroutine_functions_with_their_own_arguments(method: str) -> None:
    function = attrgetter(method)(client())
    assert inspect.iscoroutinefunction(function)
    assert function.__doc__
    assert "arguments" not in inspect.signature(function).parameters


@pytest.mark.parametrize("mistake", [itemgetter(0), attrgetter("title"), iter], ids=["[]", ".", "for"])
def test_python_itself_reports_a_forgotten_await(mistake: Callable[[Any], object]) -> None:
    def forget() -> None:
        with pytest.raises((TypeError, AttributeError), match="'coroutine' object"):
            mistake(client().zones.list())
        gc.collect()

    with pytest.warns(RuntimeWarning, match=r"coroutine 'Zones\.list' was never awaited"):
        forget()


async def test_calls_are_coroutines_for_gather_and_task_groups(api: respx.MockRouter, anyio_backend_name: str) -> None:
    api.get("/zone").respond(json={"zones": {"zone": []}})
    async with UpCloud(Token("ucat_x")) as cloud:
        assert await cloud.zones.list() == ()
        async with anyio.create_task_group() as group:
            group.start_soon(cloud.zones.list)
        if anyio_backend_name == "asyncio":
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(cloud.zones.list())
            assert list(await asyncio.gather(cloud.zones.list(), asyncio.create_task(cloud.zones.list()))) == [(), ()]
            assert await asyncio.wait_for(cloud.zones.list(), 20) == ()
        else:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(cloud.zones.list)
        call = cloud.zones.list()
        assert inspect.iscoroutine(call)
        assert asyncio.iscoroutine(call)
        call.close()
