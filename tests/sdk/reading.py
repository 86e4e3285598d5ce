"""Checks that each scalar of a document is in the model that was read from it, with the right type."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from ipaddress import ip_address
from typing import cast

from pydantic import BaseModel, SecretStr

Json = object

TEXT = re.compile(
    r"(^|_)(title|hostname|name|username|description|comment|time|simple_backup|value|serial|postal_code|anti_affinity)$"
)
"""Fields whose values stay text, even if they look like numbers or flags."""

_TRUE, _FALSE = frozenset({"yes", "on", "1", "true"}), frozenset({"no", "off", "0", "false"})
_DIGITS = re.compile(r"\d+")
_SECRET = re.compile(r"(^|_)(password|token)$")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


def scalars(sent: Json, read: object, path: str = "") -> Iterator[tuple[str, bool]]:
    """Yield each scalar of a document by its path, and whether it was read.

    Outer objects may be removed (`{"tags": {"tag": [...]}}` is read as `tags`), and labels may be a dict.
    """
    if isinstance(sent, Mapping):
        yield from _object(cast("Mapping[str, Json]", sent), read, path)
    elif isinstance(sent, list):
        yield from _list(cast("list[Json]", sent), read, path)
    else:
        yield path, _is_read(path.rpartition(".")[2], sent, read)


def _object(sent: Mapping[str, Json], read: object, path: str) -> Iterator[tuple[str, bool]]:
    whole, is_empty = read, read in (None, (), {})
    if isinstance(read, BaseModel) and not (len(sent) == 1 and not set(sent) & set(type(read).model_fields)):
        for key, value in sent.items():
            yield from scalars(value, _field(read, key), f"{path}.{key}")
    elif isinstance(read, Mapping) and not _is_wrapped_list(sent):
        held = cast("Mapping[str, object]", read)
        for key, value in sent.items():
            yield from scalars(value, held.get(key, _LOST), f"{path}.{key}")
    elif len(sent) == 1:
        ((key, value),) = sent.items()
        yield from scalars(value, whole, f"{path}.{key}")
    elif sent or not is_empty:
        yield path, False


def _field(read: BaseModel, key: str) -> object:
    fields = type(read).model_fields
    if key in fields:
        return getattr(read, key)
    # If names are data, as for prices, a model collects them in a separate field.
    gathered = [
        cast("Mapping[str, object]", held)
        for held in (getattr(read, name) for name in fields)
        if isinstance(held, dict)
    ]
    # An unknown field has no type, so it counts as lost.
    return next((held[key] for held in gathered if key in held), _LOST)


def _list(sent: list[Json], read: object, path: str) -> Iterator[tuple[str, bool]]:
    if isinstance(read, Mapping):
        held = cast("Mapping[str, object]", read)
        for pair in cast("list[Mapping[str, str]]", sent):
            yield f"{path}.{pair['key']}.value", held.get(pair["key"]) == pair["value"]
        return
    items = cast("Sequence[object]", read) if isinstance(read, tuple) else ()
    for number, value in enumerate(sent):
        yield from scalars(value, items[number] if number < len(items) else _LOST, f"{path}.{number}")


def _is_wrapped_list(sent: Mapping[str, Json]) -> bool:
    return len(sent) == 1 and isinstance(next(iter(sent.values())), list)


class _Lost:
    """Marks a value that was not read."""


_LOST = _Lost()


def _is_read(key: str, sent: Json, read: object) -> bool:
    if sent is None or sent == "":
        return read in (None, "", ())
    if isinstance(sent, str):
        return _is_read_text(key, sent, read)
    if isinstance(sent, bool):
        return read is sent
    assert isinstance(sent, int | Decimal)
    if key == "created":
        return read == datetime.fromtimestamp(int(sent), UTC)
    return isinstance(read, int | Decimal) and not isinstance(read, bool) and read == sent


def _is_read_text(key: str, sent: str, read: object) -> bool:
    if _SECRET.search(key):
        return isinstance(read, SecretStr) and read.get_secret_value() == sent
    if TEXT.search(key):
        return isinstance(read, str) and read == sent
    if isinstance(read, bool) or sent in {"yes", "no", "on", "off"}:
        return isinstance(read, bool) and sent in (_TRUE if read else _FALSE)
    return _is_read_typed(sent, read)


def _is_read_typed(sent: str, read: object) -> bool:
    if _DIGITS.fullmatch(sent):
        return isinstance(read, int) and read == int(sent)
    if _TIME.fullmatch(sent):
        return isinstance(read, datetime) and read.tzinfo is not None and read == datetime.fromisoformat(sent)
    try:
        return read == ip_address(sent)
    except ValueError:
        # Enumerations are text. Other types must have the same text.
        return not isinstance(read, _Lost) and str(read) == sent
