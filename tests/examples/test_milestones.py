"""Reading a guest's boot milestone from its console."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from examples.buildbot.milestones import Milestones

if TYPE_CHECKING:
    from pathlib import Path

    import respx

pytestmark = pytest.mark.anyio

CONSOLE = "http://simulator/_simulator/servers/u/console"


async def last(expected: str | None) -> None:
    async with httpx.AsyncClient(base_url="http://simulator") as http:
        assert await Milestones(http).last("u") == expected


@pytest.mark.parametrize(
    ("lines", "milestone"),
    [
        ([], None),
        (["[    0.000000] Linux version 6.12.0"], "kernel"),
        (["[    0.000000] Linux version 6.12.0", "Cloud-init v. 25.1.4 running 'init-local'"], "cloud-init"),
    ],
)
async def test_the_last_milestone_on_the_console_is_the_current_one(
    respx_mock: respx.MockRouter, tmp_path: Path, lines: list[str], milestone: str | None
) -> None:
    file = tmp_path / "console.log"
    file.write_text("\n".join(lines))
    respx_mock.get(CONSOLE).respond(json={"path": str(file), "text": ""})
    await last(milestone)


async def test_a_server_without_a_guest_has_no_milestone(respx_mock: respx.MockRouter) -> None:
    respx_mock.get(CONSOLE).respond(404, json={"error": {}})
    await last(None)


async def test_a_missing_console_has_no_milestone(respx_mock: respx.MockRouter, tmp_path: Path) -> None:
    respx_mock.get(CONSOLE).respond(json={"path": str(tmp_path / "gone"), "text": ""})
    await last(None)
