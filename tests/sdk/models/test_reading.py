"""The check of read documents finds lost values. Otherwise it would prove nothing."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from ipaddress import IPv4Address, ip_address

import pytest
from pydantic import BaseModel, SecretStr

from tests.sdk.reading import scalars


class Inner(BaseModel, extra="allow"):
    size: object = None


class Read(BaseModel, extra="allow"):
    title: object = None
    enabled: object = None
    cores: object = None
    price: object = None
    created: object = None
    address: object = None
    password: object = None
    zone: object = None
    labels: object = None
    tags: object = None
    parts: object = None


def lost(sent: object, read: object) -> list[str]:
    return [path for path, is_read in scalars(sent, read) if not is_read]


GOOD: list[tuple[dict[str, object], dict[str, object]]] = [
    ({"title": "1024"}, {"title": "1024"}),
    ({"title": "yes"}, {"title": "yes"}),
    ({"enabled": "yes"}, {"enabled": True}),
    ({"enabled": "off"}, {"enabled": False}),
    ({"enabled": "1"}, {"enabled": True}),
    ({"cores": "4"}, {"cores": 4}),
    ({"cores": 4}, {"cores": 4}),
    ({"cores": ""}, {"cores": None}),
    ({"price": Decimal("0.744")}, {"price": Decimal("0.744")}),
    ({"created": 1767225600}, {"created": datetime(2026, 1, 1, tzinfo=UTC)}),
    ({"created": "2026-01-01T00:00:00Z"}, {"created": datetime(2026, 1, 1, tzinfo=UTC)}),
    ({"address": "203.0.113.7"}, {"address": IPv4Address("203.0.113.7")}),
    ({"address": "2001:db8:0::1"}, {"address": ip_address("2001:db8::1")}),
    ({"password": "abc"}, {"password": SecretStr("abc")}),
    ({"labels": {"label": [{"key": "a", "value": "1"}]}}, {"labels": {"a": "1"}}),
    ({"labels": [{"key": "a", "value": "1"}]}, {"labels": {"a": "1"}}),
    ({"labels": {"label": []}}, {"labels": {}}),
    ({"tags": {"tag": ["a", "b"]}}, {"tags": ("a", "b")}),
    ({"tags": {}}, {"tags": ()}),
    ({"parts": {"part": [{"size": 1}]}}, {"parts": (Inner(size=1),)}),
    ({"parts": {"size": "1"}}, {"parts": Inner(size=1)}),
]

BAD: list[tuple[dict[str, object], dict[str, object]]] = [
    ({"title": "a"}, {"title": "b"}),
    ({"title": "a"}, {}),
    ({"enabled": "yes"}, {"enabled": "yes"}),
    ({"enabled": "yes"}, {"enabled": False}),
    ({"enabled": True}, {"enabled": 1}),
    ({"cores": "4"}, {"cores": "4"}),
    ({"cores": 1}, {"cores": True}),
    ({"cores": "4"}, {"cores": None}),
    ({"price": Decimal("0.744")}, {"price": 0.744}),
    ({"created": 1767225600}, {"created": 1767225600}),
    ({"created": "2026-01-01T00:00:00Z"}, {"created": "2026-01-01T00:00:00Z"}),
    ({"created": "2026-01-01T00:00:00Z"}, {"created": datetime(2026, 1, 1)}),  # noqa: DTZ001 - the fault to find
    ({"address": "203.0.113.7"}, {"address": "203.0.113.7"}),
    ({"password": "abc"}, {"password": "abc"}),
    ({"zone": "fi-hel1"}, {"zone": None}),
    ({"labels": [{"key": "a", "value": "1"}]}, {"labels": {"a": "2"}}),
    ({"labels": [{"key": "a", "value": "1"}]}, {"labels": {}}),
    ({"tags": {"tag": ["a", "b"]}}, {"tags": ("a",)}),
    ({"tags": {"tag": ["a", "b"]}}, {"tags": ()}),
    ({"parts": {"part": [{"size": 1}]}}, {"parts": (Inner(),)}),
    ({"parts": {"part": [{"size": 1, "novelty": "x"}]}}, {"parts": (Inner(size=1, novelty="x"),)}),  # type: ignore[call-arg]  # extra
    ({"parts": {"size": "1"}}, {"parts": None}),
    ({"novelty": "x"}, {"novelty": "x"}),
]


@pytest.mark.parametrize(("sent", "read"), GOOD)
def test_a_value_that_was_read_is_not_reported_as_lost(sent: dict[str, object], read: dict[str, object]) -> None:
    assert lost(sent, Read(**read)) == []
    assert lost({"thing": sent}, Read(**read)) == []


@pytest.mark.parametrize(("sent", "read"), BAD)
def test_a_lost_value_or_a_value_of_another_type_is_reported(sent: dict[str, object], read: dict[str, object]) -> None:
    assert lost(sent, Read(**read)) != []
    assert lost({"things": {"thing": [sent]}}, (Read(**read),)) != []


def test_the_report_has_the_path_of_the_value() -> None:
    sent = {"thing": {"parts": {"part": [{"size": 1}, {"size": 2}]}}}
    assert lost(sent, Read(parts=(Inner(size=1), Inner(size=3)))) == [".thing.parts.part.1.size"]
