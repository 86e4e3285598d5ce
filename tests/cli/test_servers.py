"""`upcloud-sdk servers`."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.moved_time import MovedCloud, server_spec
from tests.skips import OTHER_THAN_LINUX
from upcloud_sdk._terminal import Terminal
from upcloud_sdk.cli.servers import destroy_all

if TYPE_CHECKING:
    from tests.cli.conftest import Cli, Make
    from upcloud_sdk.simulator import Simulator


def test_servers_are_listed_with_owner_and_end_of_lease(cli: Cli, make: Make) -> None:
    make("web-1")
    leased = make("web-2", lease=600)
    lines = cli("servers", "list").stdout.splitlines()
    assert [line.split()[1] for line in lines[1:]] == ["web-1", "web-2"]
    ends = datetime.fromisoformat(leased.labels["upcloud_sdk_lease"])
    assert lines[2].split()[-3:] == ["ci", *f"{ends:%Y-%m-%d %H:%M}".split()]


def test_a_terminal_that_is_too_narrow_for_a_table_gets_lines_without_a_cut_word(
    cli: Cli, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = make("web-1")
    make("web-2")
    monkeypatch.setattr("upcloud_sdk.cli.output.console", Terminal(width=60))
    shown = cli("servers", "list").stdout
    assert "…" not in shown
    assert ["uuid", server.uuid] in [line.split() for line in shown.splitlines()]
    assert ["plan", server.plan] in [line.split() for line in shown.splitlines()]


def test_an_account_without_servers_is_reported(cli: Cli) -> None:
    assert cli("servers", "list").stdout == "no servers\n"


def test_a_list_can_be_filtered_by_label(cli: Cli, make: Make) -> None:
    make("web-1")
    assert "web-1" in cli("servers", "list", "--label", "upcloud_sdk_owner=ci").stdout
    assert cli("servers", "list", "--label", "upcloud_sdk_owner=somebody").stdout == "no servers\n"


def test_json_output_contains_no_secrets(cli: Cli, make: Make) -> None:
    server = make("web-1")
    shown = json.loads(cli("servers", "show", "web-1", "--json").stdout)
    assert shown["uuid"] == server.uuid
    assert not {"password", "user_data", "remote_access_password"} & shown.keys()
    assert [each["uuid"] for each in json.loads(cli("servers", "list", "--json").stdout)] == [server.uuid]


@pytest.mark.parametrize("by", ["uuid", "hostname", "title"])
def test_a_server_is_found_by_uuid_hostname_or_title(by: str, cli: Cli, make: Make) -> None:
    server = make("web-1")
    assert server.uuid in cli("servers", "show", getattr(server, by)).stdout


def test_a_name_that_two_servers_have_is_refused_with_their_uuids(cli: Cli, make: Make, sim: Simulator) -> None:
    uuids = [make("web").uuid, make("web").uuid]
    result = cli("servers", "destroy", "web", "--yes")
    assert result.exit_code == 1
    assert all(uuid in result.stderr for uuid in uuids)
    assert len(sim.servers) == 2


def test_a_misspelt_name_is_refused_with_the_closest_one(cli: Cli, make: Make) -> None:
    make("web-1")
    result = cli("servers", "show", "wbe-1")
    assert (result.exit_code, result.stderr) == (
        1,
        "upcloud-sdk: no server has the hostname or title 'wbe-1'; did you mean 'web-1'?\n",
    )


def test_a_destroy_shows_the_servers_and_asks_first(cli: Cli, make: Make, sim: Simulator) -> None:
    server = make("web-1")
    result = cli("servers", "destroy", "web-1", input="n\n")
    assert result.exit_code == 1
    assert server.uuid in result.stderr
    assert "Destroy 1 server and the disks created with it? [y/N]" in result.stderr
    assert list(sim.servers) == [server.uuid]


def test_a_destroy_without_an_answer_destroys_nothing(cli: Cli, make: Make, sim: Simulator) -> None:
    make("web-1")
    result = cli("servers", "destroy", "web-1", input="")
    assert result.exit_code == 1
    assert result.stderr.endswith(
        "\nupcloud-sdk: nothing was destroyed: the question was not answered; --yes skips it\n"
    )
    assert len(sim.servers) == 1


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason=OTHER_THAN_LINUX)
def test_ctrl_c_at_the_question_destroys_nothing_and_ends_with_status_130(make: Make, sim: Simulator) -> None:
    make("web-1")
    # A process that a shell starts in the background inherits that SIGINT is ignored.
    program = "import runpy, signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    program += "runpy.run_module('upcloud_sdk', run_name='__main__')"
    command = [sys.executable, "-c", program, "servers", "destroy", "web-1"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        asked = b""
        while b"[y/N]" not in asked:
            asked += (byte := process.stderr.read(1))
            assert byte, asked
        # A signal just before the process sleeps in its read is not seen by Python until the read has ended.
        while Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0] not in {"S", "Z"}:
            os.sched_yield()
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
        assert process.stderr.read().endswith(b"\nupcloud-sdk: nothing was destroyed\n")
    assert len(sim.servers) == 1


@pytest.mark.parametrize("consent", [{"input": "y\n"}, {}], ids=["an answer", "--yes"])
def test_a_destroy_deletes_the_disks_created_with_the_server(
    consent: dict[str, str], cli: Cli, make: Make, sim: Simulator
) -> None:
    disks = len(sim.storages)
    make("web-1")
    result = cli("servers", "destroy", "web-1", *([] if consent else ["--yes"]), **consent)
    assert result.exit_code == 0
    assert result.stdout.endswith("destroyed 1 server\n")
    assert not sim.servers
    assert len(sim.storages) == disks


def test_disks_are_kept_on_request(cli: Cli, make: Make, sim: Simulator) -> None:
    disks = len(sim.storages)
    make("web-1")
    assert cli("servers", "destroy", "web-1", "--storages", "none", "--yes").exit_code == 0
    assert len(sim.storages) == disks + 1


async def test_a_server_that_cannot_be_destroyed_is_named_and_the_others_are_destroyed() -> None:
    async with MovedCloud.open() as world, world.client() as cloud:
        stays, goes = await cloud.servers.create(server_spec()), await cloud.servers.create(server_spec())
        world.sim.fail(f"DELETE /server/{stays.uuid}", status=403, times=None)
        [failure] = await destroy_all(cloud, [stays, goes], storages="created", backups="delete", timeout=60)
        assert stays.uuid in failure
        assert list(world.sim.servers) == [stays.uuid]


def test_wrong_arguments_end_with_status_2(cli: Cli) -> None:
    assert cli("servers", "destroy", "--storages", "some", "web-1").exit_code == 2


def test_the_error_for_missing_credentials_is_one_line_with_what_to_do(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("UPCLOUD_TOKEN")
    result = cli("servers", "list")
    assert result.exit_code == 1
    assert "UPCLOUD_TOKEN" in result.stderr
    assert result.stderr.count("\n") == 1


def test_ctrl_c_ends_with_status_130(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("upcloud_sdk.cli.session.anyio.run", interrupt)
    assert cli("servers", "list").exit_code == 130


def test_no_error_shows_the_token(cli: Cli, sim: Simulator) -> None:
    sim.fail("GET /server", status=401, times=None)
    result = cli("servers", "list")
    assert result.exit_code == 1
    assert "ucat_secret" not in result.output
