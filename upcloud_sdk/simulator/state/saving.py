"""Saves and loads the account as JSON, and empties it."""

from __future__ import annotations

import dataclasses
import os
import tempfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import TypeAdapter, ValidationError

from upcloud_sdk.simulator.records.records import Account, Records

if TYPE_CHECKING:
    from upcloud_sdk.simulator.state.cloud import Cloud


@cache
def _adapter() -> TypeAdapter[Records]:
    return TypeAdapter(Records)


def to_json(cloud: Cloud) -> str:
    """The whole account as a JSON document. It contains passwords."""
    with cloud.lock:
        cloud.settle()
        return _adapter().dump_json(_records_of(cloud), indent=1).decode()


def _records_of(cloud: Cloud) -> Records:
    return Records(**{field.name: getattr(cloud, field.name) for field in dataclasses.fields(Records)})


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
        raise ValueError(f"this is not the saved state of a simulator: {place}: {first['msg']}") from None
    for server in records.servers.values():
        for interface in server.interfaces:
            interface.ip_addresses = [
                records.ip_addresses.get(each.address, each) if each.access != "private" else each
                for each in interface.ip_addresses
            ]
    with cloud.lock:
        replace(cloud, records)


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


def save(cloud: Cloud, path: str | os.PathLike[str]) -> None:
    """Write the account to a file that only its owner can read. Replaces the file in one step."""
    target = Path(path)
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(to_json(cloud))
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
