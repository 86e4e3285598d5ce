"""Says which extra is missing if Buildbot is not installed. Imported before everything that needs Buildbot."""

from __future__ import annotations

from importlib.util import find_spec

if find_spec("buildbot") is None:
    raise ModuleNotFoundError(
        "upcloud_sdk.buildbot needs Buildbot: install the extra, pip install 'upcloud-sdk[buildbot]'", name="buildbot"
    )
