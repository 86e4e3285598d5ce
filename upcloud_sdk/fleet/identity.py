"""Who is answerable for what is made: the owner, and this process, which is one run."""

from __future__ import annotations

import getpass
import os
import socket
import uuid

from upcloud_sdk.errors import ConfigError


class _Run:
    """An id of this process; a fork is another process, and gets another."""

    def __init__(self) -> None:
        self.renew()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self.renew)

    def renew(self) -> None:
        self.id = uuid.uuid4().hex[:16]


RUN = _Run()


def run_id() -> str:
    """The id of this run: all clients of a process share it."""
    return RUN.id


def new_attempt() -> str:
    """An id for one create, by which a lost answer is found again."""
    return uuid.uuid4().hex


def check_owner(owner: str | None) -> str:
    """The owner to write on what is made; `user@host` if none is given.

    Raises:
        ConfigError: it does not fit a label.
    """
    if owner is None:
        return _default_owner()
    if not owner.strip():
        raise ConfigError("owner is empty: give a short name for whoever is answerable, or leave it out")
    if len(owner) > 255 or not owner.isprintable():
        raise ConfigError("owner does not fit a label: 255 printable characters at most")
    return owner


def _default_owner() -> str:
    try:
        user = getpass.getuser()
    except (OSError, KeyError):
        # No user name is known, as in a container that runs under a bare number.
        user = "unknown"
    return f"{user}@{socket.gethostname()}"[:255]
