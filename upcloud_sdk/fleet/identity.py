"""Who is answerable for what is made: the owner, and this process, which is one run."""

from __future__ import annotations

import getpass
import logging
import os
import re
import socket
import uuid
from pathlib import Path

from upcloud_sdk.errors import ConfigError

log = logging.getLogger("upcloud_sdk")


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


OWNER_VARIABLE = "UPCLOUD_SDK_OWNER"

_CONTAINER_FILES = ("/.dockerenv", "/run/.containerenv")
_RANDOM_NAME = re.compile(r"[0-9a-f]{12,64}|.*-[a-z0-9]{5,10}-[a-z0-9]{5}|ip-\d+-\d+-\d+-\d+.*|runner-.*|fv-az.*")
"""Names of hosts that are made up for each start: those of containers, pods and runners."""

_warned: set[str] = set()


def check_owner(owner: str | None) -> str:
    """The owner to write on what is made: that given, else UPCLOUD_SDK_OWNER, else `user@host`.

    Raises:
        ConfigError: it does not fit a label.
    """
    source = "owner"
    if owner is None:
        owner = os.environ.get(OWNER_VARIABLE)
        source = OWNER_VARIABLE
    if owner is None:
        return _default_owner()
    if not owner.strip():
        raise ConfigError(f"{source} is empty: give a short name for whoever is answerable, or leave it out")
    if len(owner) > 255 or not owner.isprintable():
        raise ConfigError(f"{source} does not fit a label: 255 printable characters at most")
    return owner


def warn_of_default_owner(owner: str) -> None:
    """Say once that nobody will reap what this process leaves, where its default owner is another one at each start."""
    if owner in _warned or owner != _default_owner() or owner == os.environ.get(OWNER_VARIABLE):
        return
    _warned.add(owner)
    if not is_lasting_host():
        log.warning(
            "the owner %r is a new one at each start of this container or runner: if it is killed, nobody reaps "
            "what it leased. Set UPCLOUD_SDK_OWNER, or UpCloud(owner=...), to a name that lasts; "
            "leases.reap(all_owners=True) finds what was left",
            owner,
        )


def is_lasting_host() -> bool:
    """Whether the name of this host is the same tomorrow, as far as one can tell."""
    if any(Path(name).exists() for name in _CONTAINER_FILES) or "KUBERNETES_SERVICE_HOST" in os.environ:
        return False
    return _RANDOM_NAME.fullmatch(socket.gethostname().partition(".")[0]) is None


def _default_owner() -> str:
    try:
        user = getpass.getuser()
    except (OSError, KeyError):
        # No user name is known, as in a container that runs under a bare number.
        user = "unknown"
    return f"{user}@{socket.gethostname()}"[:255]
