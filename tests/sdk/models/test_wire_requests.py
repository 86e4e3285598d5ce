"""Requests as they are written on the wire."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import pytest
from pydantic import SecretStr, ValidationError

from upcloud_sdk._wire import (
    NO_SECRET,
    WIRE,
    BareLabels,
    Changes,
    Flag,
    OptionalWireSecret,
    Request,
    Switch,
    Wrapped,
    WrappedLabels,
)

SECRET = "MUST_NOT_BE_SHOWN"


class Order(Request):
    """A request with one field of each kind."""

    name: str
    enabled: Flag | None = None
    firewall: Switch = False
    labels: WrappedLabels | None = None
    bare_labels: BareLabels | None = None
    parts: Annotated[Sequence[str], Wrapped("parts", "part")] | None = None
    password: OptionalWireSecret = NO_SECRET


def test_fields_that_are_none_are_left_out_of_a_request() -> None:
    assert Order(name="a").wire() == {"name": "a", "firewall": "off"}


def test_a_request_is_written_as_the_api_reads_it() -> None:
    order = Order(
        name="a",
        enabled=True,
        firewall=True,
        labels={"env": "dev"},
        bare_labels={"env": "dev"},
        parts=("x", "y"),
        password=SecretStr(SECRET),
    )
    assert order.wire() == {
        "name": "a",
        "enabled": "yes",
        "firewall": "on",
        "labels": {"label": [{"key": "env", "value": "dev"}]},
        "bare_labels": [{"key": "env", "value": "dev"}],
        "parts": {"parts": {"part": ["x", "y"]}},
        "password": SECRET,
    }


def test_empty_lists_are_written() -> None:
    order = Order(name="a", labels={}, bare_labels={}, parts=())
    assert order.wire() == {
        "name": "a",
        "firewall": "off",
        "labels": {"label": []},
        "bare_labels": [],
        "parts": {"parts": {"part": []}},
    }


def test_a_secret_is_written_only_in_the_request_to_the_api() -> None:
    order = Order(name="a", password=SecretStr(SECRET))
    assert order.wire()["password"] == SECRET
    assert order.model_dump(mode="json", context=WIRE)["password"] == SECRET
    assert SECRET not in order.model_dump_json() + repr(order) + str(order) + repr(order.model_dump())


def test_the_error_for_a_misspelt_field_shows_no_value() -> None:
    with pytest.raises(ValidationError, match="passwrod") as caught:
        Order.model_validate({"name": "a", "passwrod": SECRET})
    assert SECRET not in str(caught.value)


def test_a_dump_and_a_document_of_a_request_can_be_read_again() -> None:
    order = Order(name="a", enabled=False, labels={"label": "x"}, parts=("x",))
    assert Order.model_validate(order.model_dump()) == order
    assert Order.model_validate(order.wire()) == order
    assert Order.model_validate_json(order.model_dump_json()) == order


@pytest.mark.parametrize("given", [["x"], ("x",), {"parts": {"part": ["x"]}}])
def test_a_list_of_a_request_can_be_given_plain_or_in_its_outer_object(given: object) -> None:
    assert Order.model_validate({"name": "a", "parts": given}).parts == ("x",)


@pytest.mark.parametrize("given", [{}, {"part": ["x"]}, {"parts": {"prat": ["x"]}}, "x", 7])
def test_a_misspelt_outer_object_is_refused(given: object) -> None:
    with pytest.raises(ValidationError, match="parts"):
        Order.model_validate({"name": "a", "parts": given})


class Change(Changes):
    """A change in which only `router` may be null."""

    _nullable = frozenset({"router"})

    name: str | None = None
    router: str | None = None
    labels: WrappedLabels | None = None


@pytest.mark.parametrize(
    ("change", "document"),
    [
        (Change(), {}),
        (Change(name="b"), {"name": "b"}),
        (Change(name=None), {}),
        (Change(router=None), {"router": None}),
        (Change(router="r", name=None), {"router": "r"}),
        (Change(labels={}), {"labels": {"label": []}}),
        (Change(labels=None), {}),
    ],
)
def test_a_change_sends_the_given_fields_and_null_only_where_it_has_a_meaning(
    change: Change, document: dict[str, object]
) -> None:
    assert change.wire() == document
