"""Says which extra is missing where Buildbot is not installed: imported before all that needs it."""

from __future__ import annotations

from importlib.util import find_spec

if find_spec("buildbot") is None:
    raise ModuleNotFoundError(
        "upcloud_sdk.buildbot needs Buildbot: install the extra, pip install 'upcloud-sdk[buildbot]'", name="buildbot"
    )
