"""The simulator of the soak test, as a process: prints its URL, serves until its input ends, prints the rest."""

from __future__ import annotations

import json
import sys
from typing import Any

from tests.reliability.lives import EverMade
from upcloud_sdk.simulator import Simulator

PAGE = "<html><body>Sign in to your network</body></html>"

FAULTS: list[dict[str, Any]] = [
    {"drop": True},
    {"drop": True, "after_effect": True},
    {"status": 429, "code": "TOO_MANY_REQUESTS"},
    {"status": 500, "code": "SERVICE_ERROR", "after_effect": True},
    {"status": 502},
    {"status": 503, "code": "SERVICE_UNAVAILABLE"},
    {"truncate": 20, "after_effect": True},
    # Foreign answers: a proxy's page, or other JSON.
    {"status": 404, "body": PAGE, "headers": {"content-type": "text/html"}},
    {"status": 200, "body": PAGE, "headers": {"content-type": "text/html"}, "after_effect": True},
    {"status": 409, "body": '{"message": "no"}', "headers": {"content-type": "application/json"}},
]


def fail_a_share(sim: Simulator, share: float) -> None:
    """Let a share of all requests fail in different ways from now on."""
    # The rate of each line applies to the requests that the lines before it did not take.
    rate = 1 - (1 - share) ** (1 / len(FAULTS))
    for fault in FAULTS:
        sim.fail("*", times=None, rate=rate, **fault)


def main(share: float) -> None:
    """Serve a simulator in which a share of all requests fails in different ways."""
    sim = Simulator(boot_seconds=0.2, stop_seconds=0.1, seed=1)
    sim.servers = made = EverMade()
    sim.account.resource_limits = dict.fromkeys(sim.account.resource_limits)
    fail_a_share(sim, share)
    with sim.serve() as url:
        print(url, flush=True)  # noqa: T201 - how the other process learns it
        sys.stdin.read()
        twice = sum(count > 1 for count in made.attempts.values())
        left = {"servers": len(sim.servers), "storages": len(sim.storages)}
        print(json.dumps({**left, "made": made.attempts.total(), "twice": twice}), flush=True)  # noqa: T201 - the same


if __name__ == "__main__":
    main(float(sys.argv[1]))
