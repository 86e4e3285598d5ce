"""No argument leads to a traceback. A new command and a new argument are tested by themselves."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.cli.commands import COMMANDS, PLAN, SERVER, ZONE, Command

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.cli.conftest import Cli, Make
    from upcloud_sdk.simulator import Simulator

VALUES = ("-1", "nan", "1e999", "", "custom", "\x00\udcff[/x]\n", "../a?b=c%00", "not-utf-8", "deep")
"""Numbers, texts and files (see below): all for every argument, since typer's releases tell types differently."""

SMALL = {"amount": 1, "price": 1}
PRICES = {"prices": {"zone": [{"name": ZONE, f"server_plan_{PLAN}": SMALL, "storage_maxiops": SMALL}]}}
PLANS = {"plans": {"plan": [{"name": PLAN, "core_number": 1, "memory_amount": 1024, "storage_size": 10}]}}

FILES: Mapping[str, bytes] = {
    "not-utf-8": b"\xff\xfe",
    "nothing": b"",
    "deep": b"[" * 100_000,
    "a-list": b"[]",
    "a-number": b"1" * 5000,
    "fields": json.dumps({"base": 1, "commands": [None], "size": 1e400}).encode(),
    "a-private-key": b"-----BEGIN OPENSSH PRIVATE KEY-----\n",
}


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    """The paths of files that are no recipes."""
    for file, content in FILES.items():
        (tmp_path / file).write_bytes(content)
    return {file: str(tmp_path / file) for file in FILES}


@pytest.fixture(autouse=True)
def account(make: Make, sim: Simulator) -> None:
    """A server that commands find, no room for others, and price lists that are quickly read."""
    make(SERVER)
    sim.fail("POST /server", status=409, code="SERVER_RESOURCES_UNAVAILABLE", times=None)
    for path, document in (("/price", PRICES), ("/plan", PLANS)):
        sim.fail(f"GET {path}", status=200, body=json.dumps(document), times=None)


CASES = [
    pytest.param(command, parameter.name, id=f"{command} {parameter.name}")
    for command in COMMANDS
    for parameter in command.parameters
    if not getattr(parameter, "is_flag", False)
]


@pytest.mark.parametrize(("command", "name"), CASES)
def test_a_wrong_value_never_ends_in_a_traceback(
    command: Command, name: str, cli: Cli, values: dict[str, str], files: dict[str, str]
) -> None:
    for value in VALUES:
        # Nobody answers a question, so nothing is destroyed.
        result = cli(*command.arguments(values, instead={name: files.get(value, value)}))
        assert result.exit_code in {0, 1, 2}, (value, result.output)
        assert "Traceback" not in result.output


@pytest.mark.parametrize("owner", VALUES)
def test_an_owner_that_is_no_label_never_ends_in_a_traceback(owner: str, cli: Cli) -> None:
    assert cli("--owner", owner, "servers", "list").exit_code in {0, 1, 2}


@pytest.mark.parametrize(
    "words",
    [
        "servers destroy web-1 --timeout 0",
        "servers destroy web-1 --timeout nan --yes",
        "servers list --label env=a --label env=b",
        "leases reap --grace -1",
        "leases reap --grace nan",
        "price custom",
        "price ''",
        "images prune --unused-for -1",
        "images prune --unused-for nan",
        "images bake RECIPE --zone fi-hel1 --timeout 0",
        "images bake RECIPE --zone fi-hel1 --timeout -1",
        "images bake RECIPE --zone fi-hel1 --max-age -1",
        "images bake not-utf-8 --zone fi-hel1",
        "images bake deep --zone fi-hel1",
        "images bake /nonexistent --zone fi-hel1",
        "plans --cores -1",
        "top --every nan",
    ],
)
def test_a_wrong_value_ends_with_status_2_and_changes_nothing(
    words: str, cli: Cli, sim: Simulator, values: dict[str, str], files: dict[str, str]
) -> None:
    given = {**files, "RECIPE": values["recipe"], "''": ""}
    result = cli(*(given.get(word, word) for word in words.split()))
    assert result.exit_code == 2, result.output
    assert result.stderr
    assert ": :" not in result.stderr
    assert len(sim.servers) == 1
