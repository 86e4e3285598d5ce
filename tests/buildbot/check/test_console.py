"""The console of a guest in the log of a build whose guest does not attach."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from examples.buildbot.console import LINES, last_lines, said
from upcloud_sdk.simulator import Simulator

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def url(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    with Simulator(token="ucat_test").serve() as url:
        monkeypatch.setenv("UPCLOUD_DEBUG_API_BASE_URL", url)
        monkeypatch.setenv("UPCLOUD_TOKEN", "ucat_test")
        yield url


def test_a_console_is_told_from_its_end_without_colours_and_empty_lines() -> None:
    text = "\n\n".join(f"[\x1b[0;32m  OK  \x1b[0m] line {number}" for number in range(2 * LINES))
    lines = last_lines(text)
    assert len(lines) == LINES
    assert lines[-1] == f"[  OK  ] line {2 * LINES - 1}"


def test_a_service_whose_failure_has_switched_the_machine_off_is_the_end() -> None:
    """The lines of the power-down come after that, more than the log shows."""
    text = "TypeError: keep_alive\nx.service: Main process exited, code=exited\n" + "Stopping.\n" * LINES
    assert last_lines(text + "reboot: Power down\n") == [
        "TypeError: keep_alive",
        "x.service: Main process exited, code=exited",
    ]


def test_a_service_that_has_failed_in_passing_is_not_the_end() -> None:
    assert last_lines("x.service: Main process exited, code=exited\nand on it goes\n")[-1] == "and on it goes"


def test_a_server_without_a_console_has_a_reason(url: str) -> None:
    assert said("00000000-0000-4000-8000-000000000000").startswith("(it cannot be read: HTTP Error 404")
