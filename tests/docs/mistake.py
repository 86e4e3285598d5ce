"""What a mistake of `docs/mistakes.md` is."""

from __future__ import annotations

from dataclasses import dataclass

TOKEN = (("UPCLOUD_TOKEN", "ucat_right"),)
"""The environment of somebody with right credentials."""


@dataclass(frozen=True)
class Mistake:
    """One mistake: what is done, in code, and what to do instead, in words."""

    title: str
    code: str
    instead: str
    environment: tuple[tuple[str, str], ...] = ()
    coroutine: str | None = None
    """What Python warns of."""
    program: str | None = None
    """What is run instead, in a process of its own."""
    language: str = "py"
    """The mark of its block. Not `python`: blocks with that mark must run."""
