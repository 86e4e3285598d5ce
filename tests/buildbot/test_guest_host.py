"""The process that the guests of tests run in: there is one, whatever asks for it."""

from __future__ import annotations

import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from tests.buildbot import guests
from tests.buildbot.guests import GuestHost

if TYPE_CHECKING:
    import pytest

AT_ONCE = 8


def test_guests_that_start_at_once_share_one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    class Host(GuestHost):
        _process = None

    made: list[subprocess.Popen[str]] = []

    def popen(*arguments: Any, **options: Any) -> subprocess.Popen[str]:  # noqa: ANN401 - Popen's
        made.append(subprocess.Popen(*arguments, **options))
        return made[-1]

    begin = threading.Barrier(AT_ONCE)

    def order(name: int) -> None:
        begin.wait()
        Host.order(f"stop {name}")

    monkeypatch.setattr(guests, "Popen", popen)
    with ThreadPoolExecutor(AT_ONCE) as threads:
        list(threads.map(order, range(AT_ONCE)))
    Host.close()
    assert [process.returncode for process in made] == [0]
