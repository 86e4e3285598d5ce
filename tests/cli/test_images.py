"""`upcloud-sdk images`."""

from __future__ import annotations

import inspect
import json
from typing import TYPE_CHECKING

import pytest

from upcloud_sdk import UpCloud, WaitPolicy
from upcloud_sdk.simulator import Simulator

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.cli.conftest import Cli


@pytest.fixture
def sim(monkeypatch: pytest.MonkeyPatch) -> Iterator[Simulator]:
    """An account whose servers power off soon after their start, and a command line that polls often."""
    with Simulator(boot_seconds=0, stop_seconds=0.2, storage_seconds=0, seed=1) as sim, sim.serve() as url:
        monkeypatch.setenv("UPCLOUD_DEBUG_API_BASE_URL", url)
        monkeypatch.setenv("UPCLOUD_TOKEN", "ucat_secret")
        monkeypatch.setenv("UPCLOUD_SDK_OWNER", "ci")
        brisk = WaitPolicy(first_look=0, pause=0.05)
        monkeypatch.setitem(inspect.unwrap(UpCloud.__init__).__kwdefaults__, "waits", brisk)
        yield sim


def _file(tmp_path: Path, **fields: object) -> str:
    path = tmp_path / "recipe.json"
    path.write_text(json.dumps({"base": "debian-13", "name": "tools", **fields}))
    return str(path)


def test_an_image_is_baked_listed_and_pruned(cli: Cli, sim: Simulator, tmp_path: Path) -> None:
    recipe = _file(tmp_path, commands=["apt-get update"])
    baked = json.loads(cli("images", "bake", recipe, "--zone", "fi-hel1", "--json").stdout)
    assert [(image["zone"], image["name"], image["state"]) for image in baked] == [("fi-hel1", "tools", "online")]
    [uuid] = sim.storages
    assert uuid in cli("images", "bake", recipe, "--zone", "fi-hel1").stdout
    listed = cli("images", "list").stdout
    assert "2.08 EUR" in listed
    assert uuid in cli("images", "prune", "--keep", "0", "--dry-run").stdout
    assert cli("images", "prune").stdout == "no images\n"
    refused = cli("images", "prune", "--keep", "0", input="n\n")
    assert (refused.exit_code, uuid in refused.stderr, uuid in sim.storages) == (1, True, True)
    assert cli("images", "prune", "--keep", "0").exit_code == 1  # Nobody answered.
    assert json.loads(cli("images", "prune", "--keep", "0", "--yes", "--json").stdout)[0]["uuid"] == uuid
    assert (sim.storages, sim.servers) == ({}, {})
    assert cli("images", "list").stdout == "no images\n"


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"commands": ["mysql --password=hunter22"]}, "command 1 seems to contain a password"),
        ({"comands": []}, "comands: Extra inputs are not permitted"),
        ({"base": ""}, "base: String should have at least 1 character"),
    ],
)
def test_the_error_for_a_file_that_is_not_a_recipe_is_one_line(
    cli: Cli, sim: Simulator, tmp_path: Path, fields: dict[str, object], words: str
) -> None:
    result = cli("images", "bake", _file(tmp_path, **fields), "--zone", "fi-hel1")
    assert (result.exit_code, words in result.stderr) == (1, True), result.stderr
    assert "hunter22" not in result.stderr
    assert sim.requests == []


def test_a_missing_file_is_reported(cli: Cli, tmp_path: Path) -> None:
    result = cli("images", "bake", str(tmp_path / "none.json"), "--zone", "fi-hel1")
    assert (result.exit_code, "No such file" in result.stderr) == (1, True)
