"""The class of the mistakes in `docs/mistakes.md`."""

from __future__ import annotations

from dataclasses import dataclass

TOKEN = (("UPCLOUD_TOKEN", "ucat_right"),)
"""An environment with correct credentials."""


@dataclass(frozen=True)
class Mistake:
    """One mistake: its code, and a text with the right way."""

    title: str
    code: str
    instead: str
    environment: tuple[tuple[str, str], ...] = ()
    coroutine: str | None = None
    """The coroutine that Python's warning names."""
    program: str | None = None
    """A program to run in a new process, instead of the code."""
    language: str = "py"
    """The language of its block. Not `python`, since such blocks must run without an error."""
