"""The owner label of a master: an id that is created once and kept in the master's database."""

from __future__ import annotations

import hashlib
import re
import secrets
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from upcloud_sdk.buildbot._buildbot.api import Master

_OWNER = re.compile(r"buildbot-[0-9a-f]{12}-[0-9a-f]{6}")


def short_hash(master: Master) -> str:
    """Six hex digits for the master's name, which is a path and can be long."""
    return _hash(master.name)


async def owner_of(master: Master) -> str:
    """The owner of the master's servers. It stays the same after a restart, and differs between masters.

    The name alone is not enough: two containers with one name and two databases must not reap each other's servers.
    """
    state = master.db.state
    objectid = await state.getObjectId(*_key(master.name))
    made: str = await state.atomicCreateState(objectid, "id", lambda: secrets.token_hex(6))
    return _owner(made, master.name)


async def recorded_owner(master: Master, name: str) -> str | None:
    """The owner of another master in the same database. None if that master never had servers."""
    objectid = await master.db.state.getObjectId(*_key(name))
    made: str | None = await master.db.state.getState(objectid, "id", None)
    return None if made is None else _owner(made, name)


def master_of(owner: str, *, names: Iterable[str], owners: Collection[str]) -> str | None:
    """The name of the master with this owner label. Empty if it is none of `names`. None if no master has the label.

    `owners`: labels that masters have, besides those that masters create.
    """
    is_created = _OWNER.fullmatch(owner) is not None
    if not is_created and owner not in owners:
        return None
    return next((name for name in names if is_created and owner.endswith(f"-{_hash(name)}")), "")


def _hash(name: str) -> str:
    return hashlib.sha1(name.encode(), usedforsecurity=False).hexdigest()[:6]


def _key(name: str) -> tuple[str, str]:
    # As it is in the databases of masters: under another key, a master would have another owner after an upgrade.
    return f"upcloud_sdk owner {_hash(name)}", "upcloud_sdk.buildbot.owner"


def _owner(made: str, name: str) -> str:
    return f"buildbot-{made}-{_hash(name)}"
