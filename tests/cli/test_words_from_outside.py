"""No command takes words of others for markup or control characters. A new command is tested by itself."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from rich.table import Table
from typer.testing import CliRunner

from tests.cli.commands import COMMANDS, SERVER, Command
from upcloud_sdk._terminal import Terminal, visible
from upcloud_sdk.cli import app
from upcloud_sdk.simulator.records.records import Storage

if TYPE_CHECKING:
    from tests.cli.conftest import Cli, Make
    from upcloud_sdk.simulator import Simulator

ODD = "b1 [/x][red] \x1b]0;pwned\x07\x1b[2J\x9b1m\u202e :smile: \n🚀"
"""Markup, a title of a terminal, a cleared screen, a change of direction, an emoji by name, a new line, an emoji."""
SHOWN = r"b1 [/x][red] \x1b]0;pwned\x07\x1b[2J\x9b1m\u202e :smile: \n🚀"

FORBIDDEN = set("\x1b\x07\x9b\u202e")


@pytest.fixture
def odd_account(make: Make, sim: Simulator) -> Simulator:
    """An account where every word that somebody can choose is odd."""
    server = sim.servers[make(SERVER, lease=600).uuid]
    server.title = ODD
    server.labels = {**server.labels, "env": ODD}
    for disk in sim.storages.values():
        disk.title = ODD
    for kind in ("template", "image"):
        made = Storage(sim.new_uuid("storage"), ODD, 10, type="template", zone="fi-hel1")
        if kind == "image":
            made.labels = {"upcloud_sdk_owner": "ci", "upcloud_sdk_image": ODD, "upcloud_sdk_image_name": ODD}
        sim.storages[made.uuid] = made
    return sim


@pytest.mark.parametrize("command", COMMANDS, ids=str)
def test_no_command_obeys_a_word_from_outside(
    command: Command, cli: Cli, odd_account: Simulator, values: dict[str, str]
) -> None:
    assert odd_account.servers
    result = cli(*command.arguments(values), input="n\n")
    assert result.exit_code in {0, 1, 2}, result.output
    assert not FORBIDDEN & set(result.output)


@pytest.mark.parametrize(
    "words",
    [
        "servers list",
        f"servers show {SERVER}",
        f"servers destroy {SERVER}",
        "images list",
        "images prune --keep 0",
        "templates",
        "top --once",
    ],
)
def test_a_title_is_shown_as_it_is_with_escapes_for_control_characters(
    words: str, cli: Cli, odd_account: Simulator
) -> None:
    assert odd_account.servers
    assert SHOWN in cli(*words.split(), input="n\n").output


def test_a_server_with_an_odd_title_is_destroyed_with_the_others(cli: Cli, make: Make, sim: Simulator) -> None:
    for name in (SERVER, "normal-2"):
        sim.servers[make(name).uuid].title = f"{name} [/x]"
    assert cli("servers", "destroy", "--yes", f"{SERVER} [/x]", "normal-2").exit_code == 0
    assert not sim.servers


def test_an_error_in_the_words_of_the_api_is_shown_with_escapes(cli: Cli, sim: Simulator) -> None:
    message = f"{ODD}\nupcloud-sdk: all is well"
    error = {"error": {"error_code": "ACTION_FORBIDDEN", "error_message": message}}
    sim.fail("GET /server", status=403, body=json.dumps(error), headers={"content-type": "application/json"})
    result = cli("servers", "list")
    assert result.exit_code == 1
    assert not FORBIDDEN & set(result.stderr)
    assert "\nupcloud-sdk: all is well" not in result.stderr


@pytest.mark.parametrize(
    ("charset", "shown"), [("ascii", r"\xe9 \U0001f680"), ("latin-1", r"é \U0001f680"), ("utf-8", "é 🚀")]
)
@pytest.mark.parametrize("words", ["servers list", f"servers show {SERVER}", "top --once"])
def test_a_character_that_the_output_does_not_have_is_shown_as_an_escape(
    charset: str, shown: str, words: str, make: Make, sim: Simulator
) -> None:
    sim.servers[make(SERVER).uuid].title = "é 🚀"
    result = CliRunner(charset=charset).invoke(app, words.split(), catch_exceptions=False)
    assert result.exit_code == 0
    assert shown in result.stdout


def test_a_column_is_as_wide_as_its_escapes(capsys: pytest.CaptureFixture[str]) -> None:
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_row("\x1b", "a")
    table.add_row("1234", "b")
    Terminal().print(table)
    assert capsys.readouterr().out == "\\x1b  a\n1234  b\n"


@pytest.mark.parametrize("text", ["naïve", "日本語", "👨‍👩‍👧", "سلام", "a\u200cb"])
def test_letters_and_emoji_of_all_languages_stay_as_they_are(text: str) -> None:
    assert visible(text) == text
