"""Saving, loading and emptying the account."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.simulator.documents import created, running
from tests.skips import WINDOWS
from upcloud_sdk.simulator import ManualClock, Simulator

if TYPE_CHECKING:
    from pathlib import Path

    from tests.simulator.small_account import SmallAccount

pytestmark = pytest.mark.anyio


async def everything(api: httpx.AsyncClient) -> list[object]:
    return [(await api.get(path)).json() for path in ("/account", "/server", "/storage/private")]


async def test_a_saved_account_can_be_loaded(
    api: httpx.AsyncClient, sim: Simulator, clock: ManualClock, tmp_path: Path
) -> None:
    server = await running(api, clock, labels={"label": [{"key": "team", "value": "a"}]})
    sim.account.credits = 7
    sim.save(tmp_path / "state.json")
    other = Simulator(clock=ManualClock(clock.now()))
    other.load(tmp_path / "state.json")
    async with httpx.AsyncClient(transport=other.transport(), base_url="http://sim/1.3", auth=("a", "b")) as again:
        assert await everything(again) == await everything(api)
        assert (await again.get(f"/server/{server['uuid']}")).json()["server"] == server


async def test_every_kind_of_record_is_saved_and_loaded(account: SmallAccount, sim: Simulator) -> None:
    paths = [
        "/server", "/storage/private", "/network", "/router", "/network-peering", "/ip_address", "/tag",
        "/server-group", "/host", "/account/list", "/permission", "/audit-logs", "/account/billing/summary/2026-01",
        "/server/{started}", "/server/{stopped}", "/server/{stopped}/networking", "/storage/{importing}/import",
    ]  # fmt: skip

    async def read() -> list[object]:
        return [(await account.cloud.request("GET", account.filled(path))).document for path in paths]

    before = await read()
    saved = sim.to_json()
    sim.reset()
    assert sim.servers == {}
    sim.restore(saved)
    assert await read() == before
    assert sim.to_json() == saved


async def test_pending_changes_continue_after_a_load(
    api: httpx.AsyncClient, sim: Simulator, clock: ManualClock
) -> None:
    server = await created(api)
    saved = sim.to_json()
    sim.reset()
    sim.restore(saved)
    clock.advance(2)
    assert (await api.get(f"/server/{server['uuid']}")).json()["server"]["state"] == "started"


async def test_a_loaded_address_and_its_interface_share_one_record(
    api: httpx.AsyncClient, sim: Simulator, clock: ManualClock
) -> None:
    """A change through the address chapter must show in the interface."""
    await running(api, clock)
    sim.restore(sim.to_json())
    (server,) = sim.servers.values()
    shown = [address for interface in server.interfaces for address in interface.ip_addresses]
    assert {id(address) for address in shown} == {id(address) for address in sim.ip_addresses.values()}


async def test_the_saved_document_is_json_with_the_names_of_the_records(api: httpx.AsyncClient, sim: Simulator) -> None:
    server = await created(api)
    document = json.loads(sim.to_json())
    assert document["servers"][server["uuid"]]["title"] == "build-1"
    assert document["account"]["username"] == "simulator"


def test_only_the_owner_can_read_the_file(sim: Simulator, tmp_path: Path) -> None:
    sim.save(tmp_path / "state.json")
    assert (tmp_path / "state.json").stat().st_mode & 0o077 == 0
    assert [file.name for file in tmp_path.iterdir()] == ["state.json"]


MARK = '"format": "upcloud_sdk.simulator", "version": 1'


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"name": "a-package", "version": "1.0.0"}',
        '{"format": "upcloud_sdk.simulator", "version": 2}',
        f'{{{MARK}, "servers": 3}}',
        f'{{{MARK}, "servers": {{"x": {{"uuid": "x"}}}}}}',
        f'{{{MARK}, "of_a_newer_version": {{}}}}',
        f'{{{MARK}, "tags": {{"red": {{"name": "red", "of_a_newer_version": 1}}}}}}',
        f'{{{MARK}, "tags": {{"red": {{"name": "blue"}}}}}}',
        f'{{{MARK}, "list_lag": NaN}}',
    ],
)
async def test_an_invalid_document_is_refused_without_effect(api: httpx.AsyncClient, sim: Simulator, text: str) -> None:
    await created(api)
    with pytest.raises(ValueError, match="not the saved state of a simulator"):
        sim.restore(text)
    assert len(sim.servers) == 1


@pytest.mark.parametrize("uuid", ["/{folder}/victim", "../victim", "0011/../../victim"])
@pytest.mark.skipif(os.name != "posix", reason=WINDOWS)
async def test_a_uuid_that_is_a_path_touches_no_folder(
    api: httpx.AsyncClient, sim: Simulator, tmp_path: Path, uuid: str
) -> None:
    """The folder of a guest has the name of its server, and is deleted with it."""
    (tmp_path / "victim").mkdir()
    (tmp_path / "victim" / "file").write_text("data")
    server = await created(api, user_data="#!/bin/sh\ntrue")
    path = uuid.replace("/{folder}", str(tmp_path))
    changed = sim.to_json().replace(server["uuid"], path).replace('"state": "maintenance"', '"state": "started"')
    with Simulator(guests="process") as other, pytest.raises(ValueError, match="not the saved state"):
        other.restore(changed)
    assert [file.name for file in (tmp_path / "victim").iterdir()] == ["file"]


def field_of(document: Any, *path: str) -> tuple[Any, str]:  # noqa: ANN401 - a JSON document
    for part in path[:-1]:
        document = next(iter(document.values())) if part == "*" else document[int(part) if part.isdigit() else part]
    return document, path[-1]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("servers.*.hostname", "x\ny"),
        ("servers.*.created", 1e300),
        ("servers.*.core_number", "2"),
        ("servers.*.state", "running"),
        ("servers.*.interfaces.0.mac", "x,script=/bin/sh"),
        ("servers.*.interfaces.0.network", "none"),
        ("servers.*.devices.0.storage", "00000000-0000-4000-8000-000000000000"),
        ("servers.*.tags", ["none"]),
        ("storages.*.size", -1),
        ("storages.*.servers", ["00000000-0000-4000-8000-000000000000"]),
        ("ip_addresses.*.address", "1.2.3"),
    ],
)
async def test_every_value_is_checked_as_what_it_claims_to_be(
    api: httpx.AsyncClient, sim: Simulator, path: str, value: object
) -> None:
    await created(api)
    document = json.loads(sim.to_json())
    parent, name = field_of(document, *path.split("."))
    parent[name] = value
    with pytest.raises(ValueError, match="not the saved state of a simulator"):
        sim.restore(json.dumps(document))


def test_a_full_disk_leaves_the_old_file(sim: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    file = tmp_path / "state.json"
    sim.save(file)
    old = file.read_text()
    sim.account.credits = 7
    with monkeypatch.context() as changes:
        changes.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space left"):
            sim.save(file)
    assert file.read_text() == old
    assert [each.name for each in tmp_path.iterdir()] == ["state.json"]


@pytest.mark.skipif(os.name != "posix", reason=WINDOWS)
def test_a_kill_in_the_middle_of_a_save_leaves_the_old_file(sim: Simulator, tmp_path: Path) -> None:
    file = tmp_path / "state.json"
    sim.account.credits = 7
    sim.save(file)
    killed = (
        "import os, signal, sys; from upcloud_sdk.simulator import Simulator; sim = Simulator()\n"
        "os.fsync = lambda _: os.kill(os.getpid(), signal.SIGKILL)\n"
        "sim.save(sys.argv[1])"
    )
    done = subprocess.run([sys.executable, "-c", killed, str(file)], check=False)
    assert done.returncode == -signal.SIGKILL
    sim.reset()
    sim.load(file)
    assert sim.account.credits == 7


@pytest.mark.skipif(os.name != "posix", reason=WINDOWS)
def test_a_symbolic_link_stays_and_its_file_is_replaced(sim: Simulator, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    link, file = tmp_path / "state.json", tmp_path / "elsewhere" / "real.json"
    link.symlink_to(file)
    sim.save(link)
    assert link.is_symlink()
    sim.restore(file.read_text())
    sim.load(link)


@pytest.mark.parametrize("path", [".", os.devnull])
def test_a_folder_and_a_device_are_neither_read_nor_replaced(sim: Simulator, path: str) -> None:
    with pytest.raises(OSError, match="not a regular file"):
        sim.save(path)
    with pytest.raises(OSError, match="not a regular file"):
        sim.load(path)


def test_a_loop_of_symbolic_links_is_an_error_of_the_file(sim: Simulator, tmp_path: Path) -> None:
    (tmp_path / "state.json").symlink_to(tmp_path / "other.json")
    (tmp_path / "other.json").symlink_to(tmp_path / "state.json")
    for use in (sim.save, sim.load):
        with pytest.raises(OSError, match="symbolic links"):
            use(tmp_path / "state.json")


@pytest.mark.parametrize("record", [{}, {"team": {"name": "other", "description": ""}}])
def test_a_name_in_a_refused_file_is_shown_short_and_without_control_characters(
    sim: Simulator, record: dict[str, object]
) -> None:
    document = json.loads(sim.to_json())
    document["tags"] = {f"\x1b[2J\n{'x' * 100_000}": record.get("team", record)}
    with pytest.raises(ValueError, match="not the saved state of a simulator") as caught:
        sim.restore(json.dumps(document))
    assert str(caught.value).isprintable()
    assert r"tags.\x1b[2J\nxxx" in str(caught.value)
    assert len(str(caught.value)) < 1000


async def test_a_reset_clears_the_account_the_faults_and_the_requests(api: httpx.AsyncClient, sim: Simulator) -> None:
    await created(api)
    sim.fail("*", status=500, times=None)
    sim.hide_from_lists(10)
    sim.reset()
    assert (sim.servers, sim.storages, sim.ip_addresses, sim.requests, sim.list_lag) == ({}, {}, {}, [], 0)
    assert (await api.get("/zone")).status_code == 200
