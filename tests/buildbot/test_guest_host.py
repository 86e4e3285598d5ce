"""All guests of the tests share one process, which closes no connection by itself."""

from __future__ import annotations

import gc
import subprocess
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any
from unittest import mock

from tests.buildbot import guests
from tests.buildbot.guest_host import Link
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


def test_the_connection_of_a_guest_that_has_frozen_is_kept() -> None:
    worker = mock.Mock()
    link = Link(worker, None)
    broker = weakref.ref(worker.bf.buildProtocol("address"))
    link.freeze()
    del worker, link
    gc.collect()
    assert broker() is not None
