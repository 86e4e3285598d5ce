"""Who a master is, to the cloud: an id that is made once and kept in the master's database."""

from __future__ import annotations

import hashlib
import secrets
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from upcloud_sdk.buildbot._types import Master


def short_hash(master: Master) -> str:
    """Six digits that stand for the master's name, which can be long and is a path."""
    return hashlib.sha1(master.name.encode(), usedforsecurity=False).hexdigest()[:6]


async def owner_of(master: Master) -> str:
    """The owner of the master's servers: the same after a restart, another for another master.

    Not its name alone: two containers of one name, each with a database of its own, must not reap each other's servers.
    """
    state = master.db.state
    objectid = await state.getObjectId(f"upcloud_sdk owner {short_hash(master)}", "upcloud_sdk.buildbot.owner")
    made: str = await state.atomicCreateState(objectid, "id", lambda: secrets.token_hex(6))
    return f"buildbot-{made}-{short_hash(master)}"
