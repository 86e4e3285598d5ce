"""Likely mistakes of a new user: the code works, or the error says how to correct it."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.moved_time import DEBIAN, server_spec
from upcloud_sdk import LoginUser, ServerSpec, StorageDeviceSpec, StorageSpec, UpCloud
from upcloud_sdk.errors import NotOpen, UpCloudError
from upcloud_sdk.testing import client_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from upcloud_sdk.simulator import Simulator

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKxx me@example.com"
KINDS = "a line that begins with ssh-ed25519, ssh-rsa, ecdsa-sha2-nistp256"
A_PATH = "this is a path, not a key: write Path"
A_LIST = r"this must be a list: write \[\.\.\.\] around it"

Cloud = Any
"""A client without types, as a program without a type checker uses it."""


def _any(value: object) -> Any:  # noqa: ANN401 - what a type checker would refuse
    return value


async def _with_disk(cloud: Cloud) -> None:
    server = await _server(cloud)
    disk = await cloud.storages.create(StorageSpec(zone="fi-hel1", size=10, title="data"))
    await cloud.storages.wait_for_state(disk, "online", timeout=10)
    await cloud.servers.attach_storage(server, disk)


async def _server(cloud: Cloud) -> Any:  # noqa: ANN401 - as a program without a type checker sees it
    server = await cloud.servers.create(server_spec())
    return await cloud.servers.wait_for_state(server, "started", timeout=10)


async def _destroyed(cloud: Cloud) -> None:
    await cloud.servers.destroy(await _server(cloud))


async def _priced(cloud: Cloud) -> None:
    assert (await cloud.prices.estimate(await _server(cloud))).hourly > 0


def _spec(**changes: object) -> ServerSpec:
    whole = server_spec()
    return ServerSpec.model_validate({**{name: getattr(whole, name) for name in whole.model_fields_set}, **changes})


def _file(home: Path) -> Path:
    path = home / "id.pub"
    path.write_text(KEY, "utf-8")
    return path


WORKS: list[tuple[str, Callable[[Cloud], Awaitable[object]]]] = [
    ("a server to destroy, and to wait for", _destroyed),
    ("a server and a disk to attach", _with_disk),
    ("the price of a server that exists", _priced),
    ("a slug of Debian", lambda c: c.storages.find_template("debian-13")),
    ("a slug of Ubuntu", lambda c: c.storages.find_template("ubuntu-24.04")),
]

SAYS: list[tuple[str, Callable[[Cloud], object], str]] = [
    (
        "a state that is none",
        lambda c: c.servers.wait_for_state(DEBIAN, "running", timeout=1),
        "'running' is not a state of a server: write one of started, stopped, maintenance, error",
    ),
    ("the path of a key as text", lambda _: LoginUser(ssh_keys=["~/.ssh/id_ed25519.pub"]), A_PATH),
    ("text that is no key", lambda _: LoginUser(ssh_keys=["hello"]), KINDS),
    ("one key", lambda _: LoginUser(ssh_keys=KEY), A_LIST),
    ("one path", lambda _: LoginUser(ssh_keys=_any(Path("id.pub"))), A_LIST),
    ("a size with its unit", lambda _: StorageDeviceSpec.create(size=_any("25GB")), "write size=25"),
    ("one disk", lambda _: _spec(storage_devices=StorageDeviceSpec.create(size=10)), A_LIST),
    ("a family of templates", lambda c: c.storages.find_template("ubuntu"), "did you mean 'Ubuntu Server 26.04"),
    ("Windows", lambda c: c.storages.find_template("Windows"), "did you mean 'Windows Server 2022 Standard'"),
    ("no template", lambda c: c.storages.find_template("nixos"), r"'nixos': storages\.list\('template'\) lists"),
    (
        "a server by its name",
        lambda c: c.servers.get("web-1"),
        r"find it in servers\.list\(\) by its hostname or title",
    ),
    (
        "a zone without prices",
        lambda c: c.prices.estimate(server_spec(zone="fi-hel9")),
        "no zone 'fi-hel9' in the price list: there are ",
    ),
    ("a plan without a price", lambda c: c.prices.estimate(server_spec(plan="1xCPU-3GB")), "'1xCPU-3GB': there are "),
]


async def _made(value: object) -> object:
    return await value if inspect.isawaitable(value) else value


@pytest.mark.parametrize("call", [pytest.param(call, id=name) for name, call in WORKS])
async def test_typical_code_of_a_new_user_works(upcloud: UpCloud, call: Callable[[Cloud], Awaitable[object]]) -> None:
    await call(upcloud)


@pytest.mark.parametrize(("call", "says"), [pytest.param(call, says, id=name) for name, call, says in SAYS])
async def test_the_error_for_a_likely_mistake_says_what_to_write(
    upcloud: UpCloud, call: Callable[[Cloud], object], says: str
) -> None:
    with pytest.raises((ValueError, TypeError, AttributeError, UpCloudError), match=says):
        await _made(call(upcloud))


def test_an_ssh_key_can_be_given_as_a_path(tmp_path: Path) -> None:
    assert LoginUser(ssh_keys=[_file(tmp_path)]).ssh_keys == (KEY,)


async def test_a_template_object_can_be_given_instead_of_its_uuid(upcloud: UpCloud) -> None:
    template = await upcloud.storages.find_template("debian-13")
    assert StorageDeviceSpec.clone(template) == StorageDeviceSpec.clone(template.uuid)


async def test_the_error_for_a_closed_client_says_what_to_write(upcloud_simulator: Simulator) -> None:
    async with client_of(upcloud_simulator) as cloud:
        pass
    for call in (cloud.zones.list, lambda: cloud.servers.create(server_spec())):
        with pytest.raises(NotOpen, match="use it inside `async with UpCloud"):
            await call()


def test_the_error_for_a_fault_without_an_endpoint_suggests_similar_ones(upcloud_simulator: Simulator) -> None:
    with pytest.raises(ValueError, match=r"no endpoint matches 'POST /servers'.*did you mean 'POST /server'"):
        upcloud_simulator.fail("POST /servers", status=500)
