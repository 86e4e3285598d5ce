"""`upcloud-sdk images`."""

from __future__ import annotations

import inspect
import json
from typing import TYPE_CHECKING

import pytest

from upcloud_sdk import UpCloud, WaitPolicy
from upcloud_sdk.simulator import Simulator
from upcloud_sdk.simulator.records.records import Storage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.cli.conftest import Cli


@pytest.fixture
def sim(monkeypatch: pytest.MonkeyPatch) -> Iterator[Simulator]:
    """An account whose servers power off soon after their start, and a command line that polls often."""
    with Simulator(boot_seconds=0, stop_seconds=0.2, storage_seconds=0, seed=1) as sim, sim.serve() as url:
        monkeypatch.setenv("UPCLOUD_DEBUG_API_BASE_URL", url)
        monkeypatch.setenv("UPCLOUD_TOKEN", "ucat_secret")
        monkeypatch.setenv("UPCLOUD_SDK_OWNER", "ci")
        brisk = WaitPolicy(first_read_after=0, pause=0.05)
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
    assert cli("images", "prune").stdout == "no images of ci to delete\n"
    refused = cli("images", "prune", "--keep", "0", input="n\n")
    assert (refused.exit_code, uuid in refused.stderr, uuid in sim.storages) == (1, True, True)
    assert cli("images", "prune", "--keep", "0").exit_code == 1  # Nobody answered.
    assert json.loads(cli("images", "prune", "--keep", "0", "--yes", "--json").stdout)[0]["uuid"] == uuid
    assert (sim.storages, sim.servers) == ({}, {})
    assert cli("images", "list").stdout == "no images of ci\n"


@pytest.fixture
def image(sim: Simulator) -> Callable[..., str]:
    """Add an image of the owner `ci` to the account. Gives its uuid."""

    def add(name: str, digest: str, *, created: float) -> str:
        made = Storage(sim.new_uuid("storage"), f"{name} {digest[:12]}", 10, type="template", zone="fi-hel1")
        made.created = created
        made.labels = {"upcloud_sdk_owner": "ci", "upcloud_sdk_image": digest, "upcloud_sdk_image_name": name}
        sim.storages[made.uuid] = made
        return made.uuid

    return add


def test_a_prune_deletes_only_the_images_that_it_has_shown(
    cli: Cli, sim: Simulator, image: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shown, newest = (image("tools", digest * 32, created=1) for digest in "ab")
    sim.storages[newest].created = 2
    made_since: list[str] = []

    def think(question: str, *, yes: bool) -> None:
        assert question == "Delete 1 image?"
        made_since.append(image("tools", "c" * 32, created=3))

    monkeypatch.setattr("upcloud_sdk.cli.images.confirm", think)
    result = cli("images", "prune")
    assert shown in result.stderr
    assert "deleted 1 image" in result.stdout
    assert list(sim.storages) == [newest, *made_since]


def test_all_images_of_the_owner_are_listed_by_name_and_digest(cli: Cli, image: Callable[..., str]) -> None:
    image("tools", "a" * 32, created=1)
    image("renamed", "a" * 32, created=2)
    header, *lines = cli("images", "list").stdout.splitlines()
    assert header.split()[:3] == ["uuid", "recipe", "digest"]
    assert [line.split()[1:3] for line in lines] == [["tools", "a" * 32], ["renamed", "a" * 32]]


def test_a_list_without_images_names_the_owner(cli: Cli, image: Callable[..., str]) -> None:
    image("tools", "a" * 32, created=1)
    assert cli("--owner", "somebody", "images", "list").stdout == "no images of somebody\n"
    assert cli("--owner", "somebody", "images", "prune").stdout == "no images of somebody to delete\n"


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
    assert (result.exit_code, words in result.stderr) == (2, True), result.stderr
    assert "hunter22" not in result.stderr
    assert sim.requests == []


def test_a_missing_file_is_reported(cli: Cli, tmp_path: Path) -> None:
    result = cli("images", "bake", str(tmp_path / "none.json"), "--zone", "fi-hel1")
    assert (result.exit_code, "No such file" in result.stderr) == (2, True)
