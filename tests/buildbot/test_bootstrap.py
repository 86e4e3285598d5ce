"""The cloud-init document that the worker writes."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import SecretStr

from upcloud_sdk.buildbot import Bootstrap
from upcloud_sdk.buildbot.bootstrap import Guest, retries_within

if TYPE_CHECKING:
    from pathlib import Path

PASSWORD = 'it\'s "quoted" \\ and %s {braces}'
GUEST = Guest(name="linux-1", password=SecretStr(PASSWORD), master="ci.example.com", port=9989)
ALL = [
    Bootstrap(),
    Bootstrap(install="venv", requirement="buildbot-worker[tls]", connection="tls"),
    Bootstrap(install="image", connection="ws", user="root"),
    Bootstrap(connection="wss", packages=["git", "make"], commands=["echo ready > /run/ready", ["touch", "/run/x"]]),
]


def document(bootstrap: Bootstrap) -> dict[str, Any]:
    text = bootstrap.document(GUEST)
    head, _, body = text.partition("\n")
    assert head == "#cloud-config"
    made: dict[str, Any] = json.loads(body)
    return made


def files(bootstrap: Bootstrap) -> dict[str, dict[str, Any]]:
    return {file["path"].rpartition("/")[2]: file for file in document(bootstrap)["write_files"]}


def worker_arguments(bootstrap: Bootstrap) -> dict[str, Any]:
    """The arguments with which the guest's configuration makes its worker."""
    made: dict[str, Any] = {}
    source = files(bootstrap)["buildbot.tac"]["content"]
    source = source.partition("application = ")[2].partition("\n")[2].rpartition("worker.setServiceParent")[0]

    def worker(**arguments: object) -> None:
        made.update(arguments)

    exec(source, {"Worker": worker})  # our own document
    return made


@pytest.mark.parametrize("bootstrap", ALL)
def test_cloud_init_takes_it(bootstrap: Bootstrap, tmp_path: Path) -> None:
    cloud_init = shutil.which("cloud-init")
    if cloud_init is None:
        pytest.skip("needs cloud-init: apt-get install cloud-init")
    path = tmp_path / "user_data"
    path.write_text(bootstrap.document(GUEST), encoding="utf-8")
    checked = subprocess.run(
        [cloud_init, "schema", "--config-file", str(path)], check=False, capture_output=True, text=True
    )
    assert (checked.returncode, "Valid schema" in checked.stdout) == (0, True), checked.stdout + checked.stderr


@pytest.mark.parametrize("bootstrap", ALL)
def test_the_worker_gets_its_name_and_password_whatever_is_in_them(bootstrap: Bootstrap) -> None:
    arguments = worker_arguments(bootstrap)
    assert (arguments["name"], arguments["passwd"]) == ("linux-1", PASSWORD)


@pytest.mark.parametrize(
    ("connection", "expected"),
    [
        ("tcp", {"buildmaster_host": "ci.example.com", "port": 9989, "useTls": False}),
        ("tls", {"buildmaster_host": "ci.example.com", "port": 9989, "useTls": True}),
        ("ws", {"buildmaster_host": "ci.example.com", "port": 9989, "protocol": "msgpack_experimental_v7"}),
        (
            "wss",
            {
                "connection_string": "tls:host=ci.example.com:port=9989",
                "protocol": "msgpack_experimental_v7",
                "port": None,
            },
        ),
    ],
)
def test_each_way_to_the_master_is_what_the_worker_calls_it(connection: Any, expected: dict[str, object]) -> None:  # noqa: ANN401 - a literal
    arguments = worker_arguments(Bootstrap(connection=connection))
    assert {name: arguments[name] for name in expected} == expected


@pytest.mark.parametrize("bootstrap", ALL)
def test_the_password_is_in_one_file_that_only_its_owner_can_read(bootstrap: Bootstrap) -> None:
    tac = files(bootstrap)["buildbot.tac"]
    assert tac["permissions"] == "0600"
    rest = document(bootstrap)
    rest["write_files"] = [file for file in rest["write_files"] if file["path"] != tac["path"]]
    assert "quoted" not in json.dumps(rest)


def test_where_the_worker_comes_from() -> None:
    assert document(Bootstrap())["packages"] == ["buildbot-worker"]
    venv = document(Bootstrap(install="venv", requirement="buildbot-worker==4.3.0"))
    assert venv["packages"] == ["python3-venv"]
    assert ["/opt/upcloud-worker/bin/pip", "install", "--quiet", "buildbot-worker==4.3.0"] in venv["runcmd"]
    assert "packages" not in document(Bootstrap(install="image"))


def test_a_server_whose_worker_has_ended_switches_itself_off() -> None:
    unit = files(Bootstrap())["upcloud-worker.service"]["content"]
    assert "SuccessAction=poweroff" in unit
    assert "FailureAction=poweroff" in unit


def test_a_server_switches_itself_off_at_its_maximum_age_whatever_hangs() -> None:
    assert document(Bootstrap(max_age=7200))["bootcmd"] == [
        ["systemd-run", "--on-active=7200s", "systemctl", "poweroff"]
    ]


def test_a_worker_that_has_lost_its_master_gives_up_after_about_the_time_given() -> None:
    assert worker_arguments(Bootstrap(lost_after=900))["maxRetries"] == retries_within(900)
    pauses = [min(60.0, 1.5**attempt) for attempt in range(retries_within(900))]
    assert 800 < sum(pauses) < 1000


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"install": "pip"}, "Bootstrap.install is one of 'package', 'venv', 'image', not 'pip'"),
        ({"connection": "http"}, "Bootstrap.connection is one of"),
        ({"lost_after": 0}, "seconds above 0"),
        ({"packages": "git"}, "are lists"),
        ({"commands": "true"}, "are lists"),
    ],
)
def test_what_makes_no_document_is_refused(arguments: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        Bootstrap(**arguments)
