"""What is said about a name that does not exist, and about a client that is used in the wrong way."""

from __future__ import annotations

import asyncio
import gc
import inspect
from collections.abc import Callable, Coroutine
from operator import attrgetter
from typing import TYPE_CHECKING, Any, cast

import anyio
import pytest

from upcloud_sdk import Token, UpCloud

if TYPE_CHECKING:
    import respx

Cloud = Any
"""A client as a program without a type checker sees it."""


def client(**arguments: object) -> Cloud:
    return cast("Callable[..., Cloud]", UpCloud)(Token("ucat_x"), **arguments)


@pytest.mark.parametrize(
    ("argument", "says"),
    [
        ("token", r"credentials are the first argument: write UpCloud\(Token\('ucat_\.\.\.'\)\)"),
        ("username", r"write UpCloud\(Basic\('user', 'password'\)\)"),
        ("time_out", "did you mean 'timeout'"),
        ("url", "write base_url="),
        ("zone", "a zone belongs to what is made"),
        ("frobnicate", "there are allow_http, base_url, "),
    ],
)
def test_an_unknown_argument_of_the_client_names_the_one_that_was_meant(argument: str, says: str) -> None:
    with pytest.raises(
        TypeError, match=rf"UpCloud\(\) got an unexpected keyword argument '{argument}'.*{says}"
    ) as caught:
        client(**{argument: "MUST_NOT_BE_SHOWN"})
    assert "MUST_NOT" not in str(caught.value)


@pytest.mark.parametrize(
    ("mistake", "says"),
    [
        ("server", "'UpCloud' object has no attribute 'server'; did you mean 'servers'"),
        ("close", "use it as `async with UpCloud"),
        ("images", r"write cloud\.storages\.find_template\("),
        ("servers.wait", "no attribute 'wait'; did you mean 'wait_for_state'"),
        ("servers.destory", "did you mean 'destroy'"),
        ("plans.get", "no attribute 'get'; there are cheapest, list"),
    ],
)
def test_an_unknown_name_names_the_one_that_was_meant(mistake: str, says: str) -> None:
    with pytest.raises(AttributeError, match=says):
        attrgetter(mistake)(client())


def test_names_that_python_asks_for_are_not_explained() -> None:
    cloud = client()
    assert not hasattr(cloud, "__wrapped__")
    with pytest.raises(AttributeError, match=r"no attribute '_nothing'$"):
        _ = cloud._nothing


def test_the_arguments_of_the_client_can_still_be_looked_up() -> None:
    assert {"base_url", "timeout", "retry"} <= set(inspect.signature(UpCloud).parameters)


def test_with_in_place_of_async_with_says_what_to_write() -> None:
    with pytest.raises(TypeError, match="write `async with UpCloud"), client():
        pass


@pytest.mark.parametrize(
    ("method", "arguments", "says"),
    [
        ("servers.list", {"limit": 10}, r"Servers?\w*\.list\(\) got .* argument 'limit'.*page_size"),
        ("servers.get", {"uid": "00a"}, "did you mean 'uuid'"),
        ("zones.list", {"frobnicate": 1}, "got an unexpected keyword argument 'frobnicate'"),
    ],
)
async def test_an_unknown_argument_of_a_method_names_the_one_that_was_meant(
    method: str, arguments: dict[str, object], says: str
) -> None:
    with pytest.raises(TypeError, match=says):
        attrgetter(method)(client())(**arguments)


def _loop(cloud: Cloud) -> None:
    for _ in cloud.zones.list():
        pass


async def _async_loop(cloud: Cloud) -> None:
    async for _ in cloud.zones.list():
        pass


@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning")
async def test_a_forgotten_await_says_where_to_write_it() -> None:
    cloud = client()
    with pytest.raises(TypeError, match=r"Zones\.list\(\.\.\.\) was not awaited: write `for \.\.\. in await"):
        _loop(cloud)
    with pytest.raises(TypeError, match=r"write `for \.\.\. in await"):
        await _async_loop(cloud)
    with pytest.raises(AttributeError, match=r"was not awaited: write \(await \.\.\.get\(\.\.\.\)\)\.title"):
        _ = cloud.servers.get("00a").title
    with pytest.raises(TypeError, match=r"write \(await \.\.\.list\(\.\.\.\)\)\[0\]"):
        cloud.servers.list()[0]
    gc.collect()  # Here Python complains of what was never awaited, and in no other test.


async def test_a_call_is_a_coroutine_for_whoever_runs_it(api: respx.MockRouter, anyio_backend_name: str) -> None:
    api.get("/zone").respond(json={"zones": {"zone": []}})
    async with UpCloud(Token("ucat_x")) as cloud:
        assert await cloud.zones.list() == ()
        async with anyio.create_task_group() as group:
            group.start_soon(cloud.zones.list)
        if anyio_backend_name == "asyncio":
            assert list(await asyncio.gather(cloud.zones.list(), asyncio.create_task(cloud.zones.list()))) == [(), ()]
            assert await asyncio.wait_for(cloud.zones.list(), 20) == ()
        call = cloud.zones.list()
        assert isinstance(call, Coroutine)
        assert "Zones.list" in repr(call)
        call.close()
