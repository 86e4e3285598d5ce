"""The phases of a server, and their order."""

from __future__ import annotations

import pytest

from upcloud_sdk.ci.record.changes import ARROWS, Phase


@pytest.mark.parametrize("phase", Phase)
def test_from_each_phase_a_server_can_be_gone(phase: Phase) -> None:
    reached, new = set[Phase](), {phase}
    while new:
        reached |= new
        new = {after for before in new for after in ARROWS[before]} - reached
    assert Phase.GONE in reached


def test_each_phase_is_reached_from_the_claim() -> None:
    reached, new = set[Phase](), {Phase.ASKED}
    while new:
        reached |= new
        new = {after for before in new for after in ARROWS[before]} - reached
    assert reached == set(Phase)


def test_nothing_follows_after_a_server_is_gone() -> None:
    assert not ARROWS[Phase.GONE]
