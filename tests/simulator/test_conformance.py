"""The simulator against recordings of the production API: the number, and each difference with its reason.

The recordings are no part of this repository; they are looked for in a folder `shared` beside it.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict, cast

import httpx
import pytest

from tests.simulator.replay import REPLAYED, Replay, recordings

if TYPE_CHECKING:
    from tests.simulator.replay import Replayed, Request

TARGET = 98.0


class Known(TypedDict):
    """`conformance.toml`."""

    before: dict[str, list[Request]]
    difference: dict[str, list[str]]


KNOWN = cast("Known", tomllib.loads(Path(__file__).with_name("conformance.toml").read_text(encoding="utf-8")))
FOLDER = recordings()
FILES = sorted(FOLDER.glob("*.json")) if FOLDER is not None else []

pytestmark = pytest.mark.skipif(FOLDER is None, reason="there is no folder shared/api/recordings beside the repository")


def replay(file: Path) -> list[Replayed]:
    run = Replay(file, KNOWN["before"].get(file.stem, []))
    with run.sim.serve() as url, httpx.Client(base_url=url, auth=("user", "password")) as client:
        return run.run(client)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_each_difference_from_a_recording_is_known(file: Path, pytestconfig: pytest.Config) -> None:
    replayed = replay(file)
    pytestconfig.stash[REPLAYED] += replayed
    known = KNOWN["difference"]
    assert {each.name: each.differences for each in replayed if each.differences} == {
        name: listed for name, listed in known.items() if name.partition(" ")[0] == file.stem
    }


def test_the_target_is_reached(pytestconfig: pytest.Config) -> None:
    replayed = pytestconfig.stash[REPLAYED]
    if len({each.name.partition(" ")[0] for each in replayed}) < len(FILES):
        pytest.skip("not all recordings have been replayed")
    alike = sum(not each.differences for each in replayed)
    assert 100 * alike / len(replayed) >= TARGET
