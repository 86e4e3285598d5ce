"""The peculiarities of the wire format, one by one."""

from __future__ import annotations

import copy
import json
import pickle
from datetime import UTC, datetime
from decimal import Decimal
from ipaddress import IPv4Address, ip_address
from typing import Annotated, cast

import pytest
from pydantic import AwareDatetime, Field, SecretStr, ValidationError

from upcloud_sdk import ServerState
from upcloud_sdk._wire import (
    Address,
    EmptyIsNone,
    Envelope,
    Inside,
    Items,
    Labels,
    OpenEnum,
    Resource,
    Unreadable,
    many,
    one,
)

SECRET = "MUST_NOT_BE_SHOWN"


class Thing(Resource):
    """An answer with one field of each kind."""

    name: str
    state: ServerState | None = None
    enabled: bool = False
    cores: int = 0
    price: Decimal = Decimal(0)
    created: AwareDatetime | None = None
    completed: Annotated[AwareDatetime | None, EmptyIsNone] = None
    labels: Labels = Field(default_factory=dict)
    maybe_labels: Labels | None = None
    tags: Annotated[tuple[str, ...], Inside("tag")] = ()
    parts: Annotated[tuple[Part, ...], Inside("part")] = ()
    routes: Items[str] = ()
    address: Address | None = None
    password: SecretStr | None = None


class Part(Resource):
    """A nested model."""

    size: int


THING = one(Thing, "thing")
THINGS = many(Thing, "things", "thing")


def read(**fields: object) -> Thing:
    return THING.read(json.dumps({"thing": {"name": "a", **fields}}).encode())


# --- enumerations -----------------------------------------------------------------------------------------------------


class Colour(OpenEnum):
    RED = "red"
    DARK_BLUE = "dark-blue"


def test_a_known_value_is_read_as_its_member() -> None:
    assert Colour("red") is Colour.RED
    assert Colour.RED.is_known


def test_a_value_that_this_release_does_not_know_is_kept() -> None:
    colour = Colour("ultra-violet")
    assert colour == "ultra-violet"
    assert f"{colour}" == "ultra-violet"
    assert not colour.is_known
    assert hash(colour) == hash("ultra-violet")
    assert isinstance(colour, Colour)
    assert list(Colour) == [Colour.RED, Colour.DARK_BLUE]


def test_a_value_in_another_case_is_not_known() -> None:
    assert not Colour("RED").is_known
    assert not Colour("Red").is_known
    assert Colour("RED") != Colour.RED


@pytest.mark.parametrize("value", ["red", "ultra-violet"])
def test_an_enumeration_survives_copies(value: str) -> None:
    colour = Colour(value)
    for twin in (pickle.loads(pickle.dumps(colour)), copy.copy(colour), copy.deepcopy(colour)):
        assert twin == value
        assert twin.is_known is colour.is_known


def test_a_value_that_is_not_text_is_no_member() -> None:
    with pytest.raises(ValueError, match="7"):
        Colour(cast("str", 7))


def test_models_read_and_write_values_that_this_release_does_not_know() -> None:
    thing = read(state="warming_up")
    assert thing.state == "warming_up"
    assert isinstance(thing.state, ServerState)
    assert thing.model_dump()["state"] == "warming_up"
    assert json.loads(thing.model_dump_json())["state"] == "warming_up"


# --- scalars ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sent", "meant"),
    [("yes", True), ("no", False), ("on", True), ("off", False), ("1", True), ("0", False), (True, True), (1, True)],
)
def test_all_spellings_of_a_boolean_are_read(sent: object, meant: bool) -> None:
    assert read(enabled=sent).enabled is meant


@pytest.mark.parametrize("sent", [1024, "1024"])
def test_integers_are_read_from_numbers_and_from_text(sent: object) -> None:
    cores = read(cores=sent).cores
    assert cores == 1024
    assert type(cores) is int


def test_integers_of_more_than_32_bits_are_read() -> None:
    assert read(cores=5872304771).cores == 5872304771


@pytest.mark.parametrize(("sent", "meant"), [("0", "0"), ("0.744", "0.744"), ("12.3456789", "12.3456789")])
def test_money_is_read_exactly(sent: str, meant: str) -> None:
    assert THING.read(f'{{"thing": {{"name": "a", "price": {sent}}}}}'.encode()).price == Decimal(meant)


@pytest.mark.parametrize("sent", [1666890906, "2022-10-27T17:15:06Z", "2022-10-27T17:15:06.000000Z"])
def test_times_have_a_time_zone(sent: object) -> None:
    assert read(created=sent).created == datetime(2022, 10, 27, 17, 15, 6, tzinfo=UTC)


@pytest.mark.parametrize("sent", ["", {}, [], None])
def test_an_empty_value_is_none(sent: object) -> None:
    assert read(completed=sent).completed is None


