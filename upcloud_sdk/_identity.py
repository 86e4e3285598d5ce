"""The owner label, and the id of this process (a run)."""

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
    """The id of this process. A fork gets a new one."""

    def __init__(self) -> None:
        self.renew()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self.renew)

    def renew(self) -> None:
        self.id = uuid.uuid4().hex[:16]


RUN = _Run()


def run_id() -> str:
    """The id of this run. All clients of a process share it."""
    return RUN.id


def new_attempt() -> str:
    """A new id for one create, to find its result after a lost answer."""
    return uuid.uuid4().hex


OWNER_VARIABLE = "UPCLOUD_SDK_OWNER"

_CONTAINER_FILES = ("/.dockerenv", "/run/.containerenv")
_RANDOM_NAME = re.compile(r"[0-9a-f]{12,64}|.*-[a-z0-9]{5,10}-[a-z0-9]{5}|ip-\d+-\d+-\d+-\d+.*|runner-.*|fv-az.*")
"""Host names that change at each start: containers, pods and CI runners."""

_warned: set[str] = set()


def check_owner(owner: str | None) -> str:
    """The owner label: as given, or else UPCLOUD_SDK_OWNER, or else `user@host`.

    Raises:
        ConfigError: It is not a valid label.
    """
    source = "owner"
    if owner is None:
        owner = os.environ.get(OWNER_VARIABLE)
        source = OWNER_VARIABLE
    if owner is None:
        return _default_owner()
    if not owner.strip():
        raise ConfigError(f"{source} is empty: give a short name of the owner, or leave it out")
    if len(owner) > 255 or not owner.isprintable():
        raise ConfigError(f"{source} is not a valid label: at most 255 printable characters")
    return owner


def warn_of_default_owner(owner: str) -> None:
    """Warn once if the default owner changes at each start. Then no later process would reap its servers."""
    if owner in _warned or owner != _default_owner() or owner == os.environ.get(OWNER_VARIABLE):
        return
    _warned.add(owner)
    if not is_lasting_host():
        log.warning(
            "the owner %r changes at each start of this container or runner: if it is killed, nobody reaps its "
            "servers. Set UPCLOUD_SDK_OWNER, or UpCloud(owner=...), to a permanent name. "
            "leases.reap(all_owners=True) finds leftover servers",
            owner,
        )


def is_lasting_host() -> bool:
    """Whether this host probably keeps its name."""
    if any(Path(name).exists() for name in _CONTAINER_FILES) or "KUBERNETES_SERVICE_HOST" in os.environ:
        return False
    return _RANDOM_NAME.fullmatch(socket.gethostname().partition(".")[0]) is None


def _default_owner() -> str:
    try:
        user = getpass.getuser()
    except (OSError, KeyError):
        # There is no user name, for example in a container with a numeric user id.
        user = "unknown"
    return f"{user}@{socket.gethostname()}"[:255]
