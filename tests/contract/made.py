"""Generates documents from schemas: without optional fields, with all of them, and with each alternative."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, cast

from tests.contract.contract import Json, Schema, resolved

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

DEEPEST = 12
"""Maximum depth of nested fields."""

SIMPLE: dict[str | None, Json] = {"number": 1.5, "boolean": True, "null": None, None: {}}

TEXTS = {
    "date-time": "2026-11-24T09:00:00Z",
    "uuid": "00a1b2c3-d4e5-4f60-8a7b-0123456789ab",
    "ip-address": "10.0.0.1",
    "ipv4": "10.0.0.1",
    "ipv6": "2a04::1",
    "cidr": "10.0.0.0/24",
    "email": "a@example.com",
    "uri": "https://example.com/a",
    "url": "https://example.com/a",
}
BY_PATTERN = {
    r"^[0-9a-fA-F]{8}-": "00a1b2c3-d4e5-4f60-8a7b-0123456789ab",
    r"^[0-9a-f]{8}-": "00a1b2c3-d4e5-4f60-8a7b-0123456789ab",
    r"^([0-9]{1,3}\.)": "10.0.0.1",
    r"^[a-fA-F0-9:]+$": "2a04::1",
    r"^([0-9A-Fa-f]{2}:)": "de:ad:be:ef:00:01",
    r"^[A-Z]{3}$": "EUR",
    r"^(?:[01][0-9]|2": "0430",
    r"^(?:[1-9]|[1-9]": "7",
    r"^[a-z][a-z0-9-]": "fi-hel1",
    r"^[A-Za-z0-9]{8}$": "aabbccdd",
    r"^[0-9A-HJKMNP-TV": "01JD0000000000000000000000",
    r"^([1-9][0-9]?[0-": "1",
    r"^(IPv4|IPv6)$": "IPv4",
    r"^$": "",
    r"^(tcp|udp|icmp)$": "tcp",
    r"^(true|1|yes|fal": "yes",
    r"^([0-9]|[1-9][0-": "8",
    r"^([1-9][0-9]{0,3": "22",
}

BY_NAME = {
    "action": "accept",
    "direction": "in",
    "family": "IPv4",
    "protocol": "tcp",
    "source_address_start": "10.0.0.1",
    "source_address_end": "10.0.0.1",
    "destination_address_start": "10.0.0.1",
    "destination_address_end": "10.0.0.1",
}
"""Values for fields whose schema is too general."""


def variants(schema: Schema) -> Iterator[Json]:
    """A document without optional fields, one with all fields, and one for each other alternative."""
    yield _Maker(full=False).make(schema)
    whole = _Maker(full=True)
    yield whole.make(schema)
    for place, number in whole.counts.items():
        for choice in range(1, number):
            yield _Maker(full=True, choices={place: choice}).make(schema)


class _Maker:
    """Generates one document."""

    def __init__(self, *, full: bool, choices: Mapping[str, int] | None = None) -> None:
        self._full, self._choices = full, choices or {}
        self.counts: dict[str, int] = {}
        """Number of alternatives, by place."""

    def make(self, schema: Schema, place: str = "") -> Json:
        schema = resolved(schema)
        if schema.get("allOf"):
            return self._all(schema, place)
        if union := schema.get("oneOf") or schema.get("anyOf"):
            number = self._choose(place, len(union))
            return self.make(union[number], f"{place}|{number}")
        if "enum" in schema or "const" in schema:
            words = schema.get("enum", [schema.get("const")])
            return words[self._choose(place, len(words))]
        kinds: str | list[str] | None = schema.get("type", "object" if "properties" in schema else None)
        kind = kinds[self._choose(place, len(kinds))] if isinstance(kinds, list) else kinds
        if kind == "object":
            return self._object(schema, place)
        if kind == "array":
            return [self.make(schema["items"], f"{place}[]")] if self._full or schema.get("minItems") else []
        return _scalar(schema, kind, place)

    def _choose(self, place: str, number: int) -> int:
        self.counts[place] = number
        return self._choices.get(place, 0)

    def _all(self, schema: Schema, place: str) -> Json:
        parts = [self.make(each, place) for each in schema["allOf"]]
        parts += [self._object(schema, place)] if "properties" in schema else []
        if not all(isinstance(part, dict) for part in parts):
            return next(part for part in parts if not isinstance(part, dict))
        return {key: value for part in parts for key, value in cast("dict[str, Any]", part).items()}

    def _object(self, schema: Schema, place: str) -> dict[str, Json]:
        needed = schema.get("required", ())
        fields = {
            name: self.make(each, f"{place}.{name}")
            for name, each in schema.get("properties", {}).items()
            if name in needed or (self._full and place.count(".") < DEEPEST)
        }
        more = schema.get("additionalProperties")
        if self._full and isinstance(more, dict) and more:
            fields["other"] = self.make(cast("Schema", more), f"{place}.*")
        return fields


def _scalar(schema: Schema, kind: str | None, place: str) -> Json:
    if kind in {None, "string"} and "pattern" not in schema and (hint := BY_NAME.get(place.rpartition(".")[2])):
        return hint
    if kind in SIMPLE:
        return SIMPLE[kind]
    if kind == "integer":
        return max(1, schema.get("minimum", 1))
    pattern: str = schema.get("pattern", "")
    found = (text for start, text in BY_PATTERN.items() if pattern.startswith(start))
    by_format = itertools.chain(found, [TEXTS.get(schema.get("format", ""), "")])
    text = next((each for each in by_format if each or pattern == "^$"), "")
    return text if text or pattern == "^$" else "1" * max(1, schema.get("minLength", 1))
