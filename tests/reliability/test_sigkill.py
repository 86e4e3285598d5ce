"""After a process is killed at any time, one `reap` in a new process leaves nothing."""

from __future__ import annotations

import pytest

from tests.reliability.processes import Served, ended, requests_of_a_life

BEFORE = {"timeout": True}
AFTER = {"timeout": True, "after_effect": True}


def killed_at(number: int, **fault: bool) -> bool:
    """Kill the process at this request, reap, and check that nothing is left. False if there was no such request."""
    with Served.open() as served:
        served.hold(number, **fault)
        process = served.script("asyncio", "live")
        if not served.wait_until_held(process):
            ended(process)
            return False
        process.kill()
        ended(process)
        served.sim.faults.clear()
        code, out, err = ended(served.script("asyncio", "reap"))
        assert code == 0, err
        assert "failed: 0" in out
        served.check_empty()
        return True


def test_a_server_of_a_process_that_was_killed_before_the_answer_is_reaped() -> None:
    assert killed_at(1, **AFTER)


@pytest.mark.full
@pytest.mark.parametrize("fault", [BEFORE, AFTER], ids=["before its effect", "after its effect"])
def test_a_process_that_is_killed_at_any_request_leaves_nothing_after_a_reap(fault: dict[str, bool]) -> None:
    killed = [killed_at(number, **fault) for number in range(requests_of_a_life())]
    assert sum(killed) >= 6
