"""Labels in requests and filters (chapters 4 and 14)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from upcloud_sdk.simulator.wire.calls import ApiFault, Call
from upcloud_sdk.simulator.wire.fields import Fields, listing, mapping, text

if TYPE_CHECKING:
    from collections.abc import Mapping


def read_wrapped(f: Fields) -> dict[str, str] | None:
    """Read labels of servers and server groups: `{"label": [...]}`. None if the request has none."""
    wrapped = f.get("labels", mapping, None)
    if wrapped is None:
        return None
    with Fields(wrapped, where="labels") as inner:
        listed = inner.get("label", listing, None, code="LABELS")
    return _read(listed or [])


def read_bare(f: Fields) -> dict[str, str] | None:
    """Read labels of other resources: a plain list."""
    listed = f.get("labels", listing, None)
    return None if listed is None else _read(listed)


def _read(listed: list[object]) -> dict[str, str]:
    labels: dict[str, str] = {}
    for item in listed:
        try:
            pair = mapping(item)
        except ValueError:
            raise ApiFault(400, "LABELS_INVALID", "A label is an object with a key and a value.") from None
        with Fields(pair, where="label") as f:
            key, value = f.need("key", text()), f.need("value", text())
        key, value = read_pair(key, value)
        if key in labels:
            raise ApiFault(400, "DUPLICATE_LABEL_KEYS", f"The label {key} is given twice.")
        labels[key] = value
    return labels


def read_pair(key: str, value: str) -> tuple[str, str]:
    """Check a label. Raises `ApiFault`: INVALID_LABEL_KEY, INVALID_LABEL_VALUE."""
    if not (2 <= len(key) <= 32 and key.isascii() and key.isprintable() and not key.startswith("_")):
        raise ApiFault(
            400,
            "INVALID_LABEL_KEY",
            "A label's key is 2 to 32 printable characters, without a leading _.",
        )
    if len(value) > 255:
        raise ApiFault(400, "INVALID_LABEL_VALUE", "A label's value has 255 characters at most.")
    return key, value


def wanted(call: Call) -> list[tuple[str, str | None]]:
    """Read the label filters: `label=key` or `label=key=value`. All must match."""
    parts = (given.partition("=") for given in call.params("label"))
    return [(key, value if equals else None) for key, equals, value in parts]


def match(labels: Mapping[str, str], filters: list[tuple[str, str | None]]) -> bool:
    """Whether labels match all filters. The case of keys does not matter."""
    held = {key.lower(): value for key, value in labels.items()}
    return all(key.lower() in held and value in {None, held[key.lower()]} for key, value in filters)
