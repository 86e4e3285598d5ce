"""The owner label of a process, and the warning about an owner that changes at each start."""

from __future__ import annotations

import logging

import pytest

from tests.moved_time import MovedCloud, server_spec
from upcloud_sdk import Token, UpCloud, errors
from upcloud_sdk import _identity as identity
from upcloud_sdk._identity import check_owner, is_lasting_host
from upcloud_sdk.models.ownership import OWNER

RANDOM = ("3f2a9c0d1b7e", "web-5d8f7c9b6d-x2k4p", "runner-abc123-project-7-concurrent-0", "fv-az1024-31", "ip-10-0-3-7")
LASTING = ("build-1", "ci-master", "laptop.example.com", "db-primary", "kontron")


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identity, "_warned", set[str]())
    monkeypatch.setattr(identity, "_CONTAINER_FILES", ())
    for name in ("KUBERNETES_SERVICE_HOST", "UPCLOUD_SDK_OWNER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("getpass.getuser", lambda: "ci")


def host(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: name)


async def make(moved: MovedCloud, *, lease: float | None, owner: str | None = None) -> dict[str, str]:
    """Create two servers with one client. Returns the labels of the second."""
    client = UpCloud(Token("ucat_x"), owner=owner, transport=moved.transport(), waits=moved.waits)
    async with client as cloud:
        await cloud.servers.create(server_spec(), lease=lease)
        return dict((await cloud.servers.create(server_spec(), lease=lease)).labels)


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [each.getMessage() for each in caplog.records if each.levelno >= logging.WARNING]


def test_the_owner_is_user_and_host_unless_the_environment_or_the_caller_names_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    host(monkeypatch, "build-1")
    assert check_owner(None) == "ci@build-1"
    monkeypatch.setenv("UPCLOUD_SDK_OWNER", "nightly")
    assert check_owner(None) == "nightly"
    assert check_owner("mine") == "mine"


def test_an_empty_variable_is_refused_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UPCLOUD_SDK_OWNER", " ")
    with pytest.raises(errors.ConfigError, match="UPCLOUD_SDK_OWNER is empty"):
        check_owner(None)


@pytest.mark.parametrize("name", RANDOM)
def test_a_host_name_that_changes_at_each_start_is_recognised(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    host(monkeypatch, name)
    assert not is_lasting_host()


@pytest.mark.parametrize("name", LASTING)
def test_a_permanent_host_name_is_recognised(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    host(monkeypatch, name)
    assert is_lasting_host()


async def test_the_first_lease_of_a_default_owner_that_changes_at_each_start_warns_once(
    moved: MovedCloud, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    host(monkeypatch, "3f2a9c0d1b7e")
    assert (await make(moved, lease=600))[OWNER] == "ci@3f2a9c0d1b7e"
    await make(moved, lease=600)
    (told,) = warnings(caplog)
    assert "'ci@3f2a9c0d1b7e' changes at each start" in told
    assert "UPCLOUD_SDK_OWNER" in told


async def test_taking_a_lease_warns_too(
    moved: MovedCloud, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    host(monkeypatch, "build-1")
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    client = UpCloud(Token("ucat_x"), transport=moved.transport(), waits=moved.waits)
    async with client as cloud:
        server = await cloud.servers.create(server_spec())
        await cloud.servers.wait_for_state(server.uuid, "started", timeout=100)
        assert warnings(caplog) == []
        await cloud.leases.take(server.uuid, 600)
    assert len(warnings(caplog)) == 1


@pytest.mark.parametrize("why", ["no lease", "an owner", "the variable", "a host that lasts"])
async def test_other_owners_get_no_warning(
    moved: MovedCloud, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, why: str
) -> None:
    host(monkeypatch, "build-1" if why == "a host that lasts" else "3f2a9c0d1b7e")
    if why == "the variable":
        monkeypatch.setenv("UPCLOUD_SDK_OWNER", "nightly")
    await make(moved, lease=None if why == "no lease" else 600, owner="mine" if why == "an owner" else None)
    assert warnings(caplog) == []
