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

import anyio
import pytest

from tests.moved_time import MovedCloud, server_spec
from tests.skips import OTHER_THAN_LINUX
from upcloud_sdk import UpCloud
from upcloud_sdk._terminal import Terminal
from upcloud_sdk.cli.servers import destroy_all
from upcloud_sdk.simulator import Simulator, to_error

if TYPE_CHECKING:
    from tests.cli.conftest import Cli, Make


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


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("INSUFFICIENT_CREDITS", "`upcloud-sdk doctor` shows the credits that are left"),
        ("SERVER_INVALID", "find it in `upcloud-sdk servers list`"),
        ("STORAGE_INVALID", "`upcloud-sdk templates` shows"),
        ("PLAN_INVALID", "`upcloud-sdk plans --all` shows the names"),
        ("SERVER_STATE_ILLEGAL", "`upcloud-sdk servers destroy` does this itself"),
        ("SERVERS_LIMIT_REACHED", "`upcloud-sdk doctor` shows the limits of the account"),
    ],
)
def test_a_hint_names_the_command_where_there_is_one(cli: Cli, sim: Simulator, code: str, says: str) -> None:
    sim.fail("GET /server", status=400, code=code)
    assert says in cli("servers", "list").stderr


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


CREATE = "servers create web-1 --template debian-13 --plan PREMIUM-1xCPU-1GB --zone fi-hel1 --ssh-key"


def test_a_server_is_created_started_and_shown_with_its_addresses(
    cli: Cli, sim: Simulator, values: dict[str, str]
) -> None:
    shown = cli(*CREATE.split(), values["ssh_key"]).stdout
    [server] = sim.servers.values()
    assert (server.hostname, server.title, server.state) == ("web-1", "web-1", "started")
    assert "upcloud_sdk_lease" not in server.labels
    assert server.uuid in shown
    assert "(public)" in shown


def test_a_created_server_is_shown_as_json_and_has_the_lease_and_size_that_were_asked_for(
    cli: Cli, sim: Simulator, values: dict[str, str]
) -> None:
    result = cli(*CREATE.split(), values["ssh_key"], "--lease", "600", "--size", "30", "--json")
    document = json.loads(result.stdout)
    [server] = sim.servers.values()
    assert (document["uuid"], document["state"]) == (server.uuid, "started")
    assert "upcloud_sdk_lease" in server.labels
    assert document["storage_devices"][0]["storage_size"] == 30
    assert "password" not in document


def test_a_server_that_does_not_start_is_destroyed(
    cli: Cli, values: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        Simulator(boot=to_error(leaves_after=0.2), stop_seconds=0, storage_seconds=0) as failing,
        failing.serve() as url,
    ):
        monkeypatch.setenv("UPCLOUD_DEBUG_API_BASE_URL", url)
        result = cli(*CREATE.split(), values["ssh_key"])
        assert result.exit_code == 1
        assert "web-1 was destroyed" in result.stderr
        assert (failing.servers, failing.storages) == ({}, {})


@pytest.mark.parametrize("option", [[], ["--hard"]])
def test_a_server_is_stopped_and_started_again(option: list[str], cli: Cli, make: Make, sim: Simulator) -> None:
    server = sim.servers[make("web-1").uuid]
    assert json.loads(cli("servers", "stop", "web-1", "--json", *option).stdout)["state"] == "stopped"
    assert server.state == "stopped"
    assert "started" in cli("servers", "start", "web-1").stdout
    assert server.state == "started"


@pytest.mark.parametrize(("command", "state"), [("start", "started"), ("stop", "stopped")])
def test_a_server_that_is_in_the_state_already_is_shown(
    command: str, state: str, cli: Cli, make: Make, sim: Simulator
) -> None:
    sim.servers[make("web-1").uuid].state = state
    result = cli("servers", command, "web-1")
    assert result.exit_code == 0
    assert state in result.stdout


@pytest.fixture
def backups(make: Make, sim: Simulator) -> list[str]:
    """The backups of the disk of server `web-1`."""

    async def back_up() -> list[str]:
        async with UpCloud() as cloud:
            [disk] = (await cloud.servers.get(server)).storage_devices
            return [(await cloud.storages.backup(str(disk.storage), title)).uuid for title in ("one", "two")]

    server = make("web-1")
    assert sim.servers
    return anyio.run(back_up)


@pytest.mark.parametrize(
    ("options", "question"),
    [
        ([], "Destroy 1 server and the disks created with it, and delete 2 backups of the disks?"),
        (["--keep-backups"], "Destroy 1 server and the disks created with it, and keep 2 backups of the disks?"),
        (["--storages", "none"], "Destroy 1 server and no disks?"),
        (["--storages", "all"], "Destroy 1 server and ALL disks attached to it, and delete 2 backups of the disks?"),
    ],
)
def test_a_destroy_says_how_many_backups_it_deletes(
    options: list[str], question: str, cli: Cli, sim: Simulator, backups: list[str]
) -> None:
    assert question in cli("servers", "destroy", "web-1", *options, input="n\n").stderr
    assert set(backups) <= set(sim.storages)
    assert cli("servers", "destroy", "web-1", "--yes", *options).exit_code == 0
    assert bool(set(backups) & set(sim.storages)) == ("delete" not in question)


def test_backups_of_disks_that_are_not_deleted_are_not_counted(cli: Cli, sim: Simulator, backups: list[str]) -> None:
    for backup in backups:
        sim.storages[str(sim.storages[backup].origin)].labels = {}
    assert "created with it?" in cli("servers", "destroy", "web-1", input="n\n").stderr


def test_two_values_of_one_label_are_refused(cli: Cli) -> None:
    result = cli("servers", "list", "--label", "env=a", "--label", "env=b")
    assert result.exit_code == 2
    assert "env is given twice" in result.stderr


def test_the_same_label_twice_is_one_label(cli: Cli, make: Make) -> None:
    make("web-1")
    assert "web-1" in cli("servers", "list", *["--label", "upcloud_sdk_owner=ci"] * 2).stdout


def test_tables_say_that_times_are_utc(cli: Cli, make: Make) -> None:
    make("web-1")
    assert "created (UTC)" in cli("servers", "list").stdout
    assert "created (UTC)" in cli("servers", "show", "web-1").stdout
    assert "(UTC)" not in cli("servers", "list", "--json").stdout


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
