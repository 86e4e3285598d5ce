"""Real masters with workers on real Debians, to test the documents for guests on real machines."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
import trustme
from pydantic import SecretStr

from tests.vm.cloud import BOOTS_WITHIN, TEMPLATES, VmCloud, password_in
from tests.vm.master import VmMaster
from upcloud_sdk.buildbot import Bootstrap
from upcloud_sdk.buildbot.configuration.bootstrap import Guest
from upcloud_sdk.simulator.guests.qemu import HOST_ADDRESS

if TYPE_CHECKING:
    from pathlib import Path

StartMaster = Callable[..., VmMaster]

KEPT = {"build_wait_timeout": 3600, "attach_timeout": BOOTS_WITHIN}
"""Keep the server after its build for inspection."""
STOPS_WITHIN = 60.0
WORKER_LOG_ON_CONSOLE = "systemd-run --no-block sh -c 'tail -F /var/lib/upcloud-worker/twistd.log > /dev/console'"
TOKENS = Guest(name="@NAME@", password=SecretStr("@PASSWORD@"), master="@MASTER@", port=9989)


@pytest.mark.parametrize("kind", ["package", "venv", "image"])
@pytest.mark.parametrize("release", ["debian-13", "debian-12"])
def test_each_kind_of_bootstrap_attaches_and_builds(
    start_master: StartMaster, cloud: VmCloud, tmp_path: Path, release: str, kind: str
) -> None:
    """The metadata is sealed before the build begins, and the password is not on the console."""
    image, certificate, trust = TEMPLATES[release], None, ""
    if kind == "image":  # this one over TLS, with an authority that no image trusts
        image, certificate, authority = f"{release}+buildbot-worker", tmp_path / "master.pem", trustme.CA()
        authority.issue_cert(HOST_ADDRESS).private_key_and_cert_chain_pem.write_to_path(str(certificate))
        trust = f", connection='tls', ca_certificate={authority.cert_pem.bytes().decode()!r}"
    bootstrap = f"Bootstrap(install={kind!r}{trust})"
    workers = {"bot": f"image={image!r}, hostconfig={{'hostname': 'bot'}}, bootstrap={bootstrap}"}
    master = start_master(workers, certificate=certificate, seal_metadata=True, **KEPT)
    request = master.force("bot")
    server = cloud.server("bot")
    password = password_in(server.user_data)
    outcome = master.finished(request, BOOTS_WITHIN)
    assert outcome.results == [0], outcome.log
    assert "hello from bot" in outcome.log
    assert outcome.log.count("status 404") == 2
    # The last line of cloud-init. The worker may attach earlier.
    console = cloud.console_with(server.uuid, "DataSourceUpCloud")
    assert password not in console + outcome.log + master.log
    master.terminate(STOPS_WITHIN)
    assert cloud.is_empty


def test_each_build_gets_a_fresh_disk_of_one_server_on_which_cloud_init_runs_again(
    start_master: StartMaster, cloud: VmCloud
) -> None:
    """The second build finds no files of the first one, and its worker has another password."""
    workers = {"bot": "image='debian-13+buildbot-worker', hostconfig={'hostname': 'bot'}, bootstrap='image'"}
    master = start_master(workers, fresh_disk=True, **KEPT)
    passwords: list[str] = []
    uuids: list[str] = []
    for _ in range(2):
        outcome = master.finished(master.force("bot"), BOOTS_WITHIN)
        assert outcome.results == [0], outcome.log
        assert "cannot access '/var/tmp/left-by-a-build'" in outcome.log
        server = cloud.server("bot")
        cloud.wait_until_stopped(server.uuid)
        uuids.append(server.uuid)
        passwords.append(password_in(server.user_data))
        assert passwords[-1] in outcome.log
    assert uuids[0] == uuids[1]
    assert passwords[0] != passwords[1]
    master.terminate(STOPS_WITHIN)
    assert cloud.is_empty


def test_a_guest_whose_master_has_died_powers_off_and_is_reaped(start_master: StartMaster, cloud: VmCloud) -> None:
    """Such a server is useless and would only cost money."""
    bootstrap = f"Bootstrap(install='image', lost_after=10, commands={[WORKER_LOG_ON_CONSOLE]!r})"
    workers = {"bot": f"image='debian-13+buildbot-worker', hostconfig={{'hostname': 'bot'}}, bootstrap={bootstrap}"}
    master = start_master(workers, **KEPT)
    outcome = master.finished(master.force("bot"), BOOTS_WITHIN)
    assert outcome.results == [0], outcome.log
    server = cloud.server("bot")
    # Not sealed, to show that the metadata could be read otherwise.
    assert outcome.log.count("status 200") == 2
    assert password_in(server.user_data) in outcome.log
    master.kill()
    cloud.wait_until_stopped(server.uuid)
    assert "Power down" in cloud.console(server.uuid)
    cloud.call(cloud.client.leases.reap, exclusive=True)
    assert cloud.is_empty


def test_a_user_data_that_is_broken_fails_the_build_and_its_log_says_what_the_guest_said(
    start_master: StartMaster, cloud: VmCloud
) -> None:
    """A misspelt argument of the worker passes all checks of the document's format."""
    document = Bootstrap(install="image", lost_after=10).document(TOKENS).replace("keepalive=", "keep_alive=")
    workers = {"bot": f"image='debian-13+buildbot-worker', bootstrap={document!r}"}
    master = start_master(workers, **KEPT)
    log = master.first_attempt(master.force("bot"), BOOTS_WITHIN).log
    assert "is in state 'stopped'. Its console says:" in log
    assert "unexpected keyword argument 'keep_alive'" in log
    master.terminate(STOPS_WITHIN)
    assert cloud.is_empty


def test_a_user_data_that_starts_no_worker_fails_the_build_at_the_deadline(
    start_master: StartMaster, cloud: VmCloud
) -> None:
    user_data = "#cloud-config\nruncmd: [[true]]\n"
    workers = {"bot": f"image={TEMPLATES['debian-13']!r}, hostconfig={{'user_data': {user_data!r}}}"}
    master = start_master(workers, attach_timeout=15, build_wait_timeout=0)
    log = master.first_attempt(master.force("bot"), BOOTS_WITHIN).log
    reason, _, console = log.partition("Its console says:\n")
    assert "has not attached within attach_timeout=15 s." in reason
    assert re.search(r"^\[ +\d+\.\d{6}\] ", console, re.MULTILINE), "a line of the kernel's, or of a service's"
    master.terminate(STOPS_WITHIN)
    assert cloud.is_empty
