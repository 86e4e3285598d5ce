"""Errors about names that do not exist, and about wrong uses of the client."""

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


@pytest.mark.parametrize(
    ("argument", "says"),
    [
        ("token", r"credentials are the first argument: write UpCloud\(Token\('ucat_\.\.\.'\)\)"),
        ("username", r"write UpCloud\(Basic\('user', 'password'\)\)"),
        ("time_out", "did you mean 'timeout'"),
        ("url", "write base_url="),
        ("zone", "the zone is part of the spec"),
        ("frobnicate", "there are allow_http, base_url, "),
    ],
)
def test_the_error_for_an_unknown_argument_of_the_client_suggests_the_right_one(argument: str, says: str) -> None:
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
        ("templates", r"write cloud\.storages\.find_template\("),
        ("servers.wait", "no attribute 'wait'; did you mean 'wait_for_state'"),
        ("servers.destory", "did you mean 'destroy'"),
        ("plans.get", "no attribute 'get'; there are cheapest, list"),
        ("storages.resize", "no attribute 'resize'; did you mean 'resize_filesystem'"),
        ("servers.get_server", "no attribute 'get_server'; did you mean 'get'"),
        ("servers.list_all", "no attribute 'list_all'; did you mean 'list'"),
        ("storages.get_template", r"no attribute 'get_template': write .*find_template\('debian-13'\)"),
        ("servers.all", r"no attribute 'all': write `await cloud\.servers\.list\(\)`"),
    ],
)
def test_the_error_for_an_unknown_attribute_suggests_the_right_one(mistake: str, says: str) -> None:
    with pytest.raises(AttributeError, match=says):
        attrgetter(mistake)(client())


def test_private_names_get_pythons_own_error() -> None:
    cloud = client()
    assert not hasattr(cloud, "__wrapped__")
    with pytest.raises(AttributeError, match=r"no attribute '_nothing'$"):
        _ = cloud._nothing


def test_the_signature_of_the_client_can_be_inspected() -> None:
    assert {"base_url", "timeout", "retry"} <= set(inspect.signature(UpCloud).parameters)


def test_the_error_for_a_plain_with_says_what_to_write() -> None:
    with pytest.raises(TypeError, match="write `async with UpCloud"), client():
        pass
    written = r"write `async with cloud\.servers\.ephemeral\(spec\) as server:`"
    with pytest.raises(TypeError, match=written), client().servers.ephemeral(None):
        pass


async def test_the_error_for_await_instead_of_async_with_or_async_for_says_what_to_write() -> None:
    with pytest.raises(TypeError, match=r"write `async with cloud\.servers\.ephemeral\(spec\) as server:`"):
        await client().servers.ephemeral(None)
    with pytest.raises(TypeError, match=r"write `async for entries in cloud\.audit_logs\.list\(\):`"):
        await client().audit_logs.list()
    with pytest.raises(TypeError, match=r"write `async for entries in cloud\.audit_logs\.list\(\):`"):
        list(client().audit_logs.list())


@pytest.mark.parametrize(
    ("method", "arguments", "says"),
    [
        (
            "servers.list",
            {"limit": 10},
            r"Servers?\w*\.list\(\) got .* argument 'limit': leave it out: .* page_size=100",
        ),
        ("zones.list", {"limit": 10}, r"Zones\.list\(\) got .* argument 'limit': leave it out"),
        ("storages.find_template", {"title": "x"}, r"argument 'title': .* write find_template\('debian-13'\)"),
        ("servers.get", {"uid": "00a"}, "did you mean 'uuid'"),
        ("zones.list", {"frobnicate": 1}, "got an unexpected keyword argument 'frobnicate'; there are none"),
    ],
)
async def test_the_error_for_an_unknown_argument_of_a_method_suggests_the_right_one(
    method: str, arguments: dict[str, object], says: str
) -> None:
    with pytest.raises(TypeError, match=says):
        await attrgetter(method)(client())(**arguments)


METHODS = ("servers.get", "servers.create", "servers.destroy", "storages.find_template", "plans.cheapest", "request")


@pytest.mark.parametrize("method", METHODS)
def test_methods_are_coroutine_functions_with_their_own_arguments(method: str) -> None:
    function = attrgetter(method)(client())
    assert inspect.iscoroutinefunction(function)
    assert function.__doc__
    assert "arguments" not in inspect.signature(function).parameters


@pytest.mark.parametrize("call", ["servers.get", "servers.list", "servers.events", "storages.list"])
def test_the_warning_for_a_forgotten_await_has_the_name_that_was_written(call: str) -> None:
    coroutine = attrgetter(call)(client())("00aa")
    assert coroutine.__qualname__.lower() == call
    coroutine.close()


async def test_the_qualified_name_of_a_method_is_the_one_that_was_written() -> None:
    with pytest.raises(TypeError, match=r"^Servers\.list\(\) takes 1 positional argument"):
        await client().servers.list("web")


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
