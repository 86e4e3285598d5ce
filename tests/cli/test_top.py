"""`upcloud-sdk top`."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from rich.console import Console

from upcloud_sdk.cli.top import LOOKS, Fleet

if TYPE_CHECKING:
    from tests.cli.conftest import Cli, Make


def shown(fleet: Fleet, age: timedelta) -> str:
    console = Console(width=200, color_system=None)
    created = next(iter(fleet.servers.values())).created
    assert created is not None
    with console.capture() as capture:
        console.print(fleet.table(created + age))
    return capture.get()


def test_the_table_has_each_server_of_the_owner_with_its_age_and_state(make: Make) -> None:
    fleet = Fleet()
    fleet.look([make("web-1")])
    assert "web-1" in shown(fleet, timedelta(seconds=65))
    assert "1 min 05 s" in shown(fleet, timedelta(seconds=65))
    assert "2 h 00 min" in shown(fleet, timedelta(hours=2))


def test_a_deleted_server_stays_in_the_table_for_a_while(make: Make) -> None:
    fleet = Fleet()
    server = make("web-1")
    fleet.look([server])
    fleet.look([])
    assert "gone" in shown(fleet, timedelta(0))
    assert "0 servers up" in shown(fleet, timedelta(0))
    for _ in range(LOOKS):
        fleet.look([])
    assert not fleet.servers


def test_once_shows_only_the_owners_servers_and_all_shows_everybodys(cli: Cli, make: Make) -> None:
    make("web-1")
    assert "web-1" in cli("top", "--once").stdout
    assert "web-1" not in cli("--owner", "somebody", "top", "--once").stdout
    assert "web-1" in cli("--owner", "somebody", "top", "--once", "--all").stdout
