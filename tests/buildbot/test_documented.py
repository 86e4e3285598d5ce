"""The page on the worker has every argument, with its default."""

from __future__ import annotations

import re
from dataclasses import MISSING, fields
from pathlib import Path

import pytest

from upcloud_sdk.buildbot.arguments import DEFAULT_DISK_SIZE, DEFAULT_PLAN, DEFAULT_TIER, HOST_KEYS, Arguments

PAGE = (Path(__file__).parents[2] / "docs" / "buildbot.md").read_text(encoding="utf-8")
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
def test_its_default_is_the_one_that_the_page_tells(name: str) -> None:
    default = DEFAULTS[name]
    told = ROWS[name][0].strip().removesuffix(" s")
    assert told == (str(default) if isinstance(default, bool) else f"{default:g}")


@pytest.mark.parametrize("name", sorted(HOST_KEYS - {"zone"}))
def test_every_key_of_hostconfig_is_on_the_page(name: str) -> None:
    assert f"`{name}`" in ROWS["hostconfig"][1]


def test_what_hostconfig_defaults_to_is_on_the_page() -> None:
    for default in (f"`{DEFAULT_PLAN}`", f"{DEFAULT_DISK_SIZE} GB", f"`{DEFAULT_TIER}`"):
        assert default in ROWS["hostconfig"][1]
