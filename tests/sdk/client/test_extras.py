"""Errors about missing extras."""

from __future__ import annotations

import subprocess
import sys

import pytest

SERVE = "from upcloud_sdk.simulator import Simulator\nSimulator().serve().__enter__()"


@pytest.mark.parametrize(
    ("missing", "code", "extra"),
    [
        ("buildbot", "import upcloud_sdk.buildbot", "upcloud-sdk[buildbot]"),
        ("uvicorn", SERVE, "upcloud-sdk[simulator]"),
        ("starlette", SERVE, "upcloud-sdk[simulator]"),
    ],
)
def test_a_missing_extra_is_named(missing: str, code: str, extra: str) -> None:
    program = f"import sys\nsys.modules[{missing!r}] = None\n{code}"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert f"pip install '{extra}'" in ended.stderr.splitlines()[-1]
