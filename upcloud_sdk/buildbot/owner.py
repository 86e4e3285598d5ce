"""Who a master is, to the cloud: an id that is made once and kept in the master's database."""

from __future__ import annotations

import hashlib
import secrets
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from upcloud_sdk.buildbot._buildbot_api import Master


def short_hash(master: Master) -> str:
    """Six digits that stand for the master's name, which can be long and is a path."""
    return _hash(master.name)


async def owner_of(master: Master) -> str:
    """The owner of the master's servers: the same after a restart, another for another master.

    Not its name alone: two containers of one name, each with a database of its own, must not reap each other's servers.
    """
    state = master.db.state
    objectid = await state.getObjectId(*_key(master.name))
    made: str = await state.atomicCreateState(objectid, "id", lambda: secrets.token_hex(6))
    return _owner(made, master.name)


async def recorded_owner(master: Master, name: str) -> str | None:
    """The owner of the servers of another master of the same database; None if it never had any."""
    objectid = await master.db.state.getObjectId(*_key(name))
    made: str | None = await master.db.state.getState(objectid, "id", None)
    return None if made is None else _owner(made, name)


def _hash(name: str) -> str:
    return hashlib.sha1(name.encode(), usedforsecurity=False).hexdigest()[:6]


def _key(name: str) -> tuple[str, str]:
    return f"upcloud_sdk owner {_hash(name)}", "upcloud_sdk.buildbot.owner"


def _owner(made: str, name: str) -> str:
    return f"buildbot-{made}-{_hash(name)}"