# --- lists ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sent", [{"tag": ["a", "b"]}, ["a", "b"]], ids=["wrapped", "bare"])
def test_a_list_is_read_wrapped_and_bare(sent: object) -> None:
    assert read(tags=sent).tags == ("a", "b")


@pytest.mark.parametrize("sent", [{"tag": []}, [], {}, "", None, {"tag": None}, {"tag": ""}, {"tag": {}}])
def test_an_empty_list_is_read_in_each_form(sent: object) -> None:
    assert read(tags=sent).tags == ()


@pytest.mark.parametrize(("sent", "routes"), [(["a", "b"], ("a", "b")), ([], ()), ("", ()), (None, ()), ({}, ())])
def test_a_bare_list_is_read_full_and_empty(sent: object, routes: tuple[str, ...]) -> None:
    assert read(routes=sent).routes == routes


def test_a_list_that_is_missing_is_empty() -> None:
    assert read().tags == ()


def test_the_items_of_a_wrapped_list_are_models() -> None:
    assert read(parts={"part": [{"size": "1"}, {"size": 2}]}).parts == (Part(size=1), Part(size=2))


@pytest.mark.parametrize("sent", ["text", 7, {"tag": 7}, {"tag": [[7]]}, {"other": ["a"]}, [True]])
def test_a_value_that_is_not_a_list_is_unreadable(sent: object) -> None:
    with pytest.raises(Unreadable):
        read(tags=sent)


# --- addresses --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["203.0.113.7", "2001:db8::1", "fe80::1%eth0", "::ffff:203.0.113.7"])
def test_an_address_is_read_as_an_address_object(text: str) -> None:
    assert read(address=text).address == ip_address(text)


@pytest.mark.parametrize(
    "text", ["203.0.113", "203.0.113.300", "03.0.113.7", " 203.0.113.7", "2001:db8::1::", "::1/128"]
)
def test_a_value_that_is_not_an_address_is_unreadable(text: str) -> None:
    with pytest.raises(Unreadable) as caught:
        read(address=text)
    assert (caught.value.path, caught.value.problem) == ("thing.address", "Value error, not an IP address")


def test_an_address_can_be_given_only_as_text_or_as_an_address_object() -> None:
    address = IPv4Address("203.0.113.7")
    assert Thing.model_validate({"name": "a", "address": address}).address is address
    assert Thing.model_validate({"name": "a", "address": "203.0.113.7"}).address == address
    with pytest.raises(ValidationError, match="IPv4Address or IPv6Address"):
        Thing.model_validate({"name": "a", "address": 3405803783})


def test_an_address_is_text_only_in_json() -> None:
    thing = read(address="2001:db8::1")
    assert thing.model_dump()["address"] == ip_address("2001:db8::1")
    assert thing.model_dump(mode="json")["address"] == "2001:db8::1"


# --- labels -----------------------------------------------------------------------------------------------------------


PAIRS = [{"key": "env", "value": "dev"}, {"key": "empty", "value": ""}]
LABELS = {"env": "dev", "empty": ""}


@pytest.mark.parametrize("sent", [{"label": PAIRS}, PAIRS], ids=["wrapped", "bare"])
def test_labels_are_read_wrapped_and_bare(sent: object) -> None:
    thing = read(labels=sent, maybe_labels=sent)
    assert thing.labels == thing.maybe_labels == LABELS


@pytest.mark.parametrize("sent", [{"label": []}, [], {}, "", {"label": None}])
def test_missing_labels_are_read_in_each_form(sent: object) -> None:
    assert read(labels=sent).labels == {}
    assert read(maybe_labels=sent).maybe_labels == {}


def test_two_answers_do_not_share_their_labels() -> None:
    assert read(labels="").labels is not read(labels="").labels


def test_missing_labels_are_none_if_the_field_allows_it() -> None:
    assert read().labels == {}
    assert read().maybe_labels is None


@pytest.mark.parametrize("labels", [{}, {"env": "dev"}, {"label": "a label named label"}, {"key": "k", "value": "v"}])
def test_labels_may_be_given_as_a_dict(labels: dict[str, str]) -> None:
    assert Thing(name="a", labels=labels).labels == labels


@pytest.mark.parametrize(
    "sent",
    [[{"value": "dev"}], [{"key": [], "value": "dev"}], [{"key": "env", "value": [7]}], ["env"], [7], "env", 7, [None]],
)
def test_labels_that_are_not_pairs_are_unreadable(sent: object) -> None:
    with pytest.raises(Unreadable) as caught:
        read(labels=sent)
    assert caught.value.path.startswith("thing.labels")


# --- secrets and unknown fields ---------------------------------------------------------------------------------------


