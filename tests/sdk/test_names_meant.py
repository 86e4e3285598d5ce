"""What is said about a name that does not exist, and about a client that is used in the wrong way."""

from __future__ import annotations

import inspect
from operator import attrgetter
from typing import TYPE_CHECKING, Any, cast

import pytest

from upcloud_sdk import Token, UpCloud

if TYPE_CHECKING:
    from collections.abc import Callable

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
