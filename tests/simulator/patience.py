"""Waits for other threads and processes."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

PATIENCE = 60.0
"""Seconds after which a wait fails. It usually takes less than one."""


def eventually(look: Callable[[], object]) -> None:
    """Wait until `look` returns true."""
    give_up = time.monotonic() + PATIENCE
    pause = threading.Event()
    while time.monotonic() < give_up:
        if look():
            return
        pause.wait(0.02)
    pytest.fail(f"nothing after {PATIENCE} s")