def test_unknown_fields_are_kept_but_never_shown() -> None:
    thing = read(novelty=SECRET)
    assert thing.model_extra == {"novelty": SECRET}
    assert thing.model_dump()["novelty"] == SECRET
    assert SECRET not in repr(thing) + str(thing)
    assert repr(thing).startswith("Thing(name='a'")


def test_secrets_are_kept_but_never_shown() -> None:
    thing = read(password=SECRET)
    assert thing.password is not None
    assert thing.password.get_secret_value() == SECRET
    assert SECRET not in repr(thing) + str(thing) + repr(thing.model_dump()) + thing.model_dump_json()


def test_an_answer_is_frozen() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        read().name = "b"  # type: ignore[misc]  # what the test is about


def test_a_dump_of_an_answer_can_be_read_again() -> None:
    thing = read(
        state="started",
        enabled="yes",
        cores="4",
        created=1666890906,
        labels={"label": PAIRS},
        tags={"tag": ["a"]},
        parts={"part": [{"size": 1}]},
        novelty=1,
    )
    assert Thing.model_validate(thing.model_dump()) == thing
    assert Thing.model_validate_json(thing.model_dump_json()) == thing
    assert pickle.loads(pickle.dumps(thing)) == thing


# --- envelopes --------------------------------------------------------------------------------------------------------


def test_a_list_is_read_from_inside_both_outer_objects() -> None:
    assert THINGS.read(b'{"things": {"thing": [{"name": "a"}, {"name": "b"}]}}') == (Thing(name="a"), Thing(name="b"))
    assert THINGS.read(b'{"things": {"thing": []}}') == ()


def test_an_answer_without_an_outer_object_is_read_too() -> None:
    bare: Envelope[Thing] = Envelope(Thing)
    assert bare.read(b'{"name": "a"}') == Thing(name="a")
    with pytest.raises(Unreadable) as caught:
        bare.read(b'{"name": ["MUST_NOT_BE_SHOWN"]}')
    assert caught.value.path == "name"
    assert SECRET not in str(caught.value.__cause__)


@pytest.mark.parametrize(
    ("content", "path"),
    [
        (b"", "thing"),
        (b"<html>MUST_NOT_BE_SHOWN</html>", "thing"),
        (b'{"thing": {"name": "MUST_NOT_BE_SHOWN', "thing"),
        (b"null", "thing"),
        (b'"MUST_NOT_BE_SHOWN"', "thing"),
        (b"{}", "thing"),
        (b'{"thing": null}', "thing"),
        (b'{"thing": "MUST_NOT_BE_SHOWN"}', "thing"),
        (b'{"thing": {}}', "thing.name"),
        (b'{"thing": {"name": ["MUST_NOT_BE_SHOWN"]}}', "thing.name"),
        (b'{"thing": {"name": "a", "enabled": "MUST_NOT_BE_SHOWN"}}', "thing.enabled"),
        (b'{"thing": {"name": "a", "cores": "MUST_NOT_BE_SHOWN"}}', "thing.cores"),
        (b'{"thing": {"name": "a", "created": "MUST_NOT_BE_SHOWN"}}', "thing.created"),
        (b'{"thing": {"name": "a", "password": ["MUST_NOT_BE_SHOWN"]}}', "thing.password"),
        (
            b'{"thing": {"name": "a", "parts": {"part": [{"size": 1}, {"size": "MUST_NOT_BE_SHOWN"}]}}}',
            "thing.parts.part.1.size",
        ),
        (b'{"thing": {"name": "a", "parts": {"part": "MUST_NOT_BE_SHOWN"}}}', "thing.parts.part"),
        (
            b'{"thing": {"name": "a", "labels": [{"key": "value", "value": {"MUST_NOT_BE_SHOWN": 1}}]}}',
            "thing.labels.0.value",
        ),
        (b'{"thing": {"name": "\xff"}}', "thing"),
        (b'{"a":' * 10_000, "thing"),
    ],
)
def test_the_error_for_an_unreadable_answer_has_model_and_path_but_no_value(content: bytes, path: str) -> None:
    with pytest.raises(Unreadable) as caught:
        THING.read(content)
    error = caught.value
    assert error.model == "Thing"
    assert error.path == path
    assert error.problem
    assert SECRET not in f"{error}{error.problem}{error.path}{error.__cause__}"


@pytest.mark.parametrize(
    ("content", "path"),
    [
        (b"{}", "things"),
        (b'{"things": {}}', "things.thing"),
        (b'{"things": {"thing": {}}}', "things.thing"),
        (b'{"things": {"thing": [{"name": "a"}, {}]}}', "things.thing.1.name"),
    ],
)
def test_the_path_into_a_list_has_the_index_of_the_item(content: bytes, path: str) -> None:
    with pytest.raises(Unreadable) as caught:
        THINGS.read(content)
    assert caught.value.path == path
