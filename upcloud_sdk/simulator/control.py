"""`/_simulator/`: the same control over HTTP."""

from __future__ import annotations

from upcloud_sdk.simulator.routing import Routes

routes = Routes()
