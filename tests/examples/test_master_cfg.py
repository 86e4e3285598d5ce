"""The example configuration, without the variables of the demo."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from twisted.internet import reactor
from twisted.internet.endpoints import serverFromString  # pyright: ignore[reportUnknownVariableType] - no types

from upcloud_sdk.buildbot._buildbot.api import ConfigErrors, FileLoader

EXAMPLE = Path(__file__).parents[2] / "examples" / "buildbot"


@pytest.mark.parametrize("port", ["web", "workers"])
def test_a_master_can_listen_on_the_ports_of_the_example(port: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(("BUILDBOT_", "UPCLOUD_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("UPCLOUD_TOKEN", "ucat_any")
    config = FileLoader(str(EXAMPLE), "master.cfg").loadConfig()
    described = {"web": config.www["port"], "workers": config.protocols["pb"]["port"]}[port]
    assert serverFromString(reactor, described) is not None  # type: ignore[no-untyped-call]  # the same


def test_the_error_for_a_missing_token_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("UPCLOUD_TOKEN", raising=False)
    with pytest.raises(ConfigErrors, match="set the environment variable UPCLOUD_TOKEN"):
        FileLoader(str(EXAMPLE), "master.cfg").loadConfig()
