"""Faults of the worker that ships with Buildbot, and tests that our worker does not have them.

A test of the shipped worker asserts its fault, which shows that the matching test of our worker can fail.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from tests.buildbot._types import EXCEPTION, RETRY, SUCCESS
from tests.buildbot.either import OURS, POLL, SHIPPED, Master, master
from tests.buildbot.processes import DOWN_WITHIN, eventually
from upcloud_sdk.simulator import after_seconds, never, to_error

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from upcloud_sdk.simulator.records.progress import Progress

pytestmark = pytest.mark.full


@pytest.fixture
def shipped(_basedir: Path, tmp_path: Path) -> Iterator[Master]:
    """A master with the worker that ships with Buildbot."""
    with master(SHIPPED, _basedir, tmp_path) as made:
        yield made


@pytest.fixture
def ours(_basedir: Path, tmp_path: Path) -> Iterator[Master]:
    """A master with our worker."""
    with master(OURS, _basedir, tmp_path) as made:
        yield made


# --- two builds in a row


def test_the_shipped_worker_fails_every_second_build(shipped: Master) -> None:
    shipped.run()
    assert shipped.build() == [SUCCESS]
    shipped.is_rid_of_servers()
    second = shipped.force("debian")
    assert shipped.tried(second)[0] == RETRY
    assert "ValueError: instance active" in shipped.outcome(second).log


def test_ours_does_two_builds_in_a_row(ours: Master) -> None:
    ours.run()
    assert ours.build() == [SUCCESS]
    ours.is_rid_of_servers()
    assert ours.build() == [SUCCESS]
    ours.leaves_nothing()


# --- a server that does not start


@pytest.mark.parametrize("boot", [never(), to_error()], ids=["maintenance", "error"])
def test_the_shipped_worker_polls_a_server_that_does_not_start_for_ever(shipped: Master, boot: Progress) -> None:
    shipped.cloud.boot_next(boot)
    shipped.run()
    first, second = shipped.force("debian"), shipped.force("centos")
    shipped.polls_on()
    shipped.hangs_after_sigterm(first, second)
    assert len(shipped.cloud.servers) == 1


def test_ours_gives_up_a_server_that_stays_in_maintenance(ours: Master) -> None:
    ours.cloud.boot_next(never())
    ours.run(boot_timeout=1)
    request = ours.force("debian")
    assert ours.tried(request)[0] == RETRY
    # Nobody can delete a server in maintenance.
    ours.cloud.break_server(ours.server("maintenance").uuid, leaves_after=0)
    assert ours.ended(request)[-1] == SUCCESS
    ours.leaves_nothing()


def test_ours_gives_up_a_server_that_goes_to_error(ours: Master) -> None:
    ours.cloud.boot_next(to_error(leaves_after=0.5))
    ours.run()
    assert ours.build() == [RETRY, SUCCESS]
    ours.leaves_nothing()


def test_the_shipped_worker_keeps_a_master_up_while_a_server_starts(shipped: Master) -> None:
    # The master ends when the server has started, but the program that started the master does not wait so long.
    shipped.cloud.boot_next(after_seconds(3600))
    shipped.run()
    request = shipped.force("debian")
    shipped.server("maintenance")
    shipped.hangs_after_sigterm(request)
    assert len(shipped.cloud.servers) == 1


def test_ours_lets_a_master_stop_while_a_server_starts(ours: Master) -> None:
    ours.cloud.boot_next(never())
    ours.run(shutdown_timeout=3)
    request = ours.force("debian")
    left = ours.server("maintenance").uuid
    ours.terminate(within=DOWN_WITHIN)
    # Nobody can delete a server in maintenance: the next run of the master does when it has left that.
    ours.cloud.break_server(left, leaves_after=0)
    ours.start()
    assert ours.ended(request)[-1] == SUCCESS
    assert left not in ours.cloud.servers
    ours.leaves_nothing()


# --- calls that fail


def test_the_shipped_worker_fails_twice_after_one_500_while_it_polls(shipped: Master) -> None:
    # So that the server can be stopped at once, and is deleted before the build is tried again.
    shipped.cloud.boot_next(after_seconds(0))
    shipped.quarantine = 10
    shipped.cloud.fail(POLL, status=500, code="INTERNAL_ERROR")
    shipped.run()
    request = shipped.force("debian")
    assert shipped.tried(request, 2)[:2] == [RETRY, RETRY]
    log = shipped.outcome(request).log
    assert "KeyError: 'server'" in log
    assert "ValueError: instance active" in log


def test_ours_does_not_mind_a_500_while_it_polls(ours: Master) -> None:
    ours.run()
    eventually("the first look for what is left", lambda: ours.cloud.count("GET /server"))
    ours.cloud.fail("GET /server*", status=500, code="INTERNAL_ERROR")
    assert ours.build() == [SUCCESS]
    assert [fault.times for fault in ours.cloud.faults] == [0]
    ours.leaves_nothing()


def test_the_shipped_worker_forgets_a_server_that_has_shut_itself_down(shipped: Master) -> None:
    shipped.has_a_warm_server()
    # Before that it still polls, although its worker has already built: it would poll a stopped server forever.
    shipped.waits_for("root password")
    left = shipped.warm_server_shuts_itself_down()
    assert shipped.build() == [SUCCESS]
    assert "failed to stop instance" in shipped.log
    assert left in shipped.cloud.servers
    assert not shipped.cloud.count(f"DELETE /server/{left}")


def test_ours_deletes_a_server_that_has_shut_itself_down(ours: Master) -> None:
    ours.has_a_warm_server()
    ours.warm_server_shuts_itself_down()
    assert ours.build() == [SUCCESS]
    ours.leaves_nothing()


def test_the_shipped_worker_does_not_repeat_a_delete(shipped: Master) -> None:
    shipped.cloud.fail("DELETE /server/{uuid}", status=409, code="SERVER_STATE_ILLEGAL")
    shipped.run()
    assert shipped.build() == [SUCCESS]
    shipped.waits_for("failed to delete instance")
    shipped.terminate(within=60)
    assert len(shipped.cloud.servers) == 1


def test_ours_repeats_a_delete(ours: Master) -> None:
    ours.cloud.fail("DELETE /server/{uuid}", status=409, code="SERVER_STATE_ILLEGAL")
    ours.run()
    assert ours.build() == [SUCCESS]
    ours.leaves_nothing()


# --- a master that is killed


def test_the_shipped_worker_leaves_what_a_killed_master_has_made(shipped: Master) -> None:
    left, request = shipped.is_killed_while_it_builds()
    shipped.run()
    assert shipped.ended(request)[-1] == SUCCESS
    assert left in shipped.cloud.servers
    assert not shipped.cloud.count(f"DELETE /server/{left}")


def test_ours_destroys_what_a_killed_master_has_made(ours: Master) -> None:
    left, request = ours.is_killed_while_it_builds()
    ours.run()
    assert ours.ended(request)[-1] == SUCCESS
    assert left not in ours.cloud.servers
    ours.leaves_nothing()


# --- secrets, images, labels


def test_the_shipped_worker_writes_the_root_password_into_the_log(shipped: Master) -> None:
    shipped.run()
    assert shipped.build() == [SUCCESS]
    shipped.waits_for("root password")
    assert shipped.cloud.passwords_in(shipped.log)


def test_ours_writes_no_password_into_the_log(ours: Master) -> None:
    ours.run()
    assert ours.build() == [SUCCESS]
    ours.leaves_nothing()
    assert not ours.cloud.passwords_in(ours.log)


def test_the_shipped_worker_builds_on_a_warm_server_of_another_image(shipped: Master) -> None:
    shipped.run(build_wait_timeout=3600)
    assert [shipped.build("debian"), shipped.build("centos")] == [[SUCCESS], [SUCCESS]]
    assert shipped.cloud.count("POST /server") == 1


def test_ours_makes_a_server_for_another_image(ours: Master) -> None:
    ours.run(build_wait_timeout=3600)
    assert [ours.build("debian"), ours.build("centos")] == [[SUCCESS], [SUCCESS]]
    assert ours.cloud.count("POST /server") == 2
    ours.leaves_nothing()


def test_the_shipped_worker_tries_a_missing_image_for_ever(shipped: Master) -> None:
    shipped.run(image="Minix 3")
    assert set(shipped.tried(shipped.force("debian"), 4)) == {RETRY}


def test_ours_ends_a_build_whose_image_is_missing(ours: Master) -> None:
    ours.run(image="Minix 3")
    request = ours.force("debian")
    assert ours.ended(request) == [EXCEPTION]
    assert "Minix 3" in ours.outcome(request).log
    ours.leaves_nothing()


def test_the_shipped_worker_cannot_use_the_templates_of_today(shipped: Master) -> None:
    shipped.run(image="Debian GNU/Linux 12 (Bookworm)")
    assert set(shipped.tried(shipped.force("debian"), 4)) == {RETRY}
    assert "METADATA_DISABLED_ON_CLOUD-INIT" in shipped.log


def test_ours_uses_the_templates_of_today(ours: Master) -> None:
    ours.run(image="Debian GNU/Linux 12 (Bookworm)")
    assert ours.build() == [SUCCESS]
    ours.leaves_nothing()


def test_the_shipped_worker_tells_no_guest_the_password_that_it_makes(shipped: Master) -> None:
    shipped.run(password=None)
    request = shipped.force("debian")
    shipped.waits_for("nvalid login")
    assert shipped.outcome(request).results == []
    assert shipped.server("started").user_data == shipped.user_data


def test_ours_tells_the_guest_the_password_and_the_master(ours: Master) -> None:
    tokens = ours.user_data.replace(f"127.0.0.1:{ours.pb} bot password", "@MASTER@:@PORT@ @NAME@ @PASSWORD@")
    ours.run(password=None, hostconfig={}, bootstrap=tokens)
    assert ours.build() == [SUCCESS]
    ours.leaves_nothing()


def test_the_shipped_worker_labels_nothing(shipped: Master) -> None:
    shipped.run(build_wait_timeout=3600)
    assert shipped.build() == [SUCCESS]
    assert [each.labels for each in shipped.cloud.servers.values()] == [{}]


def test_what_ours_makes_is_found_by_its_owner(ours: Master) -> None:
    ours.run(build_wait_timeout=3600, owner="ci")
    assert ours.build() == [SUCCESS]
    query = {"label": "upcloud_sdk_owner=ci"}
    answer = httpx.get(f"{ours.url}/1.3/server", params=query, auth=("user", "secret")).raise_for_status().json()
    assert {each["uuid"] for each in answer["servers"]["server"]} == set(ours.cloud.servers)
    ours.leaves_nothing()
