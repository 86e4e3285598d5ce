"""Waiting for what another thread or process does."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

PATIENCE = 60.0
"""Seconds after which a condition that has not come about is a failure; it takes well under one."""


def eventually(look: Callable[[], object]) -> None:
    """Returns when `look` is true."""
    give_up = time.monotonic() + PATIENCE
    pause = threading.Event()
    while time.monotonic() < give_up:
        if look():
            return
        pause.wait(0.02)
    pytest.fail(f"nothing after {PATIENCE} s")
