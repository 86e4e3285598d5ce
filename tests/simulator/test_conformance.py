"""The simulator against recordings of the production API: the share, and each difference with its reason.

The recordings are not part of this repository. The tests look for them in a folder `shared` beside it.
"""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict, cast

import httpx
import pytest

from tests.percentages import NONE_RECORDED, compared, recordings
from tests.simulator.replay import Replay

if TYPE_CHECKING:
    from tests.simulator.replay import Replayed, Request

TARGET = 98.0


class Known(TypedDict):
    """The contents of `conformance.toml`."""

    before: dict[str, list[Request]]
    difference: dict[str, list[str]]


KNOWN = cast("Known", tomllib.loads(Path(__file__).with_name("conformance.toml").read_text(encoding="utf-8")))
FOLDER = recordings()
FILES = sorted(FOLDER.glob("*.json")) if FOLDER is not None else []

pytestmark = pytest.mark.skipif(FOLDER is None, reason=NONE_RECORDED)


@cache
def replay(file: Path) -> list[Replayed]:
    run = Replay(file, KNOWN["before"].get(file.stem, []))
    with run.sim.serve() as url, httpx.Client(base_url=url, auth=("user", "password")) as client:
        return run.run(client)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_each_difference_from_a_recording_is_known(file: Path, request: pytest.FixtureRequest) -> None:
    replayed = replay(file)
    alike = sum(not each.differences for each in replayed)
    compared(request.node, "recorded answers on the simulator", alike=alike, all=len(replayed))
    known = KNOWN["difference"]
    assert {each.name: each.differences for each in replayed if each.differences} == {
        name: listed for name, listed in known.items() if name.partition(" ")[0] == file.stem
    }


def test_the_share_of_reproduced_answers_reaches_its_target() -> None:
    replayed = [each for file in FILES for each in replay(file)]
    alike = sum(not each.differences for each in replayed)
    assert 100 * alike / len(replayed) >= TARGET
