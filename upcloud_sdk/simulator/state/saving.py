"""Saves and loads the account as JSON, and empties it."""

from __future__ import annotations

import dataclasses
import errno
import os
import tempfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import ConfigDict, TypeAdapter, ValidationError, with_config

from upcloud_sdk.simulator.records.records import Account, Records

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from upcloud_sdk.simulator.state.cloud import Cloud

_SHOWN = 200
"""How much of the begin and the end of a problem is shown."""


@dataclasses.dataclass(kw_only=True)
class _Mark:
    """What a saved account begins with, so that no other JSON file is taken for one."""

    format: Literal["upcloud_sdk.simulator"]
    version: Literal[1]


@with_config(ConfigDict(extra="forbid", strict=True, allow_inf_nan=False))
@dataclasses.dataclass(eq=False)
class _Document(Records, _Mark):
    """A saved account. Unknown fields are refused, because a newer version may mean something by them."""


@cache
def _adapter() -> TypeAdapter[_Document]:
    return TypeAdapter(_Document)


def to_json(cloud: Cloud) -> str:
    """The whole account as a JSON document. It contains passwords."""
    with cloud.lock:
        cloud.settle()
        records = {field.name: getattr(cloud, field.name) for field in dataclasses.fields(Records)}
        return _adapter().dump_json(_Document(format="upcloud_sdk.simulator", version=1, **records), indent=1).decode()


def restore(cloud: Cloud, text: str | bytes) -> None:
    """Replace the account with one from a JSON document. Started servers continue to run.

    Raises:
        ValueError: The document is not from `to_json`.
    """
    try:
        records = _adapter().validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise _refused(f"{place}: {first['msg']}") from None
    for problem in _mismatches(cloud, records):
        raise _refused(problem)
    for server in records.servers.values():
        for interface in server.interfaces:
            interface.ip_addresses = [
                records.ip_addresses.get(each.address, each) if each.access != "private" else each
                for each in interface.ip_addresses
            ]
    with cloud.lock:
        replace(cloud, records)


def _refused(problem: str) -> ValueError:
    """The problem may quote names from the file, so it is shown short, and without control characters."""
    if len(problem) > 2 * _SHOWN:
        problem = f"{problem[:_SHOWN]} ... {problem[-_SHOWN:]}"
    shown = "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in problem)
    return ValueError(f"this is not the saved state of a simulator: {shown}")


def _mismatches(cloud: Cloud, records: Records) -> Iterator[str]:
    """Records with another id than their key, and ids of records that do not exist."""
    for name, attribute in _KEYS.items():
        for key, record in getattr(records, name).items():
            if str(getattr(record, attribute)).lower() != str(key).lower():
                yield f"{name}.{key}: its {attribute} is {getattr(record, attribute)}"
    disks = records.storages.keys() | cloud.catalog.storages.keys() | {""}
    for server in records.servers.values():
        yield from _unknown(f"servers.{server.uuid}.devices", (device.storage for device in server.devices), disks)
        yield from _unknown(f"servers.{server.uuid}.tags", (tag.lower() for tag in server.tags), records.tags)
    for storage in records.storages.values():
        yield from _unknown(f"storages.{storage.uuid}.servers", storage.servers, records.servers)
    for name, ids, known in (
        ("server_group", (server.server_group for server in records.servers.values()), records.server_groups),
        ("ip_addresses.server", (address.server for address in records.ip_addresses.values()), records.servers),
        ("storage_imports", records.storage_imports, records.storages),
        ("ruleset_attachments.ruleset", (each.ruleset for each in records.ruleset_attachments), records.rulesets),
        ("ruleset_attachments.server", (each.server for each in records.ruleset_attachments), records.servers),
    ):
        yield from _unknown(name, ids, known)


def _unknown(place: str, ids: Iterable[str | None], known: Collection[str]) -> Iterator[str]:
    return (f"{place}: there is no {each}" for each in ids if each is not None and each not in known)


_KEYS = {
    "servers": "uuid", "storages": "uuid", "networks": "uuid", "routers": "uuid", "peerings": "uuid",
    "server_groups": "uuid", "rulesets": "uuid", "detached_interfaces": "uuid", "tokens": "id", "hosts": "id",
    "ip_addresses": "address", "tags": "name", "sub_accounts": "username", "storage_imports": "storage",
}  # fmt: skip
"""The attribute that is the key of each dictionary of records."""


def replace(cloud: Cloud, records: Records) -> None:
    """Replace the records of the cloud. Call it with the lock held."""
    for uuid in cloud.servers:
        cloud.guests.forget(uuid)
    for field in dataclasses.fields(Records):
        setattr(cloud, field.name, getattr(records, field.name))
    cloud.resume()


def empty(cloud: Cloud) -> None:
    """Empty the account, but keep the user. Call it with the lock held."""
    replace(cloud, Records(account=Account(username=cloud.access.username)))


def _regular(path: str | os.PathLike[str]) -> Path:
    """The file behind symbolic links. Raises OSError for a folder, a device, a pipe or a loop of links."""
    target = Path(os.path.realpath(path))
    if target.is_symlink():
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path))
    if target.exists() and not target.is_file():
        raise OSError(errno.EINVAL, "not a regular file", str(target))
    return target


def load(cloud: Cloud, path: str | os.PathLike[str]) -> None:
    """Replace the account with one from a file of `save`. Raises OSError, ValueError."""
    restore(cloud, _regular(path).read_bytes())


def save(cloud: Cloud, path: str | os.PathLike[str]) -> None:
    """Write the account to a file that only its owner can read. Replaces the file in one step, behind symbolic links.

    Raises:
        OSError: The file cannot be written. The old file stays.
    """
    target = _regular(path)
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(to_json(cloud))
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
