"""`upcloud-sdk leases`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from typer import Exit

from upcloud_sdk.cli.leases import tell
from upcloud_sdk.fleet.reap import ReapReport
from upcloud_sdk.simulator import ManualClock, Simulator

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.cli.conftest import Cli, Make

CLOCK = ManualClock()


@pytest.fixture
def sim(monkeypatch: pytest.MonkeyPatch) -> Iterator[Simulator]:
    """An account on a clock that the test moves."""
    with (
        Simulator(clock=CLOCK, boot_seconds=0, stop_seconds=0, storage_seconds=0, seed=1) as sim,
        sim.serve() as url,
    ):
        monkeypatch.setenv("UPCLOUD_DEBUG_API_BASE_URL", url)
        monkeypatch.setenv("UPCLOUD_TOKEN", "ucat_secret")
        monkeypatch.setenv("UPCLOUD_SDK_OWNER", "ci")
        yield sim


def test_leases_are_listed_by_owner(cli: Cli, make: Make) -> None:
    server = make("web-1", lease=600)
    assert server.uuid in cli("leases", "list").stdout
    assert cli("leases", "list", "--owner", "somebody").stdout == "no leases\n"


def test_a_lease_that_has_not_ended_is_spared(cli: Cli, make: Make, sim: Simulator) -> None:
    make("web-1", lease=600)
    report = json.loads(cli("leases", "reap", "--yes", "--json").stdout)
    assert report["servers"] == []
    assert len(sim.servers) == 1


def test_a_dry_run_shows_what_would_be_destroyed_and_destroys_nothing(cli: Cli, make: Make, sim: Simulator) -> None:
    server = make("web-1", lease=600)
    CLOCK.advance(700)
    report = json.loads(cli("leases", "reap", "--dry-run", "--json").stdout)
    assert (report["dry_run"], report["servers"]) == (True, [server.uuid])
    assert len(sim.servers) == 1


def test_a_reap_shows_what_it_will_destroy_and_asks_first(cli: Cli, make: Make, sim: Simulator) -> None:
    server = make("web-1", lease=600)
    CLOCK.advance(700)
    result = cli("leases", "reap", input="n\n")
    assert result.exit_code == 1
    assert server.uuid in result.stderr
    assert len(sim.servers) == 1


def test_a_reap_destroys_servers_whose_lease_has_ended(cli: Cli, make: Make, sim: Simulator) -> None:
    make("web-1", lease=600)
    CLOCK.advance(700)
    result = cli("leases", "reap", "--yes")
    assert result.exit_code == 0
    assert "destroyed servers: 1" in result.stdout
    assert not sim.servers


def test_a_server_that_cannot_be_reaped_is_named_and_the_status_is_1(capsys: pytest.CaptureFixture[str]) -> None:
    report = ReapReport(owner="ci", dry_run=False, failed={"uuid-1": "refused"}, unreadable=("uuid-2",))
    with pytest.raises(Exit) as ended:
        tell(report, as_json=False)
    output = capsys.readouterr()
    assert ended.value.exit_code == 1
    assert "uuid-1: refused" in output.err
    assert "uuid-2: the lease cannot be read" in output.out


def test_a_reap_destroys_only_what_it_has_shown(
    cli: Cli, make: Make, sim: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    make("web-1", lease=600)
    later = make("web-2", lease=6000)
    CLOCK.advance(700)

    def think(question: str, *, yes: bool) -> None:
        CLOCK.advance(7000)

    monkeypatch.setattr("upcloud_sdk.cli.leases.confirm", think)
    result = cli("leases", "reap")
    assert later.uuid not in result.stderr
    assert "destroyed servers: 1" in result.stdout
    assert list(sim.servers) == [later.uuid]


def test_all_owners_are_reaped_only_on_request(cli: Cli, make: Make, sim: Simulator) -> None:
    server = make("web-1", lease=600)
    sim.servers[server.uuid].labels["upcloud_sdk_owner"] = "a-container-that-is-gone"
    CLOCK.advance(700)
    assert server.uuid not in cli("leases", "list").stdout
    assert server.uuid in cli("leases", "list", "--all-owners").stdout
    assert "destroyed servers: 1" in cli("leases", "reap", "--all-owners", "--yes").stdout
    refused = cli("leases", "reap", "--all-owners", "--owner", "ci")
    assert refused.exit_code == 2
    assert "leave out --owner" in refused.stderr
