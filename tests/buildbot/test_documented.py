"""The page on the worker has every argument with its default, and its `master.cfg` builds on its own simulator."""

from __future__ import annotations

import os
import re
from dataclasses import MISSING, fields
from pathlib import Path

import anyio
import httpx
import pytest

from examples.buildbot.stage import Master, Stage
from tests.buildbot.processes import PATIENCE, free_port
from tests.docs.blocks import blocks_of
from tests.skips import WINDOWS
from upcloud_sdk.buildbot.__main__ import main
from upcloud_sdk.buildbot.configuration.arguments import (
    DEFAULT_DISK_SIZE,
    DEFAULT_PLAN,
    DEFAULT_TIER,
    Arguments,
)
from upcloud_sdk.buildbot.configuration.values import HOST_KEYS

FILE = Path(__file__).parents[2] / "docs" / "buildbot.md"
PAGE = FILE.read_text(encoding="utf-8")
_ROW = re.compile(r"^\| (`.+?) \| (.*?)\| (.+) \|$", re.MULTILINE)
ROWS = {
    name: (default, meaning)
    for names, default, meaning in _ROW.findall(PAGE.partition("## Arguments")[2])
    for name in re.findall(r"`(\w+)`", names)
}
DEFAULTS = {field.name: field.default for field in fields(Arguments) if field.default is not MISSING}


@pytest.mark.parametrize("name", DEFAULTS)
def test_every_argument_is_on_the_page(name: str) -> None:
    assert ROWS[name][1]


@pytest.mark.parametrize("name", [name for name, default in DEFAULTS.items() if default is not None])
def test_the_page_has_the_default_of_every_argument(name: str) -> None:
    default = DEFAULTS[name]
    told = ROWS[name][0].strip().removesuffix(" s")
    assert told == (str(default) if isinstance(default, bool) else f"{default:g}")


@pytest.mark.parametrize("name", sorted(HOST_KEYS - {"zone"}))
def test_every_key_of_hostconfig_is_on_the_page(name: str) -> None:
    assert f"`{name}`" in ROWS["hostconfig"][1]


def test_the_page_has_the_defaults_of_hostconfig() -> None:
    for default in (f"`{DEFAULT_PLAN}`", f"{DEFAULT_DISK_SIZE} GB", f"`{DEFAULT_TIER}`"):
        assert default in ROWS["hostconfig"][1]


@pytest.fixture
def master_cfg(tmp_path: Path) -> tuple[Path, str]:
    """The first block of the page with free ports, and the URL of its web interface."""
    ports = {"9989": free_port(), "8010": free_port()}
    config = tmp_path / "master.cfg"
    config.write_text(re.sub("9989|8010", lambda found: str(ports[found[0]]), next(blocks_of(FILE)).code))
    return config, f"http://127.0.0.1:{ports['8010']}/"


@pytest.mark.skipif(os.name != "posix", reason=WINDOWS)
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_the_master_cfg_of_the_page_is_checked_and_builds_on_the_simulator_of_the_page(
    master_cfg: tuple[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    config, web_url = master_cfg
    stage = Stage(tmp_path, master_cfg=config)
    try:
        await stage.start_simulator("process")
        for name, value in {
            "UPCLOUD_TOKEN": stage.token,
            "UPCLOUD_DEBUG_API_BASE_URL": stage.api_url,
            "BUILDBOT_MASTER_HOST": "127.0.0.1",
        }.items():
            monkeypatch.setenv(name, value)
        status = await anyio.to_thread.run_sync(main, ["check", str(config)])
        assert status == 0, capsys.readouterr().out
        await stage.start_master()
        # As the demo does, which says why.
        plain = {"Accept-Encoding": "identity", "Connection": "close"}
        async with httpx.AsyncClient(base_url=web_url, headers=plain, timeout=PATIENCE) as web:
            master = Master(web)
            request = await master.force("linux")
            builds: list[dict[str, object]] = []
            with anyio.fail_after(300):
                while not builds:
                    await anyio.sleep(0.1)
                    builds = await master.finished(request)
        assert [build["results"] for build in builds] == [0]
    finally:
        await stage.stop(keep_folder=True)
